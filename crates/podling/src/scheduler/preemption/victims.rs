//! Which pods would have to leave a node: as few as possible, and the least important.
//!
//! Source: `SelectVictimsOnNode` in `pkg/scheduler/framework/plugins/defaultpreemption`, v1.36.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::clock::Time;
use crate::storage::text;

use super::super::cache::{NodeInfo, PodInfo};
use super::super::dry_run::DryRun;
use super::{Candidate, NO_VICTIMS, Situation, budget};

/// The node with the pods that must leave it for `pod`.
///
/// # Errors
/// Why no room can be made there.
pub(super) fn select(
    pod: &PodInfo,
    node: &NodeInfo,
    situation: &Situation<'_>,
) -> Result<Candidate, Vec<String>> {
    let lower = node.pods.values().filter(|other| other.priority < pod.priority);
    let mut removed: Vec<Arc<PodInfo>> = lower.cloned().collect();
    if removed.is_empty() {
        return Err(vec![NO_VICTIMS.to_owned()]);
    }
    let mut run = DryRun::new(pod, node, situation.state);
    for other in &removed {
        run.remove(other);
    }
    if let Some((_, verdict)) = run.refusal(situation.nominator) {
        return Err(verdict.reasons().to_vec());
    }
    removed.sort_by_key(|other| importance(other, situation.now));
    let (violating, others) = budget::split(removed, situation.budgets);
    let mut victims = reprieve(&mut run, violating, situation);
    let violations = victims.len();
    victims.extend(reprieve(&mut run, others, situation));
    if victims.is_empty() {
        return Err(vec![format!(
            "expected at least one victim pod on node \"{}\"",
            node.name()
        )]);
    }
    victims.sort_by_key(|victim| importance(victim, situation.now));
    Ok(Candidate {
        node: node.name().to_owned(),
        victims,
        violations,
    })
}

/// Puts back each of `pods` beside which there is room; the others.
fn reprieve(run: &mut DryRun<'_>, pods: Vec<Arc<PodInfo>>, situation: &Situation<'_>) -> Vec<Arc<PodInfo>> {
    let must_go = |other: &Arc<PodInfo>| {
        run.add(other.clone());
        let must_go = run.refusal(situation.nominator).is_some();
        if must_go {
            run.remove(other);
        }
        must_go
    };
    pods.into_iter().filter(must_go).collect()
}

/// The most important first: of higher priority, or else longer there (`MoreImportantPod`).
fn importance(pod: &PodInfo, now: Time) -> (Reverse<i64>, Time) {
    (Reverse(pod.priority), start_of(pod, now))
}

/// When a pod was started; one that was not yet is as young as can be.
pub(super) fn start_of(pod: &PodInfo, now: Time) -> Time {
    Time::parse(text(&pod.object, &["status", "startTime"])).unwrap_or(now)
}
