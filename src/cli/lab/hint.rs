//! `bbf lab hint`: the next hint that fits the state of the cluster.

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
use crate::session::{hints, steps};
use crate::ui::markdown;
use crate::ui::messages::labs;
use std::time::Duration;

/// How long to look at the cluster before choosing a hint.
const LOOK: Duration = Duration::from_secs(3);

/// Shows the next hint of the lab at hand.
pub(in crate::cli) async fn run(context: &mut Context<'_>, asked: Option<&str>) -> Result<Exit, Trouble> {
    let mut at_hand = context.broken(asked)?;
    let connection = context.connect(&at_hand).await?;
    let mut checker = steps::checker(&at_hand.lab, &at_hand.record, &connection);
    checker.read_within(LOOK).await;
    let all = &at_hand.lab.definition.hints;
    let hint = hints::next(all, &at_hand.record.hints, |hint| hints::fits(hint, &checker)).cloned();
    let (language, count) = (context.language(), all.len());
    let Some(hint) = hint else {
        let left = at_hand.record.hints.len() < count;
        context
            .printer
            .json(&serde_json::json!({ "lab": at_hand.lab.id(), "hint": null }));
        let text = if left {
            labs::no_hint_now(language)
        } else {
            labs::no_more_hints(language)
        };
        context.printer.line(&text);
        return Ok(Exit::Done);
    };
    hints::note(&mut at_hand.store, &mut at_hand.record, &hint)?;
    context.say_damaged(&mut at_hand.store);
    let text = at_hand
        .lab
        .texts(language)
        .map_or("", |texts| texts.hint(&hint.id));
    let step = at_hand.record.hints.len();
    context.printer.json(&serde_json::json!({
        "lab": at_hand.lab.id(), "hint": hint.id, "step": step, "of": count, "text": text,
    }));
    context.printer.line(&labs::hint_number(language, &step, &count));
    let lines = markdown::render(text, context.printer.width());
    context.printer.lines(&lines);
    Ok(Exit::Done)
}
