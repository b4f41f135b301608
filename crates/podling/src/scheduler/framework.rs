//! One scheduling cycle: filter the nodes, score those that are left, choose.
//!
//! Source: `kubernetes/pkg/scheduler/schedule_one.go` and `pkg/scheduler/framework`. Plugins are pure
//! functions in two tables, in the order of Kubernetes' default profile.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::cache::{Cache, NodeInfo, PodInfo};
use super::cycle_state::CycleState;
use super::nominator::Nominator;
use super::{dry_run, plugins};

/// Above this many nodes not all of them are looked at.
const MIN_FEASIBLE: usize = 100;
/// The highest score that a plugin gives.
pub(crate) const MAX_SCORE: i64 = 100;

/// What a filter says about a pod on a node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// The pod may run there.
    Fits,
    /// Not now; it might if other pods were gone.
    Unschedulable(Vec<String>),
    /// Not even if all other pods were gone.
    Unresolvable(Vec<String>),
}

impl Verdict {
    /// A refusal that other pods have a part in.
    pub(crate) fn unschedulable(reason: &str) -> Self {
        Self::Unschedulable(vec![reason.to_owned()])
    }

    /// A refusal that other pods have no part in.
    pub(crate) fn unresolvable(reason: &str) -> Self {
        Self::Unresolvable(vec![reason.to_owned()])
    }

    /// Why not.
    pub(crate) fn reasons(&self) -> &[String] {
        match self {
            Self::Fits => &[],
            Self::Unschedulable(reasons) | Self::Unresolvable(reasons) => reasons,
        }
    }
}

/// A plugin's name.
pub(crate) type Name = &'static str;

/// A plugin that rules nodes out.
pub(crate) struct Filter {
    pub(crate) name: Name,
    pub(crate) filter: fn(&PodInfo, &NodeInfo, &CycleState) -> Verdict,
}

/// A plugin that prefers nodes: one score from 0 to [`MAX_SCORE`] for each of the nodes to choose from, which are told
/// with all nodes of the cluster.
pub(crate) struct Score {
    pub(crate) weight: i64,
    pub(crate) score: fn(&PodInfo, &[&NodeInfo], &[&NodeInfo]) -> Vec<i64>,
}

/// Why a pod can't be scheduled.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct FitError {
    /// How many nodes there are.
    pub(crate) nodes: usize,
    /// Set if the pod itself rules all nodes out.
    pub(crate) pre_filter: Option<String>,
    /// How often each reason was given.
    pub(crate) reasons: BTreeMap<String, usize>,
    /// What was said of each node that was looked at.
    pub(crate) verdicts: BTreeMap<String, Verdict>,
    /// The plugins that ruled nodes out: a change that none of them cares for does not help.
    pub(crate) plugins: BTreeSet<Name>,
}

/// What is said of a pod whose volumes no node can have.
pub(crate) fn no_volumes(cache: &Cache, reason: String) -> FitError {
    FitError {
        nodes: cache.nodes().len(),
        pre_filter: Some(reason),
        plugins: BTreeSet::from([plugins::volume_binding::NAME]),
        ..FitError::default()
    }
}

/// Chooses a node for `pod`: the one it is nominated for, if it fits there by now. `start` is where among the nodes
/// the search begins, and is moved on.
pub(crate) fn schedule(
    pod: &PodInfo,
    state: &CycleState,
    cache: &Cache,
    nominator: &Nominator,
    start: &mut usize,
) -> Result<String, Box<FitError>> {
    let all = cache.nodes();
    let mut error = FitError {
        nodes: all.len(),
        ..FitError::default()
    };
    let narrowed = match plugins::node_affinity::named_nodes(pod) {
        Some(names) if names.is_empty() => {
            error.pre_filter = Some(plugins::node_affinity::TERMS_CONFLICT.to_owned());
            error.plugins.insert(plugins::node_affinity::NAME);
            return Err(Box::new(error));
        }
        names => names,
    };
    let nominated = pod.nominated_node().and_then(|name| cache.node(name));
    let fits = |node: &&NodeInfo| dry_run::refusal(pod, node, state, nominator).is_none();
    if let Some(node) = nominated.filter(fits) {
        return Ok(node.name().to_owned());
    }
    let candidates: Vec<&NodeInfo> = match &narrowed {
        Some(names) => all
            .iter()
            .copied()
            .filter(|node| names.contains(node.name()))
            .collect(),
        None => rotated(&all, *start),
    };
    let refusal = |node: &NodeInfo| dry_run::refusal(pod, node, state, nominator);
    let (feasible, verdicts) = find_feasible(&candidates, &refusal, enough(all.len()));
    if !all.is_empty() {
        *start = (*start + feasible.len() + verdicts.len()) % all.len();
    }
    match choose(pod, &feasible, &all) {
        Some(node) => Ok(node.name().to_owned()),
        None => {
            let unnamed = all.len() - candidates.len();
            explain(&mut error, verdicts, unnamed);
            Err(Box::new(error))
        }
    }
}

fn rotated<'a>(nodes: &[&'a NodeInfo], start: usize) -> Vec<&'a NodeInfo> {
    let mut nodes = nodes.to_vec();
    if !nodes.is_empty() {
        let middle = start % nodes.len();
        nodes.rotate_left(middle);
    }
    nodes
}

/// How many feasible nodes are enough. Example: of 1,000 nodes 42 % (50 − 1,000 ÷ 125), which is 420.
fn enough(nodes: usize) -> usize {
    if nodes < MIN_FEASIBLE {
        return nodes;
    }
    let percentage = 50_usize.saturating_sub(nodes / 125).max(5);
    (nodes * percentage / 100).max(MIN_FEASIBLE)
}

type Refusal<'a> = (&'a NodeInfo, Name, Verdict);

fn find_feasible<'a>(
    candidates: &[&'a NodeInfo],
    refusal: &impl Fn(&NodeInfo) -> Option<(Name, Verdict)>,
    enough: usize,
) -> (Vec<&'a NodeInfo>, Vec<Refusal<'a>>) {
    let (mut feasible, mut refusals) = (Vec::new(), Vec::new());
    for node in candidates {
        if feasible.len() == enough {
            break;
        }
        match refusal(node) {
            None => feasible.push(*node),
            Some((name, verdict)) => refusals.push((*node, name, verdict)),
        }
    }
    (feasible, refusals)
}

/// The first filter that rules the node out, and what it says.
pub(crate) fn refusal(pod: &PodInfo, node: &NodeInfo, state: &CycleState) -> Option<(Name, Verdict)> {
    plugins::FILTERS.iter().find_map(|plugin| {
        let verdict = (plugin.filter)(pod, node, state);
        (verdict != Verdict::Fits).then_some((plugin.name, verdict))
    })
}

/// The first of the nodes with the highest score.
fn choose<'a>(pod: &PodInfo, feasible: &[&'a NodeInfo], all: &[&NodeInfo]) -> Option<&'a NodeInfo> {
    if let [] | [_] = feasible {
        return feasible.first().copied();
    }
    let mut totals = vec![0; feasible.len()];
    for plugin in plugins::SCORES {
        let scores = (plugin.score)(pod, feasible, all);
        for (total, score) in totals.iter_mut().zip(scores) {
            *total += score * plugin.weight;
        }
    }
    let ranked = feasible.iter().zip(totals).enumerate();
    let best = ranked.max_by_key(|(index, (_, total))| (*total, Reverse(*index)));
    best.map(|(_, (node, _))| *node)
}

fn explain(error: &mut FitError, refusals: Vec<Refusal<'_>>, unnamed: usize) {
    for (node, name, verdict) in refusals {
        error.plugins.insert(name);
        for reason in verdict.reasons() {
            *error.reasons.entry(reason.clone()).or_default() += 1;
        }
        error.verdicts.insert(node.name().to_owned(), verdict);
    }
    if unnamed > 0 {
        error.plugins.insert(plugins::node_affinity::NAME);
        error
            .reasons
            .insert(plugins::node_affinity::NOT_NAMED.to_owned(), unnamed);
    }
}
