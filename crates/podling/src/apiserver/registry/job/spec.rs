//! What is wrong with a Job's spec, in a Job or in the template of a CronJob (`validateJobSpec`).

use serde_json::Value;

use super::{failure_policy, success_policy};
use crate::apiserver::registry::names;
use crate::apiserver::registry::numbers::check_not_negative;
use crate::apiserver::registry::read::Fields as _;
use crate::apiserver::registry::template::check_template;
use crate::status::field::Error;

/// Above so many completions the lists of indexes may grow too long.
pub(super) const COMPLETIONS_SOFT_LIMIT: i64 = 100_000;
/// The greatest parallelism, and the most failed indexes, above the soft limit of completions.
pub(super) const PARALLELISM_LIMIT: i64 = 10_000;
const MOST_INDEXED: i64 = 100_000;
const MANAGED_BY_LENGTH: usize = 63;
const HTTP_PATH: &str = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const NOT_NEGATIVE: [&str; 7] = [
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
];

/// Whether each completion has an index of its own.
pub(super) fn is_indexed(spec: &Value) -> bool {
    spec["completionMode"] == "Indexed"
}

/// Checks the spec at `path`.
pub(in super::super) fn check(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    for key in NOT_NEGATIVE {
        check_not_negative(spec, path, key, errors);
    }
    if spec.has("maxFailedIndexes") && !spec.has("backoffLimitPerIndex") {
        let why = "when maxFailedIndexes is specified";
        errors.push(Error::required(format!("{path}.backoffLimitPerIndex"), why));
    }
    check_managed_by(spec, &format!("{path}.managedBy"), errors);
    check_completion_mode(spec, path, errors);
    if spec.has("podFailurePolicy") {
        failure_policy::check(spec, &format!("{path}.podFailurePolicy"), errors);
    }
    if spec.has("successPolicy") {
        success_policy::check(spec, &format!("{path}.successPolicy"), errors);
    }
    check_replacement(spec, &format!("{path}.podReplacementPolicy"), errors);
    check_template(&spec["template"], &format!("{path}.template"), errors);
    check_restart_policy(spec, &format!("{path}.template.spec.restartPolicy"), errors);
}

/// The name of another controller: `acme.io/foo`.
fn check_managed_by(spec: &Value, field: &str, errors: &mut Vec<Error>) {
    let Some(manager) = spec["managedBy"].as_str() else {
        return;
    };
    let parts = manager
        .split_once('/')
        .filter(|(host, path)| !host.is_empty() && !path.is_empty());
    match parts {
        _ if manager.is_empty() => errors.push(Error::required(field, "")),
        None => {
            let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
            errors.push(Error::invalid(field, manager, why));
        }
        Some((host, path)) => {
            let wrong = names::subdomain(host).into_iter();
            errors.extend(wrong.map(|why| Error::invalid(field, host, why)));
            if !path
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c))
            {
                let why = format!("Invalid path (regex used for validation is '{HTTP_PATH}')");
                errors.push(Error::invalid(field, path, why));
            }
        }
    }
    if manager.len() > MANAGED_BY_LENGTH {
        errors.push(Error::too_long(field, MANAGED_BY_LENGTH));
    }
}

fn check_completion_mode(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let modes = ["NonIndexed", "Indexed"];
    match spec["completionMode"].as_str() {
        Some("Indexed") => check_indexed(spec, path, errors),
        None | Some("NonIndexed") => {
            for key in ["backoffLimitPerIndex", "maxFailedIndexes"] {
                if let Some(number) = spec.number(key) {
                    let why = "requires indexed completion mode";
                    errors.push(Error::invalid(format!("{path}.{key}"), number, why));
                }
            }
        }
        Some(other) => errors.push(Error::not_supported(
            format!("{path}.completionMode"),
            other,
            &modes,
        )),
    }
}

fn check_indexed(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let field = |key: &str| format!("{path}.{key}");
    let completions = spec.number("completions");
    if completions.is_none() {
        errors.push(Error::required(
            field("completions"),
            "when completion mode is Indexed",
        ));
    }
    let refuse = |key: &str, refused: &dyn Fn(i64) -> bool, why: String| {
        let number = spec.number(key).filter(|number| refused(*number));
        number.map(|number| Error::invalid(field(key), number, why))
    };
    errors.extend(refuse(
        "parallelism",
        &|number| number > MOST_INDEXED,
        format!("must be less than or equal to {MOST_INDEXED} when completion mode is Indexed"),
    ));
    errors.extend(refuse(
        "maxFailedIndexes",
        &|number| completions.is_some_and(|completions| number > completions),
        "must be less than or equal to completions".to_owned(),
    ));
    errors.extend(refuse(
        "maxFailedIndexes",
        &|number| number > MOST_INDEXED,
        format!("must be less than or equal to {MOST_INDEXED}"),
    ));
    let many = completions.is_some_and(|completions| completions > COMPLETIONS_SOFT_LIMIT);
    if !many || !spec.has("backoffLimitPerIndex") {
        return;
    }
    if !spec.has("maxFailedIndexes") {
        let why = format!("must be specified when completions is above {COMPLETIONS_SOFT_LIMIT}");
        errors.push(Error::required(field("maxFailedIndexes"), why));
    }
    for key in ["parallelism", "maxFailedIndexes"] {
        errors.extend(refuse(
            key,
            &|number| number > PARALLELISM_LIMIT,
            format!(
                "must be less than or equal to {PARALLELISM_LIMIT} when completions are above \
                 {COMPLETIONS_SOFT_LIMIT} and used with backoff limit per index"
            ),
        ));
    }
}

/// With a failure policy a Pod is replaced only once it has failed.
fn check_replacement(spec: &Value, field: &str, errors: &mut Vec<Error>) {
    let Some(policy) = spec["podReplacementPolicy"].as_str() else {
        return;
    };
    let supported: &[&str] = match spec.has("podFailurePolicy") {
        true => &["Failed"],
        false => &["Failed", "TerminatingOrFailed"],
    };
    if !supported.contains(&policy) {
        errors.push(Error::not_supported(field, policy, supported));
    }
}

/// Pods of a Job end: `Always`, which is also the default, cannot be.
fn check_restart_policy(spec: &Value, field: &str, errors: &mut Vec<Error>) {
    match spec["template"]["spec"].text("restartPolicy") {
        "Always" | "" => errors.push(Error::required(field, "valid values: \"OnFailure\", \"Never\"")),
        policy @ "OnFailure" if spec.has("podFailurePolicy") => {
            let why = "only \"Never\" is supported when podFailurePolicy is specified";
            errors.push(Error::invalid(field, policy, why));
        }
        "OnFailure" | "Never" => {}
        other => errors.push(Error::not_supported(field, other, &["OnFailure", "Never"])),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_of_indexed_jobs_are_bounded() {
        let cases = [
            (
                json!({"completionMode": "Indexed"}),
                vec!["spec.completions: Required value: when completion mode is Indexed"],
            ),
            (
                json!({"completionMode": "Indexed", "completions": 2, "maxFailedIndexes": 3, "backoffLimitPerIndex": 1}),
                vec!["spec.maxFailedIndexes: Invalid value: 3: must be less than or equal to completions"],
            ),
            (
                json!({"completionMode": "Indexed", "completions": 2, "parallelism": 100_001}),
                vec![
                    "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed",
                ],
            ),
            (
                json!({"completionMode": "Indexed", "completions": 100_001, "backoffLimitPerIndex": 1}),
                vec![
                    "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
                ],
            ),
            (
                json!({"maxFailedIndexes": 1}),
                vec!["spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode"],
            ),
        ];
        for (spec, expected) in cases {
            let mut errors = Vec::new();
            check_completion_mode(&spec, "spec", &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{spec}");
        }
    }

    #[test]
    fn another_controller_has_a_domain() {
        let cases = [
            ("example.com/x", None),
            ("", Some("f: Required value")),
            (
                "example.com",
                Some(
                    "f: Invalid value: \"example.com\": must be a domain-prefixed path (such as \"acme.io/foo\")",
                ),
            ),
        ];
        for (manager, expected) in cases {
            let mut errors = Vec::new();
            check_managed_by(&json!({"managedBy": manager}), "f", &mut errors);
            assert_eq!(
                errors.first().map(ToString::to_string).as_deref(),
                expected,
                "{manager}"
            );
        }
    }
}
