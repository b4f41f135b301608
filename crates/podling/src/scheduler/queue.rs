//! Which pod is scheduled next.
//!
//! Source: `kubernetes/pkg/scheduler/backend/queue`: the active queue by priority and age; pods in back-off,
//! which come when nothing is active; pods that wait for a change that helps.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::Time;
use crate::timers::Timers;

use super::PodKey;
use super::framework::Name;

/// The first back-off after a failed attempt, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// A pod that nothing has helped for so long is tried again anyway.
const LEFT_OVER: Duration = Duration::from_secs(300);

/// What decides between pods that can be tried: active ones first, higher priority before lower, then older
/// ones; pods in back-off by its end.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Rank {
    Active(Reverse<i64>, Time, u64),
    BackOff(Time, u64),
}

#[derive(Clone, Debug)]
struct Entry {
    priority: i64,
    attempts: u32,
    last_attempt: Option<Time>,
    /// Its place among those that can be tried; `None` while it waits.
    rank: Option<Rank>,
    /// The plugins that ruled out nodes; empty if none had been asked.
    rejected_by: BTreeSet<Name>,
}

/// The pods without a node.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: BTreeMap<PodKey, Entry>,
    ready: BTreeMap<Rank, PodKey>,
    arriving: Timers<PodKey>,
    sequence: u64,
}

impl Queue {
    /// A pod wants a node: it can be tried from `at` on.
    pub(crate) fn add(&mut self, key: &PodKey, priority: i64, at: Time) {
        self.entries.entry(key.clone()).or_insert(Entry {
            priority,
            attempts: 0,
            last_attempt: None,
            rank: None,
            rejected_by: BTreeSet::new(),
        });
        self.wake(key, at);
    }

    /// Something has changed that may help a waiting pod: it can be tried from `at` on.
    pub(crate) fn wake(&mut self, key: &PodKey, at: Time) {
        if self.entries.get(key).is_some_and(|entry| entry.rank.is_none()) {
            self.arriving.at(at, key.clone());
        }
    }

    /// The pod has a node or is gone.
    pub(crate) fn remove(&mut self, key: &PodKey) {
        self.arriving.cancel(key);
        if let Some(rank) = self.entries.remove(key).and_then(|entry| entry.rank) {
            self.ready.remove(&rank);
        }
    }

    /// The pod could not be scheduled at `now`, for what `rejected_by` say.
    pub(crate) fn reject(&mut self, key: &PodKey, rejected_by: BTreeSet<Name>, now: Time) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.attempts += 1;
            entry.last_attempt = Some(now);
            entry.rejected_by = rejected_by;
            self.arriving.at(now + LEFT_OVER, key.clone());
        }
    }

    /// The pods that wait, with the plugins that keep them waiting.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&PodKey, &BTreeSet<Name>)> {
        let waiting = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.rank.is_none() && entry.last_attempt.is_some());
        waiting.map(|(key, entry)| (key, &entry.rejected_by))
    }

    /// When a pod can be tried; a moment in the past if one can be now.
    pub(crate) fn next(&self) -> Option<Time> {
        match self.ready.is_empty() {
            true => self.arriving.next(),
            false => Some(Time::default()),
        }
    }

    /// Takes the pod that is to be tried at `now`; it waits until it is removed or woken.
    pub(crate) fn pop(&mut self, now: Time) -> Option<PodKey> {
        while let Some(key) = self.arriving.pop_due(now) {
            self.make_ready(key, now);
        }
        let (_, key) = self.ready.pop_first()?;
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.rank = None;
        }
        Some(key)
    }

    fn make_ready(&mut self, key: PodKey, now: Time) {
        self.sequence += 1;
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        let ends = entry.last_attempt.map(|last| last + back_off(entry.attempts));
        let rank = match ends {
            Some(ends) if ends > now => Rank::BackOff(ends, self.sequence),
            _ => Rank::Active(Reverse(entry.priority), now, self.sequence),
        };
        entry.rank = Some(rank);
        self.ready.insert(rank, key);
    }
}

/// The back-off after so many failed attempts: 1, 2, 4, 8, 10 s.
fn back_off(attempts: u32) -> Duration {
    let factor = 2_u32.saturating_pow(attempts.saturating_sub(1).min(30));
    BACK_OFF.0.saturating_mul(factor).min(BACK_OFF.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    fn key(name: &str) -> PodKey {
        ("a".to_owned(), name.to_owned())
    }

    #[test]
    fn higher_priority_then_age_decides_and_back_off_comes_last() {
        let mut queue = Queue::default();
        queue.add(&key("failed"), 100, at(0));
        assert_eq!(queue.pop(at(0)), Some(key("failed")));
        queue.reject(&key("failed"), BTreeSet::from(["NodeResourcesFit"]), at(0));
        for (name, priority) in [("old", 0), ("young", 0), ("high", 10)] {
            queue.add(&key(name), priority, at(0));
        }
        queue.wake(&key("failed"), at(0));
        let order: Vec<PodKey> = std::iter::from_fn(|| queue.pop(at(0))).collect();
        assert_eq!(order, [key("high"), key("old"), key("young"), key("failed")]);
    }

    #[test]
    fn a_rejected_pod_waits_until_it_is_woken_or_left_over() {
        let mut queue = Queue::default();
        queue.add(&key("p"), 0, at(0));
        queue.pop(at(0));
        queue.reject(&key("p"), BTreeSet::new(), at(0));
        assert_eq!(queue.pop(at(299)), None);
        assert_eq!(queue.next(), Some(at(300)));
        assert_eq!(queue.pop(at(300)), Some(key("p")));
        queue.remove(&key("p"));
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn the_back_off_doubles_to_ten_seconds() {
        let waits: Vec<u64> = (1..7).map(|attempts| back_off(attempts).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    }
}
