//! Admission plugin LimitRanger: what containers get that say nothing, and the bounds that all keep to.
//!
//! Source: `plugin/pkg/admission/limitranger/admission.go`. Differs from Kubernetes: where it goes through
//! resources in a random order, here they come by name.

use serde_json::Value;

use crate::apiserver::registry::read::{Fields as _, items_mut, object_at};
use crate::pod_resources;
use crate::quantity::Quantity;
use crate::resource_list::ResourceList;

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// Gives a Pod's containers the defaults of a LimitRange, and notes what was set.
pub(super) fn default(range: &Value, pod: &mut Value) {
    let (mut requests, mut limits) = (ResourceList::default(), ResourceList::default());
    for limit in limits_of(range, "Container") {
        for (list, key) in [(&mut requests, "defaultRequest"), (&mut limits, "default")] {
            for (name, amount) in ResourceList::from_json(&limit[key]).iter() {
                list.set(name, amount);
            }
        }
    }
    let mut notes = Vec::new();
    for (list, word) in [("containers", "container"), ("initContainers", "init container")] {
        for container in items_mut(object_at(pod, "spec"), list) {
            let about = format!("{word} {}", container.text("name"));
            for (kind, key, defaults) in [("request", "requests", &requests), ("limit", "limits", &limits)] {
                let set = fill(container, key, defaults);
                if !set.is_empty() {
                    notes.push(format!("{} {kind} for {about}", set.join(", ")));
                }
            }
        }
    }
    if !notes.is_empty() {
        let note = format!("LimitRanger plugin set: {}", notes.join("; "));
        object_at(&mut pod["metadata"], "annotations")[ANNOTATION] = note.into();
    }
}

fn limits_of<'a>(range: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    range["spec"]
        .items("limits")
        .iter()
        .filter(move |limit| limit["type"] == kind)
}

/// Sets what is missing; the names of what was set.
fn fill(container: &mut Value, key: &str, defaults: &ResourceList) -> Vec<String> {
    let mut list = ResourceList::from_json(&container["resources"][key]);
    let missing: Vec<(&str, Quantity)> = defaults
        .iter()
        .filter(|(name, _)| list.get(name).is_none())
        .collect();
    for (name, amount) in &missing {
        list.set(*name, *amount);
    }
    if !missing.is_empty() {
        object_at(container, "resources")[key] = list.to_json();
    }
    missing.into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// Holds a Pod against the bounds of a LimitRange.
///
/// # Errors
/// The bounds that it breaks.
pub(super) fn check_pod(range: &Value, pod: &Value) -> Result<(), String> {
    let spec = &pod["spec"];
    let mut broken = Vec::new();
    for limit in range["spec"].items("limits") {
        match limit.text("type") {
            "Container" => {
                let containers = spec.items("containers").iter();
                for container in containers.chain(spec.items("initContainers")) {
                    let list = |key: &str| ResourceList::from_json(&container["resources"][key]);
                    check_bounds(limit, &list("requests"), &list("limits"), &mut broken);
                }
            }
            "Pod" => {
                let (requests, limits) = (pod_resources::requests(spec), pod_resources::limits(spec));
                check_bounds(limit, &requests, &limits, &mut broken);
            }
            _ => {}
        }
    }
    aggregate(&broken)
}

/// Holds a PersistentVolumeClaim against the bounds of a LimitRange.
///
/// # Errors
/// The bounds that it breaks.
pub(super) fn check_claim(range: &Value, claim: &Value) -> Result<(), String> {
    let requests = ResourceList::from_json(&claim["spec"]["resources"]["requests"]);
    let mut broken = Vec::new();
    for limit in limits_of(range, "PersistentVolumeClaim") {
        let bounds = |key: &str| ResourceList::from_json(&limit[key]);
        for (name, least) in bounds("min").iter() {
            let place = Place::of(limit, name);
            broken.extend(place.below(least, requests.get(name), None));
        }
        for (name, most) in bounds("max").iter() {
            let place = Place::of(limit, name);
            broken.extend(place.request_above(most, requests.get(name)));
        }
    }
    aggregate(&broken)
}

/// Several errors as Go shows them together, each once.
fn aggregate(errors: &[String]) -> Result<(), String> {
    let mut once: Vec<&str> = Vec::new();
    for error in errors {
        if !once.contains(&error.as_str()) {
            once.push(error);
        }
    }
    match once.as_slice() {
        [] => Ok(()),
        [one] => Err((*one).to_owned()),
        several => Err(format!("[{}]", several.join(", "))),
    }
}

fn check_bounds(limit: &Value, requests: &ResourceList, limits: &ResourceList, broken: &mut Vec<String>) {
    let bounds = |key: &str| ResourceList::from_json(&limit[key]);
    for (name, least) in bounds("min").iter() {
        broken.extend(Place::of(limit, name).below(least, requests.get(name), limits.get(name)));
    }
    for (name, most) in bounds("max").iter() {
        broken.extend(Place::of(limit, name).above(most, requests.get(name), limits.get(name)));
    }
    for (name, most) in bounds("maxLimitRequestRatio").iter() {
        broken.extend(Place::of(limit, name).too_far_apart(most, requests.get(name), limits.get(name)));
    }
}

/// Which resource of what is bounded.
struct Place<'a> {
    name: &'a str,
    kind: &'a str,
}

impl<'a> Place<'a> {
    fn of(limit: &'a Value, name: &'a str) -> Self {
        Self {
            name,
            kind: limit.text("type"),
        }
    }

    fn bound(&self, which: &str, bound: Quantity) -> String {
        format!("{which} {} usage per {} is {bound}", self.name, self.kind)
    }

    /// `minConstraint`.
    fn below(&self, least: Quantity, request: Option<Quantity>, limit: Option<Quantity>) -> Option<String> {
        let bound = self.bound("minimum", least);
        match (request, limit) {
            (None, _) => Some(format!("{bound}.  No request is specified")),
            (Some(request), _) if request < least => Some(format!("{bound}, but request is {request}")),
            (_, Some(limit)) if limit < least => Some(format!("{bound}, but limit is {limit}")),
            _ => None,
        }
    }

    /// `maxConstraint`.
    fn above(&self, most: Quantity, request: Option<Quantity>, limit: Option<Quantity>) -> Option<String> {
        let bound = self.bound("maximum", most);
        match (limit, request) {
            (None, _) => Some(format!("{bound}.  No limit is specified")),
            (Some(limit), _) if limit > most => Some(format!("{bound}, but limit is {limit}")),
            (_, Some(request)) if request > most => Some(format!("{bound}, but request is {request}")),
            _ => None,
        }
    }

    /// `maxRequestConstraint`, for what has no limits.
    fn request_above(&self, most: Quantity, request: Option<Quantity>) -> Option<String> {
        let bound = self.bound("maximum", most);
        match request {
            None => Some(format!("{bound}.  No request is specified")),
            Some(request) if request > most => Some(format!("{bound}, but request is {request}")),
            Some(_) => None,
        }
    }

    /// `limitRequestRatioConstraint`. Example: a limit of 1 and a request of 200m have the ratio 5.
    fn too_far_apart(
        &self,
        most: Quantity,
        request: Option<Quantity>,
        limit: Option<Quantity>,
    ) -> Option<String> {
        let bound = format!(
            "{} max limit to request ratio per {} is {most}",
            self.name, self.kind
        );
        let is_some = |amount: &Quantity| !amount.is_zero();
        let Some(request) = request.filter(is_some) else {
            return Some(format!("{bound}, but no request is specified or request is 0"));
        };
        let Some(limit) = limit.filter(is_some) else {
            return Some(format!("{bound}, but no limit is specified or limit is 0"));
        };
        let ratio = limit.as_f64() / request.as_f64();
        (ratio > most.as_f64()).then(|| format!("{bound}, but provided ratio is {ratio:.6}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn range(limit: &Value) -> Value {
        json!({"spec": {"limits": [limit]}})
    }

    #[test]
    fn containers_get_what_they_do_not_say() {
        let range = range(
            &json!({"type": "Container", "default": {"cpu": "1", "memory": "1Gi"},
            "defaultRequest": {"cpu": "500m"}}),
        );
        let mut pod = json!({"metadata": {"name": "p"}, "spec": {
            "containers": [{"name": "c", "resources": {"requests": {"cpu": "1m"}, "limits": {"cpu": "2m"}}}],
            "initContainers": [{"name": "i"}],
        }});
        default(&range, &mut pod);
        assert_eq!(
            pod["spec"]["containers"][0]["resources"],
            json!({"requests": {"cpu": "1m"}, "limits": {"cpu": "2m", "memory": "1Gi"}})
        );
        assert_eq!(
            pod["metadata"]["annotations"][ANNOTATION],
            "LimitRanger plugin set: memory limit for container c; cpu request for init container i; cpu, memory limit for init container i"
        );
        let before = pod.clone();
        default(&range, &mut pod);
        assert_eq!(pod, before);
    }

    #[test]
    fn bounds_are_kept_by_containers_and_by_the_pod_as_a_whole() {
        let pod = |resources: Value| json!({"spec": {"containers": [{"name": "c", "resources": resources}]}});
        let cases = [
            (
                json!({"type": "Container", "min": {"cpu": "1"}}),
                json!({}),
                "minimum cpu usage per Container is 1.  No request is specified",
            ),
            (
                json!({"type": "Pod", "min": {"cpu": "1"}}),
                json!({"requests": {"cpu": "1m"}}),
                "minimum cpu usage per Pod is 1, but request is 1m",
            ),
            (
                json!({"type": "Container", "max": {"cpu": "1"}}),
                json!({"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}),
                "maximum cpu usage per Container is 1, but limit is 2",
            ),
            (
                json!({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}),
                json!({"requests": {"cpu": "0"}, "limits": {"cpu": "2"}}),
                "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
            ),
            (
                json!({"type": "Container", "max": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "1500m"}}),
                json!({"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}),
                "[maximum cpu usage per Container is 1, but limit is 2, cpu max limit to request ratio per Container is 1500m, but provided ratio is 2.000000]",
            ),
        ];
        for (limit, resources, expected) in cases {
            assert_eq!(
                check_pod(&range(&limit), &pod(resources)),
                Err(expected.to_owned())
            );
        }
        let fine = range(&json!({"type": "Container", "min": {"cpu": "1"}, "max": {"cpu": "1"}}));
        let exact = pod(json!({"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}));
        assert_eq!(check_pod(&fine, &exact), Ok(()));
    }

    #[test]
    fn claims_keep_to_their_own_bounds() {
        let range = range(
            &json!({"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}),
        );
        let claim = |storage: &str| json!({"spec": {"resources": {"requests": {"storage": storage}}}});
        assert_eq!(check_claim(&range, &claim("1Gi")), Ok(()));
        assert_eq!(
            check_claim(&range, &claim("3Gi")),
            Err("maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi".to_owned())
        );
        assert_eq!(
            check_claim(&range, &claim("1Mi")),
            Err("minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi".to_owned())
        );
    }
}
