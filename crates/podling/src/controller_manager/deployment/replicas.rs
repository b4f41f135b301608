//! What the Deployment controller reads from and writes to a ReplicaSet.

use serde_json::{Value, json};

use crate::clock::Time;
use crate::storage::text;

use super::super::{pod, template};

/// Which template of its Deployment a ReplicaSet is, counted up.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
/// The revisions that a ReplicaSet used to be, by commas.
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// `spec.replicas` of the Deployment when the ReplicaSet was last scaled.
const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
/// The same with `maxSurge`.
const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
/// Annotations of a Deployment that its ReplicaSets don't take over.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// A ReplicaSet of a Deployment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReplicaSet(pub(super) Value);

impl ReplicaSet {
    /// A new ReplicaSet for `deployment`'s template, with no replicas yet
    /// (`deployment.getNewReplicaSet`).
    pub(super) fn new(deployment: &Value) -> Self {
        let spec = &deployment["spec"];
        let collisions = deployment["status"]["collisionCount"].as_i64();
        let hash = template::hash(&spec["template"], collisions.unwrap_or_default());
        let mut template = spec["template"].clone();
        template["metadata"]["labels"][template::HASH_LABEL] = hash.as_str().into();
        let mut selector = spec["selector"].clone();
        selector["matchLabels"][template::HASH_LABEL] = hash.as_str().into();
        let mut set = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": format!("{}-{hash}", text(deployment, &["metadata", "name"])),
                "namespace": deployment["metadata"]["namespace"],
                "labels": template["metadata"]["labels"],
                "ownerReferences": [super::super::ownership::controller_reference(deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        });
        if let Some(least) = spec.get("minReadySeconds") {
            set["spec"]["minReadySeconds"] = least.clone();
        }
        Self(set)
    }

    pub(super) fn name(&self) -> &str {
        text(&self.0, &["metadata", "name"])
    }

    /// `spec.replicas`.
    pub(super) fn replicas(&self) -> i64 {
        self.0["spec"]["replicas"].as_i64().unwrap_or(1)
    }

    /// A number of `status`, such as `availableReplicas`; zero if it is not there.
    pub(super) fn observed(&self, field: &str) -> i64 {
        self.0["status"][field].as_i64().unwrap_or_default()
    }

    /// `status.terminatingReplicas`; `None` as long as the ReplicaSet has not been counted.
    pub(super) fn terminating(&self) -> Option<i64> {
        self.0["status"]["terminatingReplicas"].as_i64()
    }

    /// Whether any replica is wanted.
    pub(super) fn is_active(&self) -> bool {
        self.replicas() > 0
    }

    /// The order in which old ReplicaSets are scaled down.
    pub(super) fn age(&self) -> (Time, &str) {
        (pod::created(&self.0), self.name())
    }

    /// The revision; zero if it has none.
    pub(super) fn revision(&self) -> i64 {
        self.number(REVISION).unwrap_or_default()
    }

    /// The Deployment's `spec.replicas` at the last scaling.
    pub(super) fn desired(&self) -> Option<i64> {
        self.number(DESIRED_REPLICAS)
    }

    /// The most pods the Deployment might have had at the last scaling.
    pub(super) fn max_replicas(&self) -> Option<i64> {
        self.number(MAX_REPLICAS)
    }

    fn number(&self, annotation: &str) -> Option<i64> {
        self.annotation(annotation).parse().ok()
    }

    fn annotation(&self, name: &str) -> &str {
        text(&self.0, &["metadata", "annotations", name])
    }

    /// Sets an annotation; whether that changed it.
    fn annotate(&mut self, name: &str, value: &str) -> bool {
        if self.0["metadata"]["annotations"]
            .get(name)
            .is_some_and(|old| old == value)
        {
            return false;
        }
        self.0["metadata"]["annotations"][name] = value.into();
        true
    }

    /// Notes what the Deployment wants in all; whether that changed anything.
    pub(super) fn annotate_replicas(&mut self, desired: i64, max: i64) -> bool {
        let desired = self.annotate(DESIRED_REPLICAS, &desired.to_string());
        self.annotate(MAX_REPLICAS, &max.to_string()) || desired
    }

    /// Takes over the Deployment's annotations and, if it is higher, `revision`; the revision it had goes to
    /// the history. Whether that changed anything.
    pub(super) fn take_over(&mut self, deployment: &Value, revision: i64) -> bool {
        let copied = self.copy_annotations(deployment);
        if self.revision() >= revision && !self.annotation(REVISION).is_empty() {
            return copied;
        }
        let old = self.annotation(REVISION).to_owned();
        if !old.is_empty() {
            let history = match self.annotation(REVISION_HISTORY) {
                "" => old,
                history => format!("{history},{old}"),
            };
            self.annotate(REVISION_HISTORY, &history);
        }
        self.annotate(REVISION, &revision.to_string())
    }

    fn copy_annotations(&mut self, deployment: &Value) -> bool {
        let annotations = deployment["metadata"]["annotations"].as_object();
        let mut changed = false;
        for (name, value) in annotations.into_iter().flatten() {
            if !NOT_COPIED.contains(&name.as_str())
                && let Some(value) = value.as_str()
            {
                changed |= self.annotate(name, value);
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "annotations": {
                "team": "a", "kubectl.kubernetes.io/last-applied-configuration": "{}",
            }},
            "spec": {"selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {}}},
        })
    }

    #[test]
    fn a_new_set_carries_the_hash_in_name_labels_selector_and_template() {
        let set = ReplicaSet::new(&deployment());
        let hash = set.name().strip_prefix("web-").unwrap();
        let label = json!({"app": "web", "pod-template-hash": hash});
        assert_eq!(set.0["metadata"]["labels"], label);
        assert_eq!(set.0["spec"]["selector"]["matchLabels"], label);
        assert_eq!(set.0["spec"]["template"]["metadata"]["labels"], label);
    }

    #[test]
    fn a_set_that_is_used_again_remembers_the_revisions_it_was() {
        let mut set = ReplicaSet::new(&deployment());
        assert!(set.take_over(&deployment(), 1));
        assert!(!set.take_over(&deployment(), 1));
        set.take_over(&deployment(), 3);
        set.take_over(&deployment(), 5);
        assert_eq!(
            set.0["metadata"]["annotations"],
            json!({"team": "a", "deployment.kubernetes.io/revision": "5",
                "deployment.kubernetes.io/revision-history": "1,3"})
        );
    }
}
