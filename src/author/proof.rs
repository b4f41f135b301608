//! What came of the attempt to prove a lab.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

/// The proof of one lab.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// The lab.
    pub lab: String,
    /// What was to be shown, in order.
    pub steps: Vec<Step>,
    /// How long it took.
    pub real: Duration,
    /// How much time passed in the clusters, all together. On a cluster whose time is the wall's, the same as `real` or less.
    pub simulated: Duration,
}

/// One thing that was to be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What it was: `texts`, `break`, `solution other-image`, `wrong no-probe`, `commands en`.
    pub name: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The objectives and guards that failed once the dust had settled, in alphabetical order: the verdicts by which one kind of
    /// cluster is held against another.
    pub failing: BTreeSet<String>,
    /// How long it took.
    pub real: Duration,
    /// How much time passed in the cluster.
    pub simulated: Duration,
}

/// What came of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "why", rename_all = "camelCase")]
pub enum Outcome {
    /// It is as it should be.
    Proven,
    /// It isn't.
    Refuted(String),
    /// It couldn't be tried.
    Skipped(String),
}

impl Outcome {
    pub(super) fn without_kubectl() -> Self {
        Self::Skipped("there is no kubectl on this machine".to_owned())
    }
}

impl Proof {
    /// Whether nothing was refuted.
    pub fn holds(&self) -> bool {
        !self
            .steps
            .iter()
            .any(|step| matches!(step.outcome, Outcome::Refuted(_)))
    }

    /// The steps that couldn't be tried, which have to be said loudly.
    pub fn skipped(&self) -> impl Iterator<Item = (&Step, &str)> {
        self.steps.iter().filter_map(|step| match &step.outcome {
            Outcome::Skipped(why) => Some((step, why.as_str())),
            _ => None,
        })
    }

    /// The steps that failed, with the reason of each.
    pub fn refuted(&self) -> impl Iterator<Item = (&Step, &str)> {
        self.steps.iter().filter_map(|step| match &step.outcome {
            Outcome::Refuted(why) => Some((step, why.as_str())),
            _ => None,
        })
    }
}
