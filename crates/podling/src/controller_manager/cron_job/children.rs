//! What a CronJob's status says about its Jobs, and what there is to say when that changes.
//!
//! Source: `kubernetes/pkg/controller/cronjob/cronjob_controllerv2.go`, the beginning of `syncCronJob`, and
//! `removeOldestJobs`.

use serde_json::{Value, json};

use crate::apiserver::registry::read::Fields as _;
use crate::controller_manager::job::condition::{is_finished, met};
use crate::controller_manager::ownership::uid_of;
use crate::storage::text;

/// What is worth an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Note {
    /// A Job has ended, with that condition.
    Completed(String, &'static str),
    /// A Job claims the CronJob as its owner without having been started by it.
    Unexpected(String),
    /// A Job that was active is gone.
    Missing(String),
}

/// Brings `status` up to `jobs`, which are all that are there; what there is to say.
pub(super) fn update(status: &mut Value, jobs: &[&Value]) -> Vec<Note> {
    let mut notes = Vec::new();
    for job in jobs {
        let (active, name) = (
            is_active(status, uid_of(job)),
            text(job, &["metadata", "name"]).to_owned(),
        );
        match (active, is_finished(job)) {
            (false, false) => notes.push(Note::Unexpected(name)),
            (true, true) => {
                let kind = if met(job, "Complete").is_some() {
                    "Complete"
                } else {
                    "Failed"
                };
                forget(status, uid_of(job));
                notes.push(Note::Completed(name, kind));
            }
            (false, true) => remember_success(status, job),
            (true, false) => {}
        }
    }
    for reference in status.items("active").to_vec() {
        let uid = text(&reference, &["uid"]);
        if !jobs.iter().any(|job| uid_of(job) == uid) {
            notes.push(Note::Missing(text(&reference, &["name"]).to_owned()));
            forget(status, uid);
        }
    }
    notes
}

fn is_active(status: &Value, uid: &str) -> bool {
    status
        .items("active")
        .iter()
        .any(|reference| reference["uid"] == uid)
}

/// Takes a Job off the list of active ones.
pub(super) fn forget(status: &mut Value, uid: &str) {
    let left: Vec<Value> = status
        .items("active")
        .iter()
        .filter(|one| one["uid"] != uid)
        .cloned()
        .collect();
    if let Some(fields) = status.as_object_mut() {
        match left.is_empty() {
            true => drop(fields.remove("active")),
            false => drop(fields.insert("active".to_owned(), left.into())),
        }
    }
}

/// Puts a Job on the list of active ones.
pub(super) fn add(status: &mut Value, reference: Value) {
    match status.get_mut("active").and_then(Value::as_array_mut) {
        Some(active) => active.push(reference),
        None => status["active"] = json!([reference]),
    }
}

fn remember_success(status: &mut Value, job: &Value) {
    let end = text(job, &["status", "completionTime"]);
    // RFC 3339 times in UTC sort as they are written.
    if met(job, "Complete").is_some() && end > status.text("lastSuccessfulTime") {
        status["lastSuccessfulTime"] = end.into();
    }
}

/// The Jobs that have ended with `kind` and of which there are more than `limit`, those that began first.
pub(super) fn oldest<'a>(jobs: &[&'a Value], kind: &str, limit: Option<u64>) -> Vec<&'a Value> {
    let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else {
        return Vec::new();
    };
    let mut ended: Vec<&Value> = jobs
        .iter()
        .copied()
        .filter(|job| met(job, kind).is_some())
        .collect();
    ended.sort_by_key(|job| {
        let start = text(job, &["status", "startTime"]);
        (
            start.is_empty(),
            start.to_owned(),
            text(job, &["metadata", "name"]).to_owned(),
        )
    });
    ended.truncate(ended.len().saturating_sub(limit));
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, end: Option<&str>, at: &str) -> Value {
        let conditions: Vec<Value> = end
            .iter()
            .map(|kind| json!({"type": kind, "status": "True"}))
            .collect();
        json!({"metadata": {"name": name, "uid": name}, "status": {"conditions": conditions, "startTime": at, "completionTime": at}})
    }

    #[test]
    fn the_status_follows_the_jobs() {
        let active = |names: &[&str]| -> Value {
            names
                .iter()
                .map(|name| json!({"name": name, "uid": name}))
                .collect()
        };
        let jobs = [
            job("done", Some("Complete"), "2026-01-01T00:00:00Z"),
            job("broken", Some("Failed"), ""),
            job("running", None, ""),
            job("stranger", None, ""),
            job("earlier", Some("Complete"), "2025-12-31T00:00:00Z"),
        ];
        let mut status = json!({"active": active(&["done", "broken", "running", "gone"])});
        let notes = update(&mut status, &jobs.iter().collect::<Vec<_>>());
        assert_eq!(
            notes,
            [
                Note::Completed("done".into(), "Complete"),
                Note::Completed("broken".into(), "Failed"),
                Note::Unexpected("stranger".into()),
                Note::Missing("gone".into()),
            ]
        );
        assert_eq!(
            status,
            json!({"active": active(&["running"]), "lastSuccessfulTime": "2025-12-31T00:00:00Z"})
        );
        update(&mut status, &jobs.iter().collect::<Vec<_>>());
        assert_eq!(status["lastSuccessfulTime"], "2026-01-01T00:00:00Z");
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let jobs = [
            job("c", Some("Complete"), "2026-01-01T00:00:03Z"),
            job("a", Some("Complete"), "2026-01-01T00:00:01Z"),
            job("b", Some("Complete"), "2026-01-01T00:00:02Z"),
            job("d", Some("Failed"), "2026-01-01T00:00:00Z"),
        ];
        let all: Vec<&Value> = jobs.iter().collect();
        let names = |limit| -> Vec<&str> {
            let gone = oldest(&all, "Complete", limit);
            gone.into_iter()
                .map(|job| text(job, &["metadata", "name"]))
                .collect()
        };
        assert_eq!(names(Some(1)), ["a", "b"]);
        assert_eq!(names(Some(0)), ["a", "b", "c"]);
        assert!(names(Some(3)).is_empty() && names(None).is_empty());
    }
}
