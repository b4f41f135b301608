//! A watch: what happens to the objects of one resource, as a client selected and wants to see them.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/watch.go` and `.../storage/cacher`.

use std::collections::VecDeque;
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

/// Once so many bytes are read the rest waits for the next reading, so that what waits for a slow client stays small.
const ENOUGH: usize = 64 * 1024;

/// A watch on one resource.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) resource: &'static Resource,
    pub(crate) namespace: Option<String>,
    pub(crate) selection: Selection,
    pub(crate) presentation: Presentation,
    pub(crate) bookmarks: bool,
    pub(crate) ends: Time,
    /// The objects of its beginning that are not said yet.
    initial: VecDeque<Object>,
    /// Whether a bookmark is still to say that these are all.
    initial_bookmark: bool,
    /// The changes up to here are said, or stand in `initial`.
    revision: u64,
    /// Whether the watch has said that it can't go on.
    broken: bool,
    next_bookmark: Time,
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
            bookmarks: false,
            ends: api.now(),
            initial: VecDeque::new(),
            initial_bookmark: false,
            revision: api.revision(),
            broken: false,
            next_bookmark: api.now() + BOOKMARK_EVERY,
        }
    }

    /// Begins at the present moment, whenever it is read first.
    pub(crate) fn begin(&mut self, api: &ApiServer, start: Start) {
        match start {
            Start::After(revision) => self.revision = revision,
            Start::Initial { bookmark } => {
                let objects = api.list(stored_as(self.resource), self.namespace.as_deref());
                let selected = objects.filter(|object| self.selection.matches(object));
                self.initial = selected.cloned().collect();
                self.initial_bookmark = bookmark;
                self.revision = api.revision();
            }
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

    /// Whether it has missed changes that are forgotten by now.
    pub(super) fn is_behind(&self, api: &ApiServer) -> bool {
        self.revision < api.store.oldest_revision()
    }

    /// What happened since the last reading.
    pub(super) fn read(&mut self, api: &ApiServer) -> Chunk {
        let mut bytes = Vec::new();
        let mut more = false;
        if !self.broken {
            match self.read_into(api, &mut bytes) {
                Ok(()) => more = !self.initial.is_empty() || self.revision < api.revision(),
                Err(Broken) => self.broken = true,
            }
        }
        Chunk {
            bytes,
            more,
            ended: self.broken || !more && api.now() >= self.ends,
        }
    }

    fn read_into(&mut self, api: &ApiServer, bytes: &mut Vec<u8>) -> Result<(), Broken> {
        self.write_initial(api, bytes);
        if self.initial.is_empty() {
            self.write_changes(api, bytes)?;
        }
        let is_all = self.initial.is_empty() && self.revision >= api.revision();
        if self.bookmarks && is_all && api.now() >= self.next_bookmark {
            self.next_bookmark = api.now() + BOOKMARK_EVERY;
            write_event(bytes, "BOOKMARK", &self.bookmark(self.revision, false));
        }
        Ok(())
    }

    fn write_initial(&mut self, api: &ApiServer, bytes: &mut Vec<u8>) {
        while bytes.len() < ENOUGH
            && let Some(object) = self.initial.pop_front()
        {
            self.write_object(bytes, "ADDED", &object, api.now());
        }
        if self.initial.is_empty() && std::mem::take(&mut self.initial_bookmark) {
            write_event(bytes, "BOOKMARK", &self.bookmark(self.revision, true));
        }
    }

    fn write_changes(&mut self, api: &ApiServer, bytes: &mut Vec<u8>) -> Result<(), Broken> {
        let Some(changes) = api.store.changes_since(self.revision) else {
            let (revision, oldest) = (self.revision, api.store.oldest_revision());
            let status = Status::expired(format!("too old resource version: {revision} ({oldest})"));
            write_event(bytes, "ERROR", &status.to_json());
            return Err(Broken);
        };
        for change in changes {
            if bytes.len() >= ENOUGH {
                break;
            }
            self.revision = change.revision;
            if let Some((kind, object)) = self.event(change) {
                self.write_object(bytes, kind, &object, api.now());
            }
        }
        Ok(())
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
    bytes.extend_from_slice(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").as_bytes());
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
