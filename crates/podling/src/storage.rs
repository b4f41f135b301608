//! The object store: every object with its revision, and the log of changes that watches read.
//!
//! One counter numbers all writes, as etcd's revision does; an object's `metadata.resourceVersion` is the
//! revision of its last write. Differs from Kubernetes: the log is bounded by count, not by age.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use crate::resource::Resource;

/// An object as it is stored; shared with the change log and with watches.
pub type Object = Arc<Value>;

/// How many changes are remembered for watches that resume.
const LOG_CAPACITY: usize = 4096;

/// What happened to an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChangeKind {
    /// It was created.
    Added,
    /// It was written.
    Modified,
    /// It is gone.
    Deleted,
}

/// One write.
#[derive(Clone, Debug)]
pub struct Change {
    /// The write's number.
    pub revision: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// The resource of the object.
    pub resource: &'static Resource,
    /// The object as it is now; for a deletion as it last was, with the deletion's revision.
    pub object: Object,
    /// The object as it was before.
    pub previous: Option<Object>,
}

/// The objects of a resource by their keys: `namespace/name`, or the bare name.
type Names = BTreeMap<String, Object>;

/// All objects of one cluster.
#[derive(Debug, Default)]
pub struct Store {
    tables: BTreeMap<(&'static str, &'static str), Names>,
    revision: u64,
    log: VecDeque<Change>,
}

/// Text at a path of object keys; empty if it is not there.
pub(crate) fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    path.iter()
        .try_fold(object, |value, key| value.get(key))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

impl Store {
    /// The number of the last write.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The object of that name; the namespace is empty for cluster-scoped resources.
    pub fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<&Object> {
        self.names(resource)?.get(&key(namespace, name))
    }

    /// The objects of a resource, in one namespace or in all, ordered by key.
    pub fn list<'a>(
        &'a self,
        resource: &Resource,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Object> + use<'a> {
        let prefix = prefix(namespace);
        let from = prefix.clone();
        self.names(resource)
            .into_iter()
            .flat_map(move |names| names.range(from.clone()..))
            .take_while(move |(key, _)| key.starts_with(&prefix))
            .map(|(_, object)| object)
    }

    /// The same list as it was when `revision` was the last; `None` if that is forgotten.
    pub fn list_at(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        revision: u64,
    ) -> Option<Vec<Object>> {
        if revision >= self.revision {
            return Some(self.list(resource, namespace).cloned().collect());
        }
        let mut names = self.names(resource).cloned().unwrap_or_default();
        let later: Vec<&Change> = self.changes_since(revision)?.collect();
        let of_group = |resource: &Resource| (resource.group, resource.plural);
        for change in later.into_iter().rev() {
            if of_group(change.resource) != of_group(resource) {
                continue;
            }
            let key = key_of(&change.object);
            match &change.previous {
                Some(previous) => names.insert(key, Arc::clone(previous)),
                None => names.remove(&key),
            };
        }
        let prefix = prefix(namespace);
        names.retain(|key, _| key.starts_with(&prefix));
        Some(names.into_values().collect())
    }

    fn names(&self, resource: &Resource) -> Option<&Names> {
        self.tables.get(&(resource.group, resource.plural))
    }

    /// Writes an object under its own namespace and name and gives it the next revision.
    pub fn put(&mut self, resource: &'static Resource, mut object: Value) -> Object {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let key = key_of(&object);
        let object = Arc::new(object);
        let names = self.tables.entry((resource.group, resource.plural)).or_default();
        let previous = names.insert(key, Arc::clone(&object));
        let kind = if previous.is_some() {
            ChangeKind::Modified
        } else {
            ChangeKind::Added
        };
        self.remember(Change {
            revision: self.revision,
            kind,
            resource,
            object: Arc::clone(&object),
            previous,
        });
        object
    }

    /// Removes an object; `None` if there is none of that name.
    pub fn remove(&mut self, resource: &'static Resource, namespace: &str, name: &str) -> Option<Object> {
        let names = self.tables.get_mut(&(resource.group, resource.plural))?;
        let previous = names.remove(&key(namespace, name))?;
        self.revision += 1;
        let mut last = Value::clone(&previous);
        last["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let object = Arc::new(last);
        self.remember(Change {
            revision: self.revision,
            kind: ChangeKind::Deleted,
            resource,
            object: Arc::clone(&object),
            previous: Some(previous),
        });
        Some(object)
    }

    fn remember(&mut self, change: Change) {
        self.log.push_back(change);
    }

    /// Forgets the oldest changes while there are too many, but none after `seen`.
    pub fn forget_up_to(&mut self, seen: u64) {
        while self.log.len() > LOG_CAPACITY && self.log.front().is_some_and(|change| change.revision <= seen)
        {
            self.log.pop_front();
        }
    }

    /// Forgets all changes so far: nobody can ask for what was before.
    pub fn compact(&mut self) {
        self.log.clear();
    }

    /// The oldest revision whose later changes are all remembered.
    pub fn oldest_revision(&self) -> u64 {
        self.log
            .front()
            .map_or(self.revision, |change| change.revision.saturating_sub(1))
    }

    /// The changes after `revision`, oldest first; `None` if some of them are already forgotten.
    pub fn changes_since(&self, revision: u64) -> Option<impl Iterator<Item = &Change>> {
        let oldest = self.oldest_revision();
        if revision < oldest {
            return None;
        }
        // Every write adds exactly one entry, so revisions in the log have no gaps.
        let skipped = usize::try_from(revision - oldest).unwrap_or(usize::MAX);
        Some(self.log.iter().skip(skipped))
    }
}

/// As etcd has it, so that lists of all namespaces come in etcd's order: `a-b/x` before `a/x`.
fn key(namespace: &str, name: &str) -> String {
    match namespace {
        "" => name.to_owned(),
        _ => format!("{namespace}/{name}"),
    }
}

fn key_of(object: &Value) -> String {
    key(
        text(object, &["metadata", "namespace"]),
        text(object, &["metadata", "name"]),
    )
}

/// What the keys of a namespace, or all keys, begin with.
fn prefix(namespace: Option<&str>) -> String {
    match namespace {
        None | Some("") => String::new(),
        Some(namespace) => format!("{namespace}/"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::CONFIG_MAPS;

    fn config_map(namespace: &str, name: &str) -> Value {
        json!({"metadata": {"namespace": namespace, "name": name}})
    }

    #[test]
    fn a_list_holds_just_the_namespace_asked_for() {
        let mut store = Store::default();
        for (namespace, name) in [("a", "y"), ("b", "x"), ("a", "x")] {
            store.put(&CONFIG_MAPS, config_map(namespace, name));
        }
        let names: Vec<&str> = store
            .list(&CONFIG_MAPS, Some("a"))
            .map(|object| text(object, &["metadata", "name"]))
            .collect();
        assert_eq!(names, ["x", "y"]);
        assert_eq!(store.list(&CONFIG_MAPS, None).count(), 3);
    }

    #[test]
    fn changes_are_read_from_any_remembered_revision() {
        let mut store = Store::default();
        store.put(&CONFIG_MAPS, config_map("a", "x"));
        store.put(&CONFIG_MAPS, config_map("a", "x"));
        store.remove(&CONFIG_MAPS, "a", "x");
        let kinds: Vec<ChangeKind> = store
            .changes_since(1)
            .unwrap()
            .map(|change| change.kind)
            .collect();
        assert_eq!(kinds, [ChangeKind::Modified, ChangeKind::Deleted]);
        assert_eq!(store.changes_since(3).unwrap().count(), 0);
        for _ in 0..LOG_CAPACITY {
            store.put(&CONFIG_MAPS, config_map("a", "x"));
        }
        assert!(store.changes_since(2).is_some());
        store.forget_up_to(store.revision());
        assert!(store.changes_since(2).is_none());
    }

    #[test]
    fn a_list_is_had_as_it_was() {
        let mut store = Store::default();
        let first = store.put(&CONFIG_MAPS, config_map("a", "x"));
        let names = |store: &Store, revision| {
            let list = store.list_at(&CONFIG_MAPS, Some("a"), revision)?;
            let name = |object: &Object| text(object, &["metadata", "name"]).to_owned();
            Some(list.iter().map(name).collect::<Vec<String>>())
        };
        store.put(&CONFIG_MAPS, config_map("a", "y"));
        store.remove(&CONFIG_MAPS, "a", "x");
        assert_eq!(names(&store, 1), Some(vec!["x".to_owned()]));
        assert_eq!(names(&store, 2), Some(vec!["x".to_owned(), "y".to_owned()]));
        assert_eq!(names(&store, 3), Some(vec!["y".to_owned()]));
        assert_eq!(store.list_at(&CONFIG_MAPS, None, 1), Some(vec![first]));
        store.compact();
        assert_eq!(names(&store, 2), None);
        assert_eq!(names(&store, 3), Some(vec!["y".to_owned()]));
    }

    #[test]
    fn lists_come_in_the_order_of_etcd() {
        let mut store = Store::default();
        for namespace in ["a", "a-b"] {
            store.put(&CONFIG_MAPS, config_map(namespace, "x"));
        }
        let namespaces: Vec<&str> = store
            .list(&CONFIG_MAPS, None)
            .map(|object| text(object, &["metadata", "namespace"]))
            .collect();
        assert_eq!(namespaces, ["a-b", "a"]);
    }
}
