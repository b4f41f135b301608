//! `bbf progress`: what is solved, when, with how many hints.

use super::Exit;
use super::context::Context;
use super::trouble::Trouble;
use crate::session;
use crate::session::progress::LabProgress;
use crate::ui::messages::{commands, labs};
use crate::ui::table;

/// Prints the progress.
pub(super) fn run(context: &mut Context<'_>) -> Result<Exit, Trouble> {
    let mut store = context.store()?;
    let progress = store.progress().map_err(session::Error::from)?;
    context.say_damaged(&mut store);
    let language = context.language();
    context.printer.json(&progress);
    if progress.labs.is_empty() {
        context.printer.status(&commands::no_progress(language));
        return Ok(Exit::Done);
    }
    let headings = [
        commands::heading_lab(language),
        commands::heading_solved(language),
        commands::heading_attempts(language),
        commands::heading_hints(language),
        commands::heading_solution(language),
    ];
    let row = |(id, lab): (&String, &LabProgress)| {
        let solved = lab
            .solved_at
            .map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
        let shown = if lab.solution_shown {
            commands::shown(language)
        } else {
            "-".to_owned()
        };
        vec![
            id.clone(),
            solved.unwrap_or_else(|| labs::state_new(language)),
            lab.attempts.to_string(),
            lab.hints.to_string(),
            shown,
        ]
    };
    let rows: Vec<Vec<String>> = progress.labs.iter().map(row).collect();
    for line in table::layout(&headings.each_ref().map(String::as_str), &rows) {
        context.printer.line(&line);
    }
    let solved = progress
        .labs
        .values()
        .filter(|lab| lab.solved_at.is_some())
        .count();
    let all = context.catalogue.labs().len().max(progress.labs.len());
    context
        .printer
        .status(&commands::progress_total(language, &solved, &all));
    Ok(Exit::Done)
}
