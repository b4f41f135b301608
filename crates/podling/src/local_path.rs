//! The provisioner of kind's clusters, `rancher.io/local-path`: it makes a directory on the node that a claim's
//! first Pod goes to, and removes it with the volume.
//!
//! Source: `github.com/rancher/local-path-provisioner` and `sigs.k8s.io/sig-storage-lib-external-provisioner`.
//! Differs from kind: it is a part of the cluster and not a Pod in `local-path-storage`, and starts no helper Pods;
//! the time that they take passes all the same.

use std::time::Duration;

use serde_json::{Value, json};

use crate::apiserver::{ApiServer, Component, DeleteOptions, WriteOptions};
use crate::clock::Time;
use crate::events::{Event, Recorder};
use crate::resource::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES};
use crate::storage::{Change, ChangeKind, Object, text};
use crate::timers::Timers;
use crate::volume::{PROVISIONED_BY, PROVISIONERS, SELECTED_NODE, requested};

const NAME: &str = "rancher.io/local-path";
/// The node whose directory a volume is.
pub(crate) const NODE_OF_VOLUME: &str = "local.path.provisioner/selected-node";
/// How long a helper Pod takes to make or remove a directory.
const HELPER: Duration = Duration::from_secs(3);

/// What is due.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Task {
    /// The volume of a claim (namespace, name) is ready.
    Made(String, String),
    /// The directory of a volume is gone.
    Removed(String),
}

/// The provisioner.
#[derive(Debug)]
pub(crate) struct LocalPathProvisioner {
    due: Timers<Task>,
    /// Claims whose beginning is still to be told.
    announced: Vec<(Time, String, String)>,
    events: Recorder,
}

impl LocalPathProvisioner {
    /// A provisioner with nothing to do.
    pub(crate) fn new() -> Self {
        Self {
            due: Timers::default(),
            announced: Vec::new(),
            events: Recorder::new("rancher.io/local-path_local-path-provisioner", None),
        }
    }

    /// Creates the class that claims get which name none.
    pub(crate) fn bootstrap(api: &mut ApiServer) {
        let class = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": NAME,
            "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
        });
        let created = api.create(
            &STORAGE_CLASSES,
            "",
            class,
            &WriteOptions::by("kubectl-client-side-apply"),
        );
        debug_assert!(created.is_ok(), "{created:?}");
    }

    fn announce(&mut self, api: &mut ApiServer, namespace: &str, name: &str) {
        if let Some(claim) = api.get(&PERSISTENT_VOLUME_CLAIMS, namespace, name).cloned() {
            let message =
                format!("External provisioner is provisioning volume for claim \"{namespace}/{name}\"");
            self.events
                .record(api, &claim, None, Event::normal("Provisioning", &message));
        }
        let made = Task::Made(namespace.to_owned(), name.to_owned());
        self.due.at(api.now() + HELPER, made);
    }

    fn provision(&mut self, api: &mut ApiServer, namespace: &str, name: &str) {
        let Some(claim) = api
            .get(&PERSISTENT_VOLUME_CLAIMS, namespace, name)
            .filter(|claim| wants_a_volume(claim))
            .cloned()
        else {
            return;
        };
        let class = text(&claim, &["spec", "storageClassName"]);
        let policy = api
            .get(&STORAGE_CLASSES, "", class)
            .map_or("Delete", |class| text(class, &["reclaimPolicy"]));
        match volume_for(&claim, policy) {
            Ok(volume) => {
                let made = format!(
                    "Successfully provisioned volume {}",
                    text(&volume, &["metadata", "name"])
                );
                let written = api.create(
                    &PERSISTENT_VOLUMES,
                    "",
                    volume,
                    &WriteOptions::by("local-path-provisioner"),
                );
                if written.is_ok() {
                    let event = Event::normal("ProvisioningSucceeded", &made);
                    self.events.record(api, &claim, None, event);
                }
            }
            Err(why) => {
                let message = format!("failed to provision volume with StorageClass \"{class}\": {why}");
                self.events
                    .record(api, &claim, None, Event::warning("ProvisioningFailed", &message));
            }
        }
    }
}

impl Component for LocalPathProvisioner {
    fn observe(&mut self, change: &Change, api: &ApiServer) {
        let object = &change.object;
        if change.kind == ChangeKind::Deleted {
            return;
        }
        if change.resource == &PERSISTENT_VOLUME_CLAIMS {
            let before = change.previous.as_ref().is_some_and(wants_a_volume);
            if wants_a_volume(object) && !before {
                let part = |key| text(object, &["metadata", key]).to_owned();
                self.announced.push((api.now(), part("namespace"), part("name")));
            }
        } else if change.resource == &PERSISTENT_VOLUMES && is_to_be_removed(object) {
            let name = text(object, &["metadata", "name"]).to_owned();
            self.due.at(api.now() + HELPER, Task::Removed(name));
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        let announced = self.announced.first().map(|(time, ..)| *time);
        announced.into_iter().chain(self.due.next()).min()
    }

    fn run_next(&mut self, api: &mut ApiServer) {
        if !self.announced.is_empty() {
            let (_, namespace, name) = self.announced.remove(0);
            return self.announce(api, &namespace, &name);
        }
        match self.due.pop_due(api.now()) {
            Some(Task::Made(namespace, name)) => self.provision(api, &namespace, &name),
            Some(Task::Removed(name)) => {
                let released = api
                    .get(&PERSISTENT_VOLUMES, "", &name)
                    .filter(|volume| is_to_be_removed(volume));
                if released.is_some() {
                    drop(api.delete(&PERSISTENT_VOLUMES, "", &name, &DeleteOptions::default()));
                }
            }
            None => {}
        }
    }
}

/// Whether the claim waits for this provisioner, and its Pod has a node.
fn wants_a_volume(claim: &Object) -> bool {
    let annotation = |key: &str| text(claim, &["metadata", "annotations", key]);
    text(claim, &["spec", "volumeName"]).is_empty()
        && claim["metadata"].get("deletionTimestamp").is_none()
        && PROVISIONERS.iter().any(|key| annotation(key) == NAME)
        && !annotation(SELECTED_NODE).is_empty()
}

fn is_to_be_removed(volume: &Value) -> bool {
    volume["status"]["phase"] == "Released"
        && volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
        && volume["metadata"].get("deletionTimestamp").is_none()
        && text(volume, &["metadata", "annotations", PROVISIONED_BY]) == NAME
}

const ONLY_ONE_NODE: &str = "NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes";

/// The volume of a claim.
fn volume_for(claim: &Value, reclaim_policy: &str) -> Result<Value, String> {
    let (metadata, spec) = (&claim["metadata"], &claim["spec"]);
    let modes = spec["accessModes"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if !modes
        .iter()
        .all(|mode| mode == "ReadWriteOnce" || mode == "ReadWriteOncePod")
    {
        return Err(ONLY_ONE_NODE.to_owned());
    }
    let node = text(metadata, &["annotations", SELECTED_NODE]);
    let (namespace, name) = (text(metadata, &["namespace"]), text(metadata, &["name"]));
    let volume = format!("pvc-{}", text(metadata, &["uid"]));
    let here = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [node]});
    Ok(json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": volume, "annotations": {NODE_OF_VOLUME: node, PROVISIONED_BY: NAME}},
        "spec": {
            "accessModes": modes, "capacity": {"storage": requested(claim).to_string()},
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": name,
                "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"],
            },
            "hostPath": {
                "path": format!("/var/local-path-provisioner/{volume}_{namespace}_{name}"),
                "type": "DirectoryOrCreate",
            },
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
            "persistentVolumeReclaimPolicy": reclaim_policy,
            "storageClassName": spec["storageClassName"], "volumeMode": spec["volumeMode"],
        },
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn claim() -> Value {
        json!({
            "metadata": {"namespace": "a", "name": "data", "uid": "u", "annotations": {
                PROVISIONERS[0]: NAME, SELECTED_NODE: "n1"}},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "standard",
                "resources": {"requests": {"storage": "1Gi"}}},
        })
    }

    #[test]
    fn a_claim_is_served_once_its_pod_has_a_node() {
        assert!(wants_a_volume(&Arc::new(claim())));
        let mut early = claim();
        early["metadata"]["annotations"] = json!({PROVISIONERS[0]: NAME});
        let mut bound = claim();
        bound["spec"]["volumeName"] = "v".into();
        let mut other = claim();
        other["metadata"]["annotations"][PROVISIONERS[0]] = "e.io/x".into();
        for claim in [early, bound, other] {
            assert!(!wants_a_volume(&Arc::new(claim)));
        }
    }

    #[test]
    fn a_volume_is_a_directory_of_its_claims_node() {
        let volume = volume_for(&claim(), "Delete").unwrap();
        assert_eq!(volume["metadata"]["name"], "pvc-u");
        assert_eq!(
            volume["spec"]["hostPath"]["path"],
            "/var/local-path-provisioner/pvc-u_a_data"
        );
        let mut shared = claim();
        shared["spec"]["accessModes"] = json!(["ReadWriteMany"]);
        assert_eq!(volume_for(&shared, "Delete"), Err(ONLY_ONE_NODE.to_owned()));
    }
}
