//! A controller's work queue: which objects are to be looked at, and when.
//!
//! Source: `client-go/util/workqueue`. A change reaches its controller some milliseconds after it was made, as
//! it does through a watch; an object that failed is tried again after 5 ms, doubled each time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::clock::Time;
use crate::rng::Rng;
use crate::storage::text;
use crate::timers::Timers;

/// At least and at most how long something takes.
pub(crate) type Span = (Duration, Duration);

/// How long after a change a controller has written what it does about it. Short, since all that comes meanwhile is
/// answered by that one write: pods that become ready one by one are so many steps of a rollout.
const LATENCY: Span = (Duration::from_millis(3), Duration::from_millis(7));
/// The first wait after a failure, and the longest.
const BACK_OFF: Span = (Duration::from_millis(5), Duration::from_secs(1000));

/// Namespace and name of an object; the namespace is empty for cluster-scoped ones.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Key {
    /// `metadata.namespace`.
    pub(crate) namespace: String,
    /// `metadata.name`.
    pub(crate) name: String,
}

impl Key {
    /// The key of `object`.
    pub(crate) fn of(object: &Value) -> Self {
        Self::new(
            text(object, &["metadata", "namespace"]),
            text(object, &["metadata", "name"]),
        )
    }

    /// The key of the object with that namespace and name.
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// What one controller has to look at.
#[derive(Debug)]
pub(crate) struct WorkQueue<K = Key> {
    due: Timers<K>,
    failures: BTreeMap<K, u32>,
    latency: Span,
    back_off: Span,
    rng: Rng,
}

impl<K: Clone + Ord> WorkQueue<K> {
    /// An empty queue whose jitter comes from `rng`.
    pub(crate) fn new(rng: Rng) -> Self {
        Self::with_latency(rng, LATENCY)
    }

    /// An empty queue of a controller that acts only `latency` after a change.
    pub(crate) fn with_latency(rng: Rng, latency: Span) -> Self {
        Self {
            due: Timers::default(),
            failures: BTreeMap::new(),
            latency,
            back_off: BACK_OFF,
            rng,
        }
    }

    /// The queue with another first wait after a failure, and another longest.
    pub(crate) const fn backing_off(mut self, back_off: Span) -> Self {
        self.back_off = back_off;
        self
    }

    /// Something about `key` has changed at `now`: it is looked at as soon as a watch would tell.
    pub(crate) fn add(&mut self, now: Time, key: K) {
        let latency = self.rng.between(self.latency.0, self.latency.1);
        self.due.at(now + latency, key);
    }

    /// `key` is looked at at `time`, or earlier if it is due before.
    pub(crate) fn add_at(&mut self, time: Time, key: K) {
        self.due.at(time, key);
    }

    /// Work on `key` failed at `now`: it is tried again after its back-off.
    pub(crate) fn retry(&mut self, now: Time, key: K) {
        let failures = self.failures.entry(key.clone()).or_default();
        let wait = back_off(self.back_off, *failures);
        *failures = failures.saturating_add(1);
        self.due.at(now + wait, key);
    }

    /// Work on `key` succeeded: its next failure waits as the first does.
    pub(crate) fn forget(&mut self, key: &K) {
        self.failures.remove(key);
    }

    /// When the next key is due.
    pub(crate) fn next(&self) -> Option<Time> {
        self.due.next()
    }

    /// Takes the first key that is due at `now`.
    pub(crate) fn pop(&mut self, now: Time) -> Option<K> {
        self.due.pop_due(now)
    }
}

/// The wait after the `failures`-th failure in a row, counted from zero: 5, 10, 20, 40 ms …
fn back_off((first, longest): Span, failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures.min(30));
    first.saturating_mul(factor).min(longest)
}

/// The first of the moments that come each `period` after `start` and are after `now`.
///
/// Example: with a period of 15 s, 20 s after the start the next one is 10 s away.
pub(crate) fn next_round(start: Time, period: Duration, now: Time) -> Time {
    let passed = now.since(start).as_micros() / period.as_micros().max(1);
    let rounds = u32::try_from(passed).unwrap_or(u32::MAX).saturating_add(1);
    start + period.saturating_mul(rounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_waits_twice_as_long_up_to_a_limit() {
        let waits: Vec<u128> = [0, 1, 2, 17, 18, 99]
            .into_iter()
            .map(|failures| back_off(BACK_OFF, failures).as_millis())
            .collect();
        assert_eq!(waits, [5, 10, 20, 655_360, 1_000_000, 1_000_000]);
    }

    #[test]
    fn rounds_come_at_fixed_distances_from_the_start() {
        let start = Time::from_micros(1_000_000);
        let after = |seconds| start + Duration::from_secs(seconds);
        for (now, next) in [(0, 15), (14, 15), (15, 30), (20, 30)] {
            let found = next_round(start, Duration::from_secs(15), after(now));
            assert_eq!(found, after(next), "{now}");
        }
    }

    #[test]
    fn several_changes_of_one_object_are_one_piece_of_work() {
        let mut queue = WorkQueue::new(Rng::new(1));
        let now = Time::from_micros(0);
        queue.add(now, Key::new("a", "x"));
        queue.add(now, Key::new("a", "x"));
        let later = now + Duration::from_secs(1);
        assert_eq!(queue.pop(later), Some(Key::new("a", "x")));
        assert_eq!(queue.pop(later), None);
    }
}
