//! Programs made while a machine runs: a trap's script, or that of an inner `sh -c`.

use crate::images::shell::compile::{Operation, command, compile};
use crate::images::shell::parse::parse;

/// A script's program; a script that cannot be read says so and ends with 2.
pub(super) fn program_of(script: &str) -> Vec<Operation> {
    match parse(script) {
        Ok(list) => compile(&list),
        Err(message) => {
            let complaint = command(&["echo".to_owned(), format!("sh: {message}")]);
            let end = command(&["exit".to_owned(), "2".to_owned()]);
            [complaint, end].concat()
        }
    }
}

/// Moves a program's addresses so that it can stand at `offset`.
pub(super) fn relocate(program: &mut [Operation], offset: usize) {
    for operation in program {
        match operation {
            Operation::Jump(to) | Operation::JumpIf(_, to) => *to += offset,
            Operation::Capture { end } | Operation::Subshell { end } | Operation::Next { end, .. } => {
                *end += offset;
            }
            _ => {}
        }
    }
}
