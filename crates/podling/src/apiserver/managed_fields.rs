//! `metadata.managedFields` and server-side apply: who owns which field, and what that lets them do.
//!
//! [`track_update`] gives what a create, update or patch changed to its writer. [`apply()`] merges an applied
//! configuration into the live object, unless that changes fields that others own.
//!
//! Source: the Server-Side Apply documentation (KEP-555), `k8s.io/apimachinery/pkg/util/managedfields` and
//! `sigs.k8s.io/structured-merge-diff`, v1.36. Differs from Kubernetes: all entries are taken to be of the stored
//! version, because every kind here is served in one.

use serde_json::Value;

pub(crate) use self::apply::apply;
use self::entries::{ManagedFields, Owner};
use self::set::{Set, Step};
use self::tree::{Comparison, compare, zero};
use super::decode::GroupVersionKind;
use super::place::{Form, Place};
use crate::clock::Time;

mod apply;
mod conflict;
mod entries;
mod form;
mod last_applied;
mod merge;
pub(crate) mod scale;
mod set;
mod tree;

/// What nobody owns, because the server keeps it.
const UNOWNED_METADATA: [&str; 8] = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
];

/// Who writes, through what, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a> {
    /// The field manager, such as `kubectl-edit`.
    pub(crate) manager: &'a str,
    /// The subresource written to, if it is not the object itself.
    pub(crate) subresource: Option<&'a str>,
    /// The present cluster time.
    pub(crate) now: Time,
}

/// Brings `new`'s `managedFields` up to date for a create (`live` is `None`) or update by `writer`.
///
/// To be called before admission and allocation, so that what the server adds belongs to nobody.
pub(crate) fn track_update(
    live: Option<&Value>,
    new: &mut Value,
    kind: GroupVersionKind<'_>,
    writer: &Writer<'_>,
) {
    let managed = managed_before(live, new, writer.subresource);
    let is_update = live.is_some();
    entries::remove_from(new);
    let Some(mut managed) = managed else { return };
    if managed.0.is_empty() && is_update {
        return;
    }
    let place = Place::root(kind);
    let empty = empty_object(place);
    let comparison = changes(place, live.unwrap_or(&empty), new, writer.subresource);
    let version = kind.api_version();
    let owner = Owner::updater(writer.manager, &version, writer.subresource);
    take_over(&mut managed, owner, &version, &comparison, writer.now);
    managed.cap_updaters();
    managed.write_to(new);
}

/// The entries that a write starts from: those that it brings, else the live ones; `None` if it asks for all to
/// be forgotten. Through a subresource nobody can change them.
fn managed_before(live: Option<&Value>, new: &Value, subresource: Option<&str>) -> Option<ManagedFields> {
    let of_live = live.map(ManagedFields::of).unwrap_or_default();
    if subresource.is_some() {
        return Some(of_live);
    }
    if entries::asks_for_reset(new) {
        return None;
    }
    let brought = ManagedFields::of(new);
    Some(if brought.0.is_empty() { of_live } else { brought })
}

/// What changed that someone can own: not what the subresource leaves alone.
fn changes(place: Place, live: &Value, new: &Value, subresource: Option<&str>) -> Comparison {
    let mut live = live.clone();
    entries::remove_from(&mut live);
    let mut comparison = compare(place, &live, new);
    if let Some(field) = unwritten_field(subresource) {
        comparison.ignore_field(field);
    }
    comparison
}

/// The field that a write through a subresource puts back as it was (`GetResetFields`): the main resource does not
/// write the status, nor `status` the spec. A Scale is an object of its own.
fn unwritten_field(subresource: Option<&str>) -> Option<&'static str> {
    match subresource {
        Some("status") => Some("spec"),
        Some("scale") => None,
        _ => Some("status"),
    }
}

/// Gives what changed to `owner`, and takes it from everyone else.
fn take_over(managed: &mut ManagedFields, owner: Owner, version: &str, comparison: &Comparison, now: Time) {
    let taken = comparison.modified.union(&comparison.added);
    managed.take(&taken.union(&comparison.removed), None);
    let taken = owned_part(&taken);
    if !taken.is_empty() {
        managed.give(owner, version, &taken, now.rfc3339());
    }
}

/// The set without what nobody owns.
fn owned_part(set: &Set) -> Set {
    let mut unowned: Vec<Vec<Step>> = ["apiVersion", "kind", "metadata"]
        .map(|name| vec![Step::field(name)])
        .into();
    unowned.extend(UNOWNED_METADATA.map(|name| vec![Step::field("metadata"), Step::field(name)]));
    set.difference(&unowned.into_iter().collect())
}

fn empty_object(place: Place) -> Value {
    match place.form() {
        Form::Struct(of) => zero(of),
        _ => Value::Object(serde_json::Map::new()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::{CONFIG_MAPS, DEPLOYMENTS, PODS};
    use crate::status::Status;

    const NOW: Time = Time::from_micros(1_700_000_000_000_000);
    const LATER: Time = Time::from_micros(1_700_000_060_000_000);

    const fn by<'a>(manager: &'a str, subresource: Option<&'a str>, now: Time) -> Writer<'a> {
        Writer {
            manager,
            subresource,
            now,
        }
    }

    fn config_map(data: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": data})
    }

    fn applied(live: Option<&Value>, data: &Value, manager: &str, now: Time) -> Result<Value, Status> {
        apply(
            GroupVersionKind::of(&CONFIG_MAPS),
            live,
            &config_map(data),
            false,
            &by(manager, None, now),
        )
    }

    /// Manager, operation, fields, and whether there is a time, of each entry.
    fn owners(object: &Value) -> Vec<(String, String, Value, bool)> {
        let entries = object
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let row = |entry: &Value| {
            let timed = entry.get("time").is_some();
            (
                text(&entry["manager"]),
                text(&entry["operation"]),
                entry["fieldsV1"].clone(),
                timed,
            )
        };
        entries.into_iter().flatten().map(row).collect()
    }

    fn owner(manager: &str, operation: &str, fields: Value, timed: bool) -> (String, String, Value, bool) {
        (manager.to_owned(), operation.to_owned(), fields, timed)
    }

    #[test]
    fn a_created_object_belongs_to_its_creator_but_for_what_is_always_there() {
        let mut deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
                "template": {"metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "c", "resources": {}}], "securityContext": {}}}},
            "status": {}});
        track_update(
            None,
            &mut deployment,
            GroupVersionKind::of(&DEPLOYMENTS),
            &by("creator", None, NOW),
        );
        let fields = json!({"f:spec": {"f:replicas": {}, "f:selector": {},
            "f:strategy": {"f:type": {}, "f:rollingUpdate": {".": {}, "f:maxSurge": {}}},
            "f:template": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {"f:securityContext": {},
                    "f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:name": {}, "f:resources": {}}}}}}});
        assert_eq!(owners(&deployment), [owner("creator", "Update", fields, true)]);
    }

    #[test]
    fn an_update_takes_what_it_changes() {
        let mut live = config_map(&json!({"a": "1"}));
        track_update(
            None,
            &mut live,
            GroupVersionKind::of(&CONFIG_MAPS),
            &by("kubectl-create", None, NOW),
        );
        let mut edited = live.clone();
        edited["data"]["b"] = "2".into();
        track_update(
            Some(&live),
            &mut edited,
            GroupVersionKind::of(&CONFIG_MAPS),
            &by("editor", None, NOW),
        );
        let a = json!({"f:data": {".": {}, "f:a": {}}});
        let b = json!({"f:data": {"f:b": {}}});
        let creator = || owner("kubectl-create", "Update", a.clone(), true);
        assert_eq!(
            owners(&edited),
            [owner("editor", "Update", b.clone(), true), creator()]
        );

        let mut again = edited.clone();
        again["data"]["b"] = "3".into();
        track_update(
            Some(&edited),
            &mut again,
            GroupVersionKind::of(&CONFIG_MAPS),
            &by("", None, NOW),
        );
        assert_eq!(owners(&again), [creator(), owner("unknown", "Update", b, true)]);

        let mut removed = again.clone();
        removed["data"] = json!({"a": "1"});
        track_update(
            Some(&again),
            &mut removed,
            GroupVersionKind::of(&CONFIG_MAPS),
            &by("editor", None, NOW),
        );
        assert_eq!(owners(&removed), [creator()]);

        let mut unchanged = removed.clone();
        track_update(
            Some(&removed),
            &mut unchanged,
            GroupVersionKind::of(&CONFIG_MAPS),
            &by("other", None, LATER),
        );
        assert_eq!(unchanged, removed);
    }

    #[test]
    fn ownership_can_be_forgotten_but_not_dropped_by_accident() {
        let live = applied(None, &json!({"a": "1"}), "alice", NOW).expect("created");
        let mut dropped = config_map(&json!({"a": "1"}));
        track_update(
            Some(&live),
            &mut dropped,
            GroupVersionKind::of(&CONFIG_MAPS),
            &by("x", None, NOW),
        );
        assert_eq!(owners(&dropped), owners(&live));

        let mut reset = live.clone();
        reset["metadata"]["managedFields"] = json!([{}]);
        track_update(
            Some(&live),
            &mut reset,
            GroupVersionKind::of(&CONFIG_MAPS),
            &by("x", None, NOW),
        );
        assert_eq!(owners(&reset), []);
        let status = applied(Some(&reset), &json!({"a": "2"}), "bob", NOW).expect_err("a conflict");
        let message = "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.a";
        assert_eq!(status.message, message);
    }

    #[test]
    fn appliers_share_fields_and_the_last_one_to_let_go_removes_them() {
        let a = || json!({"f:data": {"f:a": {}}});
        let b = || json!({"f:data": {"f:b": {}}});
        let ab = json!({"f:data": {"f:a": {}, "f:b": {}}});
        let one = applied(None, &json!({"a": "1", "b": "2"}), "alice", NOW).expect("created");
        assert_eq!(owners(&one), [owner("alice", "Apply", ab.clone(), true)]);
        let two = applied(Some(&one), &json!({"a": "1"}), "bob", LATER).expect("applied");
        assert_eq!(
            owners(&two),
            [
                owner("bob", "Apply", a(), false),
                owner("alice", "Apply", ab, true)
            ]
        );
        let three = applied(Some(&two), &json!({"b": "2"}), "alice", LATER).expect("applied");
        assert_eq!(three["data"], json!({"a": "1", "b": "2"}));
        assert_eq!(
            owners(&three),
            [
                owner("bob", "Apply", a(), false),
                owner("alice", "Apply", b(), true)
            ]
        );
        let four = applied(Some(&three), &json!({}), "bob", LATER).expect("applied");
        assert_eq!(four["data"], json!({"b": "2"}));
        let nothing = json!({"f:data": {}});
        assert_eq!(
            owners(&four),
            [
                owner("alice", "Apply", b(), true),
                owner("bob", "Apply", nothing, true)
            ]
        );
    }

    #[test]
    fn applying_the_same_again_changes_nothing() {
        let one = applied(None, &json!({"a": "1"}), "alice", NOW).expect("created");
        assert_eq!(applied(Some(&one), &json!({"a": "1"}), "alice", LATER), Ok(one));
    }

    #[test]
    fn force_takes_fields_from_their_owner() {
        let one = applied(None, &json!({"a": "1", "b": "2"}), "alice", NOW).expect("created");
        let change = config_map(&json!({"b": "5"}));
        let forced = apply(
            GroupVersionKind::of(&CONFIG_MAPS),
            Some(&one),
            &change,
            true,
            &by("bob", None, LATER),
        )
        .expect("applied");
        assert_eq!(forced["data"], json!({"a": "1", "b": "5"}));
        let expected = [
            owner("alice", "Apply", json!({"f:data": {"f:a": {}}}), true),
            owner("bob", "Apply", json!({"f:data": {"f:b": {}}}), true),
        ];
        assert_eq!(owners(&forced), expected);
    }

    #[test]
    fn the_last_owned_field_of_the_metadata_leaves_the_name() {
        let mut first = config_map(&json!({"a": "1"}));
        first["metadata"]["finalizers"] = json!(["example.com/a"]);
        let writer = by("alice", None, NOW);
        let one = apply(GroupVersionKind::of(&CONFIG_MAPS), None, &first, false, &writer).expect("created");
        let two = apply(
            GroupVersionKind::of(&CONFIG_MAPS),
            Some(&one),
            &config_map(&json!({"a": "1"})),
            false,
            &writer,
        )
        .expect("applied");
        assert_eq!(two["metadata"]["name"], "cm");
        assert_eq!(two["metadata"].get("finalizers"), None);
    }

    fn deployment(spec: &Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
    }

    #[test]
    fn conflicts_are_told_by_owner_and_field() {
        let alice = deployment(&json!({"replicas": 0, "minReadySeconds": 1}));
        let live = apply(
            GroupVersionKind::of(&DEPLOYMENTS),
            None,
            &alice,
            false,
            &by("alice", None, NOW),
        )
        .expect("created");
        let mut edited = live.clone();
        edited["spec"]["minReadySeconds"] = 2.into();
        edited["spec"]["revisionHistoryLimit"] = 4.into();
        track_update(
            Some(&live),
            &mut edited,
            GroupVersionKind::of(&DEPLOYMENTS),
            &by("editor", None, LATER),
        );
        let bob = deployment(
            &json!({"replicas": 0, "minReadySeconds": 5, "revisionHistoryLimit": 5, "paused": true}),
        );
        let status = apply(
            GroupVersionKind::of(&DEPLOYMENTS),
            Some(&edited),
            &bob,
            false,
            &by("bob", None, LATER),
        )
        .expect_err("conflicts");
        assert_eq!(
            status.message,
            "Apply failed with 2 conflicts: conflicts with \"editor\" using apps/v1:\n\
             - .spec.minReadySeconds\n- .spec.revisionHistoryLimit"
        );
        let causes: Vec<String> = status
            .details
            .into_iter()
            .flat_map(|details| details.causes)
            .map(|cause| format!("{} {} {}", cause.reason, cause.message, cause.field))
            .collect();
        assert_eq!(
            causes,
            [
                "FieldManagerConflict conflict with \"editor\" using apps/v1 .spec.minReadySeconds",
                "FieldManagerConflict conflict with \"editor\" using apps/v1 .spec.revisionHistoryLimit",
            ]
        );
    }

    #[test]
    fn a_list_entry_goes_with_the_defaults_that_nobody_owns() {
        let containers = |list: Value| deployment(&json!({"template": {"spec": {"containers": list}}}));
        let alice = containers(json!([{"name": "c", "image": "a:1"}]));
        let live = apply(
            GroupVersionKind::of(&DEPLOYMENTS),
            None,
            &alice,
            false,
            &by("alice", None, NOW),
        )
        .expect("created");
        let bob = containers(json!([{"name": "side", "image": "b:1"}]));
        let mut two = apply(
            GroupVersionKind::of(&DEPLOYMENTS),
            Some(&live),
            &bob,
            false,
            &by("bob", None, NOW),
        )
        .expect("applied");
        two["spec"]["template"]["spec"]["containers"][1]["imagePullPolicy"] = "Always".into();
        let nothing = deployment(&json!({}));
        let one = apply(
            GroupVersionKind::of(&DEPLOYMENTS),
            Some(&two),
            &nothing,
            false,
            &by("bob", None, NOW),
        )
        .expect("applied");
        let left = one.pointer("/spec/template/spec/containers");
        assert_eq!(left, Some(&json!([{"name": "c", "image": "a:1"}])));
    }

    #[test]
    fn kubectl_takes_over_what_it_applied_on_the_clients_side() {
        let last = config_map(&json!({"a": "1", "b": "2"}));
        let mut live = last.clone();
        live["metadata"]["annotations"] =
            json!({"kubectl.kubernetes.io/last-applied-configuration": last.to_string()});
        track_update(
            None,
            &mut live,
            GroupVersionKind::of(&CONFIG_MAPS),
            &by("kubectl-client-side-apply", None, NOW),
        );
        assert_eq!(
            applied(Some(&live), &json!({"b": "5"}), "bob", LATER).map_err(|status| status.code),
            Err(409)
        );
        let taken = applied(Some(&live), &json!({"a": "1", "b": "5"}), "kubectl", LATER).expect("applied");
        assert_eq!(taken["data"], json!({"a": "1", "b": "5"}));
        let annotation =
            &taken["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"];
        let now_applied: Value = serde_json::from_str(annotation.as_str().unwrap_or_default()).expect("JSON");
        assert_eq!(now_applied["data"]["b"], "5");
    }

    #[test]
    fn the_status_is_owned_through_its_subresource_only() {
        let pod = |extra: Value| {
            let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}});
            json_patch::merge(&mut pod, &extra);
            pod
        };
        let live = apply(
            GroupVersionKind::of(&PODS),
            None,
            &pod(json!({"spec": {"hostNetwork": true}})),
            false,
            &by("alice", None, NOW),
        )
        .expect("created");
        let status = pod(json!({"status": {"phase": "Running"}}));
        let new = apply(
            GroupVersionKind::of(&PODS),
            Some(&live),
            &status,
            false,
            &by("kubelet", Some("status"), NOW),
        )
        .expect("applied");
        let entry = &new["metadata"]["managedFields"][1];
        assert_eq!(entry["subresource"], "status");
        assert_eq!(entry["fieldsV1"], json!({"f:status": {"f:phase": {}}}));
    }
}
