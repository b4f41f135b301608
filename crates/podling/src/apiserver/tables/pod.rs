//! The row of a Pod: how many containers are ready, and the STATUS word that learners read first.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{NONE, age, items, number, or, since};
use crate::clock::Time;
use crate::storage::text;

/// Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates.
pub(super) fn cells(pod: &Value, now: Time) -> Value {
    let state = State::of(pod);
    let ip = items(pod, &["status", "podIPs"])
        .map(|ip| text(ip, &["ip"]))
        .next();
    json!([
        text(pod, &["metadata", "name"]),
        format!("{}/{}", state.ready, state.containers),
        state.word,
        state.restarts.text(now),
        age(pod, now),
        or(ip.unwrap_or_default(), NONE),
        or(text(pod, &["spec", "nodeName"]), NONE),
        or(text(pod, &["status", "nominatedNodeName"]), NONE),
        readiness_gates(pod),
    ])
}

/// The row's own conditions: a Pod that has ended is `Completed`, so that clients can leave it out.
pub(super) fn conditions(pod: &Value) -> Option<Value> {
    let (reason, message) = match text(pod, &["status", "phase"]) {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

/// What the first columns are made of.
#[derive(Debug, Default)]
struct State {
    word: String,
    ready: usize,
    containers: usize,
    restarts: Restarts,
}

/// How often containers were restarted, and when last.
#[derive(Debug, Default)]
struct Restarts {
    count: i64,
    last: Option<Time>,
}

impl Restarts {
    fn add(&mut self, status: &Value) {
        self.count += number(status, &["restartCount"]);
        let finished = text(status, &["lastState", "terminated", "finishedAt"]);
        self.last = self.last.max(Time::parse(finished));
    }

    fn text(&self, now: Time) -> String {
        match self.last {
            Some(last) if self.count > 0 => {
                format!("{} ({} ago)", self.count, since(&last.rfc3339(), now))
            }
            _ => self.count.to_string(),
        }
    }
}

impl State {
    fn of(pod: &Value) -> Self {
        let sidecars: BTreeSet<&str> = items(pod, &["spec", "initContainers"])
            .filter(|container| text(container, &["restartPolicy"]) == "Always")
            .map(|container| text(container, &["name"]))
            .collect();
        let is_sidecar = |status: &Value| sidecars.contains(text(status, &["name"]));
        let mut state = Self {
            word: first_word(pod).to_owned(),
            containers: items(pod, &["spec", "containers"]).count() + sidecars.len(),
            ..Self::default()
        };
        let initializing = state.read_init_containers(pod, is_sidecar);
        if !initializing || condition(pod, "Initialized") {
            state.restarts = Restarts::default();
            for status in items(pod, &["status", "initContainerStatuses"]).filter(|status| is_sidecar(status))
            {
                state.restarts.add(status);
            }
            state.read_containers(pod);
        }
        if let Some(word) = deleted_word(pod) {
            word.clone_into(&mut state.word);
        }
        state
    }

    /// Goes through the init containers up to the one that keeps the Pod from starting; whether there is one.
    fn read_init_containers(&mut self, pod: &Value, is_sidecar: impl Fn(&Value) -> bool) -> bool {
        let total = items(pod, &["spec", "initContainers"]).count();
        for (done, status) in items(pod, &["status", "initContainerStatuses"]).enumerate() {
            self.restarts.add(status);
            let terminated = status["state"].get("terminated");
            let succeeded = terminated.is_some_and(|end| number(end, &["exitCode"]) == 0);
            let runs_beside = !succeeded && is_sidecar(status) && status["started"] == true;
            if runs_beside {
                self.ready += usize::from(status["ready"] == true);
            }
            if succeeded || runs_beside {
                continue;
            }
            let waiting = text(status, &["state", "waiting", "reason"]);
            self.word = match terminated {
                Some(end) => format!("Init:{}", ending(end)),
                None if !matches!(waiting, "" | "PodInitializing") => format!("Init:{waiting}"),
                None => format!("Init:{done}/{total}"),
            };
            return true;
        }
        false
    }

    /// The first container that has something to say decides.
    fn read_containers(&mut self, pod: &Value) {
        let mut running = false;
        for status in items(pod, &["status", "containerStatuses"]).rev() {
            self.restarts.add(status);
            let state = &status["state"];
            let waiting = text(state, &["waiting", "reason"]);
            if !waiting.is_empty() {
                waiting.clone_into(&mut self.word);
            } else if let Some(end) = state.get("terminated") {
                self.word = ending(end);
            } else if status["ready"] == true && state.get("running").is_some() {
                running = true;
                self.ready += 1;
            }
        }
        if self.word == "Completed" && running {
            let word = match condition(pod, "Ready") {
                true => "Running",
                false => "NotReady",
            };
            word.clone_into(&mut self.word);
        }
    }
}

/// What the Pod says of itself, before its containers have their say.
fn first_word(pod: &Value) -> &str {
    let gated = items(pod, &["status", "conditions"]).any(|condition| {
        text(condition, &["type"]) == "PodScheduled" && text(condition, &["reason"]) == "SchedulingGated"
    });
    match text(pod, &["status", "reason"]) {
        _ if gated => "SchedulingGated",
        "" => text(pod, &["status", "phase"]),
        reason => reason,
    }
}

/// The word of a Pod that is being deleted, unless it has ended already.
fn deleted_word(pod: &Value) -> Option<&'static str> {
    if text(pod, &["metadata", "deletionTimestamp"]).is_empty() {
        return None;
    }
    if text(pod, &["status", "reason"]) == "NodeLost" {
        return Some("Unknown");
    }
    let ended = matches!(text(pod, &["status", "phase"]), "Succeeded" | "Failed");
    (!ended).then_some("Terminating")
}

/// How a container ended: its reason, else its signal or exit code.
fn ending(terminated: &Value) -> String {
    match (text(terminated, &["reason"]), number(terminated, &["signal"])) {
        ("", 0) => format!("ExitCode:{}", number(terminated, &["exitCode"])),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn condition(pod: &Value, kind: &str) -> bool {
    items(pod, &["status", "conditions"])
        .any(|condition| text(condition, &["type"]) == kind && text(condition, &["status"]) == "True")
}

fn readiness_gates(pod: &Value) -> String {
    let gates: Vec<&Value> = items(pod, &["spec", "readinessGates"]).collect();
    if gates.is_empty() {
        return NONE.to_owned();
    }
    let open = gates
        .iter()
        .filter(|gate| condition(pod, text(gate, &["conditionType"])))
        .count();
    format!("{open}/{}", gates.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ready, Status and Restarts of a Pod with one container and the given init containers.
    fn shown(init: &Value, status: &Value) -> [String; 3] {
        let pod = json!({
            "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "c"}], "initContainers": init},
            "status": status,
        });
        let cells = cells(&pod, Time::parse("2026-01-01T00:01:00Z").unwrap());
        [1, 2, 3].map(|at| cells[at].as_str().unwrap().to_owned())
    }

    fn container(ready: bool, restarts: u32, state: &Value) -> Value {
        json!([{"name": "c", "ready": ready, "restartCount": restarts, "state": state}])
    }

    #[test]
    fn the_status_word_is_what_keeps_the_pod_from_running() {
        let waiting =
            |reason: &str, restarts| container(false, restarts, &json!({"waiting": {"reason": reason}}));
        let ended = |fields: Value| container(false, 0, &json!({"terminated": fields}));
        let gated = json!([{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]);
        let cases = [
            (json!({"phase": "Pending"}), ["0/1", "Pending", "0"]),
            (
                json!({"phase": "Running", "containerStatuses": container(true, 0, &json!({"running": {}}))}),
                ["1/1", "Running", "0"],
            ),
            (
                json!({"phase": "Pending", "containerStatuses": waiting("ContainerCreating", 0)}),
                ["0/1", "ContainerCreating", "0"],
            ),
            (
                json!({"phase": "Running", "containerStatuses": waiting("CrashLoopBackOff", 3)}),
                ["0/1", "CrashLoopBackOff", "3"],
            ),
            (
                json!({"phase": "Failed", "containerStatuses": ended(json!({"exitCode": 2, "reason": "Error"}))}),
                ["0/1", "Error", "0"],
            ),
            (
                json!({"phase": "Failed", "containerStatuses": ended(json!({"exitCode": 0, "signal": 9}))}),
                ["0/1", "Signal:9", "0"],
            ),
            (
                json!({"phase": "Failed", "containerStatuses": ended(json!({"exitCode": 3}))}),
                ["0/1", "ExitCode:3", "0"],
            ),
            (
                json!({"phase": "Failed", "reason": "Evicted"}),
                ["0/1", "Evicted", "0"],
            ),
            (
                json!({"phase": "Pending", "conditions": gated}),
                ["0/1", "SchedulingGated", "0"],
            ),
        ];
        for (status, expected) in cases {
            assert_eq!(shown(&json!([]), &status), expected);
        }
    }

    #[test]
    fn init_containers_are_counted_until_they_are_done() {
        let two = json!([{"name": "i1"}, {"name": "i2"}]);
        let cases = [
            (json!({"running": {}}), "Init:1/2"),
            (json!({"waiting": {"reason": "PodInitializing"}}), "Init:1/2"),
            (
                json!({"waiting": {"reason": "CrashLoopBackOff"}}),
                "Init:CrashLoopBackOff",
            ),
            (
                json!({"terminated": {"exitCode": 1, "reason": "Error"}}),
                "Init:Error",
            ),
            (json!({"terminated": {"exitCode": 4}}), "Init:ExitCode:4"),
        ];
        for (state, word) in cases {
            let status = json!({"phase": "Pending", "initContainerStatuses": [
                {"name": "i1", "ready": true, "restartCount": 0, "state": {"terminated": {"exitCode": 0}}},
                {"name": "i2", "ready": false, "restartCount": 2, "state": state},
            ]});
            assert_eq!(shown(&two, &status), ["0/1", word, "2"]);
        }
    }

    #[test]
    fn a_sidecar_counts_as_a_container() {
        let sidecar = json!([{"name": "i1", "restartPolicy": "Always"}]);
        let status = json!({
            "phase": "Running",
            "conditions": [{"type": "Initialized", "status": "True"}],
            "initContainerStatuses": [
                {"name": "i1", "ready": true, "started": true, "restartCount": 1, "state": {"running": {}}},
            ],
            "containerStatuses": container(true, 1, &json!({"running": {}})),
        });
        assert_eq!(shown(&sidecar, &status), ["2/2", "Running", "2"]);
    }

    #[test]
    fn the_last_restart_is_dated() {
        let status = json!({"phase": "Running", "containerStatuses": [{
            "name": "c", "ready": true, "restartCount": 2, "state": {"running": {}},
            "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:48Z"}},
        }]});
        assert_eq!(shown(&json!([]), &status), ["1/1", "Running", "2 (12s ago)"]);
    }

    #[test]
    fn a_deleted_pod_is_terminating_until_it_has_ended() {
        let word = |phase: &str, reason: &str| {
            deleted_word(&json!({
                "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"},
                "status": {"phase": phase, "reason": reason},
            }))
        };
        assert_eq!(word("Running", ""), Some("Terminating"));
        assert_eq!(word("Running", "NodeLost"), Some("Unknown"));
        assert_eq!(word("Succeeded", ""), None);
    }

    #[test]
    fn one_container_of_two_that_completed_leaves_the_pod_running() {
        let pod = |ready: &str| {
            json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}, "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [
                    {"name": "a", "ready": false, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
                    {"name": "b", "ready": true, "state": {"running": {}}},
                ],
            }})
        };
        assert_eq!(State::of(&pod("False")).word, "NotReady");
        assert_eq!(State::of(&pod("True")).word, "Running");
    }

    #[test]
    fn readiness_gates_are_counted() {
        let pod = json!({
            "spec": {"readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}]},
            "status": {"conditions": [{"type": "b", "status": "True"}]},
        });
        assert_eq!(readiness_gates(&pod), "1/2");
        assert_eq!(readiness_gates(&json!({})), "<none>");
    }

    #[test]
    fn a_pod_that_has_ended_is_marked_for_clients() {
        let ended = conditions(&json!({"status": {"phase": "Succeeded"}}));
        assert_eq!(
            ended,
            Some(
                json!([{"type": "Completed", "status": "True", "reason": "Succeeded",
                         "message": "The pod has completed successfully."}])
            )
        );
        assert_eq!(conditions(&json!({"status": {"phase": "Running"}})), None);
    }
}
