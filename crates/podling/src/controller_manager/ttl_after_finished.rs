//! The TTL-after-finished controller: Jobs go `spec.ttlSecondsAfterFinished` after their end.
//!
//! Source: `kubernetes/pkg/controller/ttlafterfinished`.

use std::time::Duration;

use serde_json::Value;

use crate::apiserver::{ApiServer, DeleteOptions};
use crate::clock::Time;
use crate::resource::JOBS;
use crate::storage::{Change, ChangeKind, text};

use super::controller::Controller;
use super::job::condition;
use super::ownership::{self, is_deleted};
use super::queue::{Key, WorkQueue};

/// The controller, which remembers nothing.
#[derive(Debug)]
pub(crate) struct TtlAfterFinishedController;

/// When the Job is to go; `None` if it has not ended, lives for ever or is already going.
fn expiry(job: &Value) -> Option<Time> {
    let seconds = job["spec"]["ttlSecondsAfterFinished"].as_u64()?;
    let end = condition::met(job, "Complete").or_else(|| condition::met(job, "Failed"))?;
    let since = Time::parse(text(end, &["lastTransitionTime"]))?;
    (!is_deleted(job)).then(|| since + Duration::from_secs(seconds))
}

impl Controller for TtlAfterFinishedController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "ttl-after-finished-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        if change.resource == &JOBS && change.kind != ChangeKind::Deleted && expiry(&change.object).is_some()
        {
            queue.add(api.now(), Key::of(&change.object));
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let Some(job) = api.get(&JOBS, &key.namespace, &key.name).cloned() else {
            queue.forget(key);
            return;
        };
        match expiry(&job) {
            None => queue.forget(key),
            Some(expiry) if expiry > api.now() => queue.add_at(expiry, key.clone()),
            Some(_) => {
                let options = DeleteOptions {
                    propagation_policy: Some("Foreground".to_owned()),
                    uid: Some(ownership::uid_of(&job).to_owned()),
                    ..DeleteOptions::default()
                };
                match api.delete(&JOBS, &key.namespace, &key.name, &options) {
                    Err(refusal) if refusal.code != 404 => queue.retry(api.now(), key.clone()),
                    _ => queue.forget(key),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_job_that_has_ended_goes() {
        let end = json!([{"type": "Failed", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
        let start = Time::parse("2026-01-01T00:00:00Z").unwrap();
        let cases = [
            (
                json!({"spec": {"ttlSecondsAfterFinished": 9}, "status": {"conditions": end}}),
                Some(9),
            ),
            (
                json!({"spec": {"ttlSecondsAfterFinished": 0}, "status": {"conditions": end}}),
                Some(0),
            ),
            (
                json!({"spec": {"ttlSecondsAfterFinished": 9}, "status": {}}),
                None,
            ),
            (json!({"spec": {}, "status": {"conditions": end}}), None),
        ];
        for (job, seconds) in cases {
            let expected = seconds.map(|seconds| start + Duration::from_secs(seconds));
            assert_eq!(expiry(&job), expected, "{job}");
        }
    }
}
