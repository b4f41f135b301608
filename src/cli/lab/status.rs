//! `bbf lab status`: the lab at hand, and how it stands at this moment.

use super::reports;
use crate::cli::Exit;
use crate::cli::context::{AtHand, Context};
use crate::cli::trouble::Trouble;
use crate::session::record::Stage;
use crate::session::{self, steps};
use crate::ui::messages::labs;
use jiff::Timestamp;
use std::time::Duration;

/// How long to look at the cluster before saying what is seen.
const LOOK: Duration = Duration::from_secs(3);

/// Shows how the lab at hand stands; having none is no error.
pub(in crate::cli) async fn run(context: &mut Context<'_>, asked: Option<&str>) -> Result<Exit, Trouble> {
    match context.broken(asked) {
        Ok(at_hand) => show(context, at_hand).await,
        Err(Trouble::Session(session::Error::NoLab)) => {
            context.printer.json(&serde_json::json!({ "lab": null }));
            let message = context.no_lab_message();
            context.printer.line(&message);
            Ok(Exit::Done)
        }
        Err(trouble) => Err(trouble),
    }
}

/// Shows how a lab stands.
pub(super) async fn show(context: &mut Context<'_>, mut at_hand: AtHand) -> Result<Exit, Trouble> {
    let connection = context.connect(&at_hand).await?;
    context.apply_saved(&mut at_hand, &connection).await?;
    let solved_at = solved_at(context, &mut at_hand)?;
    let mut checker = steps::checker(&at_hand.lab, &at_hand.record, &connection);
    checker.read_within(LOOK).await;
    let (language, lab) = (context.language(), &at_hand.lab);
    let folder = context.folders.work(lab.id());
    let kubeconfig = context.provider_of(&at_hand)?.kubeconfig();
    let mut json = reports::json(lab, checker.reports(), language);
    if let Some(fields) = json.as_object_mut() {
        fields.insert(
            "startedAt".to_owned(),
            serde_json::json!(at_hand.record.started_at),
        );
        fields.insert("solvedAt".to_owned(), serde_json::json!(solved_at));
        fields.insert("stage".to_owned(), serde_json::json!(at_hand.record.stage));
        fields.insert("kubeconfig".to_owned(), serde_json::json!(kubeconfig));
        fields.insert("folder".to_owned(), serde_json::json!(folder));
        fields.insert("place".to_owned(), serde_json::json!(at_hand.record.place));
        fields.insert(
            "namespace".to_owned(),
            serde_json::json!(at_hand.record.namespace),
        );
    }
    context.printer.json(&json);
    let since = at_hand
        .record
        .started_at
        .strftime("%Y-%m-%d %H:%M UTC")
        .to_string();
    context
        .printer
        .line(&labs::status_running(language, lab.id(), &since));
    if let Some(at) = solved_at {
        let at = at.strftime("%Y-%m-%d %H:%M UTC");
        context.printer.line(&labs::status_solved(language, &at));
    }
    reports::print(context.printer, lab, checker.reports());
    context
        .printer
        .line(&labs::status_folder(language, &folder.display()));
    context
        .printer
        .line(&labs::status_kubeconfig(language, &kubeconfig.display()));
    Ok(Exit::Done)
}

/// When the lab was first solved, if it is solved in this go: what a fresh look sees has not held for long yet.
fn solved_at(context: &mut Context<'_>, at_hand: &mut AtHand) -> Result<Option<Timestamp>, Trouble> {
    if at_hand.record.stage != Stage::Solved {
        return Ok(None);
    }
    let progress = at_hand.store.progress().map_err(session::Error::from)?;
    context.say_damaged(&mut at_hand.store);
    Ok(progress.labs.get(at_hand.lab.id()).and_then(|lab| lab.solved_at))
}
