//! What a Job's failure policy says about a failed Pod.
//!
//! Source: `kubernetes/pkg/controller/job/pod_failure_policy.go`.

use serde_json::Value;

use crate::apiserver::registry::read::Fields as _;
use crate::storage::text;

/// What follows from a Pod's failure.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// It counts, as any failure does.
    Counts,
    /// It does not count.
    Ignored,
    /// The Pod's index has failed for good.
    FailsIndex,
    /// The whole Job has failed, for that reason.
    FailsJob(String),
}

/// The first rule that fits decides.
pub(super) fn judge(policy: &Value, pod: &Value) -> Verdict {
    let mut rules = policy.items("rules").iter().enumerate();
    rules
        .find_map(|(at, rule)| apply(rule, at, pod))
        .unwrap_or(Verdict::Counts)
}

fn apply(rule: &Value, at: usize, pod: &Value) -> Option<Verdict> {
    let matched = match rule.has("onExitCodes") {
        true => exit_code(&rule["onExitCodes"], pod),
        false => condition(rule.items("onPodConditions"), pod),
    }?;
    Some(match rule.text("action") {
        "Ignore" => Verdict::Ignored,
        "FailIndex" => Verdict::FailsIndex,
        "FailJob" => Verdict::FailsJob(format!("{matched} matching FailJob rule at index {at}")),
        "Count" => Verdict::Counts,
        _ => return None,
    })
}

/// `namespace/name` of the Pod.
fn place(pod: &Value) -> String {
    let of = |key| text(pod, &["metadata", key]);
    format!("{}/{}", of("namespace"), of("name"))
}

/// The first container that ended with such a code, in words.
fn exit_code(requirement: &Value, pod: &Value) -> Option<String> {
    let lists = ["containerStatuses", "initContainerStatuses"];
    let mut statuses = lists.iter().flat_map(|list| pod["status"].items(list));
    let status = statuses.find(|status| {
        let named = !requirement.has("containerName") || requirement["containerName"] == status["name"];
        let code = status["state"]["terminated"].number("exitCode");
        named && code.is_some_and(|code| code != 0 && fits(code, requirement))
    })?;
    let (name, code) = (status.text("name"), &status["state"]["terminated"]["exitCode"]);
    Some(format!(
        "Container {name} for pod {} failed with exit code {code}",
        place(pod)
    ))
}

fn fits(code: i64, requirement: &Value) -> bool {
    let listed = requirement.items("values").iter().any(|value| *value == code);
    match requirement.text("operator") {
        "In" => listed,
        "NotIn" => !listed,
        _ => false,
    }
}

/// The first condition that fits a pattern, in words.
fn condition(patterns: &[Value], pod: &Value) -> Option<String> {
    let mut conditions = pod["status"].items("conditions").iter();
    let found = conditions.find(|condition| {
        let fits = |pattern: &Value| {
            pattern["type"] == condition["type"] && pattern["status"] == condition["status"]
        };
        patterns.iter().any(fits)
    })?;
    Some(format!("Pod {} has condition {}", place(pod), found.text("type")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(code: i64) -> Value {
        json!({
            "metadata": {"namespace": "n", "name": "p"},
            "status": {
                "containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": code}}}],
                "conditions": [{"type": "DisruptionTarget", "status": "True"}],
            },
        })
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let codes = |action: &str, operator: &str, values: Value| json!({"action": action, "onExitCodes": {"operator": operator, "values": values}});
        let disrupted = |action: &str| json!({"action": action, "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]});
        let fails = |why: &str| Verdict::FailsJob(why.to_owned());
        let cases = [
            (json!([]), Verdict::Counts),
            (json!([codes("Ignore", "In", json!([7]))]), Verdict::Ignored),
            (
                json!([codes("FailIndex", "NotIn", json!([1]))]),
                Verdict::FailsIndex,
            ),
            (
                json!([
                    codes("Ignore", "In", json!([1])),
                    codes("Count", "In", json!([7]))
                ]),
                Verdict::Counts,
            ),
            (
                json!([
                    codes("Count", "In", json!([1])),
                    codes("FailJob", "In", json!([7]))
                ]),
                fails("Container c for pod n/p failed with exit code 7 matching FailJob rule at index 1"),
            ),
            (
                json!([disrupted("FailJob")]),
                fails("Pod n/p has condition DisruptionTarget matching FailJob rule at index 0"),
            ),
        ];
        for (rules, expected) in cases {
            assert_eq!(judge(&json!({"rules": rules}), &pod(7)), expected, "{rules}");
        }
    }

    #[test]
    fn a_container_is_meant_by_name_and_zero_is_no_failure() {
        let rule = |name: &str| json!({"rules": [{"action": "Ignore", "onExitCodes": {"containerName": name, "operator": "NotIn", "values": [1]}}]});
        assert_eq!(judge(&rule("c"), &pod(2)), Verdict::Ignored);
        assert_eq!(judge(&rule("d"), &pod(2)), Verdict::Counts);
        assert_eq!(judge(&rule("c"), &pod(0)), Verdict::Counts);
    }
}
