//! Stopping containers, and taking a pod to its end
//! (Kubernetes: `SyncTerminatingPod` and `SyncTerminatedPod` in `pkg/kubelet/kubelet.go`).

use std::time::Duration;

use super::plan::stop_order;
use super::probe::Kind;
use super::sync::Then;
use super::worker::{Action, Stage};
use super::{Nodes, Task, eviction, runtime, texts};
use crate::apiserver::{ApiServer, DeleteOptions};
use crate::clock::Time;
use crate::events::Event;
use crate::images::process::{OnSignal, Process};
use crate::images::shell::machine::World;

/// No container gets less grace than this.
const LEAST_GRACE: Duration = Duration::from_secs(2);

impl Nodes {
    /// The pod is to be stopped for good: whatever its worker was at is given up.
    pub(super) fn deletion_requested(&mut self, uid: &str, now: Time) {
        let soon = self.jitter(5, 40);
        let confirm = self.jitter(100, 900);
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        if worker.stage == Stage::Ended {
            self.timers.at(now + confirm, Task::Confirm(uid.to_owned()));
            return;
        }
        worker.busy = false;
        worker.script.clear();
        worker.stage = Stage::Terminating;
        self.timers.cancel(&Task::Step(uid.to_owned()));
        self.timers.replace(now + soon, Task::Sync(uid.to_owned()));
    }

    /// Stops all that runs, in its order.
    pub(super) fn begin_termination(&mut self, api: &mut ApiServer, uid: &str) {
        self.timers.cancel(&Task::Queue(uid.to_owned()));
        self.repeat_deadline(api, uid);
        self.write_status(api, uid, false);
        self.want_readiness(uid, api.now());
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        worker.busy = true;
        worker.script.clear();
        let order = stop_order(&worker.pod);
        let running: Vec<Vec<String>> = order
            .into_iter()
            .map(|group| group.into_iter().filter(|name| worker.runs(name)).collect())
            .collect();
        worker.probes.retain(|(_, kind), _| *kind == Kind::Readiness);
        for name in running.iter().skip(1).flatten() {
            let text = format!("Stopping container {name}");
            self.record(api, uid, Some(name), Event::normal(texts::KILLING, &text));
        }
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        for (index, group) in running.iter().enumerate() {
            for name in group {
                let message = (index == 0).then(|| format!("Stopping container {name}"));
                worker.script.push_back(Action::Kill(name.clone(), message));
            }
            worker.script.push_back(Action::Await(group.clone()));
        }
        worker.script.push_back(Action::Finalize);
        self.step(api, uid);
    }

    /// A kubelet says that a deadline is over whenever it makes the pod's status.
    fn repeat_deadline(&mut self, api: &mut ApiServer, uid: &str) {
        let worker = self.workers.get(uid);
        if worker.is_some_and(|worker| worker.failed.is_some()) {
            self.record(api, uid, None, Event::normal("DeadlineExceeded", texts::DEADLINE));
        }
    }

    /// Says that a container is stopped, runs its preStop hook, and lets its grace begin.
    pub(super) fn begin_kill(
        &mut self,
        api: &mut ApiServer,
        uid: &str,
        name: &str,
        message: Option<&str>,
    ) -> Then {
        let now = api.now();
        if !self.workers.get(uid).is_some_and(|worker| worker.runs(name)) {
            return Then::Next;
        }
        if let Some(message) = message {
            self.record(api, uid, Some(name), Event::normal(texts::KILLING, message));
        }
        let grace = self.grace(uid, name);
        let hook = self.workers.get(uid).and_then(|worker| {
            let (spec, _) = runtime::container(&worker.pod, name)?;
            spec["lifecycle"].get("preStop").cloned()
        });
        let (well, took) = match hook {
            Some(hook) => self.run_hook(api, uid, name, &hook),
            None => (true, Duration::ZERO),
        };
        let takes = took.min(grace);
        // A hook that used up the grace leaves two seconds more. The runtime takes a moment to kill.
        let rest = grace.saturating_sub(takes).max(LEAST_GRACE);
        let (soon, reaped) = (self.jitter(20, 60), self.jitter(80, 160));
        let key = (uid.to_owned(), name.to_owned());
        self.timers
            .replace(now + takes + soon, Task::Terminate(key.0.clone(), key.1.clone()));
        self.timers
            .replace(now + takes + rest + soon + reaped, Task::Kill(key.0, key.1));
        if let Some(worker) = self.workers.get_mut(uid) {
            worker.stopping.push(name.to_owned());
            // One that is cut short by the grace says nothing.
            if !well && took <= grace {
                worker.failed_hooks.insert(name.to_owned());
            }
        }
        Then::Next
    }

    /// The grace of a container: the eviction's, the pod's deletion's, the failed probe's own, or the spec's.
    fn grace(&self, uid: &str, name: &str) -> Duration {
        let Some(worker) = self.workers.get(uid) else {
            return LEAST_GRACE;
        };
        let pod = &worker.pod;
        let of_spec = pod["spec"]["terminationGracePeriodSeconds"]
            .as_u64()
            .unwrap_or(30);
        let of_deletion = pod["metadata"]["deletionGracePeriodSeconds"].as_u64();
        let health = worker.health().get(name).copied().unwrap_or_default();
        let failed = [
            (health.never_started, "startupProbe"),
            (health.dead, "livenessProbe"),
        ];
        let spec = runtime::container(pod, name).map(|(spec, _)| spec);
        let of_probe = failed
            .into_iter()
            .find(|(failed, _)| *failed)
            .and_then(|(_, field)| spec?[field]["terminationGracePeriodSeconds"].as_u64());
        let of_eviction = worker.evicted.as_ref().map(|_| eviction::GRACE);
        let seconds = of_eviction.or(of_deletion).or(of_probe).unwrap_or(of_spec);
        Duration::from_secs(seconds).max(LEAST_GRACE)
    }

    /// The container gets SIGTERM.
    pub(super) fn send_term(&mut self, api: &mut ApiServer, uid: &str, name: &str) {
        let worker = self.workers.get_mut(uid);
        if worker.is_some_and(|worker| worker.failed_hooks.remove(name)) {
            let event = Event::warning("FailedPreStopHook", "PreStopHook failed");
            self.record(api, uid, Some(name), event);
        }
        self.signal(api, (uid, name), Process::terminate);
    }

    /// A process of the container sends a signal to its first one.
    pub(super) fn signal_first(&mut self, api: &ApiServer, uid: &str, name: &str, signal: &str) {
        self.signal(api, (uid, name), |process, world| process.signal(signal, world));
    }

    fn signal(
        &mut self,
        api: &ApiServer,
        (uid, name): (&str, &str),
        send: impl FnOnce(&mut Process, &mut World<'_>) -> OnSignal,
    ) {
        let now = api.now();
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        match worker.with_process(&mut self.disks, name, now, send) {
            Some(OnSignal::Exits(code)) => self.exited(uid, name, code, now),
            Some(OnSignal::Goes) => self
                .timers
                .replace(now, Task::Process(uid.to_owned(), name.to_owned())),
            Some(OnSignal::Ignores) | None => {}
        }
    }

    /// The grace is over: SIGKILL.
    pub(super) fn send_kill(&mut self, now: Time, uid: &str, name: &str) {
        self.exited(uid, name, 137, now);
    }

    /// Waits until none of the containers runs.
    pub(super) fn await_stopped(&mut self, uid: &str, names: Vec<String>) -> Then {
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        if names.iter().any(|name| worker.runs(name)) {
            worker.script.push_front(Action::Await(names));
            return Then::Waits;
        }
        worker.stopping.retain(|name| !names.contains(name));
        Then::Next
    }

    /// A sync that waits for a container to stop goes on.
    pub(super) fn container_stopped(&mut self, uid: &str, now: Time) {
        let delay = self.jitter(30, 110);
        let Some(worker) = self.workers.get(uid) else {
            return;
        };
        let waits = matches!(worker.script.front(), Some(Action::Await(names)) if !names.iter().any(|name| worker.runs(name)));
        if worker.busy && waits {
            self.timers.at(now + delay, Task::Step(uid.to_owned()));
        }
    }

    /// Nothing of the pod runs any more: its last status, and its deletion if that is wanted.
    pub(super) fn finalize(&mut self, api: &mut ApiServer, uid: &str) -> Then {
        let now = api.now();
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Waits;
        };
        worker.relist(now);
        worker.stage = Stage::Ended;
        worker.sandbox = false;
        worker.busy = false;
        worker.probes.clear();
        if let Some((host, _)) = worker.address
            && let Some(node) = self.nodes.get_mut(&worker.node)
        {
            node.addresses.release(host);
        }
        self.repeat_deadline(api, uid);
        self.write_status(api, uid, true);
        let delay = self.jitter(100, 900);
        self.timers.at(now + delay, Task::Confirm(uid.to_owned()));
        Then::Waits
    }

    /// Ends the work on a pod: a deleted one's containers are removed, and the API server is told that it is gone.
    pub(super) fn confirm(&mut self, api: &mut ApiServer, uid: &str) {
        self.repeat_deadline(api, uid);
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        worker.failed = None;
        if worker.removed {
            return self.drop_worker(uid, api.now());
        }
        if !worker.is_deleting() {
            return;
        }
        worker.containers.clear();
        let options = DeleteOptions {
            grace_period_seconds: Some(0),
            uid: Some(uid.to_owned()),
            ..DeleteOptions::default()
        };
        let (namespace, name) = (worker.namespace().to_owned(), worker.name().to_owned());
        // A pod that is already gone, or another of that name, is what was wanted.
        drop(api.delete(&crate::resource::PODS, &namespace, &name, &options));
    }
}
