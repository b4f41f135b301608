//! Which events are written anew, counted up, folded into one, or dropped.
//!
//! Source: `client-go/tools/record/events_cache.go`: the aggregator (ten different messages of one reason in
//! ten minutes become one event), the logger (equal events become a count) and the spam filter (a burst of 25
//! an object, then one in five minutes), in this order. Differs from Kubernetes: which of ten messages the
//! aggregator forgets is fixed, not left to a map's order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::Time;
use crate::storage::text;

use super::{EventType, Occurrence};

/// How many different messages of one kind are written before they are folded into one event.
const SIMILAR_MESSAGES: usize = 10;
/// Similar events further apart than this are not similar any more.
const SIMILAR_WITHIN: Duration = Duration::from_secs(600);
/// How many events an object may have at once.
const BURST: u64 = 25;
/// How long it takes until it may have one more.
const REFILL: Duration = Duration::from_secs(300);
/// How many keys each of the three caches remembers.
const CAPACITY: usize = 4096;
/// What stands before the message of an event that stands for several.
const COMBINED_PREFIX: &str = "(combined from similar events): ";

/// An event as it is to be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    /// `metadata.name`.
    pub(super) name: String,
    pub(super) message: String,
    pub(super) count: u32,
    /// `firstTimestamp`.
    pub(super) first: Time,
    /// Whether it stands for several similar events.
    pub(super) combined: bool,
}

/// What is to be done about an occurrence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// Nothing: the object has had too many events.
    Dropped,
    /// Write a new event.
    First(Entry),
    /// Set count, message and time of the event of that name.
    Repeated(Entry),
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct ObjectKey([String; 5]);

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct SimilarKey {
    object: ObjectKey,
    kind: EventType,
    reason: String,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum LogKey {
    Exact {
        similar: SimilarKey,
        field_path: String,
        message: String,
    },
    Combined(SimilarKey),
}

#[derive(Clone, Debug, Default)]
struct Similar {
    messages: BTreeSet<String>,
    last: Time,
}

#[derive(Clone, Debug)]
struct Observation {
    name: String,
    count: u32,
    first: Time,
}

/// What one component remembers of its events.
#[derive(Debug, Default)]
pub(super) struct Correlator {
    similar: Recent<SimilarKey, Similar>,
    observed: Recent<LogKey, Observation>,
    spending: Recent<(ObjectKey, EventType), Budget>,
}

impl Correlator {
    /// Decides about `occurrence` at `now`; `fresh` is the name that a new event would get.
    pub(super) fn correlate(&mut self, occurrence: &Occurrence, fresh: String, now: Time) -> Outcome {
        let similar = similar_key(occurrence);
        let combined = self.is_one_of_many(&similar, &occurrence.message, now);
        let key = match combined {
            true => LogKey::Combined(similar.clone()),
            false => LogKey::Exact {
                similar: similar.clone(),
                field_path: text(&occurrence.involved, &["fieldPath"]).to_owned(),
                message: occurrence.message.clone(),
            },
        };
        let observation = self.observe(key, fresh, now);
        let repeated = observation.count > 1;
        let prefix = if combined { COMBINED_PREFIX } else { "" };
        let entry = Entry {
            name: observation.name,
            message: format!("{prefix}{}", occurrence.message),
            count: observation.count,
            first: observation.first,
            combined,
        };
        // The filter comes last, so that what it drops still counts.
        let budget = self
            .spending
            .entry((similar.object, similar.kind), || Budget::full(now));
        match (budget.spend(now), repeated) {
            (false, _) => Outcome::Dropped,
            (true, true) => Outcome::Repeated(entry),
            (true, false) => Outcome::First(entry),
        }
    }

    fn is_one_of_many(&mut self, key: &SimilarKey, message: &str, now: Time) -> bool {
        let similar = self.similar.entry(key.clone(), Similar::default);
        if now.since(similar.last) > SIMILAR_WITHIN {
            similar.messages.clear();
        }
        similar.messages.insert(message.to_owned());
        similar.last = now;
        let many = similar.messages.len() >= SIMILAR_MESSAGES;
        if many {
            similar.messages.pop_first();
        }
        many
    }

    fn observe(&mut self, key: LogKey, fresh: String, now: Time) -> Observation {
        let observation = self.observed.entry(key, || Observation {
            name: fresh,
            count: 0,
            first: now,
        });
        observation.count += 1;
        observation.clone()
    }
}

fn similar_key(occurrence: &Occurrence) -> SimilarKey {
    let part = |key| text(&occurrence.involved, &[key]).to_owned();
    SimilarKey {
        object: ObjectKey(["kind", "namespace", "name", "uid", "apiVersion"].map(part)),
        kind: occurrence.kind,
        reason: occurrence.reason.clone(),
    }
}

/// A token bucket, kept as the time that its tokens took to fill: one token is [`REFILL`].
#[derive(Clone, Debug)]
struct Budget {
    saved: Duration,
    since: Time,
}

impl Budget {
    const CAPACITY: Duration = Duration::from_secs(BURST * REFILL.as_secs());

    const fn full(now: Time) -> Self {
        Self {
            saved: Self::CAPACITY,
            since: now,
        }
    }

    /// Takes one token if there is one. Example: 25 are spent at once; 299 s later none is there, and
    /// after 300 s one.
    fn spend(&mut self, now: Time) -> bool {
        self.saved = Self::CAPACITY.min(self.saved + now.since(self.since));
        self.since = now;
        match self.saved.checked_sub(REFILL) {
            Some(rest) => {
                self.saved = rest;
                true
            }
            None => false,
        }
    }
}

/// A map that forgets what was used longest ago once it holds [`CAPACITY`] keys.
#[derive(Debug)]
struct Recent<K, V> {
    values: BTreeMap<K, (u64, V)>,
    order: BTreeMap<u64, K>,
    uses: u64,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            values: BTreeMap::new(),
            order: BTreeMap::new(),
            uses: 0,
        }
    }
}

impl<K: Clone + Ord, V> Recent<K, V> {
    fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.uses += 1;
        let uses = self.uses;
        if self.values.len() == CAPACITY
            && !self.values.contains_key(&key)
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.values.remove(&oldest);
        }
        let (used, value) = self.values.entry(key.clone()).or_insert_with(|| (uses, make()));
        self.order.remove(used);
        *used = uses;
        self.order.insert(uses, key);
        value
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn occurrence(reason: &str, message: &str) -> Occurrence {
        Occurrence {
            involved: json!({"kind": "Pod", "namespace": "shop", "name": "web", "uid": "u1"}),
            kind: EventType::Warning,
            reason: reason.into(),
            message: message.into(),
        }
    }

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    fn entry(outcome: Outcome) -> Entry {
        match outcome {
            Outcome::First(entry) | Outcome::Repeated(entry) => entry,
            Outcome::Dropped => panic!("the event was dropped"),
        }
    }

    #[test]
    fn equal_events_are_counted_under_the_first_name() {
        let mut correlator = Correlator::default();
        let unhealthy = occurrence("Unhealthy", "probe failed");
        let first = correlator.correlate(&unhealthy, "web.1".into(), at(0));
        assert!(matches!(first, Outcome::First(_)));
        let second = correlator.correlate(&unhealthy, "web.2".into(), at(10));
        assert!(matches!(second, Outcome::Repeated(_)));
        let second = entry(second);
        assert_eq!((second.name.as_str(), second.count), ("web.1", 2));
        assert_eq!(second.first, at(0));
    }

    #[test]
    fn the_tenth_message_of_one_reason_is_combined() {
        let mut correlator = Correlator::default();
        for i in 1..10 {
            let outcome =
                correlator.correlate(&occurrence("Failed", &format!("{i}")), format!("e{i}"), at(i));
            assert!(!entry(outcome).combined, "message {i}");
        }
        let tenth = entry(correlator.correlate(&occurrence("Failed", "10"), "e10".into(), at(10)));
        assert_eq!(tenth.message, "(combined from similar events): 10");
        let eleventh = entry(correlator.correlate(&occurrence("Failed", "11"), "e11".into(), at(11)));
        assert_eq!((eleventh.name.as_str(), eleventh.count), ("e10", 2));
        let later = entry(correlator.correlate(&occurrence("Failed", "12"), "e12".into(), at(700)));
        assert!(!later.combined);
    }

    #[test]
    fn after_a_burst_of_25_one_event_in_five_minutes_passes_and_the_dropped_ones_count() {
        let mut correlator = Correlator::default();
        let back_off = occurrence("BackOff", "again");
        for i in 0..25 {
            assert_ne!(
                correlator.correlate(&back_off, "e".into(), at(0)),
                Outcome::Dropped,
                "event {i}"
            );
        }
        assert_eq!(
            correlator.correlate(&back_off, "e".into(), at(299)),
            Outcome::Dropped
        );
        assert_eq!(
            entry(correlator.correlate(&back_off, "e".into(), at(300))).count,
            27
        );
    }

    #[test]
    fn only_as_many_keys_are_remembered_as_client_go_remembers() {
        let mut recent = Recent::default();
        for i in 0..=CAPACITY {
            *recent.entry(i, || 0) += 1;
        }
        assert_eq!(recent.values.len(), CAPACITY);
        assert_eq!(*recent.entry(0, || 0), 0, "the oldest is forgotten");
    }
}
