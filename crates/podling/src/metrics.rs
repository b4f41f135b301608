//! What metrics-server knows: how much CPU and memory each container and node used between its last two looks.
//!
//! Source: `kubernetes-sigs/metrics-server`, `pkg/storage`. Two looks give one measurement, because a kubelet reports CPU
//! time in all; a container that is younger than one round and older than ten seconds is measured from its start.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Time;

/// How often metrics-server looks (`--metric-resolution`).
pub(crate) const RESOLUTION: Duration = Duration::from_secs(15);
/// A container must have run so long to be measured from its start.
const FRESH: Duration = Duration::from_secs(10);

/// What something has used at a moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counter {
    /// When it began to run.
    pub(crate) started: Time,
    /// When it was looked at.
    pub(crate) at: Time,
    /// CPU time since its start.
    pub(crate) cpu: Duration,
    /// Memory in bytes.
    pub(crate) memory: u64,
}

/// What something used in a span of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Usage {
    /// The end of the span.
    pub(crate) at: Time,
    /// Its length.
    pub(crate) window: Duration,
    /// CPU in billionths.
    pub(crate) nano_cpus: u64,
    /// Memory in bytes, at the end.
    pub(crate) memory: u64,
}

/// Namespace and name of a Pod, and its containers.
pub(crate) type Look = BTreeMap<(String, String), BTreeMap<String, Counter>>;

/// The last two looks at all Pods and nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    pods: Rounds<(String, String), BTreeMap<String, Counter>>,
    nodes: Rounds<String, Counter>,
}

/// The last look and the one before.
#[derive(Clone, Debug)]
struct Rounds<K, V> {
    last: BTreeMap<K, V>,
    before: BTreeMap<K, V>,
}

impl<K, V> Default for Rounds<K, V> {
    fn default() -> Self {
        Self {
            last: BTreeMap::new(),
            before: BTreeMap::new(),
        }
    }
}

impl Metrics {
    /// Takes in what one round saw.
    pub(crate) fn record(&mut self, pods: Look, nodes: BTreeMap<String, Counter>) {
        self.pods.before = std::mem::replace(&mut self.pods.last, pods);
        self.nodes.before = std::mem::replace(&mut self.nodes.last, nodes);
    }

    /// What each container of a Pod used; nothing if one of them is not measured yet.
    pub(crate) fn pod(&self, namespace: &str, name: &str) -> Option<Vec<(&str, Usage)>> {
        let key = (namespace.to_owned(), name.to_owned());
        let containers = self
            .pods
            .last
            .get(&key)
            .filter(|containers| !containers.is_empty())?;
        let before = self.pods.before.get(&key);
        let used = |(name, last): (&'_ String, &Counter)| {
            let before = before.and_then(|containers| containers.get(name));
            usage(before, last)
        };
        containers
            .iter()
            .map(|entry| Some((entry.0.as_str(), used(entry)?)))
            .collect()
    }

    /// The last count of a container.
    pub(crate) fn counter(&self, pod: &(String, String), container: &str) -> Option<Counter> {
        self.pods.last.get(pod)?.get(container).copied()
    }

    /// The last count of a node.
    pub(crate) fn node_counter(&self, name: &str) -> Option<Counter> {
        self.nodes.last.get(name).copied()
    }

    /// What a node used.
    pub(crate) fn node(&self, name: &str) -> Option<Usage> {
        usage(self.nodes.before.get(name), self.nodes.last.get(name)?)
    }
}

/// What was used between two looks. Example: 3 ms of CPU time in 15 s are 200,000 billionths of a CPU.
fn usage(before: Option<&Counter>, last: &Counter) -> Option<Usage> {
    let same = before.filter(|before| before.started == last.started);
    let from = match same {
        Some(before) => *before,
        None => from_start(last)?,
    };
    let window = last.at.since(from.at);
    if window.is_zero() {
        return None;
    }
    let used = last.cpu.saturating_sub(from.cpu).as_nanos();
    let nano_cpus = used * 1_000_000_000 / window.as_nanos();
    Some(Usage {
        at: last.at,
        window,
        nano_cpus: u64::try_from(nano_cpus).unwrap_or(u64::MAX),
        memory: last.memory,
    })
}

fn from_start(last: &Counter) -> Option<Counter> {
    let age = last.at.since(last.started);
    let is_fresh = age >= FRESH && age < RESOLUTION;
    is_fresh.then_some(Counter {
        started: last.started,
        at: last.started,
        cpu: Duration::ZERO,
        memory: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(started: i64, at: i64, millis: u64) -> Counter {
        let time = |seconds: i64| Time::from_micros(seconds * 1_000_000);
        Counter {
            started: time(started),
            at: time(at),
            cpu: Duration::from_millis(millis),
            memory: 1024,
        }
    }

    #[test]
    fn cpu_is_measured_between_two_looks_at_the_same_run() {
        let cases = [
            (Some(counter(0, 15, 10)), counter(0, 30, 13), Some(200_000)),
            (None, counter(0, 30, 13), None),
            (None, counter(20, 30, 13), Some(1_300_000)),
            (None, counter(21, 30, 13), None),
            (Some(counter(0, 15, 10)), counter(20, 30, 13), Some(1_300_000)),
        ];
        for (before, last, expected) in cases {
            let used = usage(before.as_ref(), &last).map(|usage| usage.nano_cpus);
            assert_eq!(used, expected, "{before:?} {last:?}");
        }
    }

    #[test]
    fn a_pod_is_measured_when_all_its_containers_are() {
        let look = |containers: &[(&str, Counter)]| -> Look {
            let containers = containers
                .iter()
                .map(|(name, counter)| ((*name).to_owned(), *counter));
            BTreeMap::from([(("a".to_owned(), "p".to_owned()), containers.collect())])
        };
        let mut metrics = Metrics::default();
        metrics.record(look(&[("x", counter(0, 15, 0))]), BTreeMap::new());
        assert_eq!(metrics.pod("a", "p"), None);
        let both = [("x", counter(0, 30, 15)), ("y", counter(25, 30, 0))];
        metrics.record(look(&both), BTreeMap::new());
        assert_eq!(metrics.pod("a", "p"), None);
        let both = [("x", counter(0, 45, 30)), ("y", counter(25, 45, 0))];
        metrics.record(look(&both), BTreeMap::new());
        assert_eq!(metrics.pod("a", "p").map(|containers| containers.len()), Some(2));
    }
}
