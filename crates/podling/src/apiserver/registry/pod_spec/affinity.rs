//! Node affinity, Pod affinity and Pod anti-affinity.

use serde_json::Value;

use super::super::label_keys;
use super::super::labels;
use super::super::names;
use super::super::read::Fields as _;
use super::invalid_for_each;
use crate::status::field::Error;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const BAD_OPERATOR: &str = "not a valid selector operator";

/// Checks `affinity` at `path`.
pub(super) fn check(affinity: &Value, path: &str, errors: &mut Vec<Error>) {
    check_node_affinity(&affinity["nodeAffinity"], &format!("{path}.nodeAffinity"), errors);
    for kind in ["podAffinity", "podAntiAffinity"] {
        check_pod_affinity(&affinity[kind], &format!("{path}.{kind}"), errors);
    }
}

fn check_node_affinity(affinity: &Value, path: &str, errors: &mut Vec<Error>) {
    if affinity.has(REQUIRED) {
        check_node_selector(&affinity[REQUIRED], &format!("{path}.{REQUIRED}"), errors);
    }
    for (i, entry) in affinity.items(PREFERRED).iter().enumerate() {
        let path = format!("{path}.{PREFERRED}[{i}]");
        check_weight(entry, &path, errors);
        check_term(&entry["preference"], &format!("{path}.preference"), false, errors);
    }
}

/// Checks a `core/v1` NodeSelector at `path`.
pub(in super::super) fn check_node_selector(selector: &Value, path: &str, errors: &mut Vec<Error>) {
    let field = format!("{path}.nodeSelectorTerms");
    let terms = selector.items("nodeSelectorTerms");
    if terms.is_empty() {
        errors.push(Error::required(
            field.as_str(),
            "must have at least one node selector term",
        ));
    }
    for (i, term) in terms.iter().enumerate() {
        check_term(term, &format!("{field}[{i}]"), true, errors);
    }
}

fn check_weight(entry: &Value, path: &str, errors: &mut Vec<Error>) {
    let weight = entry.number("weight").unwrap_or_default();
    if !(1..=100).contains(&weight) {
        let why = "must be in the range 1-100";
        errors.push(Error::invalid(format!("{path}.weight"), weight, why));
    }
}

/// Of a preference Kubernetes does not check the values of labels.
fn check_term(term: &Value, path: &str, checks_values: bool, errors: &mut Vec<Error>) {
    for (i, requirement) in term.items("matchExpressions").iter().enumerate() {
        let path = format!("{path}.matchExpressions[{i}]");
        check_expression(requirement, &path, errors);
        if checks_values {
            check_label_values(requirement.items("values"), &format!("{path}.values"), errors);
        }
    }
    for (i, requirement) in term.items("matchFields").iter().enumerate() {
        check_field(requirement, &format!("{path}.matchFields[{i}]"), errors);
    }
}

fn check_expression(requirement: &Value, path: &str, errors: &mut Vec<Error>) {
    let (operator, values) = (requirement.text("operator"), requirement.items("values"));
    let field = format!("{path}.values");
    match operator {
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {
            labels::check_values(requirement, operator, &field, errors);
        }
        "Gt" | "Lt" if values.len() != 1 => {
            let why = "must be specified single value when `operator` is 'Lt' or 'Gt'";
            errors.push(Error::required(field.as_str(), why));
        }
        "Gt" | "Lt" => {}
        other => errors.push(Error::invalid(format!("{path}.operator"), other, BAD_OPERATOR)),
    }
    let key = requirement.text("key");
    errors.extend(invalid_for_each(
        &format!("{path}.key"),
        key,
        names::qualified_name(key),
    ));
}

fn check_label_values(values: &[Value], field: &str, errors: &mut Vec<Error>) {
    for (i, value) in values.iter().enumerate() {
        let value = value.as_str().unwrap_or_default();
        let wrong = names::label_value(value);
        errors.extend(invalid_for_each(&format!("{field}[{i}]"), value, wrong));
    }
}

fn check_field(requirement: &Value, path: &str, errors: &mut Vec<Error>) {
    let (operator, key) = (requirement.text("operator"), requirement.text("key"));
    match operator {
        "In" | "NotIn" if requirement.items("values").len() != 1 => {
            let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            errors.push(Error::required(format!("{path}.values"), why));
        }
        "In" | "NotIn" => {}
        other => errors.push(Error::invalid(format!("{path}.operator"), other, BAD_OPERATOR)),
    }
    if key != "metadata.name" {
        let why = "not a valid field selector key";
        errors.push(Error::invalid(format!("{path}.key"), key, why));
        return;
    }
    for (i, name) in requirement.items("values").iter().enumerate() {
        let name = name.as_str().unwrap_or_default();
        let wrong = names::subdomain(name);
        errors.extend(invalid_for_each(&format!("{path}.values[{i}]"), name, wrong));
    }
}

fn check_pod_affinity(affinity: &Value, path: &str, errors: &mut Vec<Error>) {
    for (i, term) in affinity.items(REQUIRED).iter().enumerate() {
        check_pod_term(term, &format!("{path}.{REQUIRED}[{i}]"), errors);
    }
    for (i, entry) in affinity.items(PREFERRED).iter().enumerate() {
        let path = format!("{path}.{PREFERRED}[{i}]");
        check_weight(entry, &path, errors);
        check_pod_term(
            &entry["podAffinityTerm"],
            &format!("{path}.podAffinityTerm"),
            errors,
        );
    }
}

fn check_pod_term(term: &Value, path: &str, errors: &mut Vec<Error>) {
    for key in ["labelSelector", "namespaceSelector"] {
        labels::check_selector(&term[key], &format!("{path}.{key}"), errors);
    }
    for namespace in term.items("namespaces") {
        let name = namespace.as_str().unwrap_or_default();
        // Kubernetes names the list so, and no index.
        let field = format!("{path}.namespace");
        errors.extend(invalid_for_each(&field, name, names::label(name)));
    }
    label_keys::check(term, path, errors);
    let (field, key) = (format!("{path}.topologyKey"), term.text("topologyKey"));
    if key.is_empty() {
        errors.push(Error::required(field.as_str(), "can not be empty"));
    }
    errors.extend(invalid_for_each(&field, key, names::qualified_name(key)));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_checked_where_they_decide() {
        let label =
            |value: &str| json!({"matchExpressions": [{"key": "k", "operator": "In", "values": [value]}]});
        let node = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node/1"]}]});
        let required = |term: Value| json!({"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}});
        let preferred =
            |term: Value| json!({"nodeAffinity": {PREFERRED: [{"weight": 1, "preference": term}]}});
        let pods = json!({"podAffinity": {REQUIRED: [{"topologyKey": "zone", "namespaces": ["a", "b/c"]}]}});
        let values = "matchExpressions[0].values[0]";
        let cases = [
            (
                required(label("a b")),
                Some(format!("a.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].{values}")),
            ),
            (preferred(label("a b")), None),
            (
                required(node),
                Some(format!(
                    "a.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchFields[0].values[0]"
                )),
            ),
            (pods, Some(format!("a.podAffinity.{REQUIRED}[0].namespace"))),
        ];
        for (affinity, expected) in cases {
            let mut errors = Vec::new();
            check(&affinity, "a", &mut errors);
            let fields: Vec<String> = errors.into_iter().map(|error| error.field).collect();
            assert_eq!(fields, expected.into_iter().collect::<Vec<_>>(), "{affinity}");
        }
    }
}
