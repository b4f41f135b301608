//! What a sync does to a pod's containers: a pure decision from what PLEG saw
//! (Kubernetes: `computePodActions` in `pkg/kubelet/kuberuntime`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::resize::{self, Change};
use super::runtime::{SeenContainer, all_containers, containers, is_ephemeral, is_sidecar};

/// What a probe has found about a running container.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Health {
    /// The liveness probe has failed.
    pub(super) dead: bool,
    /// The startup probe has failed.
    pub(super) never_started: bool,
    /// There is no startup probe, or it has succeeded.
    pub(super) started: bool,
}

/// What is known when a sync begins.
pub(super) struct Observed<'a> {
    /// The pod.
    pub(super) pod: &'a Value,
    /// Its containers.
    pub(super) seen: &'a BTreeMap<String, SeenContainer>,
    /// The image that each running container was made from.
    pub(super) requested: &'a BTreeMap<String, String>,
    /// What the probes of running containers say.
    pub(super) health: &'a BTreeMap<String, Health>,
}

/// What a sync does, in order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Plan {
    /// Containers to kill, with the words of the event.
    pub(super) kill: Vec<(String, String)>,
    /// Containers whose limits are set while they run.
    pub(super) resize: Vec<String>,
    /// Containers to start; an init container is alone or followed by more sidecars.
    pub(super) start: Vec<String>,
}

/// Whether a container that does not run is to be started.
pub(super) fn should_start(
    pod: &Value,
    container: &Value,
    sidecar: bool,
    seen: Option<&SeenContainer>,
) -> bool {
    let Some(current) = seen.and_then(|seen| seen.current.as_ref()) else {
        return true;
    };
    if current.is_running() || is_ephemeral(pod, name(container)) {
        return false;
    }
    let policy = match container["restartPolicy"].as_str() {
        Some(own) if !sidecar => own,
        _ if sidecar => "Always",
        _ => pod["spec"]["restartPolicy"].as_str().unwrap_or("Always"),
    };
    match policy {
        "Never" => false,
        "OnFailure" => current.finish.as_ref().is_none_or(|finish| finish.code != 0),
        _ => true,
    }
}

/// Decides what a sync does.
pub(super) fn plan(observed: &Observed<'_>) -> Plan {
    let mut plan = Plan::default();
    // Whoever wants to look into a pod need not wait for its other containers.
    for container in containers(observed.pod, "ephemeralContainers") {
        if should_start(observed.pod, container, false, observed.seen.get(name(container))) {
            plan.start.push(name(container).to_owned());
        }
    }
    if !plan_init(observed, &mut plan) {
        return plan;
    }
    for container in containers(observed.pod, "containers") {
        plan_container(observed, container, false, &mut plan);
    }
    plan
}

fn name(container: &Value) -> &str {
    container["name"].as_str().unwrap_or_default()
}

fn plan_container(observed: &Observed<'_>, container: &Value, sidecar: bool, plan: &mut Plan) {
    let name = name(container);
    let seen = observed.seen.get(name);
    let running = seen
        .and_then(|seen| seen.current.as_ref())
        .is_some_and(super::runtime::Seen::is_running);
    if !running {
        if should_start(observed.pod, container, sidecar, seen) {
            plan.start.push(name.to_owned());
        }
        return;
    }
    let health = observed.health.get(name).copied().unwrap_or_default();
    let changed = observed
        .requested
        .get(name)
        .is_some_and(|requested| container["image"] != requested.as_str());
    let never = observed.pod["spec"]["restartPolicy"] == "Never" && !sidecar;
    let (what, restart) = if changed {
        ("definition changed", true)
    } else if health.dead {
        ("failed liveness probe", !never)
    } else if health.never_started {
        ("failed startup probe", !never)
    } else {
        plan_resize(container, seen, plan);
        return;
    };
    let mut message = format!("Container {name} {what}");
    if restart {
        message.push_str(", will be restarted");
        plan.start.push(name.to_owned());
    }
    plan.kill.push((name.to_owned(), message));
}

/// Plans what new resources mean for a running container.
fn plan_resize(container: &Value, seen: Option<&SeenContainer>, plan: &mut Plan) {
    let Some(current) = seen.and_then(|seen| seen.current.as_ref()) else {
        return;
    };
    let name = name(container).to_owned();
    match resize::change(container, &current.resources) {
        Change::Nothing => {}
        Change::InPlace => plan.resize.push(name),
        Change::Restart => {
            plan.kill
                .push((name.clone(), format!("Container {name} resize requires restart")));
            plan.start.push(name);
        }
    }
}

/// Plans the init containers; whether all of them are done, so that the others may start.
fn plan_init(observed: &Observed<'_>, plan: &mut Plan) -> bool {
    let mains_exist = containers(observed.pod, "containers").any(|container| {
        observed
            .seen
            .get(name(container))
            .is_some_and(|seen| seen.current.is_some())
    });
    for container in containers(observed.pod, "initContainers") {
        let seen = observed.seen.get(name(container));
        let current = seen.and_then(|seen| seen.current.as_ref());
        if is_sidecar(container, true) {
            plan_container(observed, container, true, plan);
            let health = observed.health.get(name(container)).copied().unwrap_or_default();
            let up = current.is_some_and(super::runtime::Seen::is_running) && health.started;
            if !up && !mains_exist {
                return false;
            }
            continue;
        }
        if mains_exist {
            continue;
        }
        match current {
            Some(current) if current.is_running() => return false,
            Some(current) if current.finish.as_ref().is_some_and(|finish| finish.code == 0) => {}
            current => {
                let never = observed.pod["spec"]["restartPolicy"] == "Never";
                if current.is_none() || !never {
                    plan.start.push(name(container).to_owned());
                }
                return false;
            }
        }
    }
    true
}

/// The containers to stop at a pod's end: first the main ones together, then the sidecars from the last on.
pub(super) fn stop_order(pod: &Value) -> Vec<Vec<String>> {
    let main = all_containers(pod)
        .filter(|(container, init)| !is_sidecar(container, *init))
        .map(|(container, _)| name(container).to_owned())
        .collect();
    let sidecars = containers(pod, "initContainers").filter(|container| is_sidecar(container, true));
    let mut order = vec![main];
    let mut last_first: Vec<Vec<String>> = sidecars
        .map(|container| vec![name(container).to_owned()])
        .collect();
    last_first.reverse();
    order.extend(last_first);
    order
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Time;
    use crate::kubelet::runtime::{Finish, Seen};

    fn seen(code: Option<i32>) -> SeenContainer {
        SeenContainer {
            current: Some(Seen {
                id: "id".into(),
                attempt: 0,
                image: "i".into(),
                image_id: "i".into(),
                user: 0,
                resources: Value::Null,
                started: Some(Time::from_micros(0)),
                finish: code.map(|code| Finish {
                    time: Time::from_micros(1),
                    code,
                    reason: "Error",
                    message: String::new(),
                }),
            }),
            previous: None,
        }
    }

    fn planned(
        pod: &Value,
        seen: &[(&str, SeenContainer)],
        health: &[(&str, Health)],
    ) -> (Vec<String>, Vec<String>) {
        let seen = seen.iter().map(|(n, s)| ((*n).to_owned(), s.clone())).collect();
        let health = health.iter().map(|(n, h)| ((*n).to_owned(), *h)).collect();
        let requested = BTreeMap::from([("app".to_owned(), "i".to_owned())]);
        let plan = plan(&Observed {
            pod,
            seen: &seen,
            requested: &requested,
            health: &health,
        });
        (
            plan.kill.into_iter().map(|(_, message)| message).collect(),
            plan.start,
        )
    }

    fn pod(policy: &str) -> Value {
        json!({"spec": {"restartPolicy": policy, "containers": [{"name": "app", "image": "i"}]}})
    }

    #[test]
    fn the_restart_policy_decides_about_what_has_ended() {
        for (policy, code, restarts) in [
            ("Always", 0, true),
            ("Always", 1, true),
            ("OnFailure", 0, false),
            ("OnFailure", 1, true),
            ("Never", 1, false),
        ] {
            let (_, start) = planned(&pod(policy), &[("app", seen(Some(code)))], &[]);
            assert_eq!(!start.is_empty(), restarts, "{policy} {code}");
        }
    }

    #[test]
    fn a_failed_liveness_probe_kills_and_restarts_unless_the_pod_never_restarts() {
        let health = [(
            "app",
            Health {
                dead: true,
                ..Health::default()
            },
        )];
        let (kill, start) = planned(&pod("Always"), &[("app", seen(None))], &health);
        assert_eq!(kill, ["Container app failed liveness probe, will be restarted"]);
        assert_eq!(start, ["app"]);
        let (kill, start) = planned(&pod("Never"), &[("app", seen(None))], &health);
        assert_eq!(kill, ["Container app failed liveness probe"]);
        assert!(start.is_empty());
    }

    #[test]
    fn a_changed_image_makes_a_new_container() {
        let mut changed = pod("Never");
        changed["spec"]["containers"][0]["image"] = "j".into();
        let (kill, start) = planned(&changed, &[("app", seen(None))], &[]);
        assert_eq!(kill, ["Container app definition changed, will be restarted"]);
        assert_eq!(start, ["app"]);
    }

    #[test]
    fn new_resources_are_set_in_place_unless_the_policy_says_otherwise() {
        let mut pod = pod("Always");
        pod["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "1"}});
        assert_eq!(planned(&pod, &[("app", seen(None))], &[]), (vec![], vec![]));
        pod["spec"]["containers"][0]["resizePolicy"] =
            json!([{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]);
        let (kill, start) = planned(&pod, &[("app", seen(None))], &[]);
        assert_eq!(kill, ["Container app resize requires restart"]);
        assert_eq!(start, ["app"]);
    }

    #[test]
    fn init_containers_come_first_and_one_by_one() {
        let mut pod = pod("Always");
        pod["spec"]["initContainers"] = json!([{"name": "a"}, {"name": "b"}]);
        assert_eq!(planned(&pod, &[], &[]).1, ["a"]);
        assert!(planned(&pod, &[("a", seen(None))], &[]).1.is_empty());
        assert_eq!(planned(&pod, &[("a", seen(Some(1)))], &[]).1, ["a"]);
        assert_eq!(planned(&pod, &[("a", seen(Some(0)))], &[]).1, ["b"]);
        assert_eq!(
            planned(&pod, &[("a", seen(Some(0))), ("b", seen(Some(0)))], &[]).1,
            ["app"]
        );
        pod["spec"]["restartPolicy"] = "Never".into();
        assert!(planned(&pod, &[("a", seen(Some(1)))], &[]).1.is_empty());
    }

    #[test]
    fn a_sidecar_must_have_started_and_stops_last() {
        let mut pod = pod("Always");
        pod["spec"]["initContainers"] = json!([{"name": "side", "restartPolicy": "Always"}]);
        assert_eq!(planned(&pod, &[], &[]).1, ["side"]);
        let up = [(
            "side",
            Health {
                started: true,
                ..Health::default()
            },
        )];
        assert_eq!(planned(&pod, &[("side", seen(None))], &up).1, ["app"]);
        assert_eq!(
            stop_order(&pod),
            [vec!["app".to_owned()], vec!["side".to_owned()]]
        );
    }
}
