//! `bbf cluster start`: brings a cluster back that had stopped.

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
use crate::ui::messages::clusters;

/// Starts the cluster `name`, or that of the lab at hand.
pub(in crate::cli) async fn run(context: &mut Context<'_>, name: Option<&str>) -> Result<Exit, Trouble> {
    let provider = super::chosen(context, name).await?;
    let connection = provider.ensure().await?;
    context.say_arrival(&connection.arrival);
    let language = context.language();
    context
        .printer
        .json(&serde_json::json!({ "cluster": provider.name(), "state": "running" }));
    context
        .printer
        .line(&clusters::cluster_running(language, provider.name()));
    Ok(Exit::Done)
}
