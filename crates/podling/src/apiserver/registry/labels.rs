//! Labels and label selectors: their keys, values and operators, and whether a selector matches.

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

/// Whether `labels` meet a selector; a missing one meets nothing.
pub(super) fn matches(selector: &Value, labels: &Value) -> bool {
    let has_all = selector
        .entries("matchLabels")
        .all(|(key, value)| labels.get(key) == Some(value));
    let meets = |requirement: &Value| {
        let value = labels.get(requirement.text("key"));
        let listed = value.is_some_and(|value| requirement.items("values").contains(value));
        match requirement.text("operator") {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => value.is_some(),
            _ => value.is_none(),
        }
    };
    !selector.is_null() && has_all && selector.items("matchExpressions").iter().all(meets)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_match_by_labels_and_expressions() {
        let labels = json!({"app": "web", "tier": "front"});
        let expression = |key: &str, operator: &str, values: Value| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        let cases = [
            (Value::Null, false),
            (json!({}), true),
            (json!({"matchLabels": {"app": "web"}}), true),
            (json!({"matchLabels": {"app": "db"}}), false),
            (expression("tier", "In", json!(["front", "back"])), true),
            (expression("tier", "NotIn", json!(["front"])), false),
            (expression("zone", "NotIn", json!(["a"])), true),
            (expression("zone", "Exists", json!(null)), false),
            (expression("zone", "DoesNotExist", json!(null)), true),
        ];
        for (selector, expected) in cases {
            assert_eq!(matches(&selector, &labels), expected, "{selector}");
        }
    }
}
