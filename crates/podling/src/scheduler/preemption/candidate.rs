//! The choice among the nodes where room could be made.
//!
//! Source: `pickOneNodeForPreemption` in `pkg/scheduler/framework/preemption/preemption.go`, v1.36.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::clock::Time;

use super::super::cache::PodInfo;
use super::victims::start_of;

/// A node, and the pods that would have to leave it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) node: String,
    /// The most important first; at least one.
    pub(crate) victims: Vec<Arc<PodInfo>>,
    /// For how many of them a disruption budget has no room.
    pub(crate) violations: usize,
}

/// Makes a sum of priorities count the pods too: the lowest priority becomes zero, so that a few pods of negative
/// priority are not dearer than many. Example: two pods of −1 cost 2 × (2³¹ − 1), three of them 3 × (2³¹ − 1).
const LOWEST: i64 = -(1 << 31);

/// What it costs to make room; the cheapest is chosen.
type Cost = (usize, i64, i64, usize, Reverse<Time>);

/// The first of the cheapest candidates: with the fewest violated budgets; the lowest of highest priorities; the
/// smallest sum of priorities; the fewest victims; the victims of highest priority that started last.
pub(super) fn best(candidates: Vec<Candidate>, now: Time) -> Option<Candidate> {
    candidates
        .into_iter()
        .min_by_key(|candidate| cost(candidate, now))
}

fn cost(candidate: &Candidate, now: Time) -> Cost {
    let victims = &candidate.victims;
    let highest = victims.iter().map(|victim| victim.priority).max();
    let sum = victims.iter().map(|victim| victim.priority - LOWEST).sum();
    let most_important = victims.iter().filter(|victim| Some(victim.priority) == highest);
    let started = most_important.map(|victim| start_of(victim, now)).min();
    (
        candidate.violations,
        highest.unwrap_or_default(),
        sum,
        victims.len(),
        Reverse(started.unwrap_or(now)),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn victim((priority, hour): (i64, u32)) -> Arc<PodInfo> {
        Arc::new(PodInfo::new(Arc::new(json!({"spec": {"priority": priority},
            "status": {"startTime": format!("2026-01-01T{hour:02}:00:00Z")}}))))
    }

    /// Violations, and priority and hour of start of each victim.
    type Row<'a> = (usize, &'a [(i64, u32)]);

    #[track_caller]
    fn second_is_chosen(first: Row<'_>, second: Row<'_>) {
        let candidate = |(node, (violations, victims)): (&str, Row<'_>)| Candidate {
            node: node.to_owned(),
            victims: victims.iter().copied().map(victim).collect(),
            violations,
        };
        let candidates = [("first", first), ("second", second)].map(candidate);
        let now = Time::parse("2026-01-02T00:00:00Z").unwrap();
        assert_eq!(best(candidates.to_vec(), now).unwrap().node, "second");
    }

    #[test]
    fn the_cheapest_node_is_chosen() {
        second_is_chosen((1, &[(1, 0)]), (0, &[(9, 0), (9, 0)]));
        second_is_chosen((0, &[(9, 0)]), (0, &[(8, 0), (8, 0)]));
        second_is_chosen((0, &[(9, 0), (9, 0)]), (0, &[(9, 0), (1, 0)]));
        second_is_chosen((0, &[(-9, 0), (-9, 0)]), (0, &[(-9, 0)]));
        second_is_chosen((0, &[(9, 1), (5, 7)]), (0, &[(9, 2), (5, 3)]));
        second_is_chosen((0, &[(9, 3), (9, 1)]), (0, &[(9, 2), (9, 2)]));
    }

    #[test]
    fn of_equal_nodes_the_first_is_chosen() {
        let candidate = |node: &str| Candidate {
            node: node.to_owned(),
            victims: vec![victim((1, 0))],
            violations: 0,
        };
        let chosen = best(vec![candidate("a"), candidate("b")], Time::default());
        assert_eq!(chosen.unwrap().node, "a");
    }
}
