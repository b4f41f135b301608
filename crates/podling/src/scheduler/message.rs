//! The sentences of the scheduler, v1.36.
//!
//! Source: `kubernetes/pkg/scheduler/framework/types.go` (`FitError.Error`) and the recordings in
//! `tests/oracle`.

use std::collections::BTreeMap;

use super::framework::FitError;
use super::preemption::Outcome;

/// What a pod is told that can't be scheduled; `preemption` says what can be done about it.
pub(crate) fn unschedulable(error: &FitError, preemption: Option<&Outcome>) -> String {
    let nodes = error.nodes;
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    if let Some(reason) = &error.pre_filter {
        return format!("0/{nodes} nodes are available: {reason}. not found");
    }
    let said = format!("0/{nodes} nodes are available: {}", histogram(&error.reasons));
    let preemption = match preemption {
        None | Some(Outcome::Nominated(_)) => return said,
        Some(Outcome::NotEligible(why)) => (*why).to_owned(),
        Some(Outcome::NoCandidate(reasons)) => {
            format!("0/{nodes} nodes are available: {}", histogram(reasons))
        }
    };
    format!("{said} no new claims to deallocate, preemption: {preemption}")
}

/// `1 a, 2 b.`: counts and reasons, sorted as text.
fn histogram(reasons: &BTreeMap<String, usize>) -> String {
    let mut parts: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    parts.sort();
    format!("{}.", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::preemption::Candidate;
    use super::*;

    fn counts(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
        counts
            .iter()
            .map(|(reason, count)| ((*reason).to_owned(), *count))
            .collect()
    }

    #[test]
    fn reasons_are_sorted_as_text_with_their_counts() {
        let error = FitError {
            nodes: 12,
            reasons: counts(&[("Insufficient cpu", 2), ("node(s) were unschedulable", 10)]),
            ..FitError::default()
        };
        let unhelpful = Outcome::NoCandidate(counts(&[("Preemption is not helpful for scheduling", 12)]));
        assert_eq!(
            unschedulable(&error, Some(&unhelpful)),
            "0/12 nodes are available: 10 node(s) were unschedulable, 2 Insufficient cpu. no new claims to \
             deallocate, preemption: 0/12 nodes are available: 12 Preemption is not helpful for scheduling."
        );
    }

    #[test]
    fn a_pod_for_which_room_is_made_is_told_only_what_stands_in_its_way() {
        let error = FitError {
            nodes: 1,
            reasons: counts(&[("Insufficient cpu", 1)]),
            ..FitError::default()
        };
        let candidate = Candidate {
            node: "n".to_owned(),
            victims: Vec::new(),
            violations: 0,
        };
        assert_eq!(
            unschedulable(&error, Some(&Outcome::Nominated(candidate))),
            "0/1 nodes are available: 1 Insufficient cpu."
        );
    }

    #[test]
    fn no_nodes_and_impossible_pods_have_sentences_of_their_own() {
        assert_eq!(
            unschedulable(&FitError::default(), None),
            "no nodes available to schedule pods"
        );
        let conflict = FitError {
            nodes: 3,
            pre_filter: Some("pod affinity terms conflict".into()),
            ..FitError::default()
        };
        assert_eq!(
            unschedulable(&conflict, None),
            "0/3 nodes are available: pod affinity terms conflict. not found"
        );
    }
}
