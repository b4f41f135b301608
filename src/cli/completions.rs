//! `bbf completions`: a completion script for the learner's shell.

use super::{Arguments, Exit};
use crate::ui::printer::Printer;
use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

/// Prints the script for `shell`.
pub(super) fn run(printer: &mut Printer<'_>, shell: Shell) -> Exit {
    let mut script = vec![];
    generate(shell, &mut Arguments::command(), "bbf", &mut script);
    printer.raw(&script);
    Exit::Done
}
