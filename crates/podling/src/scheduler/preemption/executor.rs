//! Making room for good: the victims are told, and deleted.
//!
//! Source: `pkg/scheduler/framework/preemption/executor.go`, v1.36. Differs from Kubernetes: it is done within the
//! preemptor's cycle, not beside it.

use serde_json::Value;

use crate::apiserver::{ApiServer, DeleteOptions};
use crate::events::{EventType, Note, SeriesRecorder};
use crate::pod_condition::{self, Condition};
use crate::resource::PODS;
use crate::storage::{Object, text};

use super::super::pod_status;
use super::Candidate;

/// The condition that says that a pod is about to be removed, and why it is set here.
const DISRUPTION_TARGET: &str = "DisruptionTarget";
const PREEMPTED: &str = "PreemptionByScheduler";

/// Whether a pod is terminating because the scheduler removed it.
pub(crate) fn is_preempted(pod: &Value) -> bool {
    let target = pod_condition::of(pod, DISRUPTION_TARGET);
    pod["metadata"].get("deletionTimestamp").is_some()
        && target.is_some_and(|target| target["status"] == "True" && target["reason"] == PREEMPTED)
}

/// Ends the nominations of `lower`, pods that may not fit on the node any more, and removes the victims that are not
/// terminating already. A pod that is gone by now is no failure.
pub(crate) fn execute(
    api: &mut ApiServer,
    events: &mut SeriesRecorder,
    preemptor: &Object,
    candidate: &Candidate,
    lower: &[Object],
) {
    for pod in lower {
        drop(pod_status::patch(api, pod, None, Some("")));
    }
    for victim in &candidate.victims {
        if victim.object["metadata"].get("deletionTimestamp").is_none() {
            preempt(api, events, preemptor, &victim.object, &candidate.node);
        }
    }
}

fn preempt(
    api: &mut ApiServer,
    events: &mut SeriesRecorder,
    preemptor: &Object,
    victim: &Object,
    node: &str,
) {
    let scheduler = text(preemptor, &["spec", "schedulerName"]);
    let target = Condition {
        kind: DISRUPTION_TARGET,
        status: "True",
        reason: PREEMPTED,
        message: &format!("{scheduler}: preempting to accommodate a higher priority pod"),
    };
    if pod_status::patch(api, victim, Some(&target), None).is_err() {
        return;
    }
    let name = |key| text(victim, &["metadata", key]);
    let deletion = DeleteOptions::default();
    if api
        .delete(&PODS, name("namespace"), name("name"), &deletion)
        .is_err()
    {
        return;
    }
    let uid = text(preemptor, &["metadata", "uid"]);
    let note = Note {
        kind: EventType::Normal,
        reason: "Preempted",
        action: "Preempting",
        message: &format!("Preempted by pod {uid} on node {node}"),
    };
    events.record(api, victim, note);
}
