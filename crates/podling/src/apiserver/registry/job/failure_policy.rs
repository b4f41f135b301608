//! What is wrong with `spec.podFailurePolicy` (`validatePodFailurePolicy`).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::apiserver::registry::internal_form::{Field, Kind, Struct, compact};
use crate::apiserver::registry::names;
use crate::apiserver::registry::read::Fields as _;
use crate::status::field::Error;

const MOST_RULES: usize = 20;
const MOST_VALUES: usize = 255;
const MOST_PATTERNS: usize = 20;
const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS: [&str; 2] = ["In", "NotIn"];
const STATUSES: [&str; 3] = ["False", "True", "Unknown"];

const EXIT_CODES: &Struct = &[
    Field("ContainerName", "containerName", Kind::Pointer),
    Field("Operator", "operator", Kind::Text),
    Field("Values", "values", Kind::Plain),
];
const CONDITION: &Struct = &[
    Field("Type", "type", Kind::Text),
    Field("Status", "status", Kind::Text),
];
const RULE: &Struct = &[
    Field("Action", "action", Kind::Text),
    Field("OnExitCodes", "onExitCodes", Kind::Optional(EXIT_CODES)),
    Field("OnPodConditions", "onPodConditions", Kind::List(CONDITION)),
];
const POLICY: &Struct = &[Field("Rules", "rules", Kind::List(RULE))];

/// The policy as Kubernetes prints it.
pub(super) fn shown(policy: &Value) -> String {
    match policy {
        Value::Null => "null".to_owned(),
        policy => compact(policy, POLICY),
    }
}

/// Checks the policy of a Job's `spec`.
pub(super) fn check(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let rules = spec["podFailurePolicy"].items("rules");
    if rules.len() > MOST_RULES {
        errors.push(Error::too_many(format!("{path}.rules"), rules.len(), MOST_RULES));
    }
    for (i, rule) in rules.iter().enumerate() {
        check_rule(spec, rule, &format!("{path}.rules[{i}]"), errors);
    }
}

fn check_rule(spec: &Value, rule: &Value, path: &str, errors: &mut Vec<Error>) {
    let field = format!("{path}.action");
    match rule.text("action") {
        "" => errors.push(required(field, &ACTIONS)),
        action @ "FailIndex" if !spec.has("backoffLimitPerIndex") => {
            let why = "requires the backoffLimitPerIndex to be set";
            errors.push(Error::invalid(field, action, why));
        }
        action if ACTIONS.contains(&action) => {}
        action => errors.push(Error::not_supported(field, action, &ACTIONS)),
    }
    let (codes, conditions) = (&rule["onExitCodes"], rule.items("onPodConditions"));
    if !codes.is_null() {
        check_exit_codes(spec, codes, &format!("{path}.onExitCodes"), errors);
    }
    check_conditions(conditions, &format!("{path}.onPodConditions"), errors);
    match (codes.is_null(), conditions.is_empty()) {
        (false, false) => {
            let why = "specifying both OnExitCodes and OnPodConditions is not supported";
            errors.push(Error::invalid_as_a_whole(path, why));
        }
        (true, true) => {
            let why = "specifying one of OnExitCodes and OnPodConditions is required";
            errors.push(Error::invalid_as_a_whole(path, why));
        }
        _ => {}
    }
}

fn required(field: String, supported: &[&str]) -> Error {
    let quoted: Vec<String> = supported.iter().map(|value| format!("\"{value}\"")).collect();
    Error::required(field, format!("valid values: [{}]", quoted.join(" ")))
}

fn check_exit_codes(spec: &Value, codes: &Value, path: &str, errors: &mut Vec<Error>) {
    check_choice(
        codes.text("operator"),
        &OPERATORS,
        format!("{path}.operator"),
        errors,
    );
    let template = &spec["template"]["spec"];
    let mut containers = template
        .items("containers")
        .iter()
        .chain(template.items("initContainers"));
    if let Some(name) = codes["containerName"].as_str()
        && !containers.any(|container| container["name"] == name)
    {
        let why = "must be one of the container or initContainer names in the pod template";
        errors.push(Error::invalid(format!("{path}.containerName"), name, why));
    }
    check_values(codes, &format!("{path}.values"), errors);
}

fn check_choice(choice: &str, supported: &[&str], field: String, errors: &mut Vec<Error>) {
    match choice {
        "" => errors.push(required(field, supported)),
        choice if supported.contains(&choice) => {}
        choice => errors.push(Error::not_supported(field, choice, supported)),
    }
}

fn check_values(codes: &Value, field: &str, errors: &mut Vec<Error>) {
    let values: Vec<i64> = codes.items("values").iter().filter_map(Value::as_i64).collect();
    if values.is_empty() {
        let why = "at least one value is required";
        errors.push(Error::invalid(field, codes["values"].clone(), why));
    } else if values.len() > MOST_VALUES {
        errors.push(Error::too_many(field, values.len(), MOST_VALUES));
    }
    let mut seen = BTreeSet::new();
    for (i, value) in values.iter().enumerate() {
        let field = format!("{field}[{i}]");
        if codes["operator"] == "In" && *value == 0 {
            errors.push(Error::invalid(&*field, 0, "must not be 0 for the In operator"));
        }
        if !seen.insert(value) {
            errors.push(Error::duplicate(field, *value));
        }
    }
    if !values.is_sorted() {
        errors.push(Error::invalid(field, codes["values"].clone(), "must be ordered"));
    }
}

fn check_conditions(patterns: &[Value], path: &str, errors: &mut Vec<Error>) {
    if patterns.len() > MOST_PATTERNS {
        errors.push(Error::too_many(path, patterns.len(), MOST_PATTERNS));
    }
    for (i, pattern) in patterns.iter().enumerate() {
        let (field, kind) = (format!("{path}[{i}]"), pattern.text("type"));
        let wrong = names::qualified_name(kind).into_iter();
        errors.extend(wrong.map(|why| Error::invalid(format!("{field}.type"), kind, why)));
        check_choice(
            pattern.text("status"),
            &STATUSES,
            format!("{field}.status"),
            errors,
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_checked_in_kubernetes_words() {
        let codes = |values: Value| json!({"operator": "In", "values": values});
        let cases = [
            (
                json!({"action": "Ignore", "onExitCodes": codes(json!([1, 2]))}),
                vec![],
            ),
            (
                json!({"action": "Ignore"}),
                vec![
                    "r.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
                ],
            ),
            (
                json!({"action": "FailIndex", "onExitCodes": codes(json!([1]))}),
                vec![
                    "r.rules[0].action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set",
                ],
            ),
            (
                json!({"action": "Count", "onExitCodes": codes(json!([]))}),
                vec!["r.rules[0].onExitCodes.values: Invalid value: []: at least one value is required"],
            ),
            (
                json!({"action": "Count", "onExitCodes": codes(json!([3, 1, 3]))}),
                vec![
                    "r.rules[0].onExitCodes.values[2]: Duplicate value: 3",
                    "r.rules[0].onExitCodes.values: Invalid value: [3,1,3]: must be ordered",
                ],
            ),
            (
                json!({"onPodConditions": [{"type": "DisruptionTarget", "status": "Maybe"}]}),
                vec![
                    "r.rules[0].action: Required value: valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]",
                    "r.rules[0].onPodConditions[0].status: Unsupported value: \"Maybe\": supported values: \"False\", \"True\", \"Unknown\"",
                ],
            ),
        ];
        for (rule, expected) in cases {
            let spec = json!({"podFailurePolicy": {"rules": [rule]}});
            let mut errors = Vec::new();
            check(&spec, "r", &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{spec}");
        }
    }

    #[test]
    fn a_policy_is_printed_with_every_field() {
        let policy =
            json!({"rules": [{"action": "Count", "onExitCodes": {"operator": "In", "values": [1]}}]});
        let expected = r#"{"Rules":[{"Action":"Count","OnExitCodes":{"ContainerName":null,"Operator":"In","Values":[1]},"OnPodConditions":null}]}"#;
        assert_eq!(shown(&policy), expected);
    }
}
