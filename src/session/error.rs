//! Why a step of a session could not be done. `cli` says it in the learner's language.

use crate::check::BaselineError;
use crate::cluster;
use crate::lab::LabError;
use crate::manifest::ApplyError;
use crate::platform::files;
use crate::platform::lock;

/// Why a step of a session could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of bbf's own could not be used.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// Another command is at work.
    #[error(transparent)]
    Lock(#[from] lock::Error),
    /// The cluster could not be had.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// What there was before the break could not be taken down.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// The break was refused.
    #[error(transparent)]
    Break(#[from] ApplyError),
    /// The lab has a mistake.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// No lab is at hand.
    #[error("no lab is running")]
    NoLab,
    /// Another lab is at hand.
    #[error("lab {running} is running, not {asked}")]
    OtherLab {
        /// The lab at hand.
        running: String,
        /// The lab that was asked for.
        asked: String,
    },
    /// The lab at hand runs somewhere else than was asked for.
    #[error("lab {lab} runs on the {} cluster", place.word())]
    OtherPlace {
        /// The lab at hand.
        lab: String,
        /// Where it runs.
        place: cluster::Place,
    },
    /// The lab's start was interrupted.
    #[error("the start of lab {0} was interrupted")]
    Unfinished(String),
}
