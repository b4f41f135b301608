//! Numbers and percentages in fields: the checks and texts that many kinds share.

use serde_json::Value;

use super::names;
use super::read::Fields as _;
use crate::status::field::Error;

pub(super) const NEGATIVE: &str = "must be greater than or equal to 0";
const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%',  or '50%', regex used for validation is '[0-9]+%')";

/// The number at `key`, if there is one, may not be below zero.
pub(super) fn check_not_negative(object: &Value, path: &str, key: &str, errors: &mut Vec<Error>) {
    if let Some(number) = object.number(key).filter(|n| *n < 0) {
        errors.push(Error::invalid(format!("{path}.{key}"), number, NEGATIVE));
    }
}

/// A whole number that is not negative, or a percentage.
pub(super) fn check_int_or_percent(value: &Value, field: &str, errors: &mut Vec<Error>) {
    match value {
        Value::String(text) if percent(text).is_none() => {
            errors.push(Error::invalid(field, text.as_str(), PERCENT));
        }
        Value::Number(number) if number.as_i64().is_some_and(|n| n < 0) => {
            errors.push(Error::invalid(field, value.clone(), NEGATIVE));
        }
        _ => {}
    }
}

/// The number before `%`.
pub(super) fn percent(text: &str) -> Option<u32> {
    text.strip_suffix('%')
        .filter(|digits| digits.chars().all(|c| c.is_ascii_digit()))?
        .parse()
        .ok()
}

/// A percentage may not be more than everything.
pub(super) fn check_share(value: &Value, field: &str, errors: &mut Vec<Error>) {
    let share = value.as_str().and_then(percent);
    if share.is_some_and(|share| share > 100) {
        let why = "must not be greater than 100%";
        errors.push(Error::invalid(field, value.clone(), why));
    }
}

/// A number or a percentage of nothing: `0`, `0%`, missing; so is a text that is neither (`getIntOrPercentValue`).
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => match percent(text) {
            Some(share) => share == 0,
            None => text.parse::<i64>().unwrap_or_default() == 0,
        },
        Value::Number(number) => number.as_i64() == Some(0),
        _ => true,
    }
}

/// A port as a number or a name.
pub(super) fn check_port_or_name(port: &Value, field: &str, errors: &mut Vec<Error>) {
    if let Value::String(name) = port {
        let wrong = names::port_name(name).into_iter();
        errors.extend(wrong.map(|why| Error::invalid(field, name.as_str(), why)));
        return;
    }
    let number = port.as_i64().unwrap_or_default();
    errors.extend(names::port_number(number).map(|why| Error::invalid(field, number, why)));
}

/// The text at `key` must be one of `supported`; an empty one is missing.
pub(super) fn check_one_of(
    object: &Value,
    path: &str,
    key: &str,
    supported: &[&str],
    errors: &mut Vec<Error>,
) {
    let field = format!("{path}.{key}");
    match object.text(key) {
        "" => errors.push(Error::required(field, "")),
        value if supported.contains(&value) => {}
        value => errors.push(Error::not_supported(field, value, supported)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_percentages_are_told_apart() {
        let cases = [
            (json!(1), 0),
            (json!(-1), 1),
            (json!("25%"), 0),
            (json!("a"), 1),
            (json!("%"), 1),
        ];
        for (value, count) in cases {
            let mut errors = Vec::new();
            check_int_or_percent(&value, "f", &mut errors);
            assert_eq!(errors.len(), count, "{value}");
        }
        assert!(is_zero(&json!("0%")) && is_zero(&json!(0)) && !is_zero(&json!("1%")));
    }
}
