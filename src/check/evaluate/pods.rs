//! Conditions on Pods: ready, not restarted, in a certain state.

use jiff::Timestamp;
use serde_json::Value;

use super::Finding;
use crate::check::object::{containers, list, name, named, number, text};
use crate::check::{ContainerState, Message, NoRestarts, PodsReady, View};
use crate::lab::Target;

pub(super) fn ready(view: &View, it: &PodsReady) -> Result<Finding, Message> {
    if let Some(stale) = not_settled(view, &it.target)? {
        return Ok(stale);
    }
    let target = it.target.to_string();
    let pods = view.live_pods(&it.target)?;
    let unready = pods.iter().find_map(|pod| obstacle(pod, view.now));
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let ready = i64::try_from(ready).unwrap_or(i64::MAX);
    Ok(match unready {
        Some(obstacle) => obstacle,
        None if pods.is_empty() => Finding::fails(Message::NoPods { target }),
        None if ready < it.count => Finding::fails(Message::TooFewPods {
            target,
            ready,
            wanted: it.count,
        }),
        None => Finding::holds(Message::PodsReady { target, ready }),
    })
}

/// A workload whose controller has not seen the newest change: its Pods are still those of the change before.
fn not_settled(view: &View, target: &Target) -> Result<Option<Finding>, Message> {
    if !["Deployment", "StatefulSet", "DaemonSet"].contains(&target.kind.as_str()) {
        return Ok(None);
    }
    let Some(object) = view.object(target)? else {
        return Ok(None);
    };
    let stale = number(object, "/status/observedGeneration") < number(object, "/metadata/generation");
    Ok(stale.then(|| {
        Finding::coming(Message::NotObserved {
            target: target.to_string(),
        })
    }))
}

fn is_ready(pod: &Value) -> bool {
    list(pod, "/status/conditions")
        .iter()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// What keeps a Pod from being ready, if anything does.
fn obstacle(pod: &Value, now: Timestamp) -> Option<Finding> {
    let pod_name = || name(pod).to_owned();
    match text(pod, "/status/phase") {
        Some(phase @ ("Succeeded" | "Failed")) => {
            return Some(Finding::fails(Message::PodOver {
                pod: pod_name(),
                phase: phase.to_owned(),
            }));
        }
        _ if is_ready(pod) => return None,
        _ => {}
    }
    let scheduled = list(pod, "/status/conditions")
        .iter()
        .find(|condition| condition["type"] == "PodScheduled");
    if let Some(condition) = scheduled.filter(|condition| condition["status"] == "False") {
        let why = condition["message"].as_str().unwrap_or_default().to_owned();
        return Some(Finding::fails(Message::PodUnschedulable { pod: pod_name(), why }));
    }
    let statuses = list(pod, "/status/initContainerStatuses")
        .iter()
        .chain(list(pod, "/status/containerStatuses"));
    let stuck = statuses
        .filter(|status| status["ready"] != true)
        .find_map(|status| trouble(pod, status, now));
    Some(stuck.unwrap_or_else(|| Finding::coming(Message::PodStarting { pod: pod_name() })))
}

/// What is wrong with a container that isn't ready; none where it only takes its time.
fn trouble(pod: &Value, status: &Value, now: Timestamp) -> Option<Finding> {
    let (pod_name, container) = (
        name(pod).to_owned(),
        text(status, "/name").unwrap_or_default().to_owned(),
    );
    if let Some(reason) = text(status, "/state/waiting/reason") {
        let usual = ["ContainerCreating", "PodInitializing"].contains(&reason);
        let reason = reason.to_owned();
        return (!usual).then(|| {
            Finding::fails(Message::ContainerWaiting {
                pod: pod_name,
                container,
                reason,
            })
        });
    }
    if let Some(end) = status.pointer("/state/terminated") {
        let exit_code = number(end, "/exitCode").unwrap_or_default();
        let reason = text(end, "/reason").unwrap_or_default().to_owned();
        let done = exit_code == 0 && named(list(pod, "/status/initContainerStatuses"), &container).is_some();
        return (!done).then(|| {
            Finding::fails(Message::ContainerEnded {
                pod: pod_name,
                container,
                reason,
                exit_code,
            })
        });
    }
    let started: Timestamp = text(status, "/state/running/startedAt")?.parse().ok()?;
    let patience = named(containers(pod), &container).map_or(0, patience);
    let late = now.as_second().saturating_sub(started.as_second()) > patience;
    late.then(|| {
        Finding::fails(Message::ContainerNotReady {
            pod: pod_name,
            container,
        })
    })
}

/// How many seconds a container may take from its start until it is ready before that means something.
///
/// The startup probe's time and the readiness probe's, each initialDelaySeconds + periodSeconds × failureThreshold:
/// 5 + 5 × 3 = 20 for a probe that first asks after 5 s and then each 5 s.
fn patience(container: &Value) -> i64 {
    ["startupProbe", "readinessProbe"]
        .iter()
        .map(|probe| notice_time(&container[*probe]))
        .sum()
}

/// How many seconds after a container's start a probe has failed often enough; 0 without a probe.
pub(crate) fn notice_time(probe: &Value) -> i64 {
    if !probe.is_object() {
        return 0;
    }
    let field = |name: &str, default: i64| probe[name].as_i64().unwrap_or(default);
    let failing = field("periodSeconds", 10).saturating_mul(field("failureThreshold", 3));
    field("initialDelaySeconds", 0).saturating_add(failing)
}

/// Holds while every container runs; its anchor is who runs, and how often each has been restarted.
pub(super) fn no_restarts(view: &View, it: &NoRestarts) -> Result<Finding, Message> {
    if let Some(stale) = not_settled(view, &it.target)? {
        return Ok(stale);
    }
    let pods = view.live_pods(&it.target)?;
    let target = it.target.to_string();
    if pods.is_empty() {
        return Ok(Finding::fails(Message::NoPods { target }));
    }
    if let Some(obstacle) = pods.iter().find_map(|pod| not_running(pod, view.now)) {
        return Ok(obstacle);
    }
    let counts = pods.iter().flat_map(|pod| restart_counts(pod));
    let (mut anchor, mut restarts) = (vec![], 0);
    for (who, count) in counts {
        anchor.push(format!("{who}={count}"));
        restarts += count;
    }
    let finding = Finding::holds(Message::Running { target, restarts });
    Ok(Finding {
        anchor: anchor.join("\n"),
        ..finding
    })
}

fn not_running(pod: &Value, now: Timestamp) -> Option<Finding> {
    let statuses = list(pod, "/status/containerStatuses");
    let running = |status: &Value| status.pointer("/state/running").is_some();
    if statuses.len() == containers(pod).len() && statuses.iter().all(running) {
        return None;
    }
    let stuck = statuses
        .iter()
        .filter(|status| !running(status))
        .find_map(|status| trouble(pod, status, now));
    stuck.or_else(|| {
        Some(Finding::coming(Message::PodStarting {
            pod: name(pod).to_owned(),
        }))
    })
}

fn restart_counts(pod: &Value) -> Vec<(String, i64)> {
    let uid = text(pod, "/metadata/uid").unwrap_or_default();
    let count = |status: &Value| {
        let container = text(status, "/name").unwrap_or_default();
        (
            format!("{uid}/{container}"),
            number(status, "/restartCount").unwrap_or(0),
        )
    };
    list(pod, "/status/containerStatuses").iter().map(count).collect()
}

pub(super) fn container_state(view: &View, it: &ContainerState) -> Result<Finding, Message> {
    let pods = view.live_pods(&it.target)?;
    let seen = pods
        .iter()
        .flat_map(|pod| list(pod, "/status/containerStatuses"))
        .filter(|status| {
            it.container
                .as_ref()
                .is_none_or(|wanted| status["name"] == wanted.as_str())
        })
        .any(|status| is_in_state(status, it));
    let target = it.target.to_string();
    Ok(if seen {
        Finding::holds(Message::ContainerSeen { target })
    } else {
        Finding::fails(Message::ContainerNotSeen { target })
    })
}

fn is_in_state(status: &Value, it: &ContainerState) -> bool {
    let reason =
        |pointers: &[&str], wanted: &String| pointers.iter().any(|at| text(status, at) == Some(wanted));
    const ENDS: [&str; 2] = ["/state/terminated/reason", "/lastState/terminated/reason"];
    it.waiting
        .as_ref()
        .is_none_or(|wanted| reason(&["/state/waiting/reason"], wanted))
        && it.terminated.as_ref().is_none_or(|wanted| reason(&ENDS, wanted))
        && it
            .restarts
            .is_none_or(|wanted| number(status, "/restartCount").unwrap_or(0) >= wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::evaluate::Outcome;
    use serde_json::json;

    fn pod(ready: bool, state: &Value) -> Value {
        let ready_text = if ready { "True" } else { "False" };
        json!({"kind": "Pod", "metadata": {"name": "web", "namespace": "default", "uid": "u"},
            "spec": {"containers": [{"name": "c", "readinessProbe": {"initialDelaySeconds": 5, "periodSeconds": 5, "failureThreshold": 3}}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready_text}],
                "containerStatuses": [{"name": "c", "ready": ready, "restartCount": 2, "state": state}]}})
    }

    fn view(pods: Vec<Value>) -> View {
        let mut view = View::new("default", [], "2026-11-21T12:01:00Z".parse().unwrap());
        view.replace("Pod", pods);
        view
    }

    #[test]
    fn a_pod_is_ready_on_its_way_or_stuck() {
        let since = |time: &str| json!({"running": {"startedAt": format!("2026-11-21T12:{time}Z")}});
        for (is_ready, state, outcome) in [
            (true, since("00:00"), Outcome::Holds),
            (false, since("00:50"), Outcome::Coming),
            (false, since("00:30"), Outcome::Fails),
            (
                false,
                json!({"waiting": {"reason": "ContainerCreating"}}),
                Outcome::Coming,
            ),
            (
                false,
                json!({"waiting": {"reason": "CrashLoopBackOff"}}),
                Outcome::Fails,
            ),
            (
                false,
                json!({"terminated": {"reason": "Error", "exitCode": 2}}),
                Outcome::Fails,
            ),
        ] {
            let view = view(vec![pod(is_ready, &state)]);
            let finding = ready(
                &view,
                &PodsReady {
                    target: Target::named("Pod", "web"),
                    count: 1,
                },
            )
            .unwrap();
            assert_eq!(finding.outcome, outcome, "{state}");
        }
    }

    #[test]
    fn a_pod_that_is_being_deleted_does_not_count() {
        let mut dying = pod(true, &json!({"running": {"startedAt": "2026-11-21T12:00:00Z"}}));
        dying["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:59Z");
        let finding = ready(
            &view(vec![dying]),
            &PodsReady {
                target: Target::named("Pod", "web"),
                count: 1,
            },
        )
        .unwrap();
        assert_eq!(
            finding.message,
            Message::NoPods {
                target: "Pod/web".to_owned()
            }
        );
    }

    #[test]
    fn the_restart_counts_anchor_the_window() {
        let running = pod(true, &json!({"running": {"startedAt": "2026-11-21T12:00:00Z"}}));
        let finding = no_restarts(
            &view(vec![running]),
            &NoRestarts {
                target: Target::named("Pod", "web"),
            },
        )
        .unwrap();
        assert_eq!(
            (finding.outcome, finding.anchor.as_str()),
            (Outcome::Holds, "u/c=2")
        );
    }

    #[test]
    fn a_container_that_was_killed_by_memory_is_seen() {
        let mut killed = pod(false, &json!({"waiting": {"reason": "CrashLoopBackOff"}}));
        killed["status"]["containerStatuses"][0]["lastState"] =
            json!({"terminated": {"reason": "OOMKilled"}});
        let wanted = |terminated: &str, restarts| ContainerState {
            target: Target::named("Pod", "web"),
            container: None,
            waiting: None,
            terminated: Some(terminated.to_owned()),
            restarts: Some(restarts),
        };
        for (terminated, restarts, outcome) in [
            ("OOMKilled", 2, Outcome::Holds),
            ("OOMKilled", 3, Outcome::Fails),
            ("Error", 1, Outcome::Fails),
        ] {
            let found = container_state(&view(vec![killed.clone()]), &wanted(terminated, restarts)).unwrap();
            assert_eq!(found.outcome, outcome);
        }
    }
}
