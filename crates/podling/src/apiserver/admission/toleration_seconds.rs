//! Admission plugin DefaultTolerationSeconds: how long a Pod stays on a node that fell silent.

use serde_json::{Value, json};

use crate::apiserver::registry::read::{Fields as _, object_at};

const TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const SECONDS: i64 = 300;

/// Adds a toleration of five minutes for each of the two taints that the Pod does not tolerate itself.
pub(super) fn admit(pod: &mut Value) {
    let spec = object_at(pod, "spec");
    let missing: Vec<&str> = (TAINTS.into_iter())
        .filter(|taint| !spec.items("tolerations").iter().any(|t| tolerates(t, taint)))
        .collect();
    for key in missing {
        let toleration =
            json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS});
        match spec["tolerations"].as_array_mut() {
            Some(tolerations) => tolerations.push(toleration),
            None => spec["tolerations"] = json!([toleration]),
        }
    }
}

fn tolerates(toleration: &Value, taint: &str) -> bool {
    let (key, effect) = (toleration.text("key"), toleration.text("effect"));
    (key == taint || key.is_empty()) && (effect == "NoExecute" || effect.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_tolerations_take_the_place_of_the_default_ones() {
        let cases = [
            (json!([]), 2),
            (json!([{"operator": "Exists"}]), 1),
            (
                json!([{"key": TAINTS[0], "operator": "Exists", "effect": "NoExecute"}]),
                2,
            ),
            (
                json!([{"key": TAINTS[0], "operator": "Exists", "effect": "NoSchedule"}]),
                3,
            ),
        ];
        for (tolerations, count) in cases {
            let mut pod = json!({"spec": {"tolerations": tolerations}});
            admit(&mut pod);
            assert_eq!(
                pod["spec"]["tolerations"].as_array().map(Vec::len),
                Some(count),
                "{pod}"
            );
        }
    }
}
