//! The PersistentVolumeClaims of a StatefulSet's Pods: made from templates, and kept or let go with Pod or set.
//!
//! Source: `kubernetes/pkg/controller/statefulset/{stateful_pod_control,stateful_set_utils}.go`, KEP-1847.

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::resource::{self, Resource};
use crate::storage::{Object, text};

use super::super::ownership::{controller_of, controller_reference, is_deleted};
use super::super::write_options;
use super::identity;

/// The claims of one Pod.
#[derive(Debug)]
pub(super) struct Volumes<'a> {
    set: &'a Value,
    pod: &'a Value,
}

/// What became of a claim that a Pod needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// It was there.
    There,
    /// It was made.
    Created,
    /// It is there, but on its way out.
    Leaving,
    /// It could not be made, and why.
    Refused(String),
}

fn templates(set: &Value) -> impl Iterator<Item = &Value> {
    set["spec"]["volumeClaimTemplates"]
        .as_array()
        .into_iter()
        .flatten()
}

/// `data-web-0`
fn claim_name(set: &Value, template: &Value, ordinal: i64) -> String {
    let name = |object: &Value| text(object, &["metadata", "name"]).to_owned();
    format!("{}-{}-{ordinal}", name(template), name(set))
}

/// Puts the set's claims among the Pod's volumes; a volume of the template that has the name of one gives way.
pub(super) fn mount(set: &Value, pod: &mut Value) {
    let ordinal = identity::ordinal(pod).unwrap_or_default();
    let mut volumes: Vec<Value> = templates(set)
        .map(|template| {
            let claim = claim_name(set, template, ordinal);
            json!({"name": template["metadata"]["name"], "persistentVolumeClaim": {"claimName": claim}})
        })
        .collect();
    if volumes.is_empty() {
        return;
    }
    let own = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let is_claimed = |volume: &&Value| templates(set).any(|of| of["metadata"]["name"] == volume["name"]);
    let kept: Vec<Value> = own.filter(|volume| !is_claimed(volume)).cloned().collect();
    volumes.extend(kept);
    pod["spec"]["volumes"] = volumes.into();
}

impl<'a> Volumes<'a> {
    /// The claims of `pod`, which is one of `set`.
    pub(super) const fn of(set: &'a Value, pod: &'a Value) -> Self {
        Self { set, pod }
    }

    /// The claims that the Pod needs.
    fn wanted(&self) -> Vec<Value> {
        let ordinal = identity::ordinal(self.pod).unwrap_or_default();
        templates(self.set)
            .map(|template| self.claim(template, ordinal))
            .collect()
    }

    fn claim(&self, template: &Value, ordinal: i64) -> Value {
        let mut claim = template.clone();
        claim["metadata"]["name"] = claim_name(self.set, template, ordinal).into();
        claim["metadata"]["namespace"] = self.set["metadata"]["namespace"].clone();
        let labels = self.set["spec"]["selector"]["matchLabels"].as_object();
        for (key, value) in labels.into_iter().flatten() {
            claim["metadata"]["labels"][key] = value.clone();
        }
        claim
    }

    fn stored<'b>(api: &'b ApiServer, wanted: &Value) -> Option<&'b Object> {
        let (namespace, name) = (
            text(wanted, &["metadata", "namespace"]),
            text(wanted, &["metadata", "name"]),
        );
        api.get(claims()?, namespace, name)
    }

    /// Makes the claims that are missing; says of each by name what became of it.
    pub(super) fn create(&self, api: &mut ApiServer) -> Vec<(String, Outcome)> {
        let mut outcomes = Vec::new();
        for claim in self.wanted() {
            let name = text(&claim, &["metadata", "name"]).to_owned();
            let outcome = match Self::stored(api, &claim) {
                Some(stored) if is_deleted(stored) => Outcome::Leaving,
                Some(_) => Outcome::There,
                None => create(api, claim),
            };
            outcomes.push((name, outcome));
        }
        outcomes
    }

    /// Whether one of the claims still belongs to a Pod of the same name that is gone, with which it goes.
    pub(super) fn are_stale(&self, api: &ApiServer) -> bool {
        if policy(self.set, "whenScaled") != Policy::Delete {
            return false;
        }
        let is_stale = |claim: &Object| {
            let mut owners = claim["metadata"]["ownerReferences"]
                .as_array()
                .into_iter()
                .flatten();
            owners.any(|owner| {
                owner["kind"] == "Pod"
                    && owner["name"] == self.pod["metadata"]["name"]
                    && owner["uid"] != self.pod["metadata"]["uid"]
            })
        };
        self.wanted()
            .iter()
            .filter_map(|claim| Self::stored(api, claim))
            .any(is_stale)
    }

    /// Makes the claims belong to `pod` (as it is stored), to the set or to nobody, as the retention policy says.
    pub(super) fn keep_to_policy(&self, api: &mut ApiServer, pod: &Value) {
        let Some(resource) = claims() else { return };
        for wanted in self.wanted() {
            let Some(claim) = Self::stored(api, &wanted) else {
                continue;
            };
            let owners = owners(claim, self.set, pod);
            if owners
                == claim["metadata"]["ownerReferences"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default()
            {
                continue;
            }
            let mut claim = Value::clone(claim);
            claim["metadata"]["ownerReferences"] = owners.into();
            // A claim that cannot be changed now is looked at again with the next change of its Pod.
            drop(api.update(resource, None, claim, &write_options()));
        }
    }
}

/// The resource, where the cluster serves it.
fn claims() -> Option<&'static Resource> {
    resource::by_path("", "v1", "persistentvolumeclaims")
}

fn create(api: &mut ApiServer, claim: Value) -> Outcome {
    let Some(resource) = claims() else {
        return Outcome::Refused("the server could not find the requested resource".to_owned());
    };
    let namespace = text(&claim, &["metadata", "namespace"]).to_owned();
    match api.create(resource, &namespace, claim, &write_options()) {
        Ok(_) => Outcome::Created,
        Err(refusal) => Outcome::Refused(refusal.message),
    }
}

/// What happens to claims that are no longer needed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Policy {
    Retain,
    Delete,
}

fn policy(set: &Value, when: &str) -> Policy {
    match text(set, &["spec", "persistentVolumeClaimRetentionPolicy", when]) {
        "Delete" => Policy::Delete,
        _ => Policy::Retain,
    }
}

/// To whom a claim should belong: what goes with its Pod belongs to the Pod, what goes with the set to the set. A claim
/// that somebody else controls is left alone.
fn owners(claim: &Value, set: &Value, pod: &Value) -> Vec<Value> {
    let current = claim["metadata"]["ownerReferences"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let is_ours = |owner: &Value| {
        [set, pod]
            .iter()
            .any(|object| owner["uid"] == object["metadata"]["uid"])
    };
    if controller_of(claim).is_some_and(|controller| !is_ours(controller)) {
        return current;
    }
    let scaled_down = identity::index(set, pod).is_none();
    let owner = match (policy(set, "whenScaled"), policy(set, "whenDeleted")) {
        (Policy::Delete, _) if scaled_down => Some(pod),
        (_, Policy::Delete) => Some(set),
        _ => None,
    };
    let others = current.into_iter().filter(|owner| !is_ours(owner));
    others.chain(owner.map(controller_reference)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(scaled: &str, deleted: &str) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "web", "namespace": "d", "uid": "set"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": "web"}},
                "volumeClaimTemplates": [{"metadata": {"name": "data", "labels": {"tier": "db"}}, "spec": {"x": 1}}],
                "persistentVolumeClaimRetentionPolicy": {"whenScaled": scaled, "whenDeleted": deleted},
            },
        })
    }

    fn pod(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "uid": "pod"}})
    }

    #[test]
    fn a_claim_is_named_and_labelled_after_its_set() {
        let (set, pod) = (set("Retain", "Retain"), pod("web-2"));
        let wanted = Volumes::of(&set, &pod).wanted();
        assert_eq!(
            wanted,
            [json!({
                "metadata": {"name": "data-web-2", "namespace": "d", "labels": {"tier": "db", "app": "web"}},
                "spec": {"x": 1},
            })]
        );
    }

    #[test]
    fn claims_take_the_place_of_volumes_of_their_name() {
        let mut pod = pod("web-0");
        pod["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]);
        mount(&set("Retain", "Retain"), &mut pod);
        assert_eq!(
            pod["spec"]["volumes"],
            json!([
                {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
                {"name": "tmp", "emptyDir": {}},
            ])
        );
    }

    #[test]
    fn the_policy_says_to_whom_a_claim_belongs() {
        let cases = [
            ("Retain", "Retain", "web-0", vec![]),
            ("Retain", "Retain", "web-1", vec![]),
            ("Retain", "Delete", "web-0", vec!["set"]),
            ("Retain", "Delete", "web-1", vec!["set"]),
            ("Delete", "Retain", "web-0", vec![]),
            ("Delete", "Retain", "web-1", vec!["pod"]),
            ("Delete", "Delete", "web-0", vec!["set"]),
            ("Delete", "Delete", "web-1", vec!["pod"]),
        ];
        let claim = json!({"metadata": {"ownerReferences": [{"uid": "set", "controller": true}]}});
        for (scaled, deleted, name, expected) in cases {
            let owners = owners(&claim, &set(scaled, deleted), &pod(name));
            let uids: Vec<&str> = owners.iter().map(|owner| text(owner, &["uid"])).collect();
            assert_eq!(uids, expected, "{scaled} {deleted} {name}");
        }
    }

    #[test]
    fn a_claim_of_somebody_else_is_left_alone() {
        let claim = json!({"metadata": {"ownerReferences": [{"uid": "other", "controller": true}]}});
        let owners = owners(&claim, &set("Delete", "Delete"), &pod("web-0"));
        assert_eq!(owners, [json!({"uid": "other", "controller": true})]);
    }
}
