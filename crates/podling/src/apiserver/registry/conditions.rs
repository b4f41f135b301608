//! `metav1.Condition`s in a status.
//!
//! Source: `ValidateConditions` in `k8s.io/apimachinery/pkg/apis/meta/v1/validation`, v1.36.

use serde_json::Value;

use super::metadata::invalid_for_each;
use super::names;
use super::read::Fields as _;
use crate::status::field::Error;

const LONGEST_REASON: usize = 1024;
const LONGEST_MESSAGE: usize = 32 * 1024;
const STATUSES: [&str; 3] = ["False", "True", "Unknown"];
const REASON: &str = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";

/// What is wrong with a list of conditions.
pub(super) fn check(conditions: &[Value], field: &str, errors: &mut Vec<Error>) {
    for (i, condition) in conditions.iter().enumerate() {
        let path = format!("{field}[{i}]");
        let kind = condition.text("type");
        if conditions[..i].iter().any(|earlier| earlier.text("type") == kind) {
            errors.push(Error::duplicate(format!("{path}.type"), kind));
        }
        check_condition(condition, &path, errors);
    }
}

fn check_condition(condition: &Value, path: &str, errors: &mut Vec<Error>) {
    let field = |key: &str| format!("{path}.{key}");
    let kind = condition.text("type");
    errors.extend(invalid_for_each(
        &field("type"),
        kind,
        names::qualified_name(kind),
    ));
    let status = condition.text("status");
    if !STATUSES.contains(&status) {
        errors.push(Error::not_supported(field("status"), status, &STATUSES));
    }
    if let Some(generation) = condition.number("observedGeneration").filter(|n| *n < 0) {
        let why = "must be greater than or equal to zero";
        errors.push(Error::invalid(field("observedGeneration"), generation, why));
    }
    if condition.text("lastTransitionTime").is_empty() {
        errors.push(Error::required(field("lastTransitionTime"), "must be set"));
    }
    check_reason(condition.text("reason"), &field("reason"), errors);
    if condition.text("message").len() > LONGEST_MESSAGE {
        errors.push(Error::too_long(field("message"), LONGEST_MESSAGE));
    }
}

fn check_reason(reason: &str, field: &str, errors: &mut Vec<Error>) {
    if reason.is_empty() {
        errors.push(Error::required(field, "must be set"));
        return;
    }
    if !is_reason(reason) {
        errors.push(Error::invalid(field, reason, REASON));
    }
    if reason.len() > LONGEST_REASON {
        errors.push(Error::too_long(field, LONGEST_REASON));
    }
}

fn is_reason(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(is_word)
        && text.chars().all(|c| is_word(c) || ",:".contains(c))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_has_a_type_a_status_a_time_and_a_reason() {
        let sound = json!({"type": "Ready", "status": "True", "reason": "AllWell",
            "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let mut odd = sound.clone();
        odd["reason"] = "no reason".into();
        let mut errors = Vec::new();
        check(
            &[sound, json!({"type": "Ready", "status": "Maybe"}), odd],
            "c",
            &mut errors,
        );
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "c[1].type: Duplicate value: \"Ready\"".to_owned(),
                "c[1].status: Unsupported value: \"Maybe\": supported values: \"False\", \"True\", \"Unknown\""
                    .to_owned(),
                "c[1].lastTransitionTime: Required value: must be set".to_owned(),
                "c[1].reason: Required value: must be set".to_owned(),
                "c[2].type: Duplicate value: \"Ready\"".to_owned(),
                format!("c[2].reason: Invalid value: \"no reason\": {REASON}"),
            ]
        );
    }
}
