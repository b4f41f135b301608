//! Writes what the targets begin with, into `fuzz/corpus`: the requests of podling's recordings.
//!
//! libFuzzer hardly ever comes upon a Deployment by itself. What it finds later comes into the same folders.

use std::path::{Path, PathBuf};
use std::{fs, io};

use podling_fuzz::COLLECTIONS;
use podling_fuzz::recorded::{self, Recorded};

/// The target for patches of a media type.
const PATCHES: [(&str, &str); 4] = [
    ("application/json-patch+json", "json_patch"),
    ("application/merge-patch+json", "merge_patch"),
    ("application/strategic-merge-patch+json", "strategic_patch"),
    ("application/apply-patch+yaml", "apply"),
];

fn main() -> io::Result<()> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recordings = fuzz.join("../crates/podling/tests/oracle/cases/api");
    for (number, request) in recorded::requests(&recordings).iter().enumerate() {
        for (target, seed) in seeds(request) {
            let folder: PathBuf = fuzz.join("corpus").join(target);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("recorded-{number}")), seed)?;
        }
    }
    Ok(())
}

/// The seeds that a recorded request gives, each with its target.
fn seeds(request: &Recorded) -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = vec![("request", request.whole())];
    if let Some((_, target)) = PATCHES
        .iter()
        .find(|(media_type, _)| *media_type == request.content_type)
    {
        seeds.push((target, request.body.clone()));
    }
    let collection = COLLECTIONS
        .iter()
        .position(|collection| *collection == request.path);
    if let (Some(number), "POST") = (collection, request.method.as_str()) {
        let number = u8::try_from(number).expect("there are few collections");
        let seed = [&[number], request.body.as_slice()].concat();
        seeds.extend([("json_body", seed.clone()), ("yaml_body", seed)]);
    }
    if let Some((_, selector)) = request.query.split_once("Selector=") {
        let selector = selector.split('&').next().unwrap_or_default();
        seeds.push(("selectors", unescaped(selector)));
    }
    seeds
}

/// The bytes of a part of a query, for instance `a=b` for `a%3Db`.
fn unescaped(text: &str) -> Vec<u8> {
    let (first, escaped) = text.split_once('%').unwrap_or((text, ""));
    let mut bytes = first.as_bytes().to_vec();
    for part in escaped.split('%').filter(|part| part.len() >= 2) {
        let (figures, rest) = part.split_at(2);
        bytes.extend(u8::from_str_radix(figures, 16));
        bytes.extend(rest.bytes());
    }
    bytes
}
