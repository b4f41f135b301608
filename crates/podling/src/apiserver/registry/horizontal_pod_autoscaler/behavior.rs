//! How fast an autoscaler may scale: `spec.behavior`.

use serde_json::{Value, json};

use crate::apiserver::registry::read::{Fields as _, object_at, set_default};
use crate::quantity::Quantity;
use crate::status::field::Error;

const LONGEST_PERIOD: i64 = 1800;
const LONGEST_WINDOW: i64 = 3600;
const SELECT_POLICIES: [&str; 3] = ["Disabled", "Max", "Min"];
const POLICY_TYPES: [&str; 2] = ["Percent", "Pods"];

/// Fills in both directions where anything is said about one.
pub(super) fn default(behavior: &mut Value) {
    let double = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let four = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
    let up = object_at(behavior, "scaleUp");
    set_default(up, "stabilizationWindowSeconds", 0);
    set_default(up, "selectPolicy", "Max");
    set_default(up, "policies", json!([four, double]));
    let down = object_at(behavior, "scaleDown");
    set_default(down, "selectPolicy", "Max");
    set_default(down, "policies", json!([double]));
}

/// What is wrong with the rules of both directions.
pub(super) fn check(behavior: &Value, field: &str, errors: &mut Vec<Error>) {
    for direction in ["scaleUp", "scaleDown"] {
        if behavior.has(direction) {
            check_rules(&behavior[direction], &format!("{field}.{direction}"), errors);
        }
    }
}

fn check_rules(rules: &Value, path: &str, errors: &mut Vec<Error>) {
    let field = |key: &str| format!("{path}.{key}");
    if let Some(window) = rules.number("stabilizationWindowSeconds") {
        let why = match window {
            ..0 => Some("must be greater than or equal to zero".to_owned()),
            0..=LONGEST_WINDOW => None,
            _ => Some(format!("must be less than or equal to {LONGEST_WINDOW}")),
        };
        errors.extend(why.map(|why| Error::invalid(field("stabilizationWindowSeconds"), window, why)));
    }
    if let Some(policy) = rules["selectPolicy"].as_str()
        && !SELECT_POLICIES.contains(&policy)
    {
        errors.push(Error::not_supported(
            field("selectPolicy"),
            policy,
            &SELECT_POLICIES,
        ));
    }
    let policies = rules.items("policies");
    if policies.is_empty() {
        let why = "must specify at least one Policy";
        errors.push(Error::required(field("policies"), why));
    }
    for (i, policy) in policies.iter().enumerate() {
        check_policy(policy, &format!("{}[{i}]", field("policies")), errors);
    }
    if Quantity::from_json(&rules["tolerance"]).is_ok_and(Quantity::is_negative) {
        let why = "must be greater than or equal to 0";
        errors.push(Error::invalid(
            field("tolerance"),
            rules["tolerance"].clone(),
            why,
        ));
    }
}

fn check_policy(policy: &Value, path: &str, errors: &mut Vec<Error>) {
    let field = |key: &str| format!("{path}.{key}");
    let kind = policy.text("type");
    if !POLICY_TYPES.contains(&kind) {
        errors.push(Error::not_supported(field("type"), kind, &POLICY_TYPES));
    }
    for key in ["value", "periodSeconds"] {
        let number = policy.number(key).unwrap_or_default();
        if number <= 0 {
            errors.push(Error::invalid(field(key), number, "must be greater than zero"));
        }
        if key == "periodSeconds" && number > LONGEST_PERIOD {
            let why = format!("must be less than or equal to {LONGEST_PERIOD}");
            errors.push(Error::invalid(field(key), number, why));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_filled_in_for_both_directions() {
        let mut behavior = json!({"scaleDown": {"stabilizationWindowSeconds": 60}});
        default(&mut behavior);
        assert_eq!(
            behavior,
            json!({
                "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
                    {"type": "Pods", "value": 4, "periodSeconds": 15},
                    {"type": "Percent", "value": 100, "periodSeconds": 15},
                ]},
                "scaleDown": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max", "policies": [
                    {"type": "Percent", "value": 100, "periodSeconds": 15},
                ]},
            })
        );
        let mut errors = Vec::new();
        check(&behavior, "b", &mut errors);
        assert_eq!(errors, []);
    }

    #[test]
    fn rules_have_limits() {
        let behavior = json!({"scaleUp": {
            "stabilizationWindowSeconds": 3601, "selectPolicy": "Most", "tolerance": "-1",
            "policies": [{"type": "Nodes", "value": 0, "periodSeconds": 1801}],
        }, "scaleDown": {"stabilizationWindowSeconds": -1}});
        let mut errors = Vec::new();
        check(&behavior, "b", &mut errors);
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "b.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
                "b.scaleUp.selectPolicy: Unsupported value: \"Most\": supported values: \"Disabled\", \"Max\", \"Min\"",
                "b.scaleUp.policies[0].type: Unsupported value: \"Nodes\": supported values: \"Percent\", \"Pods\"",
                "b.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
                "b.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
                "b.scaleUp.tolerance: Invalid value: \"-1\": must be greater than or equal to 0",
                "b.scaleDown.stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero",
                "b.scaleDown.policies: Required value: must specify at least one Policy",
            ]
        );
    }
}
