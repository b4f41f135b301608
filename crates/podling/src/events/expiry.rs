//! Events are forgotten an hour after their last write (kube-apiserver's `--event-ttl`).
//!
//! Differs from Kubernetes: there an etcd lease removes several events together, here each goes in its own
//! second.

use std::time::Duration;

use crate::apiserver::{ApiServer, Component, DeleteOptions};
use crate::clock::Time;
use crate::resource::EVENTS;
use crate::storage::{Change, ChangeKind, text};
use crate::timers::Timers;

/// How long an event is kept.
const TTL: Duration = Duration::from_secs(3600);

/// Removes events that have not been written for an hour.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    due: Timers<(String, String)>,
}

impl Component for Expiry {
    fn observe(&mut self, change: &Change, api: &ApiServer) {
        if change.resource.plural != EVENTS.plural {
            return;
        }
        let key = (
            text(&change.object, &["metadata", "namespace"]).to_owned(),
            text(&change.object, &["metadata", "name"]).to_owned(),
        );
        match change.kind {
            ChangeKind::Deleted => self.due.cancel(&key),
            ChangeKind::Added | ChangeKind::Modified => self.due.replace(api.now() + TTL, key),
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.due.next()
    }

    fn run_next(&mut self, api: &mut ApiServer) {
        if let Some((namespace, name)) = self.due.pop_due(api.now()) {
            // Someone may have deleted it in the same moment.
            drop(api.delete(&EVENTS, &namespace, &name, &DeleteOptions::default()));
        }
    }
}
