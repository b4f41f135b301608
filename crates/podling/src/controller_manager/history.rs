//! What StatefulSets and DaemonSets looked like before: their ControllerRevisions.
//!
//! Source: `kubernetes/pkg/controller/history`, `constructHistory` of the DaemonSet controller and
//! `getStatefulSetRevisions` of the StatefulSet controller, which come to the same. Differs from Kubernetes: the
//! hashes in the names are others (see [`template::hash`]).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::apiserver::{ApiServer, DeleteOptions};
use crate::resource::CONTROLLER_REVISIONS;
use crate::status::Status;
use crate::storage::{Object, text};

use super::ownership::{self, controller_reference};
use super::queue::Key;
use super::{pod, template, write_options};

/// The label by which Pods say which revision they are of.
pub(crate) const REVISION_LABEL: &str = "controller-revision-hash";

/// The longest owner's name that goes whole into the name of a revision.
const LONGEST_PREFIX: usize = 223;

/// The revisions of one owner.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// The revision of the template as it is now.
    pub(crate) update: Object,
    /// All others, the oldest first.
    pub(crate) others: Vec<Object>,
    /// How often a name was taken by another revision.
    pub(crate) collisions: i64,
}

/// What has to be done so that there is a revision of the present template.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    /// It is the latest.
    Keep(usize),
    /// It is an older one, which becomes the latest: its number from now on.
    RollBack(usize, i64),
    /// There is none yet: the number of a new one.
    Create(i64),
}

/// What a revision keeps of `owner`: the patch that puts its template back.
fn data_of(owner: &Value) -> Value {
    let mut template = owner["spec"]["template"].clone();
    template["$patch"] = "replace".into();
    json!({"spec": {"template": template}})
}

/// The template that a revision keeps.
pub(crate) fn template_of(revision: &Value) -> Value {
    let mut template = revision["data"]["spec"]["template"].clone();
    if let Some(fields) = template.as_object_mut() {
        fields.remove("$patch");
    }
    template
}

fn number(revision: &Value) -> i64 {
    revision["revision"].as_i64().unwrap_or_default()
}

/// Looks for `data` among the revisions, which are sorted.
fn decide(revisions: &[Object], data: &Value) -> Step {
    let next = revisions.last().map_or(0, |last| number(last)) + 1;
    match revisions.iter().rposition(|revision| revision["data"] == *data) {
        None => Step::Create(next),
        Some(at) if at + 1 == revisions.len() => Step::Keep(at),
        Some(at) => Step::RollBack(at, next),
    }
}

/// Finds the owner's revisions and sees to it that the latest one is of its present template. `hash_label` is the label
/// that gets the hash in a revision's name.
///
/// # Errors
/// A revision cannot be written.
pub(crate) fn sync(api: &mut ApiServer, owner: &Value, hash_label: &str) -> Result<History, Status> {
    let mut revisions = claimed(api, owner);
    let mut collisions = owner["status"]["collisionCount"].as_i64().unwrap_or_default();
    let data = data_of(owner);
    let update = match decide(&revisions, &data) {
        Step::Keep(at) => revisions.remove(at),
        Step::RollBack(at, number) => {
            let mut revision = Value::clone(&revisions.remove(at));
            revision["revision"] = number.into();
            api.update(&CONTROLLER_REVISIONS, None, revision, &write_options())?
        }
        Step::Create(number) => loop {
            let hash = template::hash(&owner["spec"]["template"], collisions);
            let revision = revision(owner, &data, &hash, hash_label, number);
            match create(api, revision)? {
                Some(created) => break created,
                None => collisions += 1,
            }
        },
    };
    Ok(History {
        update,
        others: revisions,
        collisions,
    })
}

/// Creates the revision, or finds that it is there already; `None` if another one has its name.
fn create(api: &mut ApiServer, revision: Value) -> Result<Option<Object>, Status> {
    let namespace = text(&revision, &["metadata", "namespace"]).to_owned();
    let name = text(&revision, &["metadata", "name"]).to_owned();
    let data = revision["data"].clone();
    match api.create(&CONTROLLER_REVISIONS, &namespace, revision, &write_options()) {
        Err(refusal) if refusal.reason == "AlreadyExists" => {
            let existing = api.get(&CONTROLLER_REVISIONS, &namespace, &name);
            Ok(existing.filter(|existing| existing["data"] == data).cloned())
        }
        other => other.map(Some),
    }
}

fn revision(owner: &Value, data: &Value, hash: &str, hash_label: &str, number: i64) -> Value {
    let (metadata, template) = (&owner["metadata"], &owner["spec"]["template"]);
    let mut labels = template["metadata"]["labels"].clone();
    labels[hash_label] = hash.into();
    let prefix: String = text(owner, &["metadata", "name"])
        .chars()
        .take(LONGEST_PREFIX)
        .collect();
    let mut revision = json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision",
        "metadata": {
            "name": format!("{prefix}-{hash}"),
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [controller_reference(owner)],
        },
        "data": data,
        "revision": number,
    });
    if metadata["annotations"].is_object() {
        revision["metadata"]["annotations"] = metadata["annotations"].clone();
    }
    revision
}

/// The owner's revisions, the oldest first, after orphans were adopted.
fn claimed(api: &mut ApiServer, owner: &Value) -> Vec<Object> {
    let mut revisions = ownership::claim_all(api, owner, &CONTROLLER_REVISIONS, |_| true);
    revisions.sort_by(|a, b| {
        let order = |revision: &Object| (number(revision), pod::created(revision));
        order(a)
            .cmp(&order(b))
            .then_with(|| text(a, &["metadata", "name"]).cmp(text(b, &["metadata", "name"])))
    });
    revisions
}

/// Deletes the oldest `count` of `revisions` whose names are not among `live`.
///
/// # Errors
/// One cannot be deleted.
pub(crate) fn truncate(
    api: &mut ApiServer,
    revisions: &[Object],
    live: &BTreeSet<String>,
    count: usize,
) -> Result<(), Status> {
    let names = revisions.iter().map(|revision| Key::of(revision));
    let historic: Vec<Key> = names
        .filter(|key| !live.contains(&key.name))
        .take(count)
        .collect();
    for key in historic {
        api.delete(
            &CONTROLLER_REVISIONS,
            &key.namespace,
            &key.name,
            &DeleteOptions::default(),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_present_template_is_kept_brought_back_or_new() {
        let revision = |number: i64, image: &str| -> Object {
            Arc::new(json!({"revision": number, "data": {"i": image}}))
        };
        let revisions = [revision(1, "a"), revision(2, "b"), revision(4, "c")];
        let cases = [
            ("c", Step::Keep(2)),
            ("a", Step::RollBack(0, 5)),
            ("d", Step::Create(5)),
        ];
        for (image, expected) in cases {
            assert_eq!(decide(&revisions, &json!({"i": image})), expected, "{image}");
        }
        assert_eq!(decide(&[], &json!({})), Step::Create(1));
    }

    #[test]
    fn a_revision_gives_back_the_template_that_it_was_made_of() {
        let owner = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "web", "namespace": "d", "uid": "u"},
            "spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}},
        });
        let revision = revision(&owner, &data_of(&owner), "abc", "hash", 1);
        assert_eq!(revision["metadata"]["name"], "web-abc");
        assert_eq!(
            revision["metadata"]["labels"],
            json!({"app": "web", "hash": "abc"})
        );
        assert_eq!(template_of(&revision), owner["spec"]["template"]);
    }
}
