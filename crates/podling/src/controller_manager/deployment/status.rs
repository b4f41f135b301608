//! `status` of a Deployment: counts and conditions.
//!
//! Source: `kubernetes/pkg/controller/deployment/{sync,progress}.go` and `.../util/deployment_util.go`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Time;
use crate::storage::text;

use super::replicas::ReplicaSet;
use super::strategy;

/// A condition without its times.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Condition {
    /// The condition Progressing.
    pub(super) fn progressing(status: &'static str, reason: &'static str, message: String) -> Self {
        Self {
            kind: "Progressing",
            status,
            reason,
            message,
        }
    }
}

/// The counts of a status.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Counts {
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
}

impl Counts {
    fn of(status: &Value) -> Self {
        let number = |field: &str| status[field].as_i64().unwrap_or_default();
        Self {
            replicas: number("replicas"),
            updated: number("updatedReplicas"),
            ready: number("readyReplicas"),
            available: number("availableReplicas"),
        }
    }

    /// Whether a rollout has come further than it was (`DeploymentProgressing`).
    const fn is_ahead_of(self, old: Self) -> bool {
        self.updated > old.updated
            || self.replicas - self.updated < old.replicas - old.updated
            || self.ready > old.ready
            || self.available > old.available
    }
}

/// `spec.progressDeadlineSeconds`; `None` for none, which is also what the highest number means.
pub(super) fn progress_deadline(deployment: &Value) -> Option<Duration> {
    let seconds = deployment["spec"]["progressDeadlineSeconds"].as_u64()?;
    (seconds != u64::from(i32::MAX.unsigned_abs())).then_some(Duration::from_secs(seconds))
}

/// Whether every pod is of the newest template and available.
pub(super) fn is_complete(deployment: &Value, status: &Value) -> bool {
    let counts = Counts::of(status);
    let wanted = strategy::replicas(deployment);
    counts.updated == wanted
        && counts.replicas == wanted
        && counts.available == wanted
        && status["observedGeneration"].as_i64() >= deployment["metadata"]["generation"].as_i64()
}

/// The counts and the condition Available; the other conditions stay.
pub(super) fn counted(
    deployment: &Value,
    sets: &[ReplicaSet],
    newest: Option<&ReplicaSet>,
    now: Time,
) -> Value {
    let sum = |field: &str| sets.iter().map(|set| set.observed(field)).sum::<i64>();
    let available = sum("availableReplicas");
    let wanted: i64 = sets.iter().map(ReplicaSet::replicas).sum();
    let counts = [
        ("replicas", sum("replicas")),
        (
            "updatedReplicas",
            newest.map_or(0, |set| set.observed("replicas")),
        ),
        ("readyReplicas", sum("readyReplicas")),
        ("availableReplicas", available),
        ("unavailableReplicas", wanted - available),
    ];
    let mut status = json!({"observedGeneration": deployment["metadata"]["generation"]});
    for (field, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        status[field] = count.into();
    }
    if let Some(terminating) = sets.iter().map(ReplicaSet::terminating).sum::<Option<i64>>() {
        status["terminatingReplicas"] = terminating.into();
    }
    for kept in ["collisionCount", "conditions"] {
        if let Some(value) = deployment["status"].get(kept) {
            status[kept] = value.clone();
        }
    }
    set_condition(&mut status, &availability(deployment, available), now);
    status
}

fn availability(deployment: &Value, available: i64) -> Condition {
    let least = strategy::replicas(deployment) - strategy::max_unavailable(deployment);
    let (status, reason, message) = match available >= least {
        true => (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        ),
        false => (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        ),
    };
    Condition {
        kind: "Available",
        status,
        reason,
        message: message.to_owned(),
    }
}

/// The counts with the conditions Progressing and ReplicaFailure (`syncRolloutStatus`).
pub(super) fn rolled_out(
    deployment: &Value,
    sets: &[ReplicaSet],
    newest: Option<&ReplicaSet>,
    now: Time,
) -> Value {
    let mut status = counted(deployment, sets, newest, now);
    match progress_deadline(deployment) {
        None => remove_condition(&mut status, "Progressing"),
        Some(deadline) => progress(deployment, &mut status, newest, deadline, now),
    }
    match sets.iter().chain(newest).find_map(replica_failure) {
        Some(failure) => set_condition(&mut status, &failure, now),
        None => remove_condition(&mut status, "ReplicaFailure"),
    }
    status
}

fn progress(
    deployment: &Value,
    status: &mut Value,
    newest: Option<&ReplicaSet>,
    deadline: Duration,
    now: Time,
) {
    let current = condition(&deployment["status"], "Progressing").cloned();
    let reason = current.as_ref().map_or("", |current| text(current, &["reason"]));
    let counts = Counts::of(status);
    // Scaling a finished rollout is not a rollout.
    if counts.replicas == counts.updated && reason == "NewReplicaSetAvailable" {
        return;
    }
    let subject = match newest {
        Some(set) => format!("ReplicaSet \"{}\"", set.name()),
        None => format!("Deployment \"{}\"", text(deployment, &["metadata", "name"])),
    };
    if is_complete(deployment, status) {
        let message = format!("{subject} has successfully progressed.");
        let done = Condition::progressing("True", "NewReplicaSetAvailable", message);
        set_condition(status, &done, now);
    } else if counts.is_ahead_of(Counts::of(&deployment["status"])) {
        let message = format!("{subject} is progressing.");
        let moved = Condition::progressing("True", "ReplicaSetUpdated", message);
        let since = current.filter(|current| current["status"] == "True");
        remove_condition(status, "Progressing");
        set_condition(status, &moved, now);
        if let (Some(since), Some(condition)) = (since, condition_mut(status, "Progressing")) {
            condition["lastTransitionTime"] = since["lastTransitionTime"].clone();
        }
    } else if has_timed_out(status, deadline, now) {
        let message = format!("{subject} has timed out progressing.");
        let late = Condition::progressing("False", "ProgressDeadlineExceeded", message);
        set_condition(status, &late, now);
    }
}

fn has_timed_out(status: &Value, deadline: Duration, now: Time) -> bool {
    let Some(progressing) = condition(status, "Progressing") else {
        return false;
    };
    match text(progressing, &["reason"]) {
        "NewReplicaSetAvailable" => false,
        "ProgressDeadlineExceeded" => true,
        _ => Time::parse(text(progressing, &["lastUpdateTime"])).is_some_and(|from| from + deadline < now),
    }
}

/// When the deadline is to be looked at again: a second after it, as Kubernetes does. `None` if the rollout is
/// over, has failed or has no deadline.
pub(super) fn next_check(deployment: &Value, status: &Value) -> Option<Time> {
    let deadline = progress_deadline(deployment)?;
    let progressing = condition(status, "Progressing")?;
    let over = ["NewReplicaSetAvailable", "ProgressDeadlineExceeded"];
    if is_complete(deployment, status) || over.contains(&text(progressing, &["reason"])) {
        return None;
    }
    let from = Time::parse(text(progressing, &["lastUpdateTime"]))?;
    Some(from + deadline + Duration::from_secs(1))
}

fn replica_failure(set: &ReplicaSet) -> Option<Condition> {
    let failure = condition(&set.0["status"], "ReplicaFailure")?;
    let reason = match text(failure, &["reason"]) {
        "FailedDelete" => "FailedDelete",
        _ => "FailedCreate",
    };
    Some(Condition {
        kind: "ReplicaFailure",
        status: "True",
        reason,
        message: text(failure, &["message"]).to_owned(),
    })
}

/// The condition of that type.
pub(super) fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = status["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)
}

fn condition_mut<'a>(status: &'a mut Value, kind: &str) -> Option<&'a mut Value> {
    let conditions = status.get_mut("conditions")?.as_array_mut()?;
    conditions.iter_mut().find(|condition| condition["type"] == kind)
}

fn remove_condition(status: &mut Value, kind: &str) {
    if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.retain(|condition| condition["type"] != kind);
        if conditions.is_empty()
            && let Some(status) = status.as_object_mut()
        {
            status.remove("conditions");
        }
    }
}

/// Sets a condition behind all others; one with the same status and reason stays as it is
/// (`SetDeploymentCondition`).
pub(super) fn set_condition(status: &mut Value, new: &Condition, now: Time) {
    let now = now.rfc3339();
    let mut since = Value::from(now.as_str());
    if let Some(current) = condition(status, new.kind)
        && current["status"] == new.status
    {
        if current["reason"] == new.reason {
            return;
        }
        since = current["lastTransitionTime"].clone();
    }
    remove_condition(status, new.kind);
    let condition = json!({
        "type": new.kind, "status": new.status, "lastUpdateTime": now, "lastTransitionTime": since,
        "reason": new.reason, "message": new.message,
    });
    match status.get_mut("conditions").and_then(Value::as_array_mut) {
        Some(conditions) => conditions.push(condition),
        None => status["conditions"] = json!([condition]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(status: &Value) -> Value {
        json!({"metadata": {"name": "web", "generation": 1}, "spec": {"replicas": 2,
            "progressDeadlineSeconds": 3, "strategy": {"type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}}, "status": status})
    }

    fn set(status: &Value) -> ReplicaSet {
        ReplicaSet(json!({"metadata": {"name": "web-1"}, "spec": {"replicas": 2}, "status": status}))
    }

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    fn reasons(status: &Value) -> Vec<&str> {
        let conditions = status["conditions"].as_array().unwrap();
        conditions
            .iter()
            .map(|condition| text(condition, &["reason"]))
            .collect()
    }

    #[test]
    fn a_rollout_progresses_completes_and_then_stays_complete_while_it_is_scaled() {
        let made = set(&json!({"replicas": 2, "terminatingReplicas": 0}));
        let status = rolled_out(
            &deployment(&json!({})),
            std::slice::from_ref(&made),
            Some(&made),
            at(0),
        );
        assert_eq!(
            reasons(&status),
            ["MinimumReplicasUnavailable", "ReplicaSetUpdated"]
        );
        assert_eq!(status["unavailableReplicas"], 2);

        let ready = set(&json!({"replicas": 2, "readyReplicas": 2, "availableReplicas": 2}));
        let status = rolled_out(
            &deployment(&status),
            std::slice::from_ref(&ready),
            Some(&ready),
            at(1),
        );
        assert_eq!(
            reasons(&status),
            ["MinimumReplicasAvailable", "NewReplicaSetAvailable"]
        );
        assert_eq!(
            status["conditions"][1]["message"],
            "ReplicaSet \"web-1\" has successfully progressed."
        );

        let status = rolled_out(
            &deployment(&status),
            std::slice::from_ref(&made),
            Some(&made),
            at(9),
        );
        assert_eq!(
            reasons(&status),
            ["NewReplicaSetAvailable", "MinimumReplicasUnavailable"]
        );
    }

    #[test]
    fn a_rollout_that_does_not_move_times_out_after_its_deadline() {
        let made = set(&json!({"replicas": 2}));
        let sets = std::slice::from_ref(&made);
        let status = rolled_out(&deployment(&json!({})), sets, Some(&made), at(0));
        assert_eq!(next_check(&deployment(&status), &status), Some(at(4)));
        let status = rolled_out(&deployment(&status), sets, Some(&made), at(3));
        assert_eq!(reasons(&status)[1], "ReplicaSetUpdated");
        let status = rolled_out(&deployment(&status), sets, Some(&made), at(4));
        assert_eq!(
            reasons(&status),
            ["MinimumReplicasUnavailable", "ProgressDeadlineExceeded"]
        );
        assert_eq!(next_check(&deployment(&status), &status), None);
    }
}
