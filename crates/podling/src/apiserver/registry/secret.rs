//! Secrets: types, keys, and `stringData`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::read::{Fields as _, object_at, remove, set_default_for_zero};
use super::{PLAIN, Strategy};

pub(super) const STRATEGY: Strategy = Strategy { default, ..PLAIN };

fn default(object: &mut Value) {
    let texts: Vec<(String, String)> = object
        .entries("stringData")
        .map(|(key, text)| (key.to_owned(), text.as_str().unwrap_or_default().to_owned()))
        .collect();
    for (key, text) in texts {
        object_at(object, "data")[key] = STANDARD.encode(text).into();
    }
    remove(object, "stringData");
    set_default_for_zero(object, "type", "Opaque");
}
