//! Secrets: types, keys, and `stringData`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::read::{Fields as _, copy, object_at, remove, set_default_for_zero};
use super::{PLAIN, Strategy, config_map, metadata};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_update: |new, old| {
        if new.text("type").is_empty() {
            copy(old, new, "type");
        }
    },
    validate,
    validate_update: |new, old| {
        let mut errors = Vec::new();
        if new["type"] != old["type"] {
            errors.push(Error::invalid("type", new["type"].clone(), metadata::IMMUTABLE));
        }
        errors.extend(config_map::validate_unchanged(new, old, &["data"]));
        errors.extend(validate(new));
        errors
    },
    ..PLAIN
};

const ACCOUNT_ANNOTATION: &str = "kubernetes.io/service-account.name";

fn default(object: &mut Value) {
    let texts: Vec<(String, String)> = object
        .entries("stringData")
        .map(|(key, text)| (key.to_owned(), text.as_str().unwrap_or_default().to_owned()))
        .collect();
    for (key, text) in texts {
        object_at(object, "data")[key] = STANDARD.encode(text).into();
    }
    remove(object, "stringData");
    metadata::empty_texts_for_nulls(object, "data");
    if object.get("data").is_some_and(|data| *data == json!({})) {
        remove(object, "data");
    }
    set_default_for_zero(object, "type", "Opaque");
}

fn validate(object: &Value) -> Vec<Error> {
    let (mut errors, mut size) = (Vec::new(), 0);
    for (key, value) in object.entries("data") {
        config_map::check_key("data", key, &mut errors);
        // Base64 writes three bytes as four characters.
        size += value.as_str().map_or(0, str::len) / 4 * 3;
    }
    if size > config_map::SIZE_LIMIT {
        errors.push(Error::too_long("data", config_map::SIZE_LIMIT));
    }
    check_type(object, &mut errors);
    errors
}

/// Secrets of a known type have the keys that its users look for.
fn check_type(object: &Value, errors: &mut Vec<Error>) {
    let data = &object["data"];
    let needed: &[&str] = match object.text("type") {
        "kubernetes.io/service-account-token" => {
            if object["metadata"]["annotations"]
                .text(ACCOUNT_ANNOTATION)
                .is_empty()
            {
                let field = format!("metadata.annotations[{ACCOUNT_ANNOTATION}]");
                errors.push(Error::required(field, ""));
            }
            &[]
        }
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/basic-auth" if data.has("username") || data.has("password") => &[],
        "kubernetes.io/basic-auth" => &["username", "password"],
        "kubernetes.io/ssh-auth" if data.text("ssh-privatekey").is_empty() => {
            errors.push(Error::required("data[ssh-privatekey]", ""));
            &[]
        }
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        _ => &[],
    };
    for key in needed.iter().filter(|key| !data.has(key)) {
        errors.push(Error::required(format!("data[{key}]"), ""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_data_and_known_types_need_their_keys() {
        let mut secret = json!({"stringData": {"a": "1"}, "data": {"a": "old", "b": "Yg=="}});
        default(&mut secret);
        assert_eq!(
            secret,
            json!({"type": "Opaque", "data": {"a": "MQ==", "b": "Yg=="}})
        );
        let tls = json!({"type": "kubernetes.io/tls", "data": {"tls.crt": ""}});
        assert_eq!(validate(&tls), [Error::required("data[tls.key]", "")]);
    }
}
