//! `bbf lab reset`: everything back to the break.

use super::{start, task};
use crate::cli::Exit;
use crate::cli::context::{Context, unless_cancelled};
use crate::cli::trouble::Trouble;
use crate::session::steps;
use crate::ui::messages::labs;

/// Resets the lab at hand.
pub(in crate::cli) async fn run(context: &mut Context<'_>, asked: Option<&str>) -> Result<Exit, Trouble> {
    let mut at_hand = context.at_hand(asked)?;
    let language = context.language();
    let provider = context.provider_of(&at_hand)?;
    let readme = task::readme(&at_hand.lab, language);
    let command = format!("bbf lab reset {}", at_hand.lab.id());
    let work = steps::reset(
        &mut at_hand.store,
        &at_hand.record,
        &at_hand.lab,
        provider.as_ref(),
        &readme,
        &command,
    );
    let running = unless_cancelled(provider.as_ref(), work).await?;
    context.say_damaged(&mut at_hand.store);
    start::say(context, &running.notices);
    context
        .printer
        .json(&serde_json::json!({ "lab": at_hand.lab.id(), "stage": running.record.stage }));
    context.printer.line(&labs::lab_reset(language, at_hand.lab.id()));
    Ok(Exit::Done)
}
