//! Whether a rollout is complete, by the rules of `kubectl rollout status`.

use serde_json::Value;

use super::Finding;
use super::status::existing;
use crate::check::object::{list, number};
use crate::check::{Message, RolloutComplete, View};

pub(super) fn complete(view: &View, it: &RolloutComplete) -> Result<Finding, Message> {
    Ok(match existing(view, &it.target)? {
        Err(missing) => missing,
        Ok(object) => judge(object, &it.target.to_string(), it.replicas),
    })
}

/// What a workload's status says, whichever kind it is.
struct Counts {
    wanted: i64,
    updated: i64,
    available: i64,
    total: i64,
}

impl Counts {
    fn of(object: &Value) -> Self {
        let status = |field: &str| number(object, &format!("/status/{field}")).unwrap_or(0);
        if object["kind"] == "DaemonSet" {
            return Self {
                wanted: status("desiredNumberScheduled"),
                updated: status("updatedNumberScheduled"),
                available: status("numberAvailable"),
                total: status("updatedNumberScheduled"),
            };
        }
        Self {
            wanted: number(object, "/spec/replicas").unwrap_or(1),
            updated: status("updatedReplicas"),
            available: status("availableReplicas"),
            total: status("replicas"),
        }
    }
}

fn judge(object: &Value, target: &str, least: i64) -> Finding {
    let target = target.to_owned();
    if number(object, "/status/observedGeneration") < number(object, "/metadata/generation") {
        return Finding::coming(Message::NotObserved { target });
    }
    let Counts {
        wanted,
        updated,
        available,
        total,
    } = Counts::of(object);
    if wanted < least {
        return Finding::fails(Message::TooFewWanted {
            target,
            wanted,
            least,
        });
    }
    if updated >= wanted && available >= wanted && total <= updated {
        return Finding::holds(Message::RolledOut { target, available });
    }
    match list(object, "/status/conditions")
        .iter()
        .find(|condition| condition["type"] == "Progressing")
    {
        Some(condition) if condition["status"] == "False" => {
            let reason = condition["reason"].as_str().unwrap_or_default().to_owned();
            Finding::fails(Message::RolloutStuck { target, reason })
        }
        _ => Finding::coming(Message::RollingOut {
            target,
            updated,
            available,
            wanted,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::evaluate::Outcome;
    use serde_json::json;

    #[test]
    fn a_rollout_is_complete_when_only_available_pods_of_the_newest_revision_are_left() {
        for (generation, replicas, status, outcome) in [
            (
                1,
                3,
                json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}),
                Outcome::Holds,
            ),
            (
                2,
                3,
                json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}),
                Outcome::Coming,
            ),
            (
                1,
                3,
                json!({"observedGeneration": 1, "replicas": 4, "updatedReplicas": 3, "availableReplicas": 3}),
                Outcome::Coming,
            ),
            (
                1,
                3,
                json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2}),
                Outcome::Coming,
            ),
            (
                1,
                2,
                json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}),
                Outcome::Fails,
            ),
            (
                1,
                3,
                json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3,
                    "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}),
                Outcome::Fails,
            ),
        ] {
            let object = json!({"kind": "Deployment", "metadata": {"generation": generation},
                "spec": {"replicas": replicas}, "status": status});
            assert_eq!(judge(&object, "Deployment/web", 3).outcome, outcome, "{object}");
        }
    }
}
