//! Why a cluster could not be had. `ui::messages` says it in the learner's language.

use super::existing::Refusal;
use super::kind::Failure;
use super::readiness::NotReady;
use crate::lab::LabError;
use crate::manifest::ApplyError;
use crate::platform::files;
use std::io;
use std::path::PathBuf;

/// Why a cluster could not be had, or not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the cluster could not be read or written.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// A file of the cluster does not say what it should.
    #[error("{}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The background process could not be started.
    #[error("failed to start the cluster's process: {0}")]
    Spawn(#[source] io::Error),
    /// The background process said why it can't serve the cluster.
    #[error("the cluster did not start: {0}")]
    Refused(String),
    /// The background process ended without a word.
    #[error("the cluster's process ended at once; its log is {}", log.display())]
    Silent {
        /// Its log.
        log: PathBuf,
    },
    /// The cluster does not answer.
    #[error("the cluster does not answer: {0}")]
    Unreachable(String),
    /// The cluster answers, and does not accept the credentials; or there are none to be had.
    #[error("the cluster does not accept the credentials: {0}")]
    Unauthenticated(String),
    /// The cluster answers, and can't take Pods.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The cluster's process would not end.
    #[error("the cluster's process {pid} does not end")]
    Stubborn {
        /// The process.
        pid: u32,
    },
    /// A kind cluster could not be had.
    #[error(transparent)]
    Kind(#[from] Failure),
    /// A cluster that is there already can't be used.
    #[error(transparent)]
    Existing(#[from] Refusal),
    /// A kind configuration has a mistake.
    #[error(transparent)]
    Config(#[from] LabError),
    /// An add-on was refused.
    #[error(transparent)]
    AddOn(#[from] ApplyError),
}
