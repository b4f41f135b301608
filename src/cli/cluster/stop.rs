//! `bbf cluster stop`: ends a cluster's process. What it knows stays.

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
use crate::ui::messages::commands;

/// Stops the cluster `name`, or that of the lab at hand.
pub(in crate::cli) async fn run(context: &mut Context<'_>, name: Option<&str>) -> Result<Exit, Trouble> {
    let provider = super::chosen(context, name).await?;
    let _alone = context.alone("bbf cluster stop")?;
    let stopped = provider.stop().await?;
    let language = context.language();
    context
        .printer
        .json(&serde_json::json!({ "cluster": provider.name(), "wasRunning": stopped }));
    let text = if stopped {
        commands::cluster_stopped(language, provider.name())
    } else {
        commands::cluster_was_stopped(language, provider.name())
    };
    context.printer.line(&text);
    Ok(Exit::Done)
}
