//! Making room for a pod: which pods of lower priority would have to go, on which node.
//!
//! Source: the plugin DefaultPreemption (`kubernetes/pkg/scheduler/framework/plugins/defaultpreemption`) and
//! `pkg/scheduler/framework/preemption`, v1.36. Nothing here changes the cluster; [`executor`] does. Differs from
//! Kubernetes: nodes are tried one after the other, so that the first candidates are always the same ones.

use std::collections::BTreeMap;

use crate::clock::Time;
use crate::rng::Rng;
use crate::storage::Object;

use super::cache::{Cache, NodeInfo, PodInfo};
use super::cycle_state::CycleState;
use super::framework::{FitError, Verdict};
use super::nominator::Nominator;

mod budget;
mod candidate;
pub(crate) mod executor;
mod victims;

pub(crate) use candidate::Candidate;

/// Said of nodes from which no pod could be removed that stands in the way.
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";
/// Said of nodes without pods of lower priority.
const NO_VICTIMS: &str = "No preemption victims found for incoming pod";
const NEVER: &str = "not eligible due to preemptionPolicy=Never.";
const STILL_TERMINATING: &str = "not eligible due to a terminating pod on the nominated node.";

/// The candidates that are looked for: this share of the nodes in percent, but so many at least.
const CANDIDATES: (usize, usize) = (10, 100);

/// What preemption can do for a pod.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Room is to be made on a node, for which the pod is nominated.
    Nominated(Candidate),
    /// The pod may not preempt, for this reason. Where it was nominated it stays so.
    NotEligible(&'static str),
    /// It would not help: how often each reason was given. The pod is nominated no longer.
    NoCandidate(BTreeMap<String, usize>),
}

impl Outcome {
    /// What becomes of the pod's nomination: a node, an empty name for none, `None` where it stays.
    pub(crate) fn nomination(&self) -> Option<&str> {
        match self {
            Self::Nominated(candidate) => Some(&candidate.node),
            Self::NotEligible(_) => None,
            Self::NoCandidate(_) => Some(""),
        }
    }
}

/// What is known when a pod has found no node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    /// What the filters counted for the pod.
    pub(crate) state: &'a CycleState,
    pub(crate) cache: &'a Cache,
    pub(crate) nominator: &'a Nominator,
    /// All PodDisruptionBudgets.
    pub(crate) budgets: &'a [Object],
    pub(crate) now: Time,
}

/// What preemption can do for `pod`, which failed with `error`. `chance` says with which node the search begins.
pub(crate) fn evaluate(
    pod: &PodInfo,
    error: &FitError,
    situation: &Situation<'_>,
    chance: &mut Rng,
) -> Outcome {
    if let Some(why) = not_eligible(pod, error, situation.cache) {
        return Outcome::NotEligible(why);
    }
    let mut nodes = worth_trying(error, situation.cache);
    let unhelpful = error.nodes.saturating_sub(nodes.len());
    let offset = chance.below(nodes.len() as u64);
    nodes.rotate_left(usize::try_from(offset).unwrap_or_default());
    let (candidates, mut reasons) = try_nodes(pod, &nodes, situation);
    if let Some(best) = candidate::best(candidates, situation.now) {
        return Outcome::Nominated(best);
    }
    if unhelpful > 0 {
        *reasons.entry(NOT_HELPFUL.to_owned()).or_default() += unhelpful;
    }
    Outcome::NoCandidate(reasons)
}

/// Why the pod may not preempt (`PodEligibleToPreemptOthers`).
fn not_eligible(pod: &PodInfo, error: &FitError, cache: &Cache) -> Option<&'static str> {
    if pod.spec()["preemptionPolicy"] == "Never" {
        return Some(NEVER);
    }
    let name = pod.nominated_node()?;
    if matches!(error.verdicts.get(name), Some(Verdict::Unresolvable(_))) {
        return None;
    }
    let mut others = cache.node(name)?.pods.values();
    let is_making_room =
        others.any(|other| other.priority < pod.priority && executor::is_preempted(&other.object));
    is_making_room.then_some(STILL_TERMINATING)
}

/// The nodes that other pods keep the pod from.
fn worth_trying<'a>(error: &FitError, cache: &'a Cache) -> Vec<&'a NodeInfo> {
    let nodes = cache.nodes().into_iter();
    let is_blocked = |node: &&NodeInfo| {
        let verdict = error.verdicts.get(node.name());
        matches!(verdict, Some(Verdict::Unschedulable(_)))
    };
    nodes.filter(is_blocked).collect()
}

/// The nodes where room can be made, and how often each reason was given for the others.
fn try_nodes(
    pod: &PodInfo,
    nodes: &[&NodeInfo],
    situation: &Situation<'_>,
) -> (Vec<Candidate>, BTreeMap<String, usize>) {
    let (mut clean, mut violating) = (Vec::new(), Vec::new());
    let mut reasons = BTreeMap::new();
    for node in nodes {
        if !clean.is_empty() && clean.len() + violating.len() >= enough(nodes.len()) {
            break;
        }
        match victims::select(pod, node, situation) {
            Ok(candidate) if candidate.violations == 0 => clean.push(candidate),
            Ok(candidate) => violating.push(candidate),
            Err(whys) => {
                for why in whys {
                    *reasons.entry(why).or_default() += 1;
                }
            }
        }
    }
    clean.append(&mut violating);
    (clean, reasons)
}

/// How many candidates are enough. Example: of 2,000 nodes 10 %, which is 200; of 500 nodes 100; of 50 all.
fn enough(nodes: usize) -> usize {
    (nodes * CANDIDATES.0 / 100).max(CANDIDATES.1).min(nodes)
}
