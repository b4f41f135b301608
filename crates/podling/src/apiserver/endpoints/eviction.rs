//! The eviction subresource: a deletion that asks the Pod's disruption budget first.
//!
//! Source: `k8s.io/kubernetes/pkg/registry/core/pod/storage/eviction.go`, v1.36. Differs from Kubernetes: nothing
//! is tried again, because nobody else writes meanwhile.

use serde_json::{Value, json};

use super::{mutate, query};
use crate::apiserver::route::Route;
use crate::apiserver::write::{Ownership, Target};
use crate::apiserver::{ApiServer, DeleteOptions, WriteOptions, deletion};
use crate::clock::Time;
use crate::pod_condition::{self, Condition};
use crate::pod_disruption_budget as budgets;
use crate::request::{Request, Response};
use crate::resource::{POD_DISRUPTION_BUDGETS, PODS};
use crate::status::{Cause, Status};
use crate::storage::{Object, text};

/// More evictions than this are not allowed before the controller has seen them.
const MOST_DISRUPTED_PODS: usize = 2000;
const BLOCKED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

/// What stands between a Pod and its eviction.
enum Guard {
    /// Nothing.
    None,
    /// A budget that does not count this Pod, which is not healthy.
    NotCounting,
    /// A budget that counts it.
    Counting(Object),
}

/// `POST pods/eviction`.
pub(super) fn evict(api: &mut ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let asked_dry_run = query::write_options(request)?.dry_run;
    let decoded = mutate::decode_as(request, ("policy", "v1", "Eviction"))?;
    let eviction = &decoded.object;
    let target = mutate::target(route);
    check_place(eviction, &target)?;
    let mut options = query::options_in(&eviction["deleteOptions"]);
    let own_dry_runs = query::dry_runs_in(&eviction["deleteOptions"]);
    if asked_dry_run && !own_dry_runs.is_empty() && own_dry_runs != ["All"] {
        let why = format!(
            "Non-matching dry-run options in request and content: [All] and [{}]",
            own_dry_runs.join(" ")
        );
        return Err(Status::new(500, "", why));
    }
    options.dry_run |= asked_dry_run;
    let pod = api
        .get(&PODS, &target.namespace, &target.name)
        .cloned()
        .ok_or_else(|| target.not_found())?;
    let guard = guard_of(api, &pod)?;
    pass(api, &guard, &pod, options.dry_run)?;
    if matches!(guard, Guard::NotCounting) {
        options.resource_version = Some(text(&pod, &["metadata", "resourceVersion"]).to_owned());
    }
    mark_and_delete(api, &pod, &target, options)?;
    let success = mutate::success(&json!({"code": 201}));
    Ok(Response::json(201, &success).with_warnings(&decoded.warnings))
}

/// The eviction must be about the Pod of the path.
fn check_place(eviction: &Value, target: &Target<'_>) -> Result<(), Status> {
    let namespace = text(eviction, &["metadata", "namespace"]);
    if !namespace.is_empty() && namespace != target.namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if text(eviction, &["metadata", "name"]) != target.name {
        return Err(Status::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }
    Ok(())
}

fn guard_of(api: &ApiServer, pod: &Value) -> Result<Guard, Status> {
    if is_past_disruption(pod) {
        return Ok(Guard::None);
    }
    let namespace = text(pod, &["metadata", "namespace"]);
    let all = api.list(&POD_DISRUPTION_BUDGETS, Some(namespace));
    let mut of_pod = all.filter(|budget| budgets::selects(budget, pod));
    match (of_pod.next(), of_pod.next()) {
        (None, _) => Ok(Guard::None),
        (Some(_), Some(_)) => Err(Status::new(
            500,
            "",
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        )),
        (Some(budget), None) if pod_condition::is_ready(pod) || !lets_unhealthy_go(budget) => {
            Ok(Guard::Counting(budget.clone()))
        }
        (Some(_), None) => Ok(Guard::NotCounting),
    }
}

/// A Pod that has ended, has not begun or is leaving disrupts nothing by going.
fn is_past_disruption(pod: &Value) -> bool {
    let phase = text(pod, &["status", "phase"]);
    matches!(phase, "Succeeded" | "Failed" | "Pending") || pod["metadata"].get("deletionTimestamp").is_some()
}

/// Whether a budget lets Pods go that are not ready: always, or by default while enough others are.
fn lets_unhealthy_go(budget: &Value) -> bool {
    let number = |key: &str| budget["status"][key].as_i64().unwrap_or_default();
    let (current, desired) = (number("currentHealthy"), number("desiredHealthy"));
    budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" || (current >= desired && desired > 0)
}

/// Takes one of the budget's disruptions, if it has any.
fn pass(api: &mut ApiServer, guard: &Guard, pod: &Value, dry_run: bool) -> Result<(), Status> {
    let Guard::Counting(budget) = guard else {
        return Ok(());
    };
    let name = text(pod, &["metadata", "name"]);
    let counted = counted(budget, name, api.now())?;
    if !dry_run {
        let options = WriteOptions::by("kube-apiserver");
        api.update(&POD_DISRUPTION_BUDGETS, Some("status"), counted, &options)?;
    }
    Ok(())
}

/// The budget with one disruption less, for the Pod of that name (`checkAndDecrement`).
fn counted(budget: &Value, pod: &str, now: Time) -> Result<Value, Status> {
    let name = text(budget, &["metadata", "name"]);
    let status = &budget["status"];
    let observed = status["observedGeneration"].as_i64().unwrap_or_default();
    if observed < budget["metadata"]["generation"].as_i64().unwrap_or_default() {
        return Err(blocked(
            format!("The disruption budget {name} is still being processed by the server."),
            10,
        ));
    }
    let refuse = |why: &str| Err(Status::forbidden("policy", "poddisruptionbudget", name, why));
    let allowed = budgets::disruptions_allowed(budget);
    if allowed < 0 {
        return refuse("pdb disruptions allowed is negative");
    }
    if status["disruptedPods"]
        .as_object()
        .is_some_and(|pods| pods.len() > MOST_DISRUPTED_PODS)
    {
        return refuse("DisruptedPods map too big - too many evictions not confirmed by PDB controller");
    }
    if allowed == 0 {
        return Err(blocked(why_none_allowed(budget, name), 0));
    }
    let mut counted = budget.clone();
    counted["status"]["disruptionsAllowed"] = (allowed - 1).into();
    if allowed == 1 {
        budgets::update_condition(&mut counted, now);
    }
    counted["status"]["disruptedPods"][pod] = now.rfc3339().into();
    Ok(counted)
}

fn why_none_allowed(budget: &Value, name: &str) -> String {
    if let Some(condition) = budgets::condition(budget)
        && condition["status"] == "False"
        && condition["reason"] == budgets::SYNC_FAILED
    {
        let why = text(condition, &["message"]);
        return format!(
            "The disruption budget {name} does not allow evicting pods currently because it failed sync: {why}"
        );
    }
    let number = |key: &str| budget["status"][key].as_i64().unwrap_or_default();
    format!(
        "The disruption budget {name} needs {} healthy pods and has {} currently",
        number("desiredHealthy"),
        number("currentHealthy")
    )
}

fn blocked(why: String, retry_after_seconds: u32) -> Status {
    let mut status = Status::too_many_requests(BLOCKED, retry_after_seconds);
    if let Some(details) = status.details.as_mut() {
        details.causes.push(Cause {
            reason: "DisruptionBudget".to_owned(),
            message: why,
            field: String::new(),
        });
    }
    status
}

/// Says on the Pod why it goes, and deletes it (`addConditionAndDeletePod`).
fn mark_and_delete(
    api: &mut ApiServer,
    pod: &Value,
    target: &Target<'_>,
    mut options: DeleteOptions,
) -> Result<(), Status> {
    if !options.dry_run {
        deletion::check_preconditions(&PODS, pod, &options)?;
        let now = api.now();
        let status = Target {
            subresource: Some("status"),
            ..target.clone()
        };
        let write = WriteOptions::by("kube-apiserver");
        let marked = api.update_with(&status, &write, Ownership::Applied, |pod| Ok(marked(pod, now)))?;
        if options.resource_version.is_some() {
            options.resource_version = Some(text(&marked, &["metadata", "resourceVersion"]).to_owned());
        }
    }
    api.delete(&PODS, &target.namespace, &target.name, &options)?;
    Ok(())
}

fn marked(pod: &Value, now: Time) -> Value {
    let mut pod = pod.clone();
    let evicted = Condition {
        kind: "DisruptionTarget",
        status: "True",
        reason: "EvictionByEvictionAPI",
        message: "Eviction API: evicting",
    };
    pod_condition::update(&mut pod, &evicted, now);
    pod
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(status: &Value) -> Value {
        json!({"metadata": {"name": "b", "generation": 2}, "status": status})
    }

    #[test]
    fn a_budget_that_allows_one_disruption_gives_it_to_one_pod() {
        let now = Time::parse("2026-01-01T00:00:00Z").unwrap();
        let allowing = budget(&json!({"observedGeneration": 2, "disruptionsAllowed": 1}));
        let counted = counted(&allowing, "p", now).unwrap();
        let status = &counted["status"];
        assert_eq!(status["disruptionsAllowed"], 0);
        assert_eq!(status["disruptedPods"], json!({"p": "2026-01-01T00:00:00Z"}));
        assert_eq!(status["conditions"][0]["reason"], "InsufficientPods");
    }

    #[test]
    fn a_refusal_says_why_and_whether_to_try_again() {
        let failed =
            json!([{"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "x"}]);
        let cases = [
            (
                json!({"observedGeneration": 1, "disruptionsAllowed": 1}),
                (
                    10,
                    "The disruption budget b is still being processed by the server.",
                ),
            ),
            (
                json!({"observedGeneration": 2, "desiredHealthy": 2, "currentHealthy": 1}),
                (
                    0,
                    "The disruption budget b needs 2 healthy pods and has 1 currently",
                ),
            ),
            (
                json!({"observedGeneration": 2, "conditions": failed}),
                (
                    0,
                    "The disruption budget b does not allow evicting pods currently because it failed sync: x",
                ),
            ),
        ];
        for (status, (seconds, why)) in cases {
            let refusal = counted(&budget(&status), "p", Time::default()).unwrap_err();
            let details = refusal.details.unwrap();
            assert_eq!((refusal.code, refusal.reason), (429, "TooManyRequests"));
            assert_eq!(
                (details.retry_after_seconds, details.causes[0].message.as_str()),
                (seconds, why)
            );
        }
        let negative = budget(&json!({"observedGeneration": 2, "disruptionsAllowed": -1}));
        assert_eq!(counted(&negative, "p", Time::default()).unwrap_err().code, 403);
    }

    #[test]
    fn an_unhealthy_pod_goes_where_the_policy_or_enough_others_let_it() {
        let cases = [
            (
                json!({"status": {"currentHealthy": 1, "desiredHealthy": 1}}),
                true,
            ),
            (
                json!({"status": {"currentHealthy": 0, "desiredHealthy": 1}}),
                false,
            ),
            (
                json!({"status": {"currentHealthy": 1, "desiredHealthy": 0}}),
                false,
            ),
            (
                json!({"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}, "status": {"desiredHealthy": 1}}),
                true,
            ),
            (
                json!({"spec": {"unhealthyPodEvictionPolicy": "IfHealthyBudget"}, "status": {"desiredHealthy": 1}}),
                false,
            ),
        ];
        for (budget, expected) in cases {
            assert_eq!(lets_unhealthy_go(&budget), expected, "{budget}");
        }
    }
}
