//! LimitRanges: what follows from what, and which bounds contradict each other.
//!
//! Source: `SetDefaults_LimitRangeItem` in `pkg/apis/core/v1/defaults.go`, `ValidateLimitRange` in
//! `pkg/apis/core/validation/validation.go`. Differs from Kubernetes: where it goes through resources in a random
//! order, here they come by name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::metadata::invalid_for_each;
use super::read::{Fields as _, items_mut, object_at, remove, set_default};
use super::{PLAIN, Strategy, names, resource_names};
use crate::quantity::Quantity;
use crate::resource_list::ResourceList;
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    validate,
    validate_update: |new, _| validate(new),
    checks_metadata_anew: true,
    ..PLAIN
};

const CONTAINER: &str = "Container";
const POD: &str = "Pod";
const CLAIM: &str = "PersistentVolumeClaim";

const MAX: &str = "max";
const MIN: &str = "min";
const DEFAULT: &str = "default";
const DEFAULT_REQUEST: &str = "defaultRequest";
const RATIO: &str = "maxLimitRequestRatio";
const LISTS: [&str; 5] = [MAX, MIN, DEFAULT, DEFAULT_REQUEST, RATIO];

fn default(object: &mut Value) {
    for limit in items_mut(object_at(object, "spec"), "limits") {
        if limit["type"] == CONTAINER {
            // The default limit follows the greatest, the default request the default limit, then the least.
            for (from, to) in [(MAX, DEFAULT), (DEFAULT, DEFAULT_REQUEST), (MIN, DEFAULT_REQUEST)] {
                fill(limit, from, to);
            }
        }
        for list in LISTS {
            if limit[list].as_object().is_some_and(serde_json::Map::is_empty) {
                remove(limit, list);
            }
        }
    }
}

fn fill(limit: &mut Value, from: &str, to: &str) {
    let entries = limit[from].as_object().cloned().unwrap_or_default();
    for (name, amount) in entries {
        set_default(object_at(limit, to), &name, amount);
    }
}

fn validate(object: &Value) -> Vec<Error> {
    let (mut errors, mut seen) = (Vec::new(), BTreeSet::new());
    for (i, limit) in object["spec"].items("limits").iter().enumerate() {
        let path = format!("spec.limits[{i}]");
        let kind = limit.text("type");
        check_type(kind, &format!("{path}.type"), &mut errors);
        if !seen.insert(kind) {
            errors.push(Error::duplicate(format!("{path}.type"), kind));
        }
        check_lists(limit, &path, &mut errors);
        let bounds = Bounds::of(limit);
        for name in bounds.names() {
            bounds.check(name, &path, &mut errors);
        }
    }
    errors
}

fn check_type(kind: &str, field: &str, errors: &mut Vec<Error>) {
    let wrong = names::qualified_name(kind);
    if wrong.is_empty() && !kind.contains('/') && ![POD, CONTAINER, CLAIM].contains(&kind) {
        let why = "must be a standard limit type or fully qualified";
        errors.push(Error::invalid(field, kind, why));
    }
    errors.extend(invalid_for_each(field, kind, wrong));
}

fn check_lists(limit: &Value, path: &str, errors: &mut Vec<Error>) {
    let kind = limit.text("type");
    let for_containers = matches!(kind, POD | CONTAINER);
    for list in LISTS {
        let is_default = matches!(list, DEFAULT | DEFAULT_REQUEST);
        if is_default && kind == POD {
            if limit.entries(list).next().is_some() {
                let why = "may not be specified when `type` is 'Pod'";
                errors.push(Error::forbidden(format!("{path}.{list}"), why));
            }
            continue;
        }
        if list == RATIO {
            check_storage_is_bound(limit, path, errors);
        }
        for (name, _) in limit.entries(list) {
            let field = format!("{path}.{list}[{name}]");
            if for_containers {
                resource_names::check_for_container(name, &field, errors);
            } else {
                resource_names::check(name, &field, errors);
            }
        }
    }
}

fn check_storage_is_bound(limit: &Value, path: &str, errors: &mut Vec<Error>) {
    let is_bound = limit[MIN].has("storage") || limit[MAX].has("storage");
    if limit["type"] == CLAIM && !is_bound {
        let why = "either minimum or maximum storage value is required, but neither was provided";
        errors.push(Error::required(format!("{path}.limits"), why));
    }
}

/// The lists of one limit.
struct Bounds {
    max: ResourceList,
    min: ResourceList,
    default: ResourceList,
    request: ResourceList,
    ratio: ResourceList,
}

impl Bounds {
    fn of(limit: &Value) -> Self {
        let list = |key: &str| match (limit.text("type"), key) {
            (POD, DEFAULT | DEFAULT_REQUEST) => ResourceList::default(),
            _ => ResourceList::from_json(&limit[key]),
        };
        Self {
            max: list(MAX),
            min: list(MIN),
            default: list(DEFAULT),
            request: list(DEFAULT_REQUEST),
            ratio: list(RATIO),
        }
    }

    fn names(&self) -> BTreeSet<&str> {
        let lists = [&self.max, &self.min, &self.default, &self.request, &self.ratio];
        lists.into_iter().flat_map(ResourceList::names).collect()
    }

    fn check(&self, name: &str, path: &str, errors: &mut Vec<Error>) {
        let of = |list: &ResourceList| list.get(name);
        let (max, min) = (of(&self.max), of(&self.min));
        let (default, request) = (of(&self.default), of(&self.request));
        // Each rule: the field, the value that it shows, the smaller and the greater one, and what they are.
        let rules = [
            (MIN, min, (min, "min"), (max, "max")),
            (
                DEFAULT_REQUEST,
                request,
                (min, "min"),
                (request, "default request"),
            ),
            (
                DEFAULT_REQUEST,
                request,
                (request, "default request"),
                (max, "max"),
            ),
            (
                DEFAULT_REQUEST,
                request,
                (request, "default request"),
                (default, "default limit"),
            ),
            (DEFAULT, min, (min, "min"), (default, "default")),
            (DEFAULT, max, (default, "default"), (max, "max")),
        ];
        for (list, shown, (less, less_name), (more, more_name)) in rules {
            if let (Some(shown), Some(less), Some(more)) = (shown, less, more)
                && less > more
            {
                let why = format!("{less_name} value {less} is greater than {more_name} value {more}");
                errors.push(Error::invalid(
                    format!("{path}.{list}[{name}]"),
                    shown.to_string(),
                    why,
                ));
            }
        }
        self.check_ratio(name, &format!("{path}.{RATIO}[{name}]"), errors);
        if let (Some(default), Some(request)) = (default, request)
            && !resource_names::may_be_overcommitted(name)
            && default != request
        {
            let why =
                format!("default value {default} must equal to defaultRequest value {request} in {name}");
            let field = format!("{path}.{DEFAULT_REQUEST}[{name}]");
            errors.push(Error::invalid(field, request.to_string(), why));
        }
    }

    fn check_ratio(&self, name: &str, field: &str, errors: &mut Vec<Error>) {
        let Some(ratio) = self.ratio.get(name) else {
            return;
        };
        if ratio < Quantity::from_milli(1000) {
            let why = format!("ratio {ratio} is less than 1");
            errors.push(Error::invalid(field, ratio.to_string(), why));
        }
        if let (Some(min), Some(max)) = (self.min.get(name), self.max.get(name)) {
            let most = max.as_f64() / min.as_f64();
            if ratio.as_f64() > most {
                let why = format!("ratio {ratio} is greater than max/min = {most:.6}");
                errors.push(Error::invalid(field, ratio.to_string(), why));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_follow_the_greatest_and_the_least() {
        let mut range = json!({"spec": {"limits": [
            {"type": "Container", "max": {"memory": "1Gi"}, "min": {"cpu": "1", "memory": "1Mi"}},
            {"type": "Pod", "max": {"cpu": "2"}},
        ]}});
        default(&mut range);
        assert_eq!(
            range["spec"]["limits"],
            json!([
                {"type": "Container", "max": {"memory": "1Gi"}, "min": {"cpu": "1", "memory": "1Mi"},
                    "default": {"memory": "1Gi"}, "defaultRequest": {"cpu": "1", "memory": "1Gi"}},
                {"type": "Pod", "max": {"cpu": "2"}},
            ])
        );
    }

    #[test]
    fn bounds_may_not_contradict_each_other() {
        let cases = [
            (
                json!({"type": "Pod", "max": {"cpu": "1"}, "min": {"cpu": "2"}}),
                "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1",
            ),
            (
                json!({"type": "Pod", "defaultRequest": {"cpu": "1"}}),
                "spec.limits[0].defaultRequest: Forbidden: may not be specified when `type` is 'Pod'",
            ),
            (
                json!({"type": "Container", "maxLimitRequestRatio": {"cpu": "500m"}}),
                "spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"500m\": ratio 500m is less than 1",
            ),
            (
                json!({"type": "Pod", "min": {"cpu": "1"}, "max": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "4"}}),
                "spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"4\": ratio 4 is greater than max/min = 2.000000",
            ),
            (
                json!({"type": "PersistentVolumeClaim"}),
                "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided",
            ),
            (
                json!({"type": "Node"}),
                "spec.limits[0].type: Invalid value: \"Node\": must be a standard limit type or fully qualified",
            ),
            (
                json!({"type": "Container", "default": {"a.b/gpu": "2"}, "defaultRequest": {"a.b/gpu": "1"}}),
                "spec.limits[0].defaultRequest[a.b/gpu]: Invalid value: \"1\": default value 2 must equal to defaultRequest value 1 in a.b/gpu",
            ),
        ];
        for (limit, expected) in cases {
            let errors = validate(&json!({"spec": {"limits": [limit]}}));
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, [expected]);
        }
    }
}
