//! Labels and label selectors: what their keys, values and operators must look like. Whether one matches says
//! [`crate::label_selector`].

use serde_json::Value;

use super::names;
use super::read::Fields as _;
use crate::status::field::Error;

/// What is wrong with a map of labels.
pub(super) fn check(labels: &Value, field: &str, errors: &mut Vec<Error>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        let wrong_key = names::qualified_name(key).into_iter();
        errors.extend(wrong_key.map(|why| Error::invalid(field, key.as_str(), why)));
        let wrong_value = names::label_value(value).into_iter();
        errors.extend(wrong_value.map(|why| Error::invalid(field, value, why)));
    }
}

/// What is wrong with a `metav1.LabelSelector`.
pub(super) fn check_selector(selector: &Value, field: &str, errors: &mut Vec<Error>) {
    check(&selector["matchLabels"], &format!("{field}.matchLabels"), errors);
    for (i, requirement) in selector.items("matchExpressions").iter().enumerate() {
        check_requirement(requirement, &format!("{field}.matchExpressions[{i}]"), errors);
    }
}

fn check_requirement(requirement: &Value, field: &str, errors: &mut Vec<Error>) {
    let operator = requirement.text("operator");
    check_values(requirement, operator, &format!("{field}.values"), errors);
    if !matches!(operator, "In" | "NotIn" | "Exists" | "DoesNotExist") {
        let why = "not a valid selector operator";
        errors.push(Error::invalid(format!("{field}.operator"), operator, why));
    }
    let key = requirement.text("key");
    let wrong = names::qualified_name(key).into_iter();
    errors.extend(wrong.map(|why| Error::invalid(format!("{field}.key"), key, why)));
    for (i, value) in requirement.items("values").iter().enumerate() {
        let value = value.as_str().unwrap_or_default();
        let wrong = names::label_value(value).into_iter();
        errors.extend(wrong.map(|why| Error::invalid(format!("{field}.values[{i}]"), value, why)));
    }
}

/// Whether values must or may not stand beside an operator.
pub(super) fn check_values(requirement: &Value, operator: &str, field: &str, errors: &mut Vec<Error>) {
    let is_empty = requirement.items("values").is_empty();
    match operator {
        "In" | "NotIn" if is_empty => errors.push(Error::required(
            field,
            "must be specified when `operator` is 'In' or 'NotIn'",
        )),
        "Exists" | "DoesNotExist" if !is_empty => errors.push(Error::forbidden(
            field,
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        )),
        _ => {}
    }
}

/// Whether a selector has neither labels nor expressions.
pub(super) fn is_empty(selector: &Value) -> bool {
    selector.entries("matchLabels").next().is_none() && selector.items("matchExpressions").is_empty()
}

/// Whether a selector can be used at all.
pub(super) fn is_usable(selector: &Value) -> bool {
    let mut errors = Vec::new();
    check_selector(selector, "", &mut errors);
    errors.is_empty()
}

/// A selector in the order of its fields on the wire.
pub(super) fn shown(selector: &Value) -> String {
    if selector.is_null() {
        return "null".to_owned();
    }
    let labels = selector
        .has("matchLabels")
        .then(|| format!("\"matchLabels\":{}", selector["matchLabels"]));
    let expressions = selector.has("matchExpressions").then(|| {
        let all: Vec<String> = selector
            .items("matchExpressions")
            .iter()
            .map(shown_requirement)
            .collect();
        format!("\"matchExpressions\":[{}]", all.join(","))
    });
    let parts: Vec<String> = labels.into_iter().chain(expressions).collect();
    format!("{{{}}}", parts.join(","))
}

fn shown_requirement(requirement: &Value) -> String {
    let values = match requirement.items("values") {
        [] => String::new(),
        _ => format!(",\"values\":{}", requirement["values"]),
    };
    format!(
        "{{\"key\":{},\"operator\":{}{values}}}",
        requirement["key"], requirement["operator"]
    )
}
