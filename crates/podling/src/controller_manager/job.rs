//! The Job controller: Pods until enough of them have succeeded, or too many have failed.
//!
//! Source: `kubernetes/pkg/controller/job/job_controller.go`, v1.36. One sync reads the Job and its Pods
//! ([`Tally`]), decides whether the Job ends ([`end`]) or which Pods it makes or removes ([`manage`]), and counts
//! what has ended ([`track`]). Differs from Kubernetes: it sees its own writes at once, so it needs no
//! expectations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::apiserver::registry::read::{Fields as _, object_at};
use crate::clock::Time;
use crate::events::{Event, Recorder};
use crate::resource::{JOBS, PODS};
use crate::rng::Rng;
use crate::status::Status;
use crate::storage::{Change, ChangeKind, Object, text};

use super::controller::Controller;
use super::ownership;
use super::queue::{Key, WorkQueue};
use super::slow_start::slow_start;
use super::{pod_control, write_options};

mod backoff;
pub(super) mod condition;
mod end;
mod failure_policy;
mod intervals;
mod manage;
mod pod;
mod removal;
mod tally;
mod track;
mod write;

use backoff::Record;
use end::End;
use manage::{Maker, Step};
use tally::Tally;
use write::{claim_pods, free, free_all, write_status};

/// What Pods tell is collected for so long, so that many that end together are counted together.
const BATCH: Duration = Duration::from_secs(1);
/// The first wait after a failure, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// What `spec.managedBy` says of a Job that is left to this controller.
const OWN_NAME: &str = "kubernetes.io/job-controller";

/// The controller, and what it remembers.
#[derive(Debug)]
pub(crate) struct JobController {
    failures: BTreeMap<Key, Record>,
    events: Recorder,
}

/// What the controller's queue holds.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Work {
    /// A Job is to be looked at.
    Job(Key),
    /// A Pod holds a finalizer for no Job any more.
    Orphan(Key),
}

/// A Job whose status has been worked on.
struct Draft {
    job: Value,
    /// Whether that changed it.
    changed: bool,
}

/// What a sync makes of the number of Pods.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Counts {
    active: i64,
    ready: i64,
    terminating: i64,
}

impl Counts {
    /// A Pod has been asked to go.
    fn remove(&mut self, pod: &Value) {
        self.active -= 1;
        self.terminating += 1;
        self.ready -= i64::from(super::pod::is_ready(pod));
    }
}

impl JobController {
    /// A controller that has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            failures: BTreeMap::new(),
            events: Recorder::new("job-controller", None),
        }
    }

    fn sync_job(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue<Work>) {
        let stored = api.get(&JOBS, &key.namespace, &key.name).cloned();
        let Some(stored) = stored.filter(|job| !condition::is_finished(job)) else {
            self.failures.remove(key);
            queue.forget(&Work::Job(key.clone()));
            return;
        };
        let is_managed_elsewhere = stored["spec"]["managedBy"]
            .as_str()
            .is_some_and(|name| name != OWN_NAME);
        let synced = match is_managed_elsewhere {
            true => Ok(()),
            false => self.look_at(api, key, &stored, queue),
        };
        match synced {
            Ok(()) => queue.forget(&Work::Job(key.clone())),
            Err(_) => queue.retry(api.now(), Work::Job(key.clone())),
        }
    }

    fn look_at(
        &mut self,
        api: &mut ApiServer,
        key: &Key,
        stored: &Object,
        queue: &mut WorkQueue<Work>,
    ) -> Result<(), Status> {
        let now = api.now();
        let pods = claim_pods(api, stored);
        let mut job = Value::clone(stored);
        begin(&mut job, now);
        let observed = job.clone();
        let record = self.failures.get(key).copied().unwrap_or_default();
        let tally = Tally::new(&observed, pods.iter().map(|pod| &**pod).collect(), record);
        let mut counts = Counts {
            active: tally.active.len() as i64,
            ready: tally.ready,
            terminating: tally.terminating,
        };
        let mut end = end::decide(&tally, now);
        let mut managed = Ok(());
        let mut changed = false;
        if end.is_some() {
            managed = self.remove(api, &tally, tally.active.clone(), &mut counts, Finalizer::Kept);
            if managed.is_err() {
                end = None;
            }
        } else {
            if let Some(deadline) = end::deadline(&observed) {
                queue.add_at(deadline, Work::Job(key.clone()));
            }
            if !ownership::is_deleted(&observed) {
                managed = self.manage(api, key, &tally, &mut counts, queue);
            }
            if is_complete(&tally, counts.active) {
                end = Some(End::completions_reached());
            } else if !ownership::is_deleted(&observed) {
                changed = self.say_whether_suspended(api, &mut job);
            }
        }
        changed |= write_counts(&mut job, counts);
        self.track(api, key, Draft { job, changed }, &tally, end.as_ref())?;
        managed
    }

    /// Makes or removes Pods as the Job needs them.
    fn manage(
        &mut self,
        api: &mut ApiServer,
        key: &Key,
        tally: &Tally<'_>,
        counts: &mut Counts,
        queue: &mut WorkQueue<Work>,
    ) -> Result<(), Status> {
        let now = api.now();
        match manage::decide(tally, now) {
            Step::Keep => Ok(()),
            Step::Wait(wait) => {
                // While it waits, Kubernetes reports none, even if some run.
                counts.active = 0;
                queue.add_at(now + wait.max(BATCH), Work::Job(key.clone()));
                Ok(())
            }
            Step::Remove(names) => {
                let is_meant =
                    |pod: &&Value| names.iter().any(|name| pod["metadata"]["name"] == name.as_str());
                let pods = tally.active.iter().copied().filter(is_meant).collect();
                self.remove(api, tally, pods, counts, Finalizer::Removed)
            }
            Step::Make(makers) => self.make(api, tally.job, &makers, counts),
        }
    }

    fn make(
        &mut self,
        api: &mut ApiServer,
        job: &Value,
        makers: &[Maker],
        counts: &mut Counts,
    ) -> Result<(), Status> {
        slow_start(makers.len(), |at| {
            let Maker { index, history } = makers[at];
            let pod = pod::new(job, index, history);
            pod_control::create(api, &mut self.events, job, pod)?;
            counts.active += 1;
            Ok(())
        })
    }

    fn remove(
        &mut self,
        api: &mut ApiServer,
        tally: &Tally<'_>,
        pods: Vec<&Value>,
        counts: &mut Counts,
        finalizer: Finalizer,
    ) -> Result<(), Status> {
        let mut result = Ok(());
        for pod in pods {
            let name = text(pod, &["metadata", "name"]);
            let freed = match finalizer {
                Finalizer::Kept => Ok(()),
                Finalizer::Removed => free(api, tally.job, name),
            };
            let removed = freed.and_then(|()| pod_control::delete(api, &mut self.events, tally.job, name));
            match removed {
                Err(refusal) => result = Err(refusal),
                Ok(()) => counts.remove(pod),
            }
        }
        result
    }

    /// The condition Suspended, with its event; whether it has changed.
    fn say_whether_suspended(&mut self, api: &mut ApiServer, job: &mut Value) -> bool {
        let (suspended, now) = (job["spec"].flag("suspend"), api.now());
        let (reason, message) = match suspended {
            true => ("JobSuspended", "Job suspended"),
            false => ("JobResumed", "Job resumed"),
        };
        let said = condition::new("Suspended", suspended, reason, message, now);
        if !condition::ensure(job, said) {
            return false;
        }
        // A deadline counts from when the Job last began to run.
        let status = status_mut(job);
        match suspended {
            true => drop(
                status
                    .as_object_mut()
                    .and_then(|status| status.remove("startTime")),
            ),
            false => status["startTime"] = now.rfc3339().into(),
        }
        let event = if suspended { "Suspended" } else { "Resumed" };
        self.events.record(api, job, None, Event::normal(event, message));
        true
    }

    /// Counts what has ended, and ends the Job if it is to end.
    fn track(
        &mut self,
        api: &mut ApiServer,
        key: &Key,
        draft: Draft,
        tally: &Tally<'_>,
        end: Option<&End>,
    ) -> Result<(), Status> {
        let (now, Draft { mut job, mut changed }) = (api.now(), draft);
        let tracked = tally.pods.iter().filter(|pod| pod::is_tracked(pod));
        let mut tracked: BTreeSet<String> = tracked.map(|pod| ownership::uid_of(pod).to_owned()).collect();
        changed |= track::settle(&mut job, &tracked);
        let plan = track::plan(tally, end);
        plan.take_up(&mut job);
        changed |= plan.counts();
        changed |= track::write_indexes(&mut job, tally, &plan);
        if let Some(end) = end {
            changed |= track::announce(&mut job, end, now);
        }
        if changed {
            job = write_status(api, job)?;
            self.failures.insert(key.clone(), tally.record);
        }
        let freed = free_all(api, tally, &plan.freed, &mut tracked);
        changed = track::settle(&mut job, &tracked);
        if let Err(refusal) = freed {
            if changed {
                write_status(api, job)?;
            }
            return Err(refusal);
        }
        let concluded = end.filter(|end| !plan.partial && track::conclude(&mut job, end, now));
        if changed || concluded.is_some() {
            let job = write_status(api, job)?;
            if let Some(end) = concluded {
                self.report(api, &job, end);
            }
        }
        Ok(())
    }

    /// The events of a Job that has just ended.
    fn report(&mut self, api: &mut ApiServer, job: &Value, end: &End) {
        if end.failed {
            let event = Event::warning(&end.reason, &end.message);
            return self.events.record(api, job, None, event);
        }
        let succeeded = job["status"].number("succeeded").unwrap_or_default();
        if job["spec"]
            .number("completions")
            .is_some_and(|completions| succeeded > completions)
        {
            let why = "Too many succeeded pods running after completion count reached";
            let event = Event::warning("TooManySucceededPods", why);
            self.events.record(api, job, None, event);
        }
        let event = Event::normal("Completed", "Job completed");
        self.events.record(api, job, None, event);
    }
}

/// What becomes of the finalizer of a Pod that is removed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Finalizer {
    /// It stays until the Pod has been counted.
    Kept,
    /// It goes first: the Pod counts for nothing.
    Removed,
}

impl Controller for JobController {
    type Item = Work;

    fn name(&self) -> &'static str {
        "job-controller"
    }

    fn work_queue(&self, rng: Rng) -> WorkQueue<Work> {
        WorkQueue::new(rng).backing_off(BACK_OFF)
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue<Work>) {
        if change.resource == &JOBS {
            observe_job(change, api, queue);
        } else if change.resource == &PODS {
            observe_pod(change, api, queue);
        }
    }

    fn sync(&mut self, api: &mut ApiServer, item: &Work, queue: &mut WorkQueue<Work>) {
        match item {
            Work::Job(key) => self.sync_job(api, key, queue),
            Work::Orphan(key) => free_orphan(api, key, queue),
        }
    }
}

fn observe_job(change: &Change, api: &ApiServer, queue: &mut WorkQueue<Work>) {
    let (job, key) = (&change.object, Key::of(&change.object));
    let generation = |job: &Value| job["metadata"]["generation"].as_i64();
    let only_status = change.kind == ChangeKind::Modified
        && change
            .previous
            .as_ref()
            .is_some_and(|before| generation(before) == generation(job));
    match only_status {
        true => queue.add_at(api.now() + BATCH, Work::Job(key)),
        false => queue.add(api.now(), Work::Job(key)),
    }
    if change.kind == ChangeKind::Deleted || condition::is_finished(job) {
        free_pods_of(job, api, queue);
    }
}

/// Takes the finalizer off a Pod that is no Job's any more.
fn free_orphan(api: &mut ApiServer, key: &Key, queue: &mut WorkQueue<Work>) {
    let Some(pod) = api.get(&PODS, &key.namespace, &key.name).cloned() else {
        queue.forget(&Work::Orphan(key.clone()));
        return;
    };
    let is_foreign = ownership::controller_of(&pod)
        .is_some_and(|owner| owner["kind"] != JOBS.kind || owner["apiVersion"] != "batch/v1");
    let is_needed = owner(api, &pod).is_some_and(|job| {
        job["spec"]["managedBy"]
            .as_str()
            .is_some_and(|name| name != OWN_NAME)
            || !condition::is_finished(job)
    });
    let freed = match is_foreign || is_needed || !pod::is_tracked(&pod) {
        true => Ok(()),
        false => api
            .update(&PODS, None, pod::untracked(&pod), &write_options())
            .map(drop),
    };
    match freed {
        Err(refusal) if refusal.code != 404 => queue.retry(api.now(), Work::Orphan(key.clone())),
        _ => queue.forget(&Work::Orphan(key.clone())),
    }
}

/// No sync will free the Pods of a Job that is over.
fn free_pods_of(job: &Value, api: &ApiServer, queue: &mut WorkQueue<Work>) {
    let namespace = text(job, &["metadata", "namespace"]);
    let is_own = |pod: &&Object| {
        ownership::controller_of(pod).is_some_and(|owner| text(owner, &["uid"]) == ownership::uid_of(job))
    };
    let pods = api.list(&PODS, Some(namespace));
    for pod in pods.filter(is_own).filter(|pod| pod::is_tracked(pod)) {
        queue.add(api.now(), Work::Orphan(Key::of(pod)));
    }
}

fn observe_pod(change: &Change, api: &ApiServer, queue: &mut WorkQueue<Work>) {
    for key in ownership::concerned(change, api, &JOBS) {
        queue.add_at(api.now() + BATCH, Work::Job(key));
    }
    let pod = &change.object;
    let is_left = match ownership::controller_of(pod) {
        Some(_) => {
            let is_over = owner(api, pod).is_none_or(|job| condition::is_finished(job));
            ownership::is_deleted(pod) && is_over
        }
        None => true,
    };
    if is_left && change.kind != ChangeKind::Deleted && pod::is_tracked(pod) {
        queue.add(api.now(), Work::Orphan(Key::of(pod)));
    }
}

/// `status`, put there if it is missing.
fn status_mut(job: &mut Value) -> &mut Value {
    object_at(job, "status")
}

/// What a first sync finds missing.
fn begin(job: &mut Value, now: Time) {
    let suspended = job["spec"].flag("suspend");
    let status = status_mut(job);
    object_at(status, "uncountedTerminatedPods");
    if !suspended && !status.has("startTime") {
        status["startTime"] = now.rfc3339().into();
    }
}

/// Whether enough Pods have succeeded and none runs any more.
fn is_complete(tally: &Tally<'_>, active: i64) -> bool {
    let enough = match tally.job["spec"].number("completions") {
        Some(completions) => tally.succeeded >= completions,
        // A work queue is empty as soon as one of its Pods says so.
        None => tally.succeeded > 0,
    };
    enough && active == 0
}

/// Writes the numbers of Pods into the status; whether one of them has changed.
fn write_counts(job: &mut Value, counts: Counts) -> bool {
    let status = status_mut(job);
    let same = status.number("active").unwrap_or_default() == counts.active
        && status.number("ready") == Some(counts.ready)
        && status.number("terminating") == Some(counts.terminating);
    for (key, count) in [
        ("active", counts.active),
        ("ready", counts.ready),
        ("terminating", counts.terminating),
    ] {
        status[key] = json!(count);
    }
    !same
}

/// The Job that controls the Pod, if it is there.
fn owner<'a>(api: &'a ApiServer, pod: &Value) -> Option<&'a Object> {
    let owner = ownership::controller_of(pod).filter(|owner| owner["kind"] == JOBS.kind)?;
    let namespace = text(pod, &["metadata", "namespace"]);
    let job = api.get(&JOBS, namespace, text(owner, &["name"]));
    job.filter(|job| ownership::uid_of(job) == text(owner, &["uid"]))
}
