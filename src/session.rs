//! One learner in one lab: the steps from start to solved, the journal, the progress.
//!
//! A step says what it found by returning it; nothing here prints. What is on the disk is written before a step
//! returns, and each step can be interrupted at any instant: the next command finds its way from what is there.

mod error;
pub mod hints;
pub mod journal;
pub mod observe;
pub mod play;
pub mod progress;
pub mod record;
pub mod steps;
pub mod store;
pub mod work_folder;

pub use error::Error;
