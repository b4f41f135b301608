//! Which pod is scheduled next.
//!
//! Source: `kubernetes/pkg/scheduler/backend/queue`, v1.36: the active queue by priority and age; pods in back-off, which
//! come when nothing is active; pods that wait for a change that helps; and pods whose attempt ended in an error,
//! which are tried again only when their back-off is over.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::Time;
use crate::timers::Timers;

use super::PodKey;
use super::framework::Name;

/// The first back-off after a failed attempt, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// Back-offs that end in the same window end together, so that priority decides (KEP-5142): whole seconds.
const WINDOW: Duration = Duration::from_secs(1);
/// A pod that nothing has helped for so long is tried again anyway.
const LEFT_OVER: Duration = Duration::from_secs(300);

/// What decides between pods that can be tried: higher priority before lower, then those that have waited longer.
type Order = (Reverse<i64>, Time, u64);

/// Where a pod is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// It is on its way to the others, or is being tried.
    Between,
    /// It waits for a change that helps.
    Waiting,
    /// It waits for the end of its back-off, and no change helps.
    Failed,
    Active(Order),
    /// With the window in which its back-off ends.
    BackOff(Time, Order),
}

#[derive(Clone, Debug)]
struct Entry {
    priority: i64,
    place: Place,
    /// When it came, or last failed.
    since: Time,
    /// In how many attempts no node was found, and how many in a row have ended in an error since.
    failures: u32,
    errors: u32,
    /// The plugins that ruled out nodes; empty after an error.
    rejected_by: BTreeSet<Name>,
}

impl Entry {
    /// When it may be tried again without haste; `None` before the first failure.
    fn back_off_ends(&self) -> Option<Time> {
        let attempts = if self.errors > 0 {
            self.errors
        } else {
            self.failures
        };
        (attempts > 0).then(|| self.since + back_off(attempts))
    }
}

/// The pods without a node.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: BTreeMap<PodKey, Entry>,
    active: BTreeMap<Order, PodKey>,
    backing_off: BTreeMap<(Time, Order), PodKey>,
    arriving: Timers<PodKey>,
    sequence: u64,
}

impl Queue {
    /// A pod wants a node: it can be tried from `at` on.
    pub(crate) fn add(&mut self, key: &PodKey, priority: i64, at: Time) {
        let entry = self.entries.entry(key.clone()).or_insert(Entry {
            priority,
            place: Place::Between,
            since: at,
            failures: 0,
            errors: 0,
            rejected_by: BTreeSet::new(),
        });
        if matches!(entry.place, Place::Between | Place::Waiting) {
            self.arriving.at(at, key.clone());
        }
    }

    /// Something has changed that may help a waiting pod: it can be tried from `at` on.
    pub(crate) fn wake(&mut self, key: &PodKey, at: Time) {
        let entry = self.entries.get(key);
        if entry.is_some_and(|entry| entry.place == Place::Waiting) {
            self.arriving.at(at, key.clone());
        }
    }

    /// The pod has a node or is gone.
    pub(crate) fn remove(&mut self, key: &PodKey) {
        self.arriving.cancel(key);
        match self.entries.remove(key).map(|entry| entry.place) {
            Some(Place::Active(order)) => drop(self.active.remove(&order)),
            Some(Place::BackOff(window, order)) => drop(self.backing_off.remove(&(window, order))),
            _ => {}
        }
    }

    /// The pod could not be scheduled at `now`, for what `rejected_by` say; none of them, if there was an error.
    pub(crate) fn reject(&mut self, key: &PodKey, rejected_by: BTreeSet<Name>, now: Time) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.since = now;
        entry.rejected_by = rejected_by;
        if entry.rejected_by.is_empty() {
            entry.errors += 1;
            entry.place = Place::Failed;
            let again = window_of(now + back_off(entry.errors)) + WINDOW;
            self.arriving.replace(again, key.clone());
        } else {
            entry.failures += 1;
            entry.errors = 0;
            entry.place = Place::Waiting;
            self.arriving.at(now + LEFT_OVER, key.clone());
        }
    }

    /// The pods that wait for a change, with the plugins that keep them waiting.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&PodKey, &BTreeSet<Name>)> {
        let entries = self.entries.iter();
        let waiting = entries.filter(|(_, entry)| entry.place == Place::Waiting);
        waiting.map(|(key, entry)| (key, &entry.rejected_by))
    }

    /// When a pod can be tried; a moment in the past if one can be now.
    pub(crate) fn next(&self) -> Option<Time> {
        match self.active.is_empty() && self.backing_off.is_empty() {
            true => self.arriving.next(),
            false => Some(Time::default()),
        }
    }

    /// Takes the pod that is to be tried at `now`; it waits until it is removed or woken.
    pub(crate) fn pop(&mut self, now: Time) -> Option<PodKey> {
        while let Some(key) = self.arriving.pop_due(now) {
            self.arrive(&key, now);
        }
        self.end_back_offs(now);
        let active = self.active.pop_first().map(|(_, key)| key);
        let key = active.or_else(|| self.backing_off.pop_first().map(|(_, key)| key))?;
        self.put(&key, Place::Between);
        Some(key)
    }

    fn put(&mut self, key: &PodKey, place: Place) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.place = place;
        }
        match place {
            Place::Active(order) => drop(self.active.insert(order, key.clone())),
            Place::BackOff(window, order) => drop(self.backing_off.insert((window, order), key.clone())),
            Place::Between | Place::Waiting | Place::Failed => {}
        }
    }

    fn arrive(&mut self, key: &PodKey, now: Time) {
        let Some(entry) = self.entries.get(key) else {
            return;
        };
        self.sequence += 1;
        let order = (Reverse(entry.priority), entry.since, self.sequence);
        let window = entry.back_off_ends().map(window_of);
        let place = match window {
            Some(window) if window >= window_of(now) => Place::BackOff(window, order),
            _ => Place::Active(order),
        };
        self.put(key, place);
    }

    /// The pods whose back-off ended in an earlier window are active.
    fn end_back_offs(&mut self, now: Time) {
        while let Some(first) = self.backing_off.first_entry() {
            let (window, order) = *first.key();
            if window >= window_of(now) {
                break;
            }
            let key = first.remove();
            self.put(&key, Place::Active(order));
        }
    }
}

/// The beginning of the window in which a moment lies.
fn window_of(time: Time) -> Time {
    time.with_whole_seconds()
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

    /// A queue in which the pods of these priorities failed at second 0, all for want of room.
    fn failed(pods: &[(&str, i64)]) -> Queue {
        let mut queue = Queue::default();
        for (name, priority) in pods {
            queue.add(&key(name), *priority, at(0));
        }
        while let Some(key) = queue.pop(at(0)) {
            queue.reject(&key, BTreeSet::from(["NodeResourcesFit"]), at(0));
        }
        queue
    }

    fn all(queue: &mut Queue, now: Time) -> Vec<PodKey> {
        std::iter::from_fn(|| queue.pop(now)).collect()
    }

    #[test]
    fn higher_priority_then_age_decides_and_back_off_comes_last() {
        let mut queue = failed(&[("failed", 100)]);
        for (name, priority) in [("old", 0), ("young", 0), ("high", 10)] {
            queue.add(&key(name), priority, at(0));
        }
        queue.wake(&key("failed"), at(0));
        let order = [key("high"), key("old"), key("young"), key("failed")];
        assert_eq!(all(&mut queue, at(0)), order);
    }

    #[test]
    fn a_pod_whose_back_off_is_over_comes_by_its_priority() {
        let mut queue = failed(&[("failed", 100)]);
        queue.wake(&key("failed"), at(1));
        queue.add(&key("new"), 0, at(1));
        assert_eq!(queue.pop(at(1)), Some(key("new")), "the window has not ended");
        queue.add(&key("newer"), 0, at(2));
        assert_eq!(all(&mut queue, at(2)), [key("failed"), key("newer")]);
    }

    #[test]
    fn priority_decides_among_back_offs_that_end_in_one_window() {
        let mut queue = failed(&[("a-low", 1), ("b-high", 2)]);
        queue.wake(&key("a-low"), at(0));
        queue.wake(&key("b-high"), at(0));
        assert_eq!(all(&mut queue, at(0)), [key("b-high"), key("a-low")]);
    }

    #[test]
    fn a_pod_that_failed_earlier_comes_before_one_that_failed_later() {
        let mut queue = failed(&[("z-early", 0)]);
        queue.add(&key("a-late"), 0, at(3));
        queue.pop(at(3));
        queue.reject(&key("a-late"), BTreeSet::from(["NodePorts"]), at(3));
        queue.wake(&key("a-late"), at(9));
        queue.wake(&key("z-early"), at(9));
        assert_eq!(all(&mut queue, at(9)), [key("z-early"), key("a-late")]);
    }

    #[test]
    fn a_rejected_pod_waits_until_it_is_woken_or_left_over() {
        let mut queue = failed(&[("p", 0)]);
        assert_eq!(queue.pop(at(299)), None);
        assert_eq!(queue.next(), Some(at(300)));
        assert_eq!(queue.pop(at(300)), Some(key("p")));
        queue.remove(&key("p"));
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn after_an_error_nothing_helps_before_the_back_off_is_over() {
        let mut queue = Queue::default();
        queue.add(&key("p"), 0, at(0));
        for (from, until) in [(0, 2), (2, 5), (5, 10)] {
            assert_eq!(queue.pop(at(from)), Some(key("p")));
            queue.reject(&key("p"), BTreeSet::new(), at(from));
            queue.wake(&key("p"), at(from));
            assert_eq!(queue.waiting().count(), 0);
            assert_eq!(queue.next(), Some(at(until)));
        }
    }

    #[test]
    fn the_back_off_doubles_to_ten_seconds() {
        let waits: Vec<u64> = (1..7).map(|attempts| back_off(attempts).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    }
}
