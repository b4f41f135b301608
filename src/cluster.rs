//! Where a lab runs. Nothing above this module knows which kind of cluster it is on: it gets a [`kube::Client`], a
//! namespace and a kubeconfig of bbf's own.
//!
//! bbf never writes the learner's own kubeconfig, and reads it only for a context that was named; each cluster has one
//! in its own folder.

mod client;
mod doing;
pub mod embedded;
mod error;
pub mod existing;
mod folder;
pub mod images;
mod inventory;
pub mod kind;
pub mod kind_config;
pub mod owner;
mod place;
pub mod readiness;
mod sweep;

pub use doing::{Doing, StepState, Watcher};
pub use error::Error;
pub use place::Place;

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

    /// The namespace that labs are played in.
    fn namespace(&self) -> String {
        "default".to_owned()
    }

    /// What is otherwise on it than on the embedded cluster.
    fn traits(&self) -> Traits;

    /// Whether it runs and answers now, without changing that.
    fn state(&self) -> Pending<'_, State>;

    /// Finds it running, brings it back from what it left, or starts it.
    fn ensure(&self) -> Pending<'_, Connection>;

    /// Stops it; what it knows stays, and [`ensure`](Self::ensure) brings it back. Whether it was running.
    fn stop(&self) -> Pending<'_, bool>;

    /// Puts it back to what it was when it was new, reached by the same kubeconfig; starts it if need be.
    fn renew(&self) -> Pending<'_, Connection>;

    /// Tidies up after a [`renew`](Self::renew) that was interrupted: nothing half made stays.
    fn abandon(&self) -> Pending<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Puts a lab away: nothing of it stays. The cluster itself may, for the next lab.
    fn leave(&self) -> Pending<'_, ()>;

    /// Stops it and forgets all that it knows.
    fn remove(&self) -> Pending<'_, ()>;
}

/// What differs between kinds of clusters, as far as a session or a learner has to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Whether the whole cluster is bbf's own. If not, only the lab's namespace is.
    pub whole_cluster: bool,
    /// Whether images come from a registry, the first time that a node needs them.
    pub pulls_images: bool,
    /// Whether its time is bbf's to skip and to turn back.
    pub own_time: bool,
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
