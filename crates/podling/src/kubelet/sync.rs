//! Syncing a pod: the status first, then the actions of the plan, one after the other in cluster time
//! (Kubernetes: `SyncPod` in `pkg/kubelet/kubelet.go`, `pkg/kubelet/pod_workers.go`).

use std::collections::btree_map::Entry;
use std::time::Duration;

use serde_json::Value;

use super::admission::{Refusal, Room, refuse};
use super::plan::{Observed, plan};
use super::probe::{self, Kind};
use super::runtime::all_containers;
use super::status::{Facts, generate, is_over};
use super::worker::{Action, Failure, Stage, Worker};
use super::{Nodes, Task, texts};
use crate::apiserver::{ApiServer, WriteOptions};
use crate::backoff::go_duration;
use crate::clock::Time;
use crate::events::Event;
use crate::resource::{NODES, PODS};
use crate::storage::text;

/// A pod without failures is synced again after this and up to half more.
pub(super) const RESYNC: Duration = Duration::from_secs(60);
/// One with failures after this and up to half more.
const RETRY: Duration = Duration::from_secs(10);
/// A pod whose containers have all ended is taken to its end so much later.
const END_NOTICED: Duration = Duration::from_millis(1_100);

/// How a step of a sync goes on.
pub(super) enum Then {
    /// With the next action.
    Next,
    /// With the next action, later.
    After(Duration),
    /// When something else says so.
    Waits,
}

impl Nodes {
    /// Asks for a sync: as soon as PLEG has looked since the last one, or when the present one has ended.
    pub(super) fn request_sync(&mut self, uid: &str, now: Time) {
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        if worker.busy {
            worker.pending = true;
            return;
        }
        let at = match (worker.synced, self.nodes.get(&worker.node)) {
            (Some(synced), Some(node)) if worker.relisted <= synced => {
                worker.awaits_relist = true;
                node.next_relist(synced).max(now)
            }
            _ => now,
        };
        self.timers.at(at, Task::Sync(uid.to_owned()));
    }

    /// Begins a sync.
    pub(super) fn sync(&mut self, api: &mut ApiServer, uid: &str) {
        let now = api.now();
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        if worker.busy {
            worker.pending = true;
            return;
        }
        if worker.awaits_relist
            && let Some(turn) = self.pleg_turn(uid, now)
        {
            self.timers.replace(turn, Task::Sync(uid.to_owned()));
            return;
        }
        self.timers.cancel(&Task::Sync(uid.to_owned()));
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        if std::mem::take(&mut worker.awaits_relist) && worker.relist(now) {
            worker.pending = true;
        }
        if matches!(worker.stage, Stage::New | Stage::Live) && worker.is_deleting() {
            worker.stage = Stage::Terminating;
        }
        match worker.stage {
            Stage::Ended => {}
            Stage::Terminating => self.begin_termination(api, uid),
            Stage::New => {
                if self.admit(api, uid) {
                    self.sync_live(api, uid, now);
                }
            }
            Stage::Live => self.sync_live(api, uid, now),
        }
    }

    fn sync_live(&mut self, api: &mut ApiServer, uid: &str, now: Time) {
        let past_deadline = self.check_deadline(api, uid, now);
        self.review_resize(api, uid);
        self.write_status(api, uid, false);
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        if past_deadline || is_over(&worker.pod, &worker.status) {
            worker.stage = Stage::Terminating;
            self.timers.replace(now + END_NOTICED, Task::Sync(uid.to_owned()));
            return;
        }
        self.want_readiness(uid, now);
        self.begin_script(uid);
        self.step(api, uid);
    }

    /// Decides what this sync does and makes its script.
    fn begin_script(&mut self, uid: &str) {
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        let plan = plan(&Observed {
            pod: &worker.pod,
            seen: &worker.seen,
            requested: &worker.requested(),
            health: &worker.health(),
        });
        worker.busy = true;
        worker.failure = None;
        worker.started = false;
        worker.script.clear();
        worker.script.push_back(Action::Mount);
        if !worker.sandbox {
            worker.script.push_back(Action::Sandbox);
        }
        for (name, message) in plan.kill {
            worker.script.push_back(Action::Kill(name.clone(), Some(message)));
            worker.script.push_back(Action::Await(vec![name]));
        }
        worker.script.extend(plan.resize.into_iter().map(Action::Resize));
        worker.script.extend(plan.start.into_iter().map(Action::Start));
    }

    /// Goes on with the sync that is under way.
    pub(super) fn step(&mut self, api: &mut ApiServer, uid: &str) {
        loop {
            let Some(worker) = self.workers.get_mut(uid) else {
                return;
            };
            if !worker.busy {
                return;
            }
            let Some(action) = worker.script.pop_front() else {
                self.complete(uid, api.now());
                return;
            };
            match self.act(api, uid, action) {
                Then::Next => {}
                Then::After(delay) => {
                    self.timers.replace(api.now() + delay, Task::Step(uid.to_owned()));
                    return;
                }
                Then::Waits => return,
            }
        }
    }

    fn act(&mut self, api: &mut ApiServer, uid: &str, action: Action) -> Then {
        match action {
            Action::Mount => self.mount(api, uid),
            Action::Sandbox => {
                self.push(uid, Action::SandboxUp);
                let delay = self.runtime_work(uid, api.now(), 90, 150) + self.throttled(uid, None, 22);
                Then::After(delay)
            }
            Action::SandboxUp => self.sandbox_up(api, uid),
            Action::Kill(name, message) => self.begin_kill(api, uid, &name, message.as_deref()),
            Action::Await(names) => self.await_stopped(uid, names),
            Action::Resize(name) => self.resize_container(api, uid, &name),
            Action::Start(name) => self.start(api, uid, name),
            Action::Pull(name) => self.pull(api, uid, name),
            Action::Pulled(name, since) => self.pulled(api, uid, name, since),
            Action::Create(name) => self.create(api, uid, name),
            Action::Run(name) => self.run_container(api, uid, name),
            Action::Hooked(name, well) => self.hooked(api, uid, &name, well),
            Action::Finalize => self.finalize(api, uid),
        }
    }

    /// Puts an action before the rest of the script.
    pub(super) fn push(&mut self, uid: &str, action: Action) {
        if let Some(worker) = self.workers.get_mut(uid) {
            worker.script.push_front(action);
        }
    }

    /// Ends a sync: what has changed is looked at, and the next sync is queued.
    fn complete(&mut self, uid: &str, now: Time) {
        let (restart, chance) = (self.jitter(15, 40), self.rng.below(1000));
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        let Some(node) = self.nodes.get(&worker.node) else {
            return;
        };
        worker.busy = false;
        worker.synced = Some(now);
        if worker.started {
            self.timers.at(now + restart, Task::Relist(uid.to_owned()));
        } else if worker.dirty {
            self.timers
                .at(node.next_relist(now), Task::Relist(uid.to_owned()));
        }
        let pause = requeue_after(worker.failure, now);
        let jittered = with_jitter(pause, worker.failure, worker.may_be_killed(), chance);
        self.timers
            .replace(node.queue_turn(now + jittered), Task::Queue(uid.to_owned()));
        if std::mem::take(&mut worker.pending) {
            self.request_sync(uid, now);
        }
    }

    /// When PLEG can look at a pod, if not now.
    fn pleg_turn(&mut self, uid: &str, now: Time) -> Option<Time> {
        let takes = self.jitter(15, 40);
        let node = self.nodes.get_mut(&self.workers.get(uid)?.node)?;
        node.pleg_turn(now, takes)
    }

    /// PLEG looks at one pod.
    pub(super) fn relist(&mut self, uid: &str, now: Time) {
        if let Some(turn) = self.pleg_turn(uid, now) {
            self.timers.at(turn, Task::Relist(uid.to_owned()));
            return;
        }
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        if !worker.relist(now) {
            return;
        }
        if worker.awaits_relist {
            // The sync that has waited for this look sees it, and yet it is news: it brings another sync.
            worker.pending = true;
            self.timers.at(now, Task::Sync(uid.to_owned()));
        } else {
            self.request_sync(uid, now);
        }
    }

    /// Notes that a pod's containers have changed.
    pub(super) fn runtime_changed(&mut self, uid: &str, now: Time) {
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        worker.dirty = true;
        if let Some(node) = self.nodes.get(&worker.node) {
            self.timers
                .at(node.next_relist(now), Task::Relist(uid.to_owned()));
        }
    }

    /// Notes why a container could not be started.
    pub(super) fn fail(
        &mut self,
        uid: &str,
        name: &str,
        reason: &str,
        message: &str,
        failure: Failure,
    ) -> Then {
        if let Some(worker) = self.workers.get_mut(uid) {
            worker
                .reasons
                .insert(name.to_owned(), (reason.to_owned(), message.to_owned()));
            worker.failure = Some(failure.or(worker.failure));
        }
        Then::Next
    }

    /// The wait of a container whose pause is not over.
    pub(super) fn crash_loop(&mut self, api: &mut ApiServer, uid: &str, name: &str, until: Time) -> Then {
        let Some(worker) = self.workers.get(uid) else {
            return Then::Next;
        };
        let pod = worker.formatted();
        let pause = worker
            .restarts
            .get(name)
            .map(|backoff| go_duration(backoff.pause()))
            .unwrap_or_default();
        let event = format!("Back-off restarting failed container {name} in pod {pod}");
        let message = format!("back-off {pause} restarting failed container={name} pod={pod}");
        self.record(api, uid, Some(name), Event::warning(texts::BACK_OFF, &event));
        self.fail(uid, name, texts::CRASH_LOOP, &message, Failure::BackOff(until))
    }

    /// Makes the status from what is known and writes it if it is another.
    pub(super) fn write_status(&mut self, api: &mut ApiServer, uid: &str, ended: bool) {
        let now = api.now();
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        let Some(node) = self.nodes.get(&worker.node) else {
            return;
        };
        let host_network = worker.pod["spec"]["hostNetwork"] == true;
        let own = worker.address.as_ref().map(|(_, address)| address.as_str());
        // Nothing is seen of an eviction before the containers are stopped; then the pod has no address either.
        let evicted = worker.evicted.as_ref().filter(|_| ended);
        let failed = worker.failed.as_ref();
        let failure = evicted
            .map(|message| ("Evicted", message.as_str()))
            .or(failed.map(|(reason, message)| (reason.as_str(), message.as_str())));
        let address = if host_network { Some(&*node.address) } else { own };
        worker.status = generate(&Facts {
            pod: &worker.pod,
            seen: &worker.seen,
            reasons: &worker.reasons,
            probes: &worker.probed(),
            resize: &worker.resize.conditions(),
            before: &worker.pod["status"],
            host: &node.address,
            address: address.filter(|_| evicted.is_none()),
            sandbox: worker.sandbox,
            ended,
            failure,
            now,
        });
        put_status(api, worker);
    }

    /// Why a pod cannot be beside the others on its node, whose resources count as they are allocated.
    pub(super) fn refuses(&self, api: &ApiServer, uid: &str, pod: &Value) -> Option<Refusal> {
        let name = &self.workers.get(uid)?.node;
        let node = api.get(&NODES, "", name)?;
        let is_here = |other: &&Worker| {
            other.node == *name && other.uid != uid && matches!(other.stage, Stage::Live | Stage::Terminating)
        };
        let others = self.workers.values().filter(is_here);
        let pods: Vec<&Value> = others.map(|other| &*other.pod).collect();
        refuse(pod, &Room { node, pods: &pods })
    }

    /// Refuses a pod that does not belong or fit here; whether it is admitted.
    fn admit(&mut self, api: &mut ApiServer, uid: &str) -> bool {
        let Some(worker) = self.workers.get(uid) else {
            return false;
        };
        let refusal = self.refuses(api, uid, &worker.pod);
        let Some(worker) = self.workers.get_mut(uid) else {
            return false;
        };
        let Some(refusal) = refusal else {
            worker.stage = Stage::Live;
            return true;
        };
        worker.stage = Stage::Ended;
        let mut status = worker.pod["status"].clone();
        status["phase"] = "Failed".into();
        status["reason"] = refusal.reason.as_str().into();
        status["message"] = format!("Pod was rejected: {}", refusal.message).into();
        status["startTime"] = api.now().rfc3339().into();
        status["observedGeneration"] = worker.pod["metadata"]["generation"].clone();
        worker.status = status;
        put_status(api, worker);
        self.record(api, uid, None, Event::warning(&refusal.reason, &refusal.message));
        false
    }

    /// `activeDeadlineSeconds`: whether it is over; if not, the pod is looked at again then.
    fn check_deadline(&mut self, api: &mut ApiServer, uid: &str, now: Time) -> bool {
        let Some(worker) = self.workers.get_mut(uid) else {
            return false;
        };
        let Some(seconds) = worker.pod["spec"]["activeDeadlineSeconds"].as_u64() else {
            return false;
        };
        let started = Time::parse(text(&worker.pod, &["status", "startTime"])).unwrap_or(now);
        let deadline = started + Duration::from_secs(seconds);
        if now < deadline {
            let turn = self
                .nodes
                .get(&worker.node)
                .map_or(deadline, |node| node.queue_turn(deadline));
            self.timers.at(turn, Task::Sync(uid.to_owned()));
            return false;
        }
        worker.failed = Some(("DeadlineExceeded".to_owned(), texts::DEADLINE.to_owned()));
        self.record(api, uid, None, Event::normal("DeadlineExceeded", texts::DEADLINE));
        true
    }

    /// Makes the workers of a pod's probes; their tickers begin now.
    pub(super) fn begin_probes(&mut self, uid: &str, now: Time) {
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        let pod = worker.pod.clone();
        for (container, _) in all_containers(&pod) {
            let name = text(container, &["name"]).to_owned();
            for kind in Kind::ALL {
                let Some(spec) = container.get(kind.field()) else {
                    continue;
                };
                let key = (name.clone(), kind);
                if let Entry::Vacant(place) = worker.probes.entry(key) {
                    place.insert(probe::Worker::new(kind, spec, now));
                    self.timers
                        .at(now, Task::Probe(uid.to_owned(), name.clone(), kind));
                }
            }
        }
    }

    /// A started container that is not ready has its readiness probe run at once.
    pub(super) fn want_readiness(&mut self, uid: &str, now: Time) {
        let soon = self.jitter(3, 10);
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        let probed = worker.probed();
        for ((name, kind), probe) in &mut worker.probes {
            let unready = probed
                .get(name)
                .is_some_and(|probed| probed.started && !probed.ready);
            if *kind == Kind::Readiness && unready {
                probe.wanted = true;
                self.timers
                    .at(now + soon, Task::Probe(uid.to_owned(), name.clone(), *kind));
            }
        }
    }
}

/// How long until a pod is synced again, before jitter: the pause of a crashed container, but at most the
/// usual interval.
fn requeue_after(failure: Option<Failure>, now: Time) -> Duration {
    match failure {
        None => RESYNC,
        Some(Failure::Other) => RETRY,
        Some(Failure::BackOff(until)) => until.since(now).min(RESYNC),
    }
}

/// Adds what `chance` (below 1000) says: up to half, as Kubernetes does. Differs from Kubernetes: after a failure it is
/// from the middle of that, a sixth to a third, so that what a learner sees hangs less on chance; and where probes may
/// kill, a fifteenth to two, because whether the pause after a kill is over (it counts from the kill before) hangs on
/// it too.
///
/// Example: 60 s with a chance of 500 become 75 s, and 66 s for the pause of a container that a probe has killed.
fn with_jitter(pause: Duration, failure: Option<Failure>, may_be_killed: bool, chance: u64) -> Duration {
    // From and to, in parts of 60.
    let (least, most) = match failure {
        None => (0, 30),
        Some(Failure::BackOff(_)) if may_be_killed => (4, 8),
        Some(_) => (10, 20),
    };
    let chance = u32::try_from(chance).unwrap_or(0);
    pause + pause * (least * 1000 + (most - least) * chance) / 60_000
}

/// Writes the worker's status to the API, if the stored one is another.
pub(super) fn put_status(api: &mut ApiServer, worker: &mut Worker) {
    let stored = api.get(&PODS, worker.namespace(), worker.name()).cloned();
    let Some(stored) = stored.filter(|stored| text(stored, &["metadata", "uid"]) == worker.uid) else {
        return;
    };
    if stored["status"] == worker.status {
        return;
    }
    let mut object = Value::clone(&stored);
    object["status"] = worker.status.clone();
    if let Ok(written) = api.update(&PODS, Some("status"), object, &WriteOptions::by("kubelet")) {
        worker.take(written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_sync_comes_when_a_pause_ends_but_within_the_usual_interval() {
        let now = Time::from_micros(0);
        let at = |seconds| now + Duration::from_secs(seconds);
        for (failure, seconds) in [
            (None, 60),
            (Some(Failure::Other), 10),
            (Some(Failure::BackOff(at(20))), 20),
            (Some(Failure::BackOff(at(160))), 60),
        ] {
            assert_eq!(requeue_after(failure, now).as_secs(), seconds, "{failure:?}");
        }
        let minute = Duration::from_secs(60);
        for (failure, killed, from, to) in [
            (None, false, 60, 90),
            (Some(Failure::BackOff(at(60))), true, 64, 68),
            (Some(Failure::BackOff(at(60))), false, 70, 80),
            (Some(Failure::Other), true, 70, 80),
        ] {
            let jittered = [0, 1000].map(|chance| with_jitter(minute, failure, killed, chance).as_secs());
            assert_eq!(jittered, [from, to], "{failure:?}");
        }
        let both = Failure::Other.or(Some(Failure::BackOff(at(20))));
        assert_eq!(both, Failure::BackOff(at(20)));
    }
}
