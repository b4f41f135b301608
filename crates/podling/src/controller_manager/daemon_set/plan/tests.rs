//! Tables of plans, with and without updates.

use std::sync::Arc;

use serde_json::json;

use super::super::status;
use super::*;

const NAMES: [&str; 3] = ["n1", "n2", "n3"];

fn now() -> Time {
    Time::parse("2026-01-01T00:10:00Z").unwrap()
}

fn set(rolling: &Value) -> Value {
    json!({
        "metadata": {"name": "d", "namespace": "ns", "uid": "u", "generation": 2},
        "spec": {
            "template": {"metadata": {}, "spec": {}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
        },
    })
}

fn one_by_one() -> Value {
    set(&json!({"maxUnavailable": 1, "maxSurge": 0}))
}

fn nodes(names: &[&str]) -> Vec<Object> {
    names
        .iter()
        .map(|name| -> Object { Arc::new(json!({"metadata": {"name": name}})) })
        .collect()
}

/// A Pod `hash-node` in a state: `ready`, `unready`, `failed`, `succeeded`, `leaving`.
fn pod(node: &str, hash: &str, state: &str) -> Object {
    let (phase, ready) = match state {
        "ready" => ("Running", "True"),
        "failed" => ("Failed", "False"),
        "succeeded" => ("Succeeded", "False"),
        _ => ("Running", "False"),
    };
    let mut pod = json!({
        "metadata": {"name": format!("{hash}-{node}"), "namespace": "ns", "labels": {REVISION_LABEL: hash}},
        "spec": {"nodeName": node},
        "status": {"phase": phase, "conditions": [
            {"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:09:00Z"},
        ]},
    });
    if state == "leaving" {
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:10:30Z".into();
    }
    Arc::new(pod)
}

fn history() -> History {
    History {
        update: Arc::new(json!({"metadata": {"name": "d-new", "labels": {REVISION_LABEL: "new"}}})),
        others: Vec::new(),
        collisions: 0,
    }
}

fn short(action: &Action) -> String {
    match action {
        Action::Create(node) => format!("+{node}"),
        Action::Delete(name) => format!("-{name}"),
        Action::Replace { pod, .. } => format!("~{}", text(pod, &["metadata", "name"])),
        Action::Wait(_) => "wait".to_owned(),
    }
}

#[track_caller]
fn assert_steps(case: &str, set: &Value, nodes: &[Object], pods: &[Object], expected: &[&str]) {
    let history = history();
    let observed = Observed::new(set, nodes, pods, &history);
    let steps: Vec<String> = plan(&observed, now(), |_| None).iter().map(short).collect();
    assert_eq!(steps, expected, "{case}");
}

#[test]
fn each_node_gets_one_pod() {
    let (set, nodes) = (one_by_one(), nodes(&NAMES));
    assert_steps("none", &set, &nodes, &[], &["+n1", "+n2", "+n3"]);
    let new = |node: &str| pod(node, "new", "ready");
    assert_steps("one missing", &set, &nodes, &[new("n1"), new("n3")], &["+n2"]);
    let leaving = pod("n2", "new", "leaving");
    assert_steps("one leaving", &set, &nodes, &[new("n1"), leaving, new("n3")], &[]);
    let mut second = Value::clone(&new("n1"));
    second["metadata"]["name"] = "second".into();
    let pods = [new("n1"), Arc::new(second), new("n2"), new("n3")];
    assert_steps("one too many", &set, &nodes, &pods, &["-second"]);
}

#[test]
fn pods_that_ended_are_replaced() {
    let (set, nodes) = (one_by_one(), nodes(&["n1"]));
    assert_steps(
        "failed",
        &set,
        &nodes,
        &[pod("n1", "new", "failed")],
        &["~new-n1"],
    );
    assert_steps(
        "succeeded",
        &set,
        &nodes,
        &[pod("n1", "new", "succeeded")],
        &["~new-n1"],
    );
    let (failed, history) = ([pod("n1", "new", "failed")], history());
    let observed = Observed::new(&set, &nodes, &failed, &history);
    let later = now() + Duration::from_secs(5);
    assert_eq!(plan(&observed, now(), |_| Some(later)), [Action::Wait(later)]);
}

#[test]
fn a_pod_leaves_a_node_that_is_not_for_it() {
    let mut set = one_by_one();
    set["spec"]["template"]["spec"]["nodeSelector"] = json!({"disk": "ssd"});
    assert_steps(
        "not selected",
        &set,
        &nodes(&["n1"]),
        &[pod("n1", "new", "ready")],
        &["-new-n1"],
    );
    let mut waiting = pods::new_pod(&one_by_one(), "new", "gone");
    waiting["metadata"]["name"] = "waiting".into();
    assert_steps(
        "the node is gone",
        &one_by_one(),
        &[],
        &[Arc::new(waiting)],
        &["-waiting"],
    );
}

#[test]
fn an_update_takes_as_many_as_may_be_missing() {
    let nodes = nodes(&NAMES);
    let old = |node: &str| pod(node, "old", "ready");
    let all_old = [old("n1"), old("n2"), old("n3")];
    let at_once = |most: Value| set(&json!({"maxUnavailable": most, "maxSurge": 0}));
    assert_steps("one", &at_once(json!(1)), &nodes, &all_old, &["-old-n1"]);
    assert_steps(
        "half, rounded up",
        &at_once(json!("50%")),
        &nodes,
        &all_old,
        &["-old-n1", "-old-n2"],
    );
    let waiting = [pod("n1", "new", "unready"), old("n2"), old("n3")];
    assert_steps(
        "a new one is not ready",
        &at_once(json!(1)),
        &nodes,
        &waiting,
        &[],
    );
    let broken = [old("n1"), pod("n2", "old", "unready"), old("n3")];
    assert_steps(
        "a broken old one goes first",
        &at_once(json!(1)),
        &nodes,
        &broken,
        &["-old-n2"],
    );
    let on_delete = json!({"metadata": {"name": "d"}, "spec": {
        "template": {"spec": {}}, "updateStrategy": {"type": "OnDelete"}}});
    assert_steps("on delete", &on_delete, &nodes, &all_old, &[]);
}

#[test]
fn with_a_surge_the_new_pod_comes_first() {
    let nodes = nodes(&["n1", "n2"]);
    let surge = set(&json!({"maxUnavailable": 0, "maxSurge": 1}));
    let old = |node: &str| pod(node, "old", "ready");
    let new = |node: &str, state: &str| pod(node, "new", state);
    assert_steps("all old", &surge, &nodes, &[old("n1"), old("n2")], &["+n1"]);
    assert_steps(
        "one under way",
        &surge,
        &nodes,
        &[old("n1"), new("n1", "unready"), old("n2")],
        &[],
    );
    assert_steps(
        "one done",
        &surge,
        &nodes,
        &[old("n1"), new("n1", "ready"), old("n2")],
        &["-old-n1"],
    );
    assert_steps(
        "the next",
        &surge,
        &nodes,
        &[new("n1", "ready"), old("n2")],
        &["+n2"],
    );
    let broken = [pod("n1", "old", "unready"), old("n2")];
    assert_steps(
        "a broken old one is extra",
        &surge,
        &nodes,
        &broken,
        &["+n1", "+n2"],
    );
}

#[test]
fn the_status_counts_nodes() {
    let (set, nodes, history) = (one_by_one(), nodes(&NAMES), history());
    let pods = [pod("n1", "new", "ready"), pod("n2", "old", "unready")];
    let observed = Observed::new(&set, &nodes, &pods, &history);
    let (status, check_at) = status::next(&observed, now());
    assert_eq!(
        status,
        json!({
            "currentNumberScheduled": 2, "numberMisscheduled": 0, "desiredNumberScheduled": 3, "numberReady": 1,
            "observedGeneration": 2, "updatedNumberScheduled": 1, "numberAvailable": 1, "numberUnavailable": 2,
        })
    );
    assert_eq!(check_at, None);
}
