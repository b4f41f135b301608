//! What is tried in the proof of a lab, each time in a cluster that is as new: the untouched break, each solution, each
//! wrong fix, and the commands that the texts show.

use std::collections::BTreeSet;
use std::path::Path;

use super::Outcome;
use super::commands::{self, Command};
use super::ground::Ground;
use super::pace::Pace;
use super::stage::Stage;
use crate::lab::{Fix, Lab, Language};

/// One thing to try.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attempt<'a> {
    /// The break is left as it is. It must not pass.
    Untouched,
    /// It must pass, and stay so.
    Solution(&'a Fix),
    /// It must not pass, and fail where it says.
    Wrong(&'a Fix),
    /// The commands that the text in this language shows must run.
    Commands(Language),
}

/// What came of an attempt, and which objectives and guards were failing.
pub(super) type Found = (Outcome, BTreeSet<String>);

/// What is to be tried with a lab, in order.
pub(super) fn attempts(lab: &Lab) -> Vec<Attempt<'_>> {
    let solutions = lab.solutions.iter().map(Attempt::Solution);
    let wrong = lab.wrong.iter().map(Attempt::Wrong);
    let commands = lab.texts.keys().copied().map(Attempt::Commands);
    std::iter::once(Attempt::Untouched)
        .chain(solutions)
        .chain(wrong)
        .chain(commands)
        .collect()
}

impl Attempt<'_> {
    /// The name of the step in the proof.
    pub(super) fn name(self) -> String {
        match self {
            Self::Untouched => "break".to_owned(),
            Self::Solution(fix) => format!("solution {}", fix.name),
            Self::Wrong(fix) => format!("wrong {}", fix.name),
            Self::Commands(language) => format!("commands {language}"),
        }
    }

    /// What came of the attempt where no cluster is needed to know: a text shows no commands, or there is no kubectl to
    /// run them.
    pub(super) fn without_cluster(self, lab: &Lab, kubectl: Option<&Path>) -> Option<Result<Found, String>> {
        let Self::Commands(language) = self else {
            return None;
        };
        let outcome = match shown(lab, language) {
            Err(why) => return Some(Err(why)),
            Ok(commands) if commands.is_empty() => Outcome::Proven,
            Ok(_) if kubectl.is_none() => Outcome::without_kubectl(),
            Ok(_) => return None,
        };
        Some(Ok((outcome, BTreeSet::new())))
    }

    /// Makes the attempt. An error is a refutation that came before anything could be judged.
    pub(super) async fn make(
        self,
        lab: &Lab,
        ground: Ground,
        kubectl: Option<&Path>,
        pace: Pace,
    ) -> Result<Found, String> {
        if let Self::Commands(language) = self {
            return Ok((
                shown_commands(lab, language, ground, kubectl, pace).await?,
                BTreeSet::new(),
            ));
        }
        let mut stage = Stage::set(lab, ground, pace).await?;
        if let Self::Solution(fix) | Self::Wrong(fix) = self
            && let Some(outcome) = stage.carry_out(lab, fix, kubectl).await?
        {
            return Ok((outcome, BTreeSet::new()));
        }
        match self {
            Self::Untouched => Ok(untouched(&mut stage).await),
            Self::Wrong(fix) => Ok(wrong(&mut stage, fix).await),
            Self::Solution(_) | Self::Commands(_) => solution(&mut stage).await,
        }
    }
}

async fn untouched(stage: &mut Stage) -> Found {
    let (solved, failing) = stage.watch(None).await;
    let outcome = if solved {
        Outcome::Refuted("the untouched break passes".to_owned())
    } else {
        Outcome::Proven
    };
    (outcome, failing)
}

async fn solution(stage: &mut Stage) -> Result<Found, String> {
    if !stage.solved_in_time().await {
        return Err(format!("doesn't pass in time: {}", stage.shortfall()));
    }
    if !stage.stays_well().await {
        return Err(format!("passes, but doesn't stay so: {}", stage.shortfall()));
    }
    Ok((Outcome::Proven, BTreeSet::new()))
}

async fn wrong(stage: &mut Stage, fix: &Fix) -> Found {
    let (solved, failing) = stage.watch(fix.fails.as_deref()).await;
    let named = fix.fails.as_deref().unwrap_or_default();
    let outcome = if solved {
        Outcome::Refuted("passes, although it is wrong".to_owned())
    } else if failing.contains(named) {
        Outcome::Proven
    } else {
        Outcome::Refuted(format!(
            "doesn't fail at {named}, as it says; instead: {}",
            stage.shortfall()
        ))
    };
    (outcome, failing)
}

/// Runs each command that a text shows, one after the other, against the broken cluster.
async fn shown_commands(
    lab: &Lab,
    language: Language,
    ground: Ground,
    kubectl: Option<&Path>,
    pace: Pace,
) -> Result<Outcome, String> {
    let Some(kubectl) = kubectl else {
        return Ok(Outcome::without_kubectl());
    };
    let commands = shown(lab, language)?;
    let stage = Stage::set(lab, ground, pace).await?;
    stage.run_commands(lab, &commands, kubectl).await?;
    Ok(Outcome::Proven)
}

/// The commands that a text shows.
fn shown(lab: &Lab, language: Language) -> Result<Vec<Command>, String> {
    let commands = lab.texts.get(&language).map(commands::of);
    commands.into_iter().flatten().collect()
}
