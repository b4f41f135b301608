//! `bbf lab solution`: how the lab can be solved, after asking.

use crate::cli::Exit;
use crate::cli::arguments::Solution;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
use crate::lab::Fix;
use crate::session;
use crate::session::journal::Event;
use crate::ui::messages::labs;
use dialoguer::Confirm;
use std::io::IsTerminal as _;

/// Shows the solutions of the lab at hand.
pub(in crate::cli) fn run(context: &mut Context<'_>, arguments: &Solution) -> Result<Exit, Trouble> {
    let mut at_hand = context.broken(arguments.lab.as_deref())?;
    let language = context.language();
    if !arguments.yes && !at_hand.record.solution_shown {
        if !std::io::stdin().is_terminal() {
            context.printer.note(&labs::solution_needs_yes(language));
            context.printer.status("bbf lab solution --yes");
            return Ok(Exit::Usage);
        }
        let asked = Confirm::new()
            .with_prompt(labs::ask_solution(language))
            .default(false)
            .interact();
        if !asked.map_err(|error| Trouble::Terminal(error.to_string()))? {
            context.printer.status(&labs::solution_not_shown(language));
            return Ok(Exit::Done);
        }
    }
    at_hand
        .store
        .update(&at_hand.record, |it| it.solution_shown = true)
        .map_err(session::Error::from)?;
    at_hand
        .store
        .note(at_hand.lab.id(), Event::SolutionShown)
        .map_err(session::Error::from)?;
    context.say_damaged(&mut at_hand.store);
    let one = |fix: &Fix| serde_json::json!({ "name": fix.name, "text": fix.text });
    let solutions: Vec<_> = at_hand.lab.solutions.iter().map(one).collect();
    context
        .printer
        .json(&serde_json::json!({ "lab": at_hand.lab.id(), "solutions": solutions }));
    for fix in &at_hand.lab.solutions {
        context.printer.line(&labs::solution_name(language, &fix.name));
        for line in fix.text.lines() {
            context.printer.line(format!("    {line}").trim_end());
        }
        context.printer.line("");
    }
    Ok(Exit::Done)
}
