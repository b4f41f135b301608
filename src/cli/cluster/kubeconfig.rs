//! `bbf cluster kubeconfig`: prints how kubectl reaches a cluster, for `--kubeconfig` or an editor's plugin.

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
use crate::platform::files::at;
use crate::session;

/// Prints the kubeconfig of the cluster `name`, or of the lab at hand's, brought back if it had stopped.
pub(in crate::cli) async fn run(context: &mut Context<'_>, name: Option<&str>) -> Result<Exit, Trouble> {
    let provider = super::chosen(context, name).await?;
    let connection = provider.ensure().await?;
    context.say_arrival(&connection.arrival);
    let path = provider.kubeconfig();
    let text = std::fs::read(&path)
        .map_err(at(&path))
        .map_err(session::Error::from)?;
    context.printer.raw(&text);
    Ok(Exit::Done)
}
