//! `bbf lab stop`: the lab and its cluster are put away; progress and manifests stay.

use crate::cli::Exit;
use crate::cli::context::{AtHand, Context};
use crate::cli::trouble::Trouble;
use crate::session::{self, steps};
use crate::ui::messages::labs;

/// Stops the lab at hand; having none is no error.
pub(in crate::cli) async fn run(context: &mut Context<'_>, asked: Option<&str>) -> Result<Exit, Trouble> {
    let language = context.language();
    let mut at_hand = match context.at_hand(asked) {
        Err(Trouble::Session(session::Error::NoLab)) => {
            context.printer.json(&serde_json::json!({ "lab": null }));
            context.printer.line(&labs::nothing_to_stop(language));
            return Ok(Exit::Done);
        }
        other => other?,
    };
    let provider = context.provider_of(&at_hand)?;
    let command = format!("bbf lab stop {}", at_hand.lab.id());
    let AtHand { store, record, .. } = &mut at_hand;
    steps::stop(store, record, provider.as_ref(), &command).await?;
    context.say_damaged(&mut at_hand.store);
    context
        .printer
        .json(&serde_json::json!({ "lab": at_hand.lab.id(), "stopped": true }));
    context
        .printer
        .line(&labs::lab_stopped(language, at_hand.lab.id()));
    let folder = context.folders.work(at_hand.lab.id());
    context
        .printer
        .status(&labs::work_folder_kept(language, &folder.display()));
    Ok(Exit::Done)
}
