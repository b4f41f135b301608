//! Where a lab runs. Nothing above this module knows which kind of cluster it is on: it gets a [`kube::Client`], a
//! namespace and a kubeconfig of bbf's own.
//!
//! bbf never reads or writes the learner's own kubeconfig; each cluster has one in its own folder.

pub mod embedded;
mod error;
pub mod kind_config;
pub mod readiness;

pub use error::Error;

use std::path::PathBuf;
use std::pin::Pin;

/// A future that a [`Provider`] returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + 'a>>;

/// One cluster of some kind.
pub trait Provider {
    /// What kind of cluster it is, in the word that the command line uses.
    fn kind(&self) -> &'static str;

    /// The cluster's name.
    fn name(&self) -> &str;

    /// The kubeconfig file that reaches it and nothing else.
    fn kubeconfig(&self) -> PathBuf;

    /// Whether it runs and answers now, without changing that.
    fn state(&self) -> Pending<'_, State>;

    /// Finds it running, brings it back from what it left, or starts it.
    fn ensure(&self) -> Pending<'_, Connection>;

    /// Stops it; what it knows stays, and [`ensure`](Self::ensure) brings it back. Whether it was running.
    fn stop(&self) -> Pending<'_, bool>;

    /// Puts it back to what it was when it was new, reached by the same kubeconfig; starts it if need be.
    fn renew(&self) -> Pending<'_, Connection>;

    /// Stops it and forgets all that it knows.
    fn remove(&self) -> Pending<'_, ()>;
}

/// A way into a cluster that answers.
#[derive(Clone)]
pub struct Connection {
    /// The client for whatever is to be done with it.
    pub client: kube::Client,
    /// The namespace that the lab is played in.
    pub namespace: String,
    /// How it was come by.
    pub arrival: Arrival,
}

/// How a running cluster was come by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// It was running.
    Found,
    /// It was started for the first time.
    Started,
    /// It had stopped and was brought back as it was.
    BroughtBack {
        /// Where a damaged recording was kept, if it was damaged. Then the latest commands may be missing.
        damaged: Option<PathBuf>,
        /// Whether it listens on another port than before, so that the kubeconfig was written anew.
        moved: bool,
    },
}

/// How a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It answers.
    Running {
        /// The process that serves it, where there is one.
        pid: Option<u32>,
    },
    /// It does not run, but can be brought back.
    Stopped,
    /// It was never started, or was removed.
    Absent,
}
