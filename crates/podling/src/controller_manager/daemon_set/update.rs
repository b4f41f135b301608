//! A rolling update of a DaemonSet: node by node, with fewer Pods or with more.
//!
//! Source: `rollingUpdate` in `kubernetes/pkg/controller/daemon/update.go`.

use serde_json::Value;

use crate::clock::Time;
use crate::storage::text;

use super::super::int_or_percent::{Round, scaled};
use super::super::ownership::is_deleted;
use super::plan::{Action, Observed, delete};

/// `updateStrategy.rollingUpdate.maxSurge` as a number of `nodes`.
fn max_surge(set: &Value, nodes: i64) -> i64 {
    let strategy = &set["spec"]["updateStrategy"];
    match text(strategy, &["type"]) {
        "RollingUpdate" => scaled(&strategy["rollingUpdate"]["maxSurge"], nodes, Round::Up),
        _ => 0,
    }
}

/// Whether there may be a second Pod on a node during an update.
pub(super) fn allows_surge(set: &Value) -> bool {
    max_surge(set, 1) > 0
}

/// The two Pods of a node that matter for an update.
struct Pair<'a> {
    new: Option<&'a Value>,
    old: Option<&'a Value>,
}

/// The Pods of a node that are not on their way out; `None` if there are several of one revision.
fn pair<'a>(observed: &Observed<'a>, node: &str) -> Option<Pair<'a>> {
    let present = observed.on(node).iter().copied().filter(|pod| !is_deleted(pod));
    let (new, old): (Vec<&Value>, Vec<&Value>) = present.partition(|pod| observed.is_updated(pod));
    (new.len() <= 1 && old.len() <= 1).then(|| Pair {
        new: new.first().copied(),
        old: old.first().copied(),
    })
}

/// The nodes to look at: those with Pods, and those that should have one.
fn nodes<'o>(observed: &'o Observed<'_>) -> Vec<&'o str> {
    let wanted = observed.nodes.iter().filter(|(_, verdict)| verdict.should_run);
    let mut nodes: Vec<&str> = wanted
        .map(|(node, _)| *node)
        .chain(observed.pods.keys().copied())
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

/// Plans the next steps of the update.
pub(super) fn plan(observed: &Observed<'_>, now: Time) -> Vec<Action> {
    let desired = observed
        .nodes
        .values()
        .filter(|verdict| verdict.should_run)
        .count();
    let desired = i64::try_from(desired).unwrap_or(i64::MAX);
    let surge = max_surge(observed.set, desired);
    let rolling = &observed.set["spec"]["updateStrategy"]["rollingUpdate"];
    let unavailable = scaled(&rolling["maxUnavailable"], desired, Round::Up);
    match (surge, unavailable) {
        (0, 0) => with_fewer(observed, 1, now),
        (0, most) => with_fewer(observed, most, now),
        (most, _) => with_more(observed, most, desired, now),
    }
}

/// Deletes old Pods: those that are not available anyway, and of the others as many as may be missing.
fn with_fewer(observed: &Observed<'_>, most: i64, now: Time) -> Vec<Action> {
    let mut missing = 0;
    let (mut replaced, mut candidates) = (Vec::new(), Vec::new());
    for node in nodes(observed) {
        match pair(observed, node) {
            Some(Pair {
                new: Some(new),
                old: None,
            }) => missing += i64::from(!observed.is_available(new, now)),
            Some(Pair {
                new: None,
                old: Some(old),
            }) if observed.is_available(old, now) => candidates.push(old),
            Some(Pair {
                new: None,
                old: Some(old),
            }) => {
                missing += 1;
                replaced.push(old);
            }
            // What is missing or too many is put right first.
            _ => missing += 1,
        }
    }
    let rest = usize::try_from(most - missing).unwrap_or_default();
    replaced.extend(candidates.into_iter().take(rest));
    replaced.iter().map(delete).collect()
}

/// What an update with a surge found on the nodes.
#[derive(Default)]
struct Surge<'a> {
    /// How many new Pods are not available yet.
    under_way: i64,
    /// How many nodes have an available Pod.
    available: i64,
    /// Old Pods that have been replaced.
    replaced: Vec<&'a Value>,
    /// Available old Pods on nodes that should have none.
    misplaced: Vec<&'a Value>,
    /// Nodes whose old Pod is not available: a new one may come at once.
    failing: Vec<String>,
    /// Nodes whose old Pod is available.
    candidates: Vec<String>,
}

/// Creates new Pods beside the old ones, and deletes old ones whose successors are available.
fn with_more(observed: &Observed<'_>, most: i64, desired: i64, now: Time) -> Vec<Action> {
    let mut surge = Surge::default();
    for node in nodes(observed) {
        surge.look_at(observed, node, now);
    }
    let spare = usize::try_from(surge.available - desired).unwrap_or_default();
    let leaving = surge
        .replaced
        .iter()
        .chain(surge.misplaced.iter().take(spare))
        .map(delete);
    let rest = usize::try_from(most - surge.under_way).unwrap_or_default();
    let coming = surge.failing.iter().chain(surge.candidates.iter().take(rest));
    let coming = coming.map(|node| Action::Create(node.clone()));
    leaving.chain(coming).collect()
}

impl<'a> Surge<'a> {
    fn look_at(&mut self, observed: &Observed<'a>, node: &str, now: Time) {
        let Some(Pair { new, old }) = pair(observed, node) else {
            self.under_way += 1;
            return;
        };
        let is_available = |pod: Option<&Value>| pod.is_some_and(|pod| observed.is_available(pod, now));
        self.available += i64::from(is_available(old.or(new)));
        let Some(old) = old else { return };
        if let Some(new) = new {
            match observed.is_available(new, now) {
                true => self.replaced.push(old),
                false => self.under_way += 1,
            }
            return;
        }
        let should_run = observed.nodes.get(node).is_some_and(|verdict| verdict.should_run);
        match (observed.is_available(old, now), should_run) {
            (false, true) => self.failing.push(node.to_owned()),
            (false, false) => self.replaced.push(old),
            (true, true) => self.candidates.push(node.to_owned()),
            (true, false) => self.misplaced.push(old),
        }
    }
}
