//! One learner in one lab: the steps from start to solved, the journal, the progress.

pub mod journal;
pub mod progress;
