//! `bbf cluster delete`: removes a cluster that bbf made, with all that is in it.

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
use crate::ui::messages::clusters;

/// Deletes the cluster `name`, unless a lab is running on it.
pub(in crate::cli) async fn run(context: &mut Context<'_>, name: &str) -> Result<Exit, Trouble> {
    let provider = super::chosen(context, Some(name)).await?;
    let _alone = context.alone(&format!("bbf cluster delete {name}"))?;
    context.must_be_free(name)?;
    provider.remove().await?;
    let language = context.language();
    context
        .printer
        .json(&serde_json::json!({ "cluster": name, "deleted": true }));
    context.printer.line(&clusters::cluster_deleted(language, name));
    Ok(Exit::Done)
}
