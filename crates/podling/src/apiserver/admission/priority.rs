//! Admission plugin Priority: the number behind a Pod's priority class, and the one class that is the default.
//!
//! Source: `k8s.io/kubernetes/plugin/pkg/admission/priority`, v1.36.

use serde_json::Value;

use super::Lookup;
use crate::apiserver::registry::priority_class::PREEMPT_LOWER_PRIORITY;
use crate::apiserver::registry::read::{Fields as _, copy};
use crate::resource::PRIORITY_CLASSES;

/// What a class gives a Pod.
struct Priority {
    class: String,
    value: i64,
    policy: String,
}

impl Priority {
    fn of(class: &Value) -> Self {
        Self {
            class: class["metadata"].text("name").to_owned(),
            value: class.number("value").unwrap_or_default(),
            policy: class.text("preemptionPolicy").to_owned(),
        }
    }

    /// What a Pod has where no class is the default.
    fn zero() -> Self {
        Self {
            class: String::new(),
            value: 0,
            policy: PREEMPT_LOWER_PRIORITY.to_owned(),
        }
    }
}

/// Sets `spec.priority` and `spec.preemptionPolicy`, and the class where none is named and one is the default.
///
/// # Errors
/// When the class does not exist, or the Pod says another number or policy than the class.
pub(super) fn admit(pod: &mut Value, lookup: &dyn Lookup) -> Result<(), String> {
    let spec = &pod["spec"];
    let Priority { class, value, policy } = priority_of(spec.text("priorityClassName"), lookup)?;
    if let Some(given) = spec.number("priority").filter(|given| *given != value) {
        return Err(format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"
        ));
    }
    let given = spec.text("preemptionPolicy");
    if !given.is_empty() && given != policy {
        return Err(format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission controller computed {policy} from the given PriorityClass name"
        ));
    }
    let spec = &mut pod["spec"];
    if !class.is_empty() {
        spec["priorityClassName"] = class.into();
    }
    spec["priority"] = value.into();
    spec["preemptionPolicy"] = policy.into();
    Ok(())
}

fn priority_of(name: &str, lookup: &dyn Lookup) -> Result<Priority, String> {
    if name.is_empty() {
        return Ok(default_class(lookup).map_or_else(Priority::zero, Priority::of));
    }
    let classes = lookup.cluster_wide(&PRIORITY_CLASSES);
    let class = (classes.into_iter()).find(|class| class["metadata"]["name"] == name);
    class
        .map(Priority::of)
        .ok_or_else(|| format!("no PriorityClass with name {name} was found"))
}

/// The class of Pods that name none: of several, the least important.
fn default_class(lookup: &dyn Lookup) -> Option<&Value> {
    let classes = lookup.cluster_wide(&PRIORITY_CLASSES).into_iter();
    classes
        .filter(|class| class.flag("globalDefault"))
        .min_by_key(|class| class.number("value"))
}

/// An update that leaves priority or policy out keeps them.
pub(super) fn keep(new: &mut Value, old: &Value) {
    for key in ["priority", "preemptionPolicy"] {
        if !new["spec"].has(key) {
            copy(&old["spec"], &mut new["spec"], key);
        }
    }
}

/// Only one class can be the default.
///
/// # Errors
/// When `class` would be a second one.
pub(super) fn validate_class(class: &Value, is_update: bool, lookup: &dyn Lookup) -> Result<(), String> {
    if !class.flag("globalDefault") {
        return Ok(());
    }
    let Some(default) = default_class(lookup) else {
        return Ok(());
    };
    let name = default["metadata"].text("name");
    if is_update && class["metadata"]["name"] == name {
        return Ok(());
    }
    Err(format!(
        "PriorityClass {name} is already marked as default. Only one default can exist"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::Resource;

    struct Classes(Vec<Value>);

    impl Lookup for Classes {
        fn namespace(&self, _name: &str) -> Option<&Value> {
            None
        }

        fn service_account(&self, _namespace: &str, _name: &str) -> Option<&Value> {
            None
        }

        fn cluster_wide(&self, _resource: &'static Resource) -> Vec<&Value> {
            self.0.iter().collect()
        }

        fn of_namespace<'a>(&'a self, _resource: &'static Resource, _namespace: &'a str) -> Vec<&'a Value> {
            Vec::new()
        }
    }

    fn class(name: &str, value: i64, policy: &str, default: bool) -> Value {
        json!({"metadata": {"name": name}, "value": value, "preemptionPolicy": policy, "globalDefault": default})
    }

    #[test]
    fn the_priority_comes_from_the_class_alone() {
        let classes = Classes(vec![class("high", 1000, "Never", false)]);
        let cases = [
            (json!({}), Ok((0, "PreemptLowerPriority"))),
            (json!({"priorityClassName": "high"}), Ok((1000, "Never"))),
            (json!({"priority": 0}), Ok((0, "PreemptLowerPriority"))),
            (
                json!({"priorityClassName": "nope"}),
                Err("no PriorityClass with name nope was found"),
            ),
            (
                json!({"priority": 5}),
                Err(
                    "the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name",
                ),
            ),
            (
                json!({"priorityClassName": "high", "preemptionPolicy": "PreemptLowerPriority"}),
                Err(
                    "the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name",
                ),
            ),
        ];
        for (spec, expected) in cases {
            let mut pod = json!({"spec": spec});
            let result = admit(&mut pod, &classes);
            let given = &pod["spec"];
            assert_eq!(
                result.map(|()| (
                    given["priority"].as_i64().unwrap(),
                    given.text("preemptionPolicy")
                )),
                expected.map_err(str::to_owned),
                "{spec}"
            );
        }
    }

    #[test]
    fn a_pod_without_a_class_gets_the_least_default() {
        let classes = Classes(vec![class("a", 20, "Never", true), class("b", 10, "Never", true)]);
        let mut pod = json!({"spec": {}});
        admit(&mut pod, &classes).unwrap();
        assert_eq!(
            pod["spec"],
            json!({"priorityClassName": "b", "priority": 10, "preemptionPolicy": "Never"})
        );
    }

    #[test]
    fn there_is_one_default() {
        let classes = Classes(vec![class("a", 20, "Never", true)]);
        let refusal = "PriorityClass a is already marked as default. Only one default can exist";
        let cases = [
            (class("b", 1, "Never", false), false, Ok(())),
            (class("b", 1, "Never", true), false, Err(refusal)),
            (class("b", 1, "Never", true), true, Err(refusal)),
            (class("a", 20, "Never", true), true, Ok(())),
        ];
        for (new, is_update, expected) in cases {
            assert_eq!(
                validate_class(&new, is_update, &classes),
                expected.map_err(str::to_owned),
                "{new}"
            );
        }
    }
}
