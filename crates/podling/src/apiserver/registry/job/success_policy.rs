//! What is wrong with `spec.successPolicy` (`validateSuccessPolicy`).

use serde_json::Value;

use super::{indexes, spec};
use crate::apiserver::registry::internal_form::{Field, Kind, Struct, compact};
use crate::apiserver::registry::numbers::check_not_negative;
use crate::apiserver::registry::read::Fields as _;
use crate::status::field::Error;

const MOST_RULES: usize = 20;
const LONGEST_INDEXES: usize = 64 * 1024;

const RULE: &Struct = &[
    Field("SucceededIndexes", "succeededIndexes", Kind::Pointer),
    Field("SucceededCount", "succeededCount", Kind::Pointer),
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
    let policy = &spec["successPolicy"];
    if !spec::is_indexed(spec) {
        let error = Error::invalid(path, policy.clone(), "requires indexed completion mode");
        return errors.push(error.showing(shown(policy)));
    }
    let (field, rules) = (format!("{path}.rules"), policy.items("rules"));
    if rules.is_empty() {
        let why = "at least one rules must be specified when the successPolicy is specified";
        errors.push(Error::required(&*field, why));
    }
    if rules.len() > MOST_RULES {
        errors.push(Error::too_many(&*field, rules.len(), MOST_RULES));
    }
    let completions = spec.number("completions").unwrap_or_default();
    for (i, rule) in rules.iter().enumerate() {
        check_rule(rule, completions, &format!("{field}[{i}]"), errors);
    }
}

fn check_rule(rule: &Value, completions: i64, path: &str, errors: &mut Vec<Error>) {
    let (count, listed) = (rule.number("succeededCount"), rule["succeededIndexes"].as_str());
    if count.is_none() && listed.is_none() {
        let why = "at least one of succeededCount or succeededIndexes must be specified";
        errors.push(Error::required(path, why));
    }
    let total =
        listed.map(|listed| check_indexes(listed, completions, &format!("{path}.succeededIndexes"), errors));
    let Some(count) = count else { return };
    let field = format!("{path}.succeededCount");
    check_not_negative(rule, path, "succeededCount", errors);
    if count > completions {
        let why =
            format!("must be less than or equal to {completions} (the number of specified completions)");
        errors.push(Error::invalid(&*field, count, why));
    }
    if let Some(total) = total.filter(|total| count > *total) {
        let why = format!(
            "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
        );
        errors.push(Error::invalid(field, count, why));
    }
}

/// How many indexes are listed; none if the list can't be read.
fn check_indexes(listed: &str, completions: i64, field: &str, errors: &mut Vec<Error>) -> i64 {
    if listed.len() > LONGEST_INDEXES {
        errors.push(Error::too_long(field, LONGEST_INDEXES));
    }
    indexes::total(listed, completions).unwrap_or_else(|why| {
        let why = format!("error parsing succeededIndexes: {why}");
        errors.push(Error::invalid(field, listed, why));
        0
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_checked_in_kubernetes_words() {
        let cases = [
            (json!({"succeededIndexes": "0-2", "succeededCount": 2}), vec![]),
            (
                json!({}),
                vec![
                    "p.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified",
                ],
            ),
            (
                json!({"succeededIndexes": "0,9"}),
                vec![
                    "p.rules[0].succeededIndexes: Invalid value: \"0,9\": error parsing succeededIndexes: too large index: \"9\"",
                ],
            ),
            (
                json!({"succeededIndexes": "1", "succeededCount": 6}),
                vec![
                    "p.rules[0].succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)",
                    "p.rules[0].succeededCount: Invalid value: 6: must be less than or equal to 1 (the number of indexes in the specified succeededIndexes field)",
                ],
            ),
        ];
        for (rule, expected) in cases {
            let spec =
                json!({"completionMode": "Indexed", "completions": 5, "successPolicy": {"rules": [rule]}});
            let mut errors = Vec::new();
            check(&spec, "p", &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{spec}");
        }
    }

    #[test]
    fn only_indexed_jobs_have_a_success_policy() {
        let spec = json!({"successPolicy": {"rules": [{"succeededCount": 1}]}});
        let mut errors = Vec::new();
        check(&spec, "p", &mut errors);
        let expected = r#"p: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}: requires indexed completion mode"#;
        assert_eq!(errors[0].to_string(), expected);
    }
}
