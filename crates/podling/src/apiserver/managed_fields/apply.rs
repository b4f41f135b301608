//! Server-side apply: merges an applied configuration into the live object, unless that changes fields that
//! others own (Kubernetes: KEP-555, `sigs.k8s.io/structured-merge-diff` `merge.Updater.Apply`).

use serde_json::Value;

use super::entries::{self, ManagedFields, Owned, Owner};
use super::set::Set;
use super::tree::{Comparison, compare, paths_of, without};
use super::{
    Writer, conflict, empty_object, form, last_applied, merge, owned_part, take_over, unwritten_field,
};
use crate::apiserver::decode::GroupVersionKind;
use crate::apiserver::place::Place;
use crate::clock::Time;
use crate::status::Status;

/// Who owns the fields of an object without `managedFields` when someone first applies to it.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Applies a configuration (`application/apply-patch+yaml`): the object to store, its `managedFields` up to
/// date. Defaulting, admission and validation come after, as for an update.
///
/// # Errors
/// 400 if the configuration is of another kind or brings `managedFields`, 500 (as Kubernetes answers) if it
/// does not have the kind's form, 409 with one cause a field if it changes what others own, unless `force`d.
pub(crate) fn apply(
    kind: GroupVersionKind<'_>,
    live: Option<&Value>,
    applied: &Value,
    force: bool,
    writer: &Writer<'_>,
) -> Result<Value, Status> {
    check_applied(kind, applied)?;
    let apply = Apply {
        place: Place::root(kind),
        version: kind.api_version(),
        owner: Owner::applier(writer.manager, writer.subresource),
        applied,
        now: writer.now,
    };
    match live {
        None => Ok(apply.create()),
        Some(live) => apply.update(live, force),
    }
}

fn check_applied(wanted: GroupVersionKind<'_>, applied: &Value) -> Result<(), Status> {
    let text = |pointer: &str| {
        applied
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (version, kind) = (text("/apiVersion"), text("/kind"));
    let group_version = if version.contains('/') {
        version.to_owned()
    } else {
        format!("/{version}")
    };
    let gvk = format!("{group_version}, Kind={kind}");
    if version != wanted.api_version() || kind != wanted.kind {
        return Err(Status::bad_request(format!("invalid object type: {gvk}")));
    }
    if applied
        .pointer("/metadata/managedFields")
        .is_some_and(|fields| !fields.is_null())
    {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    form::complaint(Place::root(wanted), applied).map_or(Ok(()), |why| {
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let message = format!("failed to create typed patch object ({namespace}/{name}; {gvk}): {why}");
        Err(Status::new(500, "", message))
    })
}

/// One server-side apply.
struct Apply<'a> {
    place: Place,
    version: String,
    owner: Owner,
    applied: &'a Value,
    now: Time,
}

impl Apply<'_> {
    fn create(&self) -> Value {
        let mut object = merge::settled(self.place, self.applied);
        let mut managed = ManagedFields::default();
        let set = self.applied_set();
        if !set.is_empty() {
            managed.give(self.owner.clone(), &self.version, &set, self.now.rfc3339());
        }
        managed.write_to(&mut object);
        object
    }

    fn update(&self, live: &Value, force: bool) -> Result<Value, Status> {
        let mut managed = ManagedFields::of(live);
        let mut live = live.clone();
        entries::remove_from(&mut live);
        if managed.0.is_empty() {
            self.own_unowned(&live, &mut managed);
        }
        let last = managed.0.get(&self.owner).cloned().unwrap_or_default();
        managed
            .0
            .insert(self.owner.clone(), self.owned(last.time.clone()));

        let merged = merge::merge(self.place, &live, self.applied);
        let merged = self.prune(merged, &managed, &last.set);
        let comparison = self.changes(&live, &merged);
        self.settle_conflicts(&live, &managed, &comparison, force)?;
        managed.take(&comparison.modified.union(&comparison.added), Some(&self.owner));
        managed.take(&comparison.removed, Some(&self.owner));
        let mut object = if comparison.is_same() {
            live
        } else {
            if let Some(owned) = managed.0.get_mut(&self.owner) {
                owned.time = Some(self.now.rfc3339());
            }
            merge::settled(self.place, &merged)
        };
        managed.0.retain(|_, owned| !owned.set.is_empty());
        last_applied::sync(&mut object, self.applied, &self.owner.manager);
        managed.write_to(&mut object);
        Ok(object)
    }

    /// What this apply owns.
    fn owned(&self, time: Option<String>) -> Owned {
        Owned {
            version: self.version.clone(),
            set: self.applied_set(),
            time,
        }
    }

    fn applied_set(&self) -> Set {
        let mut set = owned_part(&paths_of(self.place, self.applied));
        if let Some(field) = self.unwritten_field() {
            set.remove_field(field);
        }
        set
    }

    fn changes(&self, live: &Value, merged: &Value) -> Comparison {
        let mut comparison = compare(self.place, live, merged);
        if let Some(field) = self.unwritten_field() {
            comparison.ignore_field(field);
        }
        comparison
    }

    fn unwritten_field(&self) -> Option<&'static str> {
        let subresource = self.owner.subresource.as_str();
        unwritten_field((!subresource.is_empty()).then_some(subresource))
    }

    /// Puts what stands in an object that nobody has owned so far down to one updater.
    fn own_unowned(&self, live: &Value, managed: &mut ManagedFields) {
        let comparison = self.changes(&empty_object(self.place), live);
        let owner = Owner::updater(BEFORE_FIRST_APPLY, &self.version, Some(&self.owner.subresource));
        take_over(managed, owner, &self.version, &comparison, self.now);
    }

    /// Takes out what this applier owned before, no longer applies, and nobody else owns.
    fn prune(&self, merged: Value, managed: &ManagedFields, last: &Set) -> Value {
        if last.is_empty() {
            return merged;
        }
        let place = self.place;
        let named = |set: &Set| set.with_named_fields(place);
        let paths = |value: &Option<Value>| {
            value
                .as_ref()
                .map(|value| named(&paths_of(place, value)))
                .unwrap_or_default()
        };
        // The server's own part of the metadata counts as applied, or it would go with the last owned field.
        let owned = managed.all().union(&paths_of(place, self.applied));
        let last = named(last);
        let before = named(&paths_of(place, &merged));
        let kept = paths(&without(place, &merged, &last)).union(&named(&owned));
        // An entry goes with all below it, so see again what is left before deciding.
        let left = paths(&without(place, &merged, &before.difference(&kept)));
        let gone = before.difference(&left).intersection(&last);
        without(place, &merged, &gone).unwrap_or(merged)
    }

    fn settle_conflicts(
        &self,
        live: &Value,
        managed: &ManagedFields,
        comparison: &Comparison,
        force: bool,
    ) -> Result<(), Status> {
        if force {
            return Ok(());
        }
        let changed = comparison.modified.union(&comparison.added);
        let allowed = last_applied::unchanged_since(self.place, live, &self.owner.manager);
        let conflicts: Vec<(&Owner, Set)> = managed
            .0
            .iter()
            .filter(|(owner, _)| **owner != self.owner)
            .map(|(owner, owned)| (owner, owned.set.intersection(&changed).difference(&allowed)))
            .filter(|(_, set)| !set.is_empty())
            .collect();
        conflict::refuse(&conflicts)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::{CONFIG_MAPS, DEPLOYMENTS};

    /// Null says that the field shall not be set, so whoever set it is asked.
    #[test]
    fn null_conflicts_with_a_value_that_another_owns() {
        let by = |manager| Writer {
            manager,
            subresource: None,
            now: Time::from_micros(0),
        };
        let deployment = |replicas: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": replicas}});
        let kind = GroupVersionKind::of(&DEPLOYMENTS);
        let live = apply(kind, None, &deployment(json!(3)), false, &by("a")).expect("created");
        let unset = deployment(Value::Null);
        let refused = apply(kind, Some(&live), &unset, false, &by("b")).expect_err("refused");
        assert_eq!(
            refused.message,
            "Apply failed with 1 conflict: conflict with \"a\": .spec.replicas"
        );
        let forced = apply(kind, Some(&live), &unset, true, &by("b")).expect("forced");
        assert_eq!(forced["spec"], json!({}));
        let owners: Vec<&Value> = forced["metadata"]["managedFields"]
            .as_array()
            .expect("owners")
            .iter()
            .map(|entry| &entry["manager"])
            .collect();
        assert_eq!(owners, [&json!("b")]);
    }

    #[test]
    fn configurations_that_are_none_are_refused() {
        let writer = Writer {
            manager: "x",
            subresource: None,
            now: Time::from_micros(0),
        };
        let config_map =
            || json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": {}});
        let mut managed = config_map();
        managed["metadata"]["managedFields"] = json!([{"manager": "x"}]);
        let mut other = config_map();
        other["apiVersion"] = "v2".into();
        let mut undeclared = config_map();
        undeclared["foo"] = 1.into();
        let cases = [
            (managed, 400, "metadata.managedFields must be nil"),
            (other, 400, "invalid object type: /v2, Kind=ConfigMap"),
            (
                undeclared,
                500,
                "failed to create typed patch object (/cm; /v1, Kind=ConfigMap): .foo: field not declared in schema",
            ),
        ];
        for (configuration, code, message) in cases {
            let status = apply(
                GroupVersionKind::of(&CONFIG_MAPS),
                None,
                &configuration,
                false,
                &writer,
            )
            .expect_err("refused");
            assert_eq!((status.code, status.message.as_str()), (code, message));
        }
    }
}
