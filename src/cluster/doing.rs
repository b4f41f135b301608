//! What a provider is at while someone waits for it. `ui::messages` says it in the learner's language.

use std::rc::Rc;

/// What a provider has begun, or has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// A cluster is being made.
    Creating {
        /// Its name.
        name: String,
        /// The image of its nodes.
        node_image: String,
    },
    /// kind is at one of its own steps, in its own words: `Preparing nodes`.
    KindStep {
        /// The step.
        step: String,
        /// How it stands.
        state: StepState,
    },
    /// What an interrupted command left of a cluster is removed.
    RemovingHalfMade(String),
    /// A cluster is deleted.
    Deleting(String),
    /// Nodes that had stopped are started.
    StartingNodes(String),
    /// It is waited for until all nodes are ready.
    WaitingForNodes,
    /// What the last lab left is removed.
    Sweeping,
    /// The cluster could not be swept clean, so it is made anew. What was not as when it was new, at least in part.
    NotClean(Vec<String>),
    /// The cluster can't be reached now; the next lab on it sweeps it first.
    LeftForLater(String),
    /// The cluster was made otherwise than it is wanted now, so it is made anew.
    OtherwiseMade(String),
    /// An add-on is installed.
    AddOn(&'static str),
    /// An image is fetched from its registry.
    Pulling(String),
    /// Images are put on the nodes of a cluster.
    LoadingImages {
        /// The cluster.
        name: String,
        /// How many.
        count: usize,
    },
    /// Images are written to, or read from, an archive.
    Archive(String),
    /// It is waited for until a namespace is gone.
    RemovingNamespace(String),
    /// Nothing is under way any more, however it ended.
    Nothing,
}

/// How a step of kind's stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Under way.
    Begun,
    /// Done.
    Done,
    /// Failed.
    Failed,
}

/// Who is told.
pub type Watcher = Rc<dyn Fn(&Doing)>;

/// Held while something is under way. However that ends, the watcher is told.
pub(super) struct Busy<'a>(pub(super) &'a Watcher);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        (self.0)(&Doing::Nothing);
    }
}
