//! The sentences of the scheduler, v1.36.
//!
//! Source: `kubernetes/pkg/scheduler/framework/types.go` (`FitError.Error`) and the recordings in
//! `tests/oracle`.

use std::collections::BTreeMap;

use super::framework::FitError;

/// What a pod is told that can't be scheduled.
pub(crate) fn unschedulable(error: &FitError) -> String {
    let nodes = error.nodes;
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    if let Some(reason) = &error.pre_filter {
        return format!("0/{nodes} nodes are available: {reason}. not found");
    }
    let reasons = histogram(&error.reasons);
    let preemption = match error.never_preempts {
        true => "not eligible due to preemptionPolicy=Never.".to_owned(),
        false => format!("0/{nodes} nodes are available: {}", histogram(&error.preemption)),
    };
    format!("0/{nodes} nodes are available: {reasons} no new claims to deallocate, preemption: {preemption}")
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
            preemption: counts(&[("Preemption is not helpful for scheduling", 12)]),
            ..FitError::default()
        };
        assert_eq!(
            unschedulable(&error),
            "0/12 nodes are available: 10 node(s) were unschedulable, 2 Insufficient cpu. no new claims to \
             deallocate, preemption: 0/12 nodes are available: 12 Preemption is not helpful for scheduling."
        );
    }

    #[test]
    fn no_nodes_and_impossible_pods_have_sentences_of_their_own() {
        assert_eq!(
            unschedulable(&FitError::default()),
            "no nodes available to schedule pods"
        );
        let conflict = FitError {
            nodes: 3,
            pre_filter: Some("pod affinity terms conflict".into()),
            ..FitError::default()
        };
        assert_eq!(
            unschedulable(&conflict),
            "0/3 nodes are available: pod affinity terms conflict. not found"
        );
    }
}
