//! The conditions of a namespace that is being deleted, and their sentences.
//!
//! Source: `kubernetes/pkg/controller/namespace/deletion/status_condition_utils.go`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::Time;
use crate::resource::Resource;

/// What is still in a namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Remaining {
    resources: BTreeMap<String, usize>,
    finalizers: BTreeMap<String, usize>,
}

impl Remaining {
    /// Counts one more object.
    pub(super) fn add(&mut self, resource: &Resource, object: &Value) {
        // The group stands behind the dot; for core it is empty, and the dot stays.
        let name = format!("{}.{}", resource.plural, resource.group);
        *self.resources.entry(name).or_default() += 1;
        let finalizers = object["metadata"]["finalizers"].as_array();
        for finalizer in finalizers.into_iter().flatten().filter_map(Value::as_str) {
            *self.finalizers.entry(finalizer.to_owned()).or_default() += 1;
        }
    }

    /// Whether the namespace is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }
}

struct Condition {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

/// The conditions after those in `old`.
pub(super) fn next(old: &Value, remaining: &Remaining, now: Time) -> Value {
    let none = Vec::new();
    let old = old.as_array().unwrap_or(&none);
    let conditions = conditions(remaining);
    conditions.iter().map(|one| with_time(one, old, now)).collect()
}

fn with_time(condition: &Condition, old: &[Value], now: Time) -> Value {
    let before = old.iter().find(|one| one["type"] == condition.kind);
    let same = before.filter(|one| one["status"] == condition.status);
    let since = same.map_or_else(|| now.rfc3339().into(), |one| one["lastTransitionTime"].clone());
    json!({
        "type": condition.kind, "status": condition.status, "lastTransitionTime": since,
        "reason": condition.reason, "message": condition.message,
    })
}

fn conditions(remaining: &Remaining) -> Vec<Condition> {
    let fine = |kind, reason, message: &str| Condition {
        kind,
        status: "False",
        reason,
        message: message.to_owned(),
    };
    vec![
        fine(
            "NamespaceDeletionDiscoveryFailure",
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        fine(
            "NamespaceDeletionGroupVersionParsingFailure",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        fine(
            "NamespaceDeletionContentFailure",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        match remaining.resources.is_empty() {
            true => fine(
                "NamespaceContentRemaining",
                "ContentRemoved",
                "All content successfully removed",
            ),
            false => Condition {
                kind: "NamespaceContentRemaining",
                status: "True",
                reason: "SomeResourcesRemain",
                message: format!(
                    "Some resources are remaining: {}",
                    listed(&remaining.resources, "has")
                ),
            },
        },
        match remaining.finalizers.is_empty() {
            true => fine(
                "NamespaceFinalizersRemaining",
                "ContentHasNoFinalizers",
                "All content-preserving finalizers finished",
            ),
            false => Condition {
                kind: "NamespaceFinalizersRemaining",
                status: "True",
                reason: "SomeFinalizersRemain",
                message: format!(
                    "Some content in the namespace has finalizers remaining: {}",
                    listed(&remaining.finalizers, "in")
                ),
            },
        },
    ]
}

fn listed(counts: &BTreeMap<String, usize>, word: &str) -> String {
    let parts: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{name} {word} {count} resource instances"))
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{CONFIG_MAPS, DEPLOYMENTS};

    #[test]
    fn what_remains_is_counted_by_resource_and_finalizer() {
        let mut remaining = Remaining::default();
        let held = json!({"metadata": {"finalizers": ["example.com/hold"]}});
        remaining.add(&CONFIG_MAPS, &held);
        remaining.add(&DEPLOYMENTS, &json!({}));
        let conditions = next(&Value::Null, &remaining, Time::from_micros(0));
        assert_eq!(
            conditions[3]["message"],
            "Some resources are remaining: configmaps. has 1 resource instances, deployments.apps has 1 resource \
             instances"
        );
        assert_eq!(
            conditions[4]["message"],
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
        );
        let later = next(&conditions, &Remaining::default(), Time::from_micros(9_000_000));
        assert_eq!(later[0]["lastTransitionTime"], "1970-01-01T00:00:00Z");
        assert_eq!(later[3]["lastTransitionTime"], "1970-01-01T00:00:09Z");
    }
}
