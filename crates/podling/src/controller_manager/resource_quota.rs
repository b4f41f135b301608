//! The ResourceQuota controller: counts what a namespace uses.
//!
//! Source: `kubernetes/pkg/controller/resourcequota`. A new or changed quota is counted at once, and again when
//! something went away that it counts; what is created is charged by admission. Every quota is counted anew every
//! five minutes.

use std::time::Duration;

use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::quota;
use crate::resource::RESOURCE_QUOTAS;
use crate::storage::{Change, ChangeKind, text};

use super::controller::Controller;
use super::queue::{Key, WorkQueue};
use super::write_options;

/// How long a count stands at most.
const RESYNC: Duration = Duration::from_secs(5 * 60);

/// The controller, which remembers nothing.
#[derive(Debug)]
pub(crate) struct ResourceQuotaController;

impl Controller for ResourceQuotaController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        let now = api.now();
        if change.resource == &RESOURCE_QUOTAS && is_for_the_quota_itself(change) {
            queue.add(now, Key::of(&change.object));
        }
        let namespace = text(&change.object, &["metadata", "namespace"]);
        if namespace.is_empty() {
            return;
        }
        for quota in api.list(&RESOURCE_QUOTAS, Some(namespace)) {
            if quota::is_concerned(quota, change.resource) && frees_something(change, now) {
                queue.add(now, Key::of(quota));
            }
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let now = api.now();
        let Some(stored) = api.get(&RESOURCE_QUOTAS, &key.namespace, &key.name).cloned() else {
            queue.forget(key);
            return;
        };
        let objects = |resource| {
            let objects = api.list(resource, Some(&key.namespace));
            objects.map(AsRef::as_ref).collect()
        };
        let status = quota::status(&stored, &objects, now);
        let mut synced = true;
        if status != stored["status"] {
            let mut counted = Value::clone(&stored);
            counted["status"] = status;
            let written = api.update(&RESOURCE_QUOTAS, Some("status"), counted, &write_options());
            synced = written.is_ok();
        }
        if synced {
            queue.forget(key);
            queue.add_at(now + RESYNC, key.clone());
        } else {
            queue.retry(now, key.clone());
        }
    }
}

/// A quota's status is the controller's own work; only what is limited matters.
fn is_for_the_quota_itself(change: &Change) -> bool {
    let limits = |quota: &Value| quota["spec"]["hard"].clone();
    match (&change.kind, &change.previous) {
        (ChangeKind::Added, _) => true,
        (ChangeKind::Modified, Some(previous)) => limits(previous) != limits(&change.object),
        _ => false,
    }
}

/// Whether there may be room again.
fn frees_something(change: &Change, now: Time) -> bool {
    match (&change.kind, &change.previous) {
        (ChangeKind::Deleted, _) => true,
        (ChangeKind::Modified, Some(previous)) => {
            quota::frees_something(change.resource, &change.object, previous, now)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::resource::{PODS, Resource};

    fn change(resource: &'static Resource, kind: ChangeKind, old: Value, new: Value) -> Change {
        Change {
            revision: 1,
            kind,
            resource,
            object: Arc::new(new),
            previous: Some(Arc::new(old)),
        }
    }

    #[test]
    fn a_quota_is_counted_when_its_limits_change_and_not_for_its_status() {
        let quota = |hard: &str, used: &str| json!({"spec": {"hard": {"pods": hard}}, "status": {"used": {"pods": used}}});
        let modified = |new| change(&RESOURCE_QUOTAS, ChangeKind::Modified, quota("1", "0"), new);
        assert!(is_for_the_quota_itself(&modified(quota("2", "0"))));
        assert!(!is_for_the_quota_itself(&modified(quota("1", "1"))));
    }

    #[test]
    fn a_pod_that_ends_or_goes_makes_room() {
        let pod = |phase: &str| json!({"spec": {}, "status": {"phase": phase}});
        let cases = [
            (ChangeKind::Modified, "Succeeded", true),
            (ChangeKind::Modified, "Running", false),
            (ChangeKind::Added, "Running", false),
            (ChangeKind::Deleted, "Running", true),
        ];
        for (kind, phase, frees) in cases {
            let change = change(&PODS, kind, pod("Running"), pod(phase));
            assert_eq!(
                frees_something(&change, Time::default()),
                frees,
                "{kind:?} {phase}"
            );
        }
    }
}
