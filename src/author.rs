//! For those who write labs: finding mistakes in a lab, and proving that it does what it promises.

mod commands;
mod folder;
mod lint;
mod proof;
mod run;
mod script;

pub use lint::lint;
pub use proof::{Outcome, Proof, Step};
pub use run::prove;
