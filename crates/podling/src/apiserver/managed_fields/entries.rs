//! `metadata.managedFields`: who owns which fields, since when.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::set::Set;

/// Most entries of operation Update that an object keeps; older ones become [`ANCIENT`].
const MOST_UPDATERS: usize = 10;

/// Who the oldest updates are put down to once there are too many.
const ANCIENT: &str = "ancient-changes";

/// Who owns fields. The order is that of Kubernetes' manager identifiers.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Owner {
    pub(super) manager: String,
    /// Operation Apply, not Update.
    pub(super) applies: bool,
    /// The API version of an updater; empty for an applier, who stays the same one through all versions.
    pub(super) version: String,
    /// The subresource written, or empty.
    pub(super) subresource: String,
}

/// What an owner owns.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Owned {
    pub(super) version: String,
    pub(super) set: Set,
    /// When the owner last took something, in the wire form; an applier who changed nothing has no time.
    pub(super) time: Option<String>,
}

/// All owners of an object's fields.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct ManagedFields(pub(super) BTreeMap<Owner, Owned>);

impl Owner {
    pub(super) fn updater(manager: &str, version: &str, subresource: Option<&str>) -> Self {
        let manager = if manager.is_empty() { "unknown" } else { manager };
        Self {
            manager: manager.to_owned(),
            applies: false,
            version: version.to_owned(),
            subresource: subresource.unwrap_or_default().to_owned(),
        }
    }

    pub(super) fn applier(manager: &str, subresource: Option<&str>) -> Self {
        Self {
            applies: true,
            version: String::new(),
            ..Self::updater(manager, "", subresource)
        }
    }
}

impl ManagedFields {
    /// Reads the object's entries; what is not in the form of an entry is passed over.
    pub(super) fn of(object: &Value) -> Self {
        let entries = object
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array);
        let entries = entries.into_iter().flatten().filter_map(read_entry);
        let mut fields = Self::default();
        for (owner, owned) in entries {
            fields.0.insert(owner, owned);
        }
        fields
    }

    /// Writes the entries into the object, or takes the field out if there are none.
    pub(super) fn write_to(&self, object: &mut Value) {
        remove_from(object);
        if self.0.is_empty() {
            return;
        }
        let mut entries: Vec<(&Owner, &Owned)> = self.0.iter().collect();
        entries.sort_by_key(|(owner, owned)| {
            (
                !owner.applies,
                &owned.time,
                &owner.manager,
                &owned.version,
                &owner.subresource,
            )
        });
        let entries: Vec<Value> = entries
            .into_iter()
            .map(|(owner, owned)| entry(owner, owned))
            .collect();
        if let Some(fields) = object.as_object_mut() {
            let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
            metadata["managedFields"] = entries.into();
        }
    }

    /// Adds to what an owner owns, as of now.
    pub(super) fn give(&mut self, owner: Owner, version: &str, set: &Set, time: String) {
        let owned = self.0.entry(owner).or_default();
        version.clone_into(&mut owned.version);
        owned.set = owned.set.union(set);
        owned.time = Some(time);
    }

    /// Takes paths away from everyone but `keeper`.
    pub(super) fn take(&mut self, paths: &Set, keeper: Option<&Owner>) {
        for (_, owned) in self.0.iter_mut().filter(|(owner, _)| Some(*owner) != keeper) {
            owned.set = owned.set.difference(paths);
        }
        self.0
            .retain(|owner, owned| Some(owner) == keeper || !owned.set.is_empty());
    }

    /// All that anyone owns.
    pub(super) fn all(&self) -> Set {
        self.0
            .values()
            .fold(Set::default(), |all, owned| all.union(&owned.set))
    }

    /// Merges the oldest updates of one version into one entry while there are too many.
    pub(super) fn cap_updaters(&mut self) {
        let mut updaters: Vec<(Option<String>, Owner)> = self
            .0
            .iter()
            .filter(|(owner, _)| !owner.applies)
            .map(|(owner, owned)| (owned.time.clone(), owner.clone()))
            .collect();
        updaters.sort();
        let excess = updaters.len().saturating_sub(MOST_UPDATERS);
        if excess == 0 {
            return;
        }
        // One more than the excess, because the bucket takes a place of its own.
        for (_, owner) in updaters.into_iter().take(excess + 1) {
            if let Some(owned) = self.0.remove(&owner) {
                let bucket = Owner::updater(ANCIENT, &owned.version, None);
                self.give(bucket, &owned.version, &owned.set, owned.time.unwrap_or_default());
            }
        }
    }
}

/// Takes the entries out of an object.
pub(super) fn remove_from(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

/// Whether the object asks for all ownership to be forgotten: one empty entry.
pub(super) fn asks_for_reset(object: &Value) -> bool {
    object.pointer("/metadata/managedFields") == Some(&json!([{}]))
}

fn read_entry(entry: &Value) -> Option<(Owner, Owned)> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let applies = match text("operation") {
        "Apply" => true,
        "Update" => false,
        _ => return None,
    };
    let owned = Owned {
        version: text("apiVersion").to_owned(),
        set: Set::from_json(entry.get("fieldsV1")?),
        time: entry.get("time").and_then(Value::as_str).map(ToOwned::to_owned),
    };
    let owner = Owner {
        manager: text("manager").to_owned(),
        applies,
        version: if applies {
            String::new()
        } else {
            owned.version.clone()
        },
        subresource: text("subresource").to_owned(),
    };
    Some((owner, owned))
}

fn entry(owner: &Owner, owned: &Owned) -> Value {
    let mut entry = json!({
        "manager": owner.manager,
        "operation": if owner.applies { "Apply" } else { "Update" },
        "apiVersion": owned.version,
        "fieldsType": "FieldsV1",
        "fieldsV1": owned.set.to_json(),
    });
    if let Some(time) = &owned.time {
        entry["time"] = time.as_str().into();
    }
    if !owner.subresource.is_empty() {
        entry["subresource"] = owner.subresource.as_str().into();
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> Set {
        Set::from_json(&json!({(format!("f:{name}")): {}}))
    }

    #[test]
    fn entries_are_ordered_appliers_first_then_by_time_and_name() {
        let mut fields = ManagedFields::default();
        fields.give(
            Owner::updater("a", "v1", None),
            "v1",
            &path("a"),
            "2024-01-01T00:00:01Z".to_owned(),
        );
        fields.give(
            Owner::updater("b", "v1", None),
            "v1",
            &path("b"),
            "2024-01-01T00:00:00Z".to_owned(),
        );
        fields.give(
            Owner::applier("z", None),
            "v1",
            &path("z"),
            "2024-01-01T00:00:02Z".to_owned(),
        );
        let mut object = json!({"metadata": {}});
        fields.write_to(&mut object);
        let managers: Vec<&str> = object["metadata"]["managedFields"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|entry| entry["manager"].as_str())
            .collect();
        assert_eq!(managers, ["z", "b", "a"]);
        assert_eq!(ManagedFields::of(&object), fields);
    }

    #[test]
    fn the_oldest_of_more_than_ten_updaters_become_ancient() {
        let mut fields = ManagedFields::default();
        for second in 10..22 {
            let manager = format!("m{second}");
            let time = format!("2024-01-01T00:00:{second}Z");
            fields.give(Owner::updater(&manager, "v1", None), "v1", &path(&manager), time);
        }
        fields.cap_updaters();
        assert_eq!(fields.0.len(), MOST_UPDATERS);
        let ancient = &fields.0[&Owner::updater(ANCIENT, "v1", None)];
        assert_eq!(ancient.set, path("m10").union(&path("m11")).union(&path("m12")));
        assert_eq!(ancient.time.as_deref(), Some("2024-01-01T00:00:12Z"));
    }
}
