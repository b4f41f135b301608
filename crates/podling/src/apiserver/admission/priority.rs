//! Admission plugin Priority: the number behind a Pod's priority class.

use serde_json::Value;

use crate::apiserver::registry::read::Fields as _;

/// The classes that every cluster has.
const BUILT_IN: [(&str, i64); 2] = [
    ("system-cluster-critical", 2_000_000_000),
    ("system-node-critical", 2_000_001_000),
];
const POLICY: &str = "PreemptLowerPriority";

/// Sets `spec.priority` and `spec.preemptionPolicy`.
///
/// # Errors
/// When the class does not exist, or the Pod says another number or policy than the class.
pub(super) fn admit(pod: &mut Value) -> Result<(), String> {
    let class = pod["spec"].text("priorityClassName");
    let priority = match class {
        "" => 0,
        name => (BUILT_IN.iter().find(|(class, _)| *class == name))
            .map(|(_, number)| *number)
            .ok_or_else(|| format!("no PriorityClass with name {name} was found"))?,
    };
    if let Some(given) = pod["spec"].number("priority").filter(|given| *given != priority) {
        return Err(format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {priority} from the given PriorityClass name"
        ));
    }
    let given = pod["spec"].text("preemptionPolicy");
    if !given.is_empty() && given != POLICY {
        return Err(format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission controller computed {POLICY} from the given PriorityClass name"
        ));
    }
    pod["spec"]["priority"] = priority.into();
    pod["spec"]["preemptionPolicy"] = POLICY.into();
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_priority_comes_from_the_class_alone() {
        let cases = [
            (json!({}), Ok(0)),
            (
                json!({"priorityClassName": "system-node-critical"}),
                Ok(2_000_001_000),
            ),
            (json!({"priority": 0}), Ok(0)),
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
        ];
        for (spec, expected) in cases {
            let mut pod = json!({"spec": spec});
            let result = admit(&mut pod).map(|()| pod["spec"]["priority"].as_i64().unwrap());
            assert_eq!(result, expected.map_err(str::to_owned), "{spec}");
        }
    }
}
