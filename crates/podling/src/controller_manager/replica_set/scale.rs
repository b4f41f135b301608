//! How many pods a ReplicaSet creates or which it deletes.

use serde_json::Value;

use crate::clock::Time;
use crate::storage::{Object, text};

use super::rank;

/// How many pods one look at a ReplicaSet creates or deletes at most (`replicaset.BurstReplicas`).
const BURST: usize = 500;

/// What is to be done about the number of pods.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Scale {
    /// The number is right.
    Enough,
    /// So many more are needed.
    Create(usize),
    /// These are too many, by name.
    Delete(Vec<String>),
}

/// Compares `spec.replicas` with the active pods of the set. `colocated` finds the active pods of all
/// ReplicaSets with the same controller, which decide between nodes.
pub(super) fn decide(
    set: &Value,
    active: &[&Value],
    colocated: impl FnOnce() -> Vec<Object>,
    now: Time,
) -> Scale {
    let wanted = usize::try_from(set["spec"]["replicas"].as_i64().unwrap_or(1)).unwrap_or_default();
    if active.len() <= wanted {
        return match (wanted - active.len()).min(BURST) {
            0 => Scale::Enough,
            missing => Scale::Create(missing),
        };
    }
    let surplus = (active.len() - wanted).min(BURST);
    let order = rank::deletion_order(active, &colocated(), now);
    let names = order.into_iter().take(surplus);
    Scale::Delete(
        names
            .map(|pod| text(pod, &["metadata", "name"]).to_owned())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_difference_is_created_or_deleted() {
        let pods: Vec<Value> = ["a", "b", "c"]
            .into_iter()
            .map(|name| json!({"metadata": {"name": name, "uid": name}}))
            .collect();
        let pods: Vec<&Value> = pods.iter().collect();
        let set = |replicas: i64| json!({"spec": {"replicas": replicas}});
        let cases = [
            (3, Scale::Enough),
            (5, Scale::Create(2)),
            (1000, Scale::Create(500)),
            (1, Scale::Delete(vec!["a".into(), "b".into()])),
        ];
        for (replicas, expected) in cases {
            let decided = decide(&set(replicas), &pods, Vec::new, Time::default());
            assert_eq!(decided, expected, "{replicas} replicas");
        }
    }
}
