//! ResourceQuotas: what objects use, and whether one more may be created.
//!
//! Source: `k8s.io/apiserver/pkg/quota/v1` and `pkg/admission/plugin/resourcequota/controller.go`. Admission charges
//! an object when it comes in; the controller counts anew what is there. Differs from Kubernetes: a quota is
//! charged only once nothing can go wrong with the write any more; there it may stay charged for a refused one until
//! its controller counts again. No consumption is limited by the server's own configuration.

use serde_json::Value;

use crate::clock::Time;
use crate::resource::{self, Resource};
use crate::resource_list::ResourceList;

mod evaluator;
mod pod;
mod scope;

use evaluator::Evaluator;

/// The hard limits that `list` (`spec` or `status`) of a quota names.
fn hard(quota: &Value, list: &str) -> ResourceList {
    ResourceList::from_json(&quota[list]["hard"])
}

/// What a quota says is used.
fn used(quota: &Value) -> ResourceList {
    ResourceList::from_json(&quota["status"]["used"])
}

fn name_of(quota: &Value) -> &str {
    quota["metadata"]["name"].as_str().unwrap_or_default()
}

/// An object that is created, or one that replaces another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    /// The object's resource.
    pub(crate) resource: &'static Resource,
    /// The part that is written, such as `resize`; none for the whole object.
    pub(crate) subresource: Option<&'a str>,
    /// The object.
    pub(crate) new: &'a Value,
    /// The object that it replaces.
    pub(crate) old: Option<&'a Value>,
    /// The present time.
    pub(crate) now: Time,
}

impl Attempt<'_> {
    /// Whether a running Pod is to take more or less.
    pub(crate) fn is_resize(&self) -> bool {
        self.subresource == Some("resize")
    }
}

/// Charges an object to the quotas of its namespace (`CheckRequest`): those that change, with their new status.
///
/// # Errors
/// Why a quota does not allow it.
pub(crate) fn charge(quotas: &[&Value], attempt: &Attempt<'_>) -> Result<Vec<Value>, String> {
    let evaluator = Evaluator::of(attempt.resource);
    if !evaluator.handles(attempt) {
        return Ok(Vec::new());
    }
    let mut interested = Vec::new();
    for quota in quotas {
        if evaluator.applies(quota, attempt.new) {
            check_known(&evaluator, quota, attempt.new)?;
            interested.push(*quota);
        }
    }
    let mut delta = evaluator.usage(attempt.new, attempt.now);
    if let Some(old) = attempt.old {
        delta = delta.less(&evaluator.usage(old, attempt.now));
    }
    let delta = delta.masked(|_, amount| !amount.is_zero());
    let charged = interested.into_iter().map(|quota| charged(quota, &delta));
    let changed = charged.collect::<Result<Vec<_>, _>>()?;
    Ok(changed.into_iter().flatten().collect())
}

/// The object says what the quota must count, and the quota has been counted once.
fn check_known(evaluator: &Evaluator, quota: &Value, object: &Value) -> Result<(), String> {
    let hard = hard(quota, "status");
    let restricted = hard.masked(|name, _| evaluator.counts(name));
    let name = name_of(quota);
    if let Some(missing) = evaluator.missing(&restricted, object) {
        return Err(format!("failed quota: {name}: {missing}"));
    }
    let used = used(quota);
    if restricted.names().any(|name| used.get(name).is_none()) {
        let names: Vec<&str> = restricted.names().collect();
        return Err(format!(
            "status unknown for quota: {name}, resources: {}",
            names.join(",")
        ));
    }
    Ok(())
}

/// The quota with `delta` more used; `None` if that is nothing to it.
fn charged(quota: &Value, delta: &ResourceList) -> Result<Option<Value>, String> {
    let hard = hard(quota, "status");
    let requested = delta.masked(|name, _| hard.get(name).is_some());
    if requested.is_empty() {
        return Ok(None);
    }
    let before = used(quota);
    let mut after = before.clone();
    after.add(&requested);
    let is_exceeded = |name: &str| after.get(name) > hard.get(name);
    let exceeded = requested.masked(|name, _| is_exceeded(name));
    if !exceeded.is_empty() {
        let of = |list: &ResourceList| list.masked(|name, _| exceeded.get(name).is_some()).shown();
        return Err(format!(
            "exceeded quota: {}, requested: {}, used: {}, limited: {}",
            name_of(quota),
            exceeded.shown(),
            of(&before),
            of(&hard)
        ));
    }
    let mut quota = quota.clone();
    quota["status"]["used"] = after.to_json();
    Ok(Some(quota))
}

/// The resources whose objects quotas can count.
pub(crate) fn counted() -> impl Iterator<Item = &'static Resource> {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    resource::ALL.iter().copied().filter(move |resource| {
        let place = (resource.group, resource.plural);
        let is_new = !seen.contains(&place);
        seen.push(place);
        is_new && resource.namespaced && resource.kind != "Event" && !resource.kind.ends_with("Review")
    })
}

/// Whether a quota's limits have anything to do with objects of a resource.
pub(crate) fn is_concerned(quota: &Value, resource: &'static Resource) -> bool {
    let evaluator = Evaluator::of(resource);
    hard(quota, "spec").names().any(|name| evaluator.counts(name))
}

/// Whether a change of an object may have freed something: it left the running Pods, or takes less than before.
pub(crate) fn frees_something(resource: &'static Resource, new: &Value, old: &Value, now: Time) -> bool {
    let evaluator = Evaluator::of(resource);
    evaluator.usage(new, now) != evaluator.usage(old, now)
}

/// The status that a quota should have, given the objects of its namespace (`CalculateUsage`).
pub(crate) fn status<'a>(
    quota: &Value,
    objects: &dyn Fn(&'static Resource) -> Vec<&'a Value>,
    now: Time,
) -> Value {
    let hard = hard(quota, "spec");
    let mut counted_now = ResourceList::default();
    for resource in counted() {
        let evaluator = Evaluator::of(resource);
        let matched = hard.masked(|name, _| evaluator.counts(name));
        if matched.is_empty() {
            continue;
        }
        for name in matched.names() {
            counted_now.set_default(name, crate::quantity::Quantity::ZERO);
        }
        for object in objects(resource) {
            if evaluator.is_in_scope(quota, object) {
                let usage = evaluator.usage(object, now);
                counted_now.add(&usage.masked(|name, _| matched.get(name).is_some()));
            }
        }
    }
    // What nothing here can count keeps the number that somebody else gave it.
    let mut usage = used(quota);
    for (name, amount) in counted_now.iter() {
        usage.set(name, amount);
    }
    let usage = usage.masked(|name, _| hard.get(name).is_some());
    serde_json::json!({"hard": hard.to_json(), "used": usage.to_json()})
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::{CONFIG_MAPS, PODS, SERVICES};

    fn quota(hard: &Value, used: &Value) -> Value {
        json!({"metadata": {"name": "q"}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used}})
    }

    fn create(quota: &Value, resource: &'static Resource, new: &Value) -> Result<Vec<Value>, String> {
        let attempt = Attempt {
            resource,
            subresource: None,
            new,
            old: None,
            now: Time::default(),
        };
        charge(&[quota], &attempt)
    }

    fn pod(requests: &Value) -> Value {
        json!({"spec": {"containers": [{"name": "c", "resources": {"requests": requests}}]}, "status": {}})
    }

    #[test]
    fn a_quota_says_what_exceeds_it_or_what_is_missing() {
        let small = quota(
            &json!({"pods": "1", "requests.cpu": "1"}),
            &json!({"pods": "1", "requests.cpu": "500m"}),
        );
        let uncounted = json!({"metadata": {"name": "q"}, "status": {"hard": {"pods": "1"}}});
        let cases = [
            (
                &small,
                pod(&json!({"cpu": "1"})),
                "exceeded quota: q, requested: pods=1,requests.cpu=1, used: pods=1,requests.cpu=500m, limited: pods=1,requests.cpu=1",
            ),
            (
                &small,
                pod(&json!({})),
                "failed quota: q: must specify requests.cpu for: c",
            ),
            (
                &uncounted,
                pod(&json!({})),
                "status unknown for quota: q, resources: pods",
            ),
        ];
        for (quota, pod, why) in cases {
            assert_eq!(create(quota, &PODS, &pod), Err(why.to_owned()));
        }
        assert_eq!(create(&small, &CONFIG_MAPS, &json!({})), Ok(Vec::new()));
    }

    #[test]
    fn an_update_is_charged_only_for_what_is_more() {
        let quota = quota(
            &json!({"services": "1", "services.nodeports": "2"}),
            &json!({"services": "1", "services.nodeports": "0"}),
        );
        let service = |kind: &str| json!({"spec": {"type": kind, "ports": [{"port": 80}]}});
        let (old, new) = (service("ClusterIP"), service("NodePort"));
        let attempt = Attempt {
            resource: &SERVICES,
            subresource: None,
            new: &new,
            old: Some(&old),
            now: Time::default(),
        };
        let charged = charge(&[&quota], &attempt).unwrap();
        assert_eq!(
            charged[0]["status"]["used"],
            json!({"services": "1", "services.nodeports": "1"})
        );
        let back = Attempt {
            new: &old,
            old: Some(&new),
            ..attempt
        };
        assert_eq!(charge(&[&quota], &back), Ok(Vec::new()));
    }

    #[test]
    fn usage_is_counted_from_what_is_there() {
        let quota = quota(
            &json!({"pods": "3", "requests.cpu": "1", "count/configmaps": "5", "example.com/x": "1"}),
            &json!({}),
        );
        let mut done = pod(&json!({"cpu": "1"}));
        done["status"]["phase"] = "Succeeded".into();
        let (running, map) = (pod(&json!({"cpu": "300m"})), json!({}));
        let objects = |resource: &'static Resource| match resource.kind {
            "Pod" => vec![&running, &done],
            "ConfigMap" => vec![&map],
            _ => Vec::new(),
        };
        assert_eq!(
            status(&quota, &objects, Time::default())["used"],
            json!({"count/configmaps": "1", "pods": "1", "requests.cpu": "300m"})
        );
    }
}
