//! The CronJob controller: a Job whenever the schedule says so.
//!
//! Source: `kubernetes/pkg/controller/cronjob/cronjob_controllerv2.go`, v1.36.

use std::time::Duration;

use serde_json::{Value, json};

use crate::apiserver::registry::read::Fields as _;
use crate::apiserver::{ApiServer, DeleteOptions};
use crate::clock::Time;
use crate::cron::Schedule;
use crate::events::{self, Event, Recorder};
use crate::resource::{CRON_JOBS, JOBS};
use crate::status::Status;
use crate::storage::{Change, ChangeKind, Object, text};
use crate::time_zone::TimeZone;

use super::controller::Controller;
use super::ownership::{self, controller_reference, is_deleted, uid_of};
use super::pod_control::is_namespace_terminating;
use super::queue::{Key, WorkQueue};
use super::{write_options, write_status};

mod children;
mod due;

use children::Note;
use due::Timetable;

/// Says when a Job was due, in the CronJob's time zone.
const SCHEDULED_AT: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// The controller, and what it remembers.
#[derive(Debug)]
pub(crate) struct CronJobController {
    events: Recorder,
}

/// One CronJob in one sync, with its status as it is to be written.
struct Sync<'a> {
    cron_job: &'a Object,
    status: Value,
}

/// How a sync ends.
enum Outcome {
    /// Nothing more until something changes.
    Rest,
    /// To be looked at again then.
    Again(Option<Time>),
    /// To be tried again.
    Failed,
}

impl CronJobController {
    /// A controller that has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            events: Recorder::new("cronjob-controller", None),
        }
    }

    /// Removes the Jobs that are beyond the limits of history.
    fn clean_up(&mut self, api: &mut ApiServer, sync: &mut Sync<'_>, jobs: &[Object]) {
        let spec = &sync.cron_job["spec"];
        let jobs: Vec<&Value> = jobs.iter().map(|job| &**job).collect();
        let limits = [
            ("Complete", spec["successfulJobsHistoryLimit"].as_u64()),
            ("Failed", spec["failedJobsHistoryLimit"].as_u64()),
        ];
        for (kind, limit) in limits {
            for job in children::oldest(&jobs, kind, limit) {
                self.delete(api, sync, job);
            }
        }
    }

    /// Removes a Job with its Pods; whether it is gone.
    fn delete(&mut self, api: &mut ApiServer, sync: &mut Sync<'_>, job: &Value) -> bool {
        let name = text(job, &["metadata", "name"]);
        let options = DeleteOptions {
            propagation_policy: Some("Background".to_owned()),
            ..DeleteOptions::default()
        };
        let namespace = text(job, &["metadata", "namespace"]);
        if let Err(refusal) = api.delete(&JOBS, namespace, name, &options) {
            let message = format!("Deleted job: {}", refusal.message);
            self.warn(api, sync, "FailedDelete", &message);
            return false;
        }
        children::forget(&mut sync.status, uid_of(job));
        self.tell(api, sync, "SuccessfulDelete", &format!("Deleted job {name}"));
        true
    }

    fn follow(&mut self, api: &mut ApiServer, sync: &mut Sync<'_>, jobs: &[Object]) {
        let jobs: Vec<&Value> = jobs.iter().map(|job| &**job).collect();
        for note in children::update(&mut sync.status, &jobs) {
            match note {
                Note::Completed(name, kind) => {
                    let message = format!("Saw completed job: {name}, condition: {kind}");
                    self.tell(api, sync, "SawCompletedJob", &message);
                }
                Note::Missing(name) => {
                    self.tell(
                        api,
                        sync,
                        "MissingJob",
                        &format!("Active job went missing: {name}"),
                    );
                }
                Note::Unexpected(name) => {
                    let message = format!("Saw a job that the controller did not create or forgot: {name}");
                    self.warn(api, sync, "UnexpectedJob", &message);
                }
            }
        }
    }

    fn start_what_is_due(&mut self, api: &mut ApiServer, sync: &mut Sync<'_>) -> Outcome {
        let (cron_job, now) = (sync.cron_job, api.now());
        if is_deleted(cron_job) {
            return Outcome::Rest;
        }
        if let Err(why) = zone(cron_job) {
            let name = cron_job["spec"].text("timeZone");
            self.warn(
                api,
                sync,
                "UnknownTimeZone",
                &format!("invalid timeZone: {name:?}: {why}"),
            );
            return Outcome::Rest;
        }
        if cron_job["spec"].flag("suspend") {
            return Outcome::Rest;
        }
        let Some(timetable) = self.timetable(api, sync) else {
            return Outcome::Rest;
        };
        let due = match timetable.due(cron_job, now) {
            Ok(due) => due,
            Err(why) => {
                let message = format!("invalid schedule: {} : {why}", cron_job["spec"].text("schedule"));
                self.warn(api, sync, "InvalidSchedule", &message);
                return Outcome::Rest;
            }
        };
        let next = timetable.next_look(cron_job, now);
        let Some(moment) = due.latest else {
            return Outcome::Again(next);
        };
        if due.missed_many() {
            let message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check \
                           clock skew";
            self.warn(api, sync, "TooManyMissedTimes", message);
        }
        if !self.may_start(api, sync, moment) {
            return Outcome::Again(next);
        }
        if !self.make_room(api, sync) {
            return Outcome::Failed;
        }
        match self.start(api, sync, moment) {
            Err(_) => Outcome::Failed,
            Ok(false) => Outcome::Rest,
            // Reckoned anew: the last time is now this one.
            Ok(true) => {
                let mut started = Value::clone(cron_job);
                started["status"] = sync.status.clone();
                Outcome::Again(timetable.next_look(&started, now))
            }
        }
    }

    fn timetable(&mut self, api: &mut ApiServer, sync: &Sync<'_>) -> Option<Timetable> {
        let schedule = sync.cron_job["spec"].text("schedule");
        if schedule.contains("TZ") {
            let message = format!(
                "CRON_TZ or TZ used in schedule {schedule:?} is not officially supported, see \
                 https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
            );
            self.warn(api, sync, "UnsupportedSchedule", &message);
        }
        match timetable(sync.cron_job) {
            Ok(timetable) => Some(timetable),
            Err(why) => {
                let message = format!("unparseable schedule: {schedule:?} : {why}");
                self.warn(api, sync, "UnparseableSchedule", &message);
                None
            }
        }
    }

    /// Whether a Job may be started for that moment: it is not too late, not done, and not forbidden.
    fn may_start(&mut self, api: &mut ApiServer, sync: &Sync<'_>, moment: Time) -> bool {
        let spec = &sync.cron_job["spec"];
        let deadline = spec["startingDeadlineSeconds"].as_u64();
        if deadline.is_some_and(|seconds| moment + Duration::from_secs(seconds) < api.now()) {
            let when = moment.timestamp().strftime("%a, %d %b %Y %H:%M:%S +0000");
            let message = format!("Missed scheduled time to start a job: {when}");
            self.warn(api, sync, "MissSchedule", &message);
            return false;
        }
        let name = job_name(sync.cron_job, moment);
        let active = sync.status.items("active");
        let is_done = active.iter().any(|reference| reference["name"] == name.as_str())
            || sync.status["lastScheduleTime"] == moment.rfc3339();
        if is_done {
            return false;
        }
        let is_forbidden = spec["concurrencyPolicy"] == "Forbid" && !active.is_empty();
        if is_forbidden {
            let message =
                "Not starting job because prior execution is running and concurrency policy is Forbid";
            self.tell(api, sync, "JobAlreadyActive", message);
        }
        !is_forbidden
    }

    /// Under `Replace` what still runs goes; whether that worked.
    fn make_room(&mut self, api: &mut ApiServer, sync: &mut Sync<'_>) -> bool {
        if sync.cron_job["spec"]["concurrencyPolicy"] != "Replace" {
            return true;
        }
        for reference in sync.status.items("active").to_vec() {
            let (namespace, name) = (text(&reference, &["namespace"]), text(&reference, &["name"]));
            let Some(job) = api.get(&JOBS, namespace, name).cloned() else {
                let missing = Status::not_found(JOBS.group, JOBS.plural, name);
                self.warn(api, sync, "FailedGet", &format!("Get job: {}", missing.message));
                return false;
            };
            if !self.delete(api, sync, &job) {
                return false;
            }
        }
        true
    }

    /// Starts the Job of that moment; whether it is the CronJob's own and new to its status.
    fn start(&mut self, api: &mut ApiServer, sync: &mut Sync<'_>, moment: Time) -> Result<bool, Status> {
        let namespace = text(sync.cron_job, &["metadata", "namespace"]);
        let job = job(sync.cron_job, moment);
        let started = match api.create(&JOBS, namespace, job, &write_options()) {
            Ok(job) => {
                let message = format!("Created job {}", text(&job, &["metadata", "name"]));
                self.tell(api, sync, "SuccessfulCreate", &message);
                job
            }
            Err(refusal) if refusal.reason == "AlreadyExists" => {
                let name = job_name(sync.cron_job, moment);
                match api
                    .get(&JOBS, namespace, &name)
                    .cloned()
                    .filter(|job| is_own(sync, job))
                {
                    Some(job) => job,
                    None => return Ok(false),
                }
            }
            Err(refusal) => {
                if !is_namespace_terminating(&refusal) {
                    let message = format!("Error creating job: {}", refusal.message);
                    self.warn(api, sync, "FailedCreate", &message);
                }
                return Err(refusal);
            }
        };
        children::add(&mut sync.status, events::reference(&started, None));
        sync.status["lastScheduleTime"] = moment.rfc3339().into();
        Ok(true)
    }

    fn tell(&mut self, api: &mut ApiServer, sync: &Sync<'_>, reason: &str, message: &str) {
        self.events
            .record(api, sync.cron_job, None, Event::normal(reason, message));
    }

    fn warn(&mut self, api: &mut ApiServer, sync: &Sync<'_>, reason: &str, message: &str) {
        self.events
            .record(api, sync.cron_job, None, Event::warning(reason, message));
    }
}

impl Controller for CronJobController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "cronjob-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        if change.resource == &CRON_JOBS {
            observe_cron_job(change, api, queue);
        } else if change.resource == &JOBS {
            observe_job(change, api, queue);
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let Some(cron_job) = api.get(&CRON_JOBS, &key.namespace, &key.name).cloned() else {
            queue.forget(key);
            return;
        };
        let mut sync = Sync {
            cron_job: &cron_job,
            status: cron_job["status"].clone(),
        };
        let jobs = jobs_of(api, &cron_job);
        self.clean_up(api, &mut sync, &jobs);
        self.follow(api, &mut sync, &jobs);
        let outcome = self.start_what_is_due(api, &mut sync);
        let written = write_status(api, &CRON_JOBS, &cron_job, sync.status);
        match (outcome, written) {
            (Outcome::Failed, _) | (_, Err(_)) => queue.retry(api.now(), key.clone()),
            (outcome, Ok(())) => {
                queue.forget(key);
                if let Outcome::Again(Some(look)) = outcome {
                    queue.add_at(look, key.clone());
                }
            }
        }
    }
}

fn observe_cron_job(change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
    let (new, key) = (&change.object, Key::of(&change.object));
    let before = change
        .previous
        .as_ref()
        .filter(|_| change.kind == ChangeKind::Modified);
    let is_new = |old: &Object| {
        let of = |object: &Value, key: &str| object["spec"][key].clone();
        ["schedule", "timeZone"]
            .iter()
            .any(|key| of(old, key) != of(new, key))
    };
    // With another schedule there is nothing to do before it is due.
    match before.filter(|old| is_new(old)).and(timetable(new).ok()) {
        Some(timetable) => {
            if let Some(look) = timetable.next_look(new, api.now()) {
                queue.add_at(look, key);
            }
        }
        None => queue.add(api.now(), key),
    }
}

fn observe_job(change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
    let versions = [change.previous.as_ref(), Some(&change.object)];
    for job in versions.into_iter().flatten() {
        let owner = ownership::controller_of(job).filter(|owner| owner["kind"] == CRON_JOBS.kind);
        let Some(owner) = owner else { continue };
        let key = Key::new(text(job, &["metadata", "namespace"]), text(owner, &["name"]));
        let cron_job = api.get(&CRON_JOBS, &key.namespace, &key.name);
        if cron_job.is_some_and(|cron_job| uid_of(cron_job) == text(owner, &["uid"])) {
            queue.add(api.now(), key);
        }
    }
}

fn zone(cron_job: &Value) -> Result<TimeZone, String> {
    TimeZone::find(cron_job["spec"].text("timeZone"))
}

/// The CronJob's schedule in its zone; one in the schedule itself comes first.
fn timetable(cron_job: &Value) -> Result<Timetable, String> {
    let schedule = Schedule::parse(cron_job["spec"].text("schedule"))?;
    Ok(Timetable::new(schedule, zone(cron_job).unwrap_or(TimeZone::UTC)))
}

/// The Jobs whose controller has the CronJob's name.
fn jobs_of(api: &ApiServer, cron_job: &Value) -> Vec<Object> {
    let (namespace, name) = (
        text(cron_job, &["metadata", "namespace"]),
        &cron_job["metadata"]["name"],
    );
    let is_ours = |job: &&Object| ownership::controller_of(job).is_some_and(|owner| owner["name"] == *name);
    api.list(&JOBS, Some(namespace))
        .filter(is_ours)
        .cloned()
        .collect()
}

/// Whether a Job that was there already is the CronJob's, and not in its status yet.
fn is_own(sync: &Sync<'_>, job: &Value) -> bool {
    let owner = ownership::controller_of(job).map(|owner| text(owner, &["uid"]));
    let mut active = sync.status.items("active").iter();
    owner == Some(uid_of(sync.cron_job)) && !active.any(|reference| reference["uid"] == uid_of(job))
}

/// `{name}-{minutes since the epoch}`: the same moment never makes two Jobs.
fn job_name(cron_job: &Value, moment: Time) -> String {
    let minutes = moment.as_micros() / 60_000_000;
    format!("{}-{minutes}", text(cron_job, &["metadata", "name"]))
}

/// The Job that the CronJob starts for that moment.
fn job(cron_job: &Value, moment: Time) -> Value {
    let template = &cron_job["spec"]["jobTemplate"];
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": job_name(cron_job, moment),
            "namespace": cron_job["metadata"]["namespace"],
            "annotations": template["metadata"]["annotations"],
            "ownerReferences": [controller_reference(cron_job)],
        },
        "spec": template["spec"],
    });
    if template["metadata"].has("labels") {
        job["metadata"]["labels"] = template["metadata"]["labels"].clone();
    }
    job["metadata"]["annotations"][SCHEDULED_AT] = local_time(cron_job, moment).into();
    job
}

/// RFC 3339 in the CronJob's time zone.
fn local_time(cron_job: &Value, moment: Time) -> String {
    let zone = zone(cron_job).unwrap_or(TimeZone::UTC);
    let local = moment.timestamp().to_zoned(zone.rules().clone());
    match local.offset().is_zero() {
        true => moment.rfc3339(),
        false => local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_named_and_stamped_by_its_moment() {
        let mut cron_job = json!({
            "apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": {"name": "cj", "namespace": "n", "uid": "u"},
            "spec": {"timeZone": "Asia/Tokyo", "jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"parallelism": 2}}},
        });
        let moment = Time::parse("2026-01-01T00:00:00Z").unwrap();
        let made = job(&cron_job, moment);
        assert_eq!(made["metadata"]["name"], "cj-29453760");
        assert_eq!(
            made["metadata"]["annotations"][SCHEDULED_AT],
            "2026-01-01T09:00:00+09:00"
        );
        assert_eq!(made["metadata"]["labels"], json!({"a": "b"}));
        assert_eq!(made["metadata"]["ownerReferences"][0]["controller"], true);
        assert_eq!(made["spec"], json!({"parallelism": 2}));
        cron_job["spec"]["timeZone"] = Value::Null;
        assert_eq!(
            job(&cron_job, moment)["metadata"]["annotations"][SCHEDULED_AT],
            "2026-01-01T00:00:00Z"
        );
    }
}
