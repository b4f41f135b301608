//! Making a pod's sandbox and its containers (Kubernetes: `pkg/kubelet/kuberuntime`).

mod instance;
mod process;
mod volumes;

use std::time::Duration;

use serde_json::Value;

use self::instance::cpu_limit;
pub(super) use self::instance::limits_of;
pub(super) use self::process::{CALLS_A_TURN, NEXT_TURN};
use super::sync::Then;
use super::worker::{Action, Failure};
use super::{Nodes, runtime, texts};
use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::events::Event;
use crate::network::addresses::pod_address;
use crate::resource::NODES;

impl Nodes {
    /// How much longer something takes under a CPU limit; `work` is in milliseconds of CPU time.
    ///
    /// Example: 12 ms of work under 10m take 1.2 s.
    pub(super) fn throttled(&self, uid: &str, container: Option<&str>, work: u64) -> Duration {
        let Some(worker) = self.workers.get(uid) else {
            return Duration::ZERO;
        };
        let limits: Vec<u64> = runtime::containers(&worker.pod, "containers")
            .filter(|spec| container.is_none_or(|name| spec["name"] == name))
            .filter_map(cpu_limit)
            .collect();
        let all_limited =
            container.is_some() || limits.len() == runtime::containers(&worker.pod, "containers").count();
        match limits.iter().sum::<u64>() {
            total @ 1..500 if all_limited => Duration::from_millis(work * 1000 / total),
            _ => Duration::ZERO,
        }
    }

    /// How long the runtime of a pod's node takes for a piece of work of so many milliseconds that begins now.
    pub(super) fn runtime_work(&mut self, uid: &str, now: Time, least: u64, most: u64) -> Duration {
        let work = self.jitter(least, most);
        let node = self
            .workers
            .get(uid)
            .and_then(|worker| self.nodes.get_mut(&worker.node));
        node.map_or(work, |node| node.occupy_runtime(now, work))
    }

    pub(super) fn sandbox_up(&mut self, api: &mut ApiServer, uid: &str) -> Then {
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        let Some(node) = self.nodes.get_mut(&worker.node) else {
            return Then::Next;
        };
        if worker.address.is_none() && worker.pod["spec"]["hostNetwork"] != true {
            let host = node.addresses.take();
            worker.address = Some((host, pod_address(node.index, host)));
        }
        worker.sandbox = true;
        worker.dirty = true;
        self.write_status(api, uid, false);
        Then::After(self.jitter(5, 15))
    }

    /// Begins to start a container, unless its pause is not over.
    pub(super) fn start(&mut self, api: &mut ApiServer, uid: &str, name: String) -> Then {
        let now = api.now();
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        let Some((spec, _)) = runtime::container(&worker.pod, &name) else {
            return Then::Next;
        };
        let changed = worker
            .requested()
            .get(&name)
            .is_some_and(|requested| spec["image"] != requested.as_str());
        if changed {
            worker.restarts.remove(&name);
        }
        // The last end that PLEG has seen: for a container just killed by a probe, that of the one before it.
        let seen = worker.seen.get(&name);
        let ended = seen.and_then(|seen| {
            [&seen.current, &seen.previous]
                .into_iter()
                .flatten()
                .find_map(|s| s.finish.as_ref())
        });
        if let Some(end) = ended.map(|finish| finish.time).filter(|_| !changed) {
            let backoff = worker.restarts.entry(name.clone()).or_default();
            if let Some(until) = backoff.until(end, now) {
                return self.crash_loop(api, uid, &name, until);
            }
            backoff.next(end, now);
        }
        self.push(uid, Action::Pull(name));
        Then::Next
    }

    /// Creates a container.
    pub(super) fn create(&mut self, api: &mut ApiServer, uid: &str, name: String) -> Then {
        match self.prepare(api, uid, &name) {
            Err(message) => {
                let event = format!("Error: {message}");
                self.record(api, uid, Some(&name), Event::warning(texts::FAILED, &event));
                self.fail(uid, &name, texts::CONFIG_ERROR, &message, Failure::Other)
            }
            Ok(instance) => {
                if let Some(worker) = self.workers.get_mut(uid) {
                    let container = worker.containers.entry(name.clone()).or_default();
                    container.previous = container.current.replace(instance);
                }
                self.record(
                    api,
                    uid,
                    Some(&name),
                    Event::normal(texts::CREATED, "Container created"),
                );
                let delay = self.runtime_work(uid, api.now(), 30, 60) + self.throttled(uid, Some(&name), 12);
                self.push(uid, Action::Run(name));
                Then::After(delay)
            }
        }
    }
}

fn allocatable(api: &ApiServer, node: &str) -> Value {
    let node = api.get(&NODES, "", node);
    node.map_or(Value::Null, |node| node["status"]["allocatable"].clone())
}
