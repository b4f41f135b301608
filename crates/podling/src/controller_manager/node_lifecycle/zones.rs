//! How fast nodes are given NoExecute taints: one in ten seconds in each zone, and none at all where so much is down
//! that the fault may be the control plane's.
//!
//! Source: `handleDisruption` and `ComputeZoneState` in `node_lifecycle_controller.go`, v1.36. What differs: a node
//! that itself says that it is not ready counts as one that answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::Time;

/// One taint in so long.
const PACE: Duration = Duration::from_secs(10);
/// The same in a large zone of which most is down.
const SLOW_PACE: Duration = Duration::from_secs(100);
/// Zones above this size are large.
const LARGE: usize = 50;

/// How much of a zone is down.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Zone {
    pub(super) nodes: usize,
    pub(super) silent: usize,
}

impl Zone {
    /// Whether nothing answers.
    pub(super) fn is_down(self) -> bool {
        self.nodes > 0 && self.silent == self.nodes
    }

    /// How long after one taint the next one comes; `None` for never.
    ///
    /// Example: of 10 nodes 6 are down, which is 55 % or more: no node is tainted. Of 100 nodes 60 are: one in 100 s.
    fn pace(self) -> Option<Duration> {
        let is_mostly_down = self.silent > 2 && self.silent * 100 >= self.nodes * 55;
        match (self.is_down() || !is_mostly_down, self.nodes > LARGE) {
            (true, _) => Some(PACE),
            (false, true) => Some(SLOW_PACE),
            (false, false) => None,
        }
    }
}

/// The nodes that wait for their taint.
#[derive(Debug, Default)]
pub(super) struct TaintQueue {
    waiting: BTreeSet<(String, String)>,
    /// When the next node of each zone may be tainted.
    next: BTreeMap<String, Time>,
}

impl TaintQueue {
    /// The node of that zone is to be tainted.
    pub(super) fn add(&mut self, zone: &str, node: &str) {
        self.waiting.insert((zone.to_owned(), node.to_owned()));
    }

    /// The node needs no taint any more.
    pub(super) fn remove(&mut self, zone: &str, node: &str) {
        self.waiting.remove(&(zone.to_owned(), node.to_owned()));
    }

    /// No node is to be tainted.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Takes the nodes that may be tainted at `now`.
    pub(super) fn take(&mut self, zones: &BTreeMap<String, Zone>, now: Time) -> Vec<String> {
        let mut taken = Vec::new();
        for (name, zone) in zones {
            let is_due = self.next.get(name).is_none_or(|next| *next <= now);
            let first = self.waiting.iter().find(|(of, _)| of == name).cloned();
            if let (true, Some(first), Some(pace)) = (is_due, first, zone.pace()) {
                self.next.insert(name.clone(), now + pace);
                taken.push(first.1.clone());
                self.waiting.remove(&first);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_follows_how_much_is_down() {
        let cases = [
            (3, 1, Some(PACE)),
            (3, 3, Some(PACE)),
            (10, 6, None),
            (10, 5, Some(PACE)),
            (100, 60, Some(SLOW_PACE)),
        ];
        for (nodes, silent, pace) in cases {
            assert_eq!(Zone { nodes, silent }.pace(), pace, "{silent} of {nodes}");
        }
    }

    #[test]
    fn one_node_of_a_zone_is_tainted_at_a_time() {
        let mut queue = TaintQueue::default();
        let zones = BTreeMap::from([("a".to_owned(), Zone { nodes: 9, silent: 2 })]);
        queue.add("a", "n1");
        queue.add("a", "n2");
        let start = Time::from_micros(0);
        assert_eq!(queue.take(&zones, start), ["n1"]);
        assert_eq!(queue.take(&zones, start + Duration::from_secs(5)), [""; 0]);
        assert_eq!(queue.take(&zones, start + PACE), ["n2"]);
    }
}
