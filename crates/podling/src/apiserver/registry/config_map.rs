//! ConfigMaps: their keys, their size, and what `immutable` means.

use serde_json::{Value, json};

use super::read::{Fields as _, remove};
use super::{PLAIN, Strategy, metadata, names};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default: |object| {
        for map in ["data", "binaryData"] {
            metadata::empty_texts_for_nulls(object, map);
            if object
                .get(map)
                .is_some_and(|value| value.is_null() || *value == json!({}))
            {
                remove(object, map);
            }
        }
    },
    validate,
    validate_update: |new, old| {
        let mut errors = validate_unchanged(new, old, &["data", "binaryData"]);
        errors.extend(validate(new));
        errors
    },
    ..PLAIN
};

/// The greatest size of all values together, in bytes, for ConfigMaps and Secrets.
pub(super) const SIZE_LIMIT: usize = 1024 * 1024;

fn validate(object: &Value) -> Vec<Error> {
    let (mut errors, mut size) = (Vec::new(), 0);
    for map in ["data", "binaryData"] {
        for (key, value) in object.entries(map) {
            check_key(map, key, &mut errors);
            if map == "data" && object["binaryData"].has(key) {
                let why = "duplicate of key present in binaryData";
                errors.push(Error::invalid(format!("data[{key}]"), key, why));
            }
            size += value.as_str().map_or(0, str::len);
        }
    }
    if size > SIZE_LIMIT {
        errors.push(Error::too_long("", SIZE_LIMIT));
    }
    errors
}

pub(super) fn check_key(map: &str, key: &str, errors: &mut Vec<Error>) {
    let wrong = names::config_key(key).into_iter();
    errors.extend(wrong.map(|why| Error::invalid(format!("{map}[{key}]"), key, why)));
}

/// What a ConfigMap or Secret that says `immutable: true` keeps for ever.
pub(super) fn validate_unchanged(new: &Value, old: &Value, fields: &[&str]) -> Vec<Error> {
    let mut errors = Vec::new();
    if !old.flag("immutable") {
        return errors;
    }
    let why = "field is immutable when `immutable` is set";
    if !new.flag("immutable") {
        errors.push(Error::forbidden("immutable", why));
    }
    for field in fields.iter().filter(|field| new.get(**field) != old.get(**field)) {
        errors.push(Error::forbidden(*field, why));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_immutable_map_keeps_its_data() {
        let old = json!({"immutable": true, "data": {"a": "1"}});
        let new = json!({"data": {"a": "2"}});
        let errors = (STRATEGY.validate_update)(&new, &old);
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let why = "Forbidden: field is immutable when `immutable` is set";
        assert_eq!(texts, [format!("immutable: {why}"), format!("data: {why}")]);
    }
}
