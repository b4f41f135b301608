//! For those who write labs: finding mistakes in a lab, and proving that it does what it promises.

mod attempt;
mod commands;
mod ground;
mod lint;
mod pace;
mod proof;
mod run;
mod script;
mod stage;

pub use lint::lint;
pub use proof::{Outcome, Proof, Step};
pub use run::{prove, prove_on};
