//! What clients might send and never should: recorded bodies, broken at random. Nothing may panic, answer what is no
//! JSON, or store what cannot be read back and written again.
//!
//! Each test makes some hundred tries, the same every time; `FUZZ_TRIES` makes more of them, with other bytes:
//!
//! ```console
//! $ FUZZ_TRIES=100000 cargo test --release -p podling --test random_bytes
//! ```

#![expect(
    clippy::disallowed_methods,
    reason = "the recordings are files, and a variable says how long to go on"
)]

use std::path::Path;

use podling::rng::Rng;

use attempt::{create, patch, quantity, request, select};
use recorded::Recorded;

#[path = "random_bytes/attempt.rs"]
#[expect(unreachable_pub, reason = "`fuzz/` exports what is private here")]
mod attempt;
#[path = "random_bytes/recorded.rs"]
#[expect(unreachable_pub, reason = "`fuzz/` exports what is private here")]
mod recorded;

/// How many tries a test makes unless it is told otherwise.
const TRIES: u64 = 100;

/// The recorded requests that `wanted` takes: content type (JSON if none), path, body.
fn recorded(wanted: impl Fn(&str, &str) -> bool) -> Vec<(String, String, Vec<u8>)> {
    requests()
        .into_iter()
        .filter(|request| wanted(&request.method, &request.content_type) && !request.body.is_empty())
        .map(|request| {
            (
                request.content_type,
                format!("{}?{}", request.path, request.query),
                request.body,
            )
        })
        .collect()
}

/// All recorded requests.
fn requests() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/cases/api");
    recorded::requests(&folder)
}

fn tries() -> u64 {
    let told = std::env::var("FUZZ_TRIES").ok();
    told.and_then(|text| text.parse().ok()).unwrap_or(TRIES)
}

fn below(rng: &mut Rng, bound: usize) -> usize {
    let drawn = u64::from_str_radix(&rng.hex(12), 16).expect("twelve figures");
    usize::try_from(drawn % bound as u64).expect("less than the bound")
}

fn pick<T>(rng: &mut Rng, choices: &[T]) -> usize {
    below(rng, choices.len())
}

/// Breaks a body in up to four places: bytes change, go, come again, or are swapped for what parsers stumble over.
fn broken(rng: &mut Rng, body: &[u8], other: &[u8]) -> Vec<u8> {
    const STUMBLING_BLOCKS: [&[u8]; 14] = [
        b"null",
        b"{}",
        b"[]",
        b"\"\"",
        b"-1",
        b"1e400",
        b"99999999999999999999",
        b"\"$patch\":\"delete\",",
        b"\xff",
        b"\"\\ud800\"",
        b"true",
        b"0.5",
        b"\"\\u0000\"",
        b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    ];
    let mut body = body.to_vec();
    for _ in 0..below(rng, 5) {
        let at = below(rng, body.len() + 1);
        let to = (at + below(rng, 12)).min(body.len());
        match below(rng, 5) {
            0 if at < body.len() => body[at] = u8::try_from(below(rng, 256)).expect("a byte"),
            1 => drop(body.drain(at..to)),
            2 => {
                let again = body[at..to].to_vec();
                body.splice(at..at, again);
            }
            3 => {
                let block = STUMBLING_BLOCKS[pick(rng, &STUMBLING_BLOCKS)];
                body.splice(at..to, block.iter().copied());
            }
            _ => {
                let from = below(rng, other.len() + 1);
                let end = (from + 20).min(other.len());
                body.splice(at..to, other[from..end].iter().copied());
            }
        }
    }
    body
}

/// Calls `attempt` again and again with broken bodies, and says which one it was if it fails.
fn with_broken_bodies(requests: &[(String, String, Vec<u8>)], mut attempt: impl FnMut(&str, &str, &[u8])) {
    let mut rng = Rng::new(tries());
    for _ in 0..tries() {
        let (content_type, path, body) = &requests[pick(&mut rng, requests)];
        let (_, _, other) = &requests[pick(&mut rng, requests)];
        let body = broken(&mut rng, body, other);
        attempt(content_type, path, &body);
    }
}

#[test]
fn broken_json_and_yaml_is_answered() {
    let requests = recorded(|method, content_type| method == "POST" && content_type.is_empty());
    with_broken_bodies(&requests, |_, path, body| {
        create("application/json", path, body);
        create("application/yaml", path, body);
    });
}

#[test]
fn broken_protobuf_is_answered() {
    // A Deployment: metadata.name, spec.replicas, a selector, a template with one container.
    let message = b"\x0a\x03\x0a\x01a\x12\x3b\x08\x01\x12\x0c\x0a\x0a\x0a\x03app\x12\x03web\x1a\x29\x0a\x0c\x5a\x0a\x0a\x03app\x12\
        \x03web\x12\x19\x12\x17\x0a\x01c\x12\x05nginx\x42\x0b\x0a\x09\x0a\x03cpu\x12\x02\x0a\x00";
    let whole = [
        b"k8s\0\x0a\x15\x0a\x07apps/v1\x12\x0aDeployment\x12\x42".as_slice(),
        message,
    ]
    .concat();
    let path = "/apis/apps/v1/namespaces/default/deployments";
    let requests = [(String::new(), path.to_owned(), whole)];
    with_broken_bodies(&requests, |_, path, body| {
        create("application/vnd.kubernetes.protobuf", path, body);
    });
}

#[test]
fn broken_patches_are_answered() {
    let requests = recorded(|method, content_type| method == "PATCH" && !content_type.is_empty());
    with_broken_bodies(&requests, |content_type, _, body| {
        let query = match content_type {
            "application/apply-patch+yaml" => "?fieldManager=a&force=true",
            _ => "",
        };
        for subresource in ["", "/scale", "/status"] {
            patch(content_type, &format!("{subresource}{query}"), body);
        }
    });
}

#[test]
fn broken_requests_are_answered() {
    let requests: Vec<_> = requests()
        .iter()
        .map(|request| (String::new(), String::new(), request.whole()))
        .collect();
    with_broken_bodies(&requests, |_, _, whole| request(whole));
}

#[test]
fn broken_selectors_are_answered() {
    let selectors = [
        "a=b,c!=d,e in (f,g),!h,i notin (),j",
        "metadata.name=web,metadata.namespace!=default",
        "spec.nodeName=,status.phase=Running\\,",
    ];
    let requests = selectors.map(|text| (String::new(), String::new(), text.as_bytes().to_vec()));
    with_broken_bodies(&requests, |_, _, text| select(text));
}

#[test]
fn a_quantity_that_is_read_is_written_in_a_form_that_is_read_as_the_same() {
    let texts = [
        "1500m",
        "1.5Gi",
        "12e3",
        "0.1",
        "-3",
        "1E",
        "99999999999999999999Ki",
        "1n",
    ];
    let requests = texts.map(|text| (String::new(), String::new(), text.as_bytes().to_vec()));
    with_broken_bodies(&requests, |_, _, text| quantity(text));
}
