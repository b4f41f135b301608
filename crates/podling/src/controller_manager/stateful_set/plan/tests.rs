//! Tables of plans.

use std::sync::Arc;

use serde_json::json;

use super::*;

fn now() -> Time {
    Time::parse("2026-01-01T00:10:00Z").unwrap()
}

fn set(change: impl FnOnce(&mut Value)) -> Value {
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "web", "namespace": "d", "uid": "u", "generation": 1},
        "spec": {
            "replicas": 3, "serviceName": "web", "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        },
        "status": {"currentRevision": "web-old"},
    });
    change(&mut set);
    set
}

/// A Pod in a state: `ready`, `unready`, `pending`, `failed`, `leaving`.
fn pod(name: &str, revision: &str, state: &str) -> Object {
    let mut pod = identity::example(name, revision);
    let phase = match state {
        "pending" => "Pending",
        "failed" => "Failed",
        _ => "Running",
    };
    let ready = if matches!(state, "ready" | "leaving") {
        "True"
    } else {
        "False"
    };
    pod["status"] = json!({"phase": phase, "conditions": [
        {"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:09:00Z"},
    ]});
    if state == "leaving" {
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:10:30Z".into();
    }
    Arc::new(pod)
}

fn history() -> History {
    let revision = |name: &str| -> Object {
        Arc::new(
            json!({"metadata": {"name": name}, "data": {"spec": {"template": {"metadata": {}, "spec": {}}}}}),
        )
    };
    History {
        update: revision("web-new"),
        others: vec![revision("web-old")],
        collisions: 0,
    }
}

/// What is planned, in short: `+web-0 web-new` for a creation, `-web-1` for a deletion.
fn steps(set: &Value, pods: &[Object]) -> Vec<Vec<String>> {
    let name = |pod: &Value| text(pod, &["metadata", "name"]).to_owned();
    let short = |action: &Action| match action {
        Action::Create(pod) => format!("+{} {}", name(pod), identity::revision(pod)),
        Action::Delete(pod) => format!("-{}", name(pod)),
        Action::Identify(pod) => format!("id {}", name(pod)),
        Action::Provide(pod) => format!("claims {}", name(pod)),
        Action::Keep(pod) => format!("keep {}", name(pod)),
    };
    let history = history();
    let plan = plan(&Observed::new(set, pods, &history), now());
    plan.phases
        .iter()
        .map(|phase| phase.iter().map(short).collect())
        .collect()
}

#[track_caller]
fn assert_steps(case: &str, set: &Value, pods: &[Object], expected: &[&[&str]]) {
    assert_eq!(steps(set, pods), expected, "{case}");
}

#[test]
fn pods_are_made_in_order_each_after_the_one_before_is_ready() {
    let set = set(|_| {});
    let (first, second) = (
        pod("web-0", "web-new", "ready"),
        pod("web-1", "web-new", "unready"),
    );
    assert_steps("none", &set, &[], &[&["+web-0 web-new"]]);
    assert_steps("one", &set, std::slice::from_ref(&first), &[&["+web-1 web-new"]]);
    assert_steps("one not ready", &set, &[first.clone(), second], &[]);
    let leaving = pod("web-0", "web-new", "leaving");
    assert_steps("one leaving", &set, &[leaving], &[]);
    let failed = pod("web-1", "web-new", "failed");
    assert_steps("one failed", &set, &[first, failed], &[&["-web-1"]]);
}

#[test]
fn in_parallel_nothing_waits() {
    let parallel = |replicas: i64| {
        set(|set| {
            set["spec"]["podManagementPolicy"] = "Parallel".into();
            set["spec"]["replicas"] = replicas.into();
        })
    };
    let all: &[&str] = &["+web-0 web-new", "+web-1 web-new", "+web-2 web-new"];
    assert_steps("none", &parallel(3), &[], &[all]);
    let pods = ["web-0", "web-1", "web-2"].map(|name| pod(name, "web-new", "unready"));
    assert_steps("too many", &parallel(1), &pods, &[&["-web-2", "-web-1"]]);
}

#[test]
fn pods_go_from_the_last_one_by_one() {
    let set = set(|set| set["spec"]["replicas"] = 1.into());
    let ready = |name: &str| pod(name, "web-new", "ready");
    assert_steps(
        "ready",
        &set,
        &[ready("web-0"), ready("web-1"), ready("web-2")],
        &[&["-web-2"]],
    );
    let leaving = pod("web-2", "web-new", "leaving");
    assert_steps(
        "one on its way",
        &set,
        &[ready("web-0"), ready("web-1"), leaving],
        &[],
    );
    let unready = |name: &str| pod(name, "web-new", "unready");
    assert_steps(
        "the unready one",
        &set,
        &[ready("web-0"), ready("web-1"), unready("web-2")],
        &[&["-web-2"]],
    );
    assert_steps(
        "a lower one is unready",
        &set,
        &[ready("web-0"), unready("web-1"), ready("web-2")],
        &[&["-web-2"]],
    );
    assert_steps(
        "two are unready",
        &set,
        &[ready("web-0"), unready("web-1"), unready("web-2")],
        &[],
    );
    assert_steps(
        "a living one is unready",
        &set,
        &[unready("web-0"), ready("web-1")],
        &[],
    );
}

#[test]
fn an_update_goes_from_the_last_to_the_partition() {
    let partition = |partition: i64| {
        set(|set| set["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = partition.into())
    };
    let old = |name: &str| pod(name, "web-old", "ready");
    let new = |name: &str, state: &str| pod(name, "web-new", state);
    assert_steps(
        "all old",
        &partition(0),
        &[old("web-0"), old("web-1"), old("web-2")],
        &[&["-web-2"]],
    );
    assert_steps(
        "one new",
        &partition(0),
        &[old("web-0"), old("web-1"), new("web-2", "ready")],
        &[&["-web-1"]],
    );
    assert_steps(
        "one new, unready",
        &partition(0),
        &[old("web-0"), old("web-1"), new("web-2", "unready")],
        &[],
    );
    assert_steps(
        "the rest is spared",
        &partition(2),
        &[old("web-0"), old("web-1"), new("web-2", "ready")],
        &[],
    );
    assert_steps(
        "a lost one comes back old",
        &partition(2),
        &[old("web-1"), new("web-2", "ready")],
        &[&["+web-0 web-old"]],
    );
    let on_delete = set(|set| set["spec"]["updateStrategy"] = json!({"type": "OnDelete"}));
    assert_steps(
        "on delete",
        &on_delete,
        &[old("web-0"), old("web-1"), old("web-2")],
        &[],
    );
    assert_steps(
        "on delete, lost",
        &on_delete,
        &[old("web-1"), old("web-2")],
        &[&["+web-0 web-new"]],
    );
}

#[test]
fn a_broken_update_stands_still_even_when_it_is_taken_back() {
    let set = set(|_| {});
    let pods = [
        pod("web-0", "web-new", "ready"),
        pod("web-1", "web-new", "ready"),
        pod("web-2", "web-broken", "unready"),
    ];
    assert_steps("the broken pod is waited for", &set, &pods, &[]);
}

#[test]
fn ordinals_may_start_elsewhere() {
    let set = set(|set| {
        set["spec"]["replicas"] = 1.into();
        set["spec"]["ordinals"] = json!({"start": 5});
    });
    assert_steps("none", &set, &[], &[&["+web-5 web-new"]]);
    let pods = [pod("web-5", "web-new", "ready"), pod("web-0", "web-new", "ready")];
    assert_steps("from before", &set, &pods, &[&["-web-0"]]);
}

#[test]
fn claims_are_seen_to_while_a_pod_waits() {
    let set = set(|set| set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}}]));
    let pods = [
        pod("web-0", "web-new", "ready"),
        pod("web-1", "web-new", "pending"),
    ];
    assert_steps("pending", &set, &pods, &[&["keep web-0"], &["claims web-1"]]);
}

#[test]
fn the_status_counts_pods_by_revision() {
    let status = |pods: &[Object]| {
        let (set, history) = (set(|_| {}), history());
        plan(&Observed::new(&set, pods, &history), now()).status
    };
    let new = |name: &str| pod(name, "web-new", "ready");
    let old = |name: &str| pod(name, "web-old", "ready");
    assert_eq!(
        status(&[old("web-0"), old("web-1"), new("web-2")]),
        json!({
            "observedGeneration": 1, "replicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "currentReplicas": 1, "updatedReplicas": 1, "currentRevision": "web-old",
            "updateRevision": "web-new", "collisionCount": 0,
        }),
        "one of the two old ones is being replaced"
    );
    let done = status(&[new("web-0"), new("web-1"), new("web-2")]);
    assert_eq!(
        (&done["currentRevision"], &done["currentReplicas"]),
        (&json!("web-new"), &json!(3))
    );
}

#[test]
fn a_deleted_set_does_nothing() {
    let set = set(|set| set["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into());
    assert_steps("deleted", &set, &[], &[]);
}
