//! `bbf lab check`: watches the cluster until it is clear whether the lab is solved.

use super::reports;
use crate::check::Overall;
use crate::cli::Exit;
use crate::cli::arguments::Check;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
use crate::session::steps;
use crate::ui::markdown;
use crate::ui::messages::labs;
use std::time::Duration;

/// Checks the lab at hand.
pub(in crate::cli) async fn run(context: &mut Context<'_>, arguments: &Check) -> Result<Exit, Trouble> {
    let mut at_hand = context.broken(arguments.lab.as_deref())?;
    let connection = context.connect(&at_hand).await?;
    context.apply_saved(&mut at_hand, &connection).await?;
    let language = context.language();
    context
        .printer
        .status(&labs::waiting_for_verdict(language, &arguments.timeout));
    let mut checker = steps::checker(&at_hand.lab, &at_hand.record, &connection);
    let overall = checker.verdict_within(Duration::from(arguments.timeout)).await;
    let first_time = steps::note_reports(&mut at_hand.store, &mut at_hand.record, checker.reports())?;
    context.say_damaged(&mut at_hand.store);
    let lab = &at_hand.lab;
    context
        .printer
        .json(&reports::json(lab, checker.reports(), language));
    reports::print(context.printer, lab, checker.reports());
    Ok(match overall {
        Overall::Solved => {
            context.printer.line(&labs::solved(language, lab.id()));
            if first_time && let Some(texts) = lab.texts(language) {
                context.printer.line(&format!("\n{}\n", labs::debrief(language)));
                let lines = markdown::render(texts.debrief(), context.printer.width());
                context.printer.lines(&lines);
            }
            Exit::Done
        }
        Overall::NotYet => {
            context.printer.line(&labs::not_solved(language, lab.id()));
            context.printer.status(&labs::how_to_check(language));
            Exit::NotSolved
        }
        Overall::Unknown => {
            context.printer.line(&labs::verdict_unknown(language, lab.id()));
            Exit::Environment
        }
    })
}
