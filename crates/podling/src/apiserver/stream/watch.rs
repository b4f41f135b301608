//! A watch: what happens to the objects of one resource, as a client selected and wants to see them.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/watch.go` and `.../storage/cacher`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::apiserver::endpoints::presentation::Presentation;
use crate::apiserver::selector::Selection;
use crate::apiserver::versions::stored_as;
use crate::clock::Time;
use crate::request::Chunk;
use crate::resource::Resource;
use crate::status::Status;
use crate::storage::{Change, ChangeKind, Object};

/// How often a client that asked for bookmarks gets one, about.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// A watch on one resource.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) resource: &'static Resource,
    pub(crate) namespace: Option<String>,
    pub(crate) selection: Selection,
    pub(crate) presentation: Presentation,
    pub(crate) start: Start,
    pub(crate) bookmarks: bool,
    pub(crate) ends: Time,
    /// Whether the watch has said that it can't go on.
    broken: bool,
    pub(crate) next_bookmark: Time,
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Start {
    /// With an ADDED event for each object there is.
    Initial {
        /// Whether a bookmark says that these are all (`sendInitialEvents`).
        bookmark: bool,
    },
    /// After that revision.
    After(u64),
}

/// The watch can't go on; its last event says why.
struct Broken;

impl Watch {
    pub(crate) fn new(api: &ApiServer, resource: &'static Resource, presentation: Presentation) -> Self {
        Self {
            resource,
            namespace: None,
            selection: Selection::default(),
            presentation,
            start: Start::Initial { bookmark: false },
            bookmarks: false,
            ends: api.now(),
            broken: false,
            next_bookmark: api.now() + BOOKMARK_EVERY,
        }
    }

    /// When the watch has something to say although nothing changes: its end, or a bookmark.
    pub(super) fn deadline(&self) -> Time {
        if self.bookmarks {
            self.ends.min(self.next_bookmark)
        } else {
            self.ends
        }
    }

    /// What happened since the last reading.
    pub(super) fn read(&mut self, api: &ApiServer) -> Chunk {
        let mut bytes = Vec::new();
        if !self.broken {
            self.broken = self.read_into(api, &mut bytes).is_err();
        }
        Chunk {
            bytes,
            ended: self.broken || api.now() >= self.ends,
        }
    }

    fn read_into(&mut self, api: &ApiServer, bytes: &mut Vec<u8>) -> Result<(), Broken> {
        let revision = match self.start {
            Start::Initial { bookmark } => {
                self.write_initial(api, bookmark, bytes);
                api.revision()
            }
            Start::After(revision) => self.write_changes(api, revision, bytes)?,
        };
        self.start = Start::After(revision);
        if self.bookmarks && api.now() >= self.next_bookmark {
            self.next_bookmark = api.now() + BOOKMARK_EVERY;
            write_event(bytes, "BOOKMARK", &self.bookmark(revision, false));
        }
        Ok(())
    }

    fn write_initial(&mut self, api: &ApiServer, bookmark: bool, bytes: &mut Vec<u8>) {
        let stored = stored_as(self.resource);
        let objects = api.list(stored, self.namespace.as_deref());
        let selected: Vec<Object> = objects
            .filter(|object| self.selection.matches(object))
            .cloned()
            .collect();
        for object in selected {
            self.write_object(bytes, "ADDED", &object, api.now());
        }
        if bookmark {
            write_event(bytes, "BOOKMARK", &self.bookmark(api.revision(), true));
        }
    }

    fn write_changes(&mut self, api: &ApiServer, revision: u64, bytes: &mut Vec<u8>) -> Result<u64, Broken> {
        let Some(changes) = api.store.changes_since(revision) else {
            let oldest = api.store.oldest_revision();
            let status = Status::expired(format!("too old resource version: {revision} ({oldest})"));
            write_event(bytes, "ERROR", &status.to_json());
            return Err(Broken);
        };
        let mut last = revision;
        for change in changes {
            last = change.revision;
            if let Some((kind, object)) = self.event(change) {
                self.write_object(bytes, kind, &object, api.now());
            }
        }
        Ok(last)
    }

    /// What a change is to this watch: an object can come into the selection, or leave it.
    fn event(&self, change: &Change) -> Option<(&'static str, Object)> {
        let of_group = |resource: &Resource| (resource.group, resource.plural);
        if of_group(change.resource) != of_group(stored_as(self.resource)) {
            return None;
        }
        let namespace = change.object["metadata"]["namespace"].as_str();
        if self.namespace.is_some() && self.namespace.as_deref() != namespace {
            return None;
        }
        let was = change
            .previous
            .as_ref()
            .is_some_and(|previous| self.selection.matches(previous));
        let is = change.kind != ChangeKind::Deleted && self.selection.matches(&change.object);
        match (was, is) {
            (false, true) => Some(("ADDED", Object::clone(&change.object))),
            (true, true) => Some(("MODIFIED", Object::clone(&change.object))),
            (true, false) => Some(("DELETED", last_seen(change))),
            (false, false) => None,
        }
    }

    fn write_object(&mut self, bytes: &mut Vec<u8>, kind: &str, object: &Value, now: Time) {
        let shown = self.presentation.watched(self.resource, object, now);
        write_event(bytes, kind, &shown);
    }

    fn bookmark(&self, revision: u64, initial_events_end: bool) -> Value {
        let mut metadata = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
        if initial_events_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        self.presentation.bookmark(self.resource, &metadata)
    }
}

/// Writes one line of the stream.
fn write_event(bytes: &mut Vec<u8>, kind: &str, object: &Value) {
    bytes.extend_from_slice(json!({"type": kind, "object": object}).to_string().as_bytes());
    bytes.push(b'\n');
}

/// The object as the watcher last saw it, with the revision of the change that took it away.
fn last_seen(change: &Change) -> Object {
    let Some(previous) = &change.previous else {
        return Object::clone(&change.object);
    };
    let mut object = Value::clone(previous);
    object["metadata"]["resourceVersion"] = change.revision.to_string().into();
    Object::new(object)
}
