//! Evicting pods that use more local storage than they may
//! (Kubernetes: `localStorageEviction` in `pkg/kubelet/eviction/eviction_manager.go`).
//!
//! Differs from Kubernetes: no eviction by node pressure; a file is as large as its content, and a directory has no size.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::runtime::{Container, all_containers, containers};
use super::volumes::{root_key, volume_key};
use super::worker::{Stage, Worker};
use super::{Nodes, Task};
use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::events::Event;
use crate::quantity::Quantity;
use crate::storage::text;

/// How often the limits are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// The volumes of a pod are measured this long after the time before, at least and at most
/// (`volumeStatsAggPeriod` with a jitter of 1). The first time is up to the shorter of them after the pod's start.
const MEASURE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(120));

/// An evicted pod has this grace, in seconds.
pub(super) const GRACE: u64 = 1;

/// What a pod takes of its node's disk, in bytes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Usage {
    /// By `emptyDir`, as it was measured last.
    volumes: BTreeMap<String, u64>,
    /// By container: its own root and its log.
    containers: BTreeMap<String, u64>,
}

impl Nodes {
    /// Begins to look after a pod's use of local storage, if there is a limit to it.
    pub(super) fn watch_storage(&mut self, uid: &str, now: Time) {
        let first = self.rng.between(Duration::ZERO, MEASURE.0);
        let look = self.rng.between(Duration::ZERO, LOOK);
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        if is_limited(&worker.pod) {
            worker.measured_next = now + first;
            self.timers.at(now + look, Task::Storage(uid.to_owned()));
        }
    }

    /// Measures what is due, and evicts the pod if it uses too much.
    pub(super) fn look_at_storage(&mut self, api: &mut ApiServer, uid: &str) {
        let now = api.now();
        let pause = self.rng.between(MEASURE.0, MEASURE.1);
        let Some(worker) = self
            .workers
            .get_mut(uid)
            .filter(|worker| worker.stage == Stage::Live)
        else {
            return;
        };
        if worker.measured_next <= now {
            worker.measured_next = now + pause;
            worker.usage.volumes = volumes(worker);
        }
        worker.usage.containers = used_by_containers(worker);
        match excess(&worker.pod, &worker.usage) {
            Some(message) => self.evict(api, uid, message),
            None => self.timers.at(now + LOOK, Task::Storage(uid.to_owned())),
        }
    }

    fn evict(&mut self, api: &mut ApiServer, uid: &str, message: String) {
        self.record(api, uid, None, Event::warning("Evicted", &message));
        if let Some(worker) = self.workers.get_mut(uid) {
            worker.evicted = Some(message);
        }
        self.deletion_requested(uid, api.now());
    }
}

/// The `emptyDir` volumes of a pod with their settings.
fn empty_dirs(pod: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes.filter_map(|volume| Some((text_of(volume, "name"), volume.get("emptyDir")?)))
}

fn text_of<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn storage_limit(container: &Value) -> Option<Quantity> {
    Quantity::from_json(container["resources"]["limits"].get("ephemeral-storage")?).ok()
}

/// Whether anything limits a pod's local storage.
fn is_limited(pod: &Value) -> bool {
    empty_dirs(pod).any(|(_, source)| source.get("sizeLimit").is_some())
        || all_containers(pod).any(|(container, _)| storage_limit(container).is_some())
}

fn volumes(worker: &Worker) -> BTreeMap<String, u64> {
    let size = |(name, _): (&str, &Value)| (name.to_owned(), worker.files.size(&volume_key(name)));
    empty_dirs(&worker.pod).map(size).collect()
}

fn used_by_containers(worker: &Worker) -> BTreeMap<String, u64> {
    let log = |container: &Container| {
        let current = container.current.as_ref();
        current.map_or(0, |instance| instance.log.size())
    };
    let used = |(name, container): (&String, &Container)| {
        (name.clone(), worker.files.size(&root_key(name)) + log(container))
    };
    worker.containers.iter().map(used).collect()
}

/// Why a pod is evicted, in the kubelet's words; `None` if it uses no more than it may.
fn excess(pod: &Value, usage: &Usage) -> Option<String> {
    volume_excess(pod, usage)
        .or_else(|| pod_excess(pod, usage))
        .or_else(|| container_excess(pod, usage))
}

fn exceeds(used: u64, limit: &Quantity) -> bool {
    i64::try_from(used).map_or(true, |used| used > limit.value())
}

fn volume_excess(pod: &Value, usage: &Usage) -> Option<String> {
    empty_dirs(pod).find_map(|(name, source)| {
        let limit = Quantity::from_json(source.get("sizeLimit")?).ok()?;
        let over = limit.value() > 0 && exceeds(*usage.volumes.get(name)?, &limit);
        over.then(|| format!("Usage of EmptyDir volume \"{name}\" exceeds the limit \"{limit}\". "))
    })
}

/// All containers and the volumes that are not in memory, against the sum of the containers' limits.
fn pod_excess(pod: &Value, usage: &Usage) -> Option<String> {
    let limits: Vec<Quantity> = containers(pod, "containers").filter_map(storage_limit).collect();
    let limit = limits.into_iter().reduce(|sum, limit| sum + limit)?;
    let on_disk = empty_dirs(pod).filter(|(_, source)| text(source, &["medium"]) != "Memory");
    let volumes: u64 = on_disk.filter_map(|(name, _)| usage.volumes.get(name)).sum();
    let used = volumes + usage.containers.values().sum::<u64>();
    exceeds(used, &limit)
        .then(|| format!("Pod ephemeral local storage usage exceeds the total limit of containers {limit}. "))
}

fn container_excess(pod: &Value, usage: &Usage) -> Option<String> {
    containers(pod, "containers").find_map(|container| {
        let (name, limit) = (text_of(container, "name"), storage_limit(container)?);
        exceeds(*usage.containers.get(name)?, &limit)
            .then(|| format!("Container {name} exceeded its local ephemeral storage limit \"{limit}\". "))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn volumes_come_first_then_the_whole_pod_then_its_containers() {
        let pod = |limit: &str| {
            json!({"spec": {
                "volumes": [{"name": "d", "emptyDir": {"sizeLimit": "10"}}, {"name": "m", "emptyDir": {"medium": "Memory"}}],
                "containers": [{"name": "a", "resources": {"limits": {"ephemeral-storage": limit}}}, {"name": "b"}],
            }})
        };
        for (limit, disk, memory, a, b, message) in [
            ("20", 10, 99, 10, 0, None),
            (
                "20",
                11,
                0,
                0,
                0,
                Some("Usage of EmptyDir volume \"d\" exceeds the limit \"10\". "),
            ),
            (
                "20",
                10,
                0,
                0,
                11,
                Some("Pod ephemeral local storage usage exceeds the total limit of containers 20. "),
            ),
        ] {
            let usage = Usage {
                volumes: BTreeMap::from([("d".to_owned(), disk), ("m".to_owned(), memory)]),
                containers: BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]),
            };
            assert_eq!(excess(&pod(limit), &usage).as_deref(), message, "{usage:?}");
        }
        let mut two = pod("20");
        two["spec"]["containers"][1]["resources"] = json!({"limits": {"ephemeral-storage": "5"}});
        let usage = Usage {
            containers: BTreeMap::from([("a".to_owned(), 0), ("b".to_owned(), 6)]),
            ..Usage::default()
        };
        let message = "Container b exceeded its local ephemeral storage limit \"5\". ";
        assert_eq!(excess(&two, &usage).as_deref(), Some(message));
        assert!(is_limited(&two) && !is_limited(&json!({"spec": {"containers": [{"name": "a"}]}})));
    }
}
