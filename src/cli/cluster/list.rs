//! `bbf cluster list`: the clusters that bbf made, and whether they run.

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
use crate::cluster::State;
use crate::session;
use crate::ui::messages::commands;
use crate::ui::table;

/// Lists the clusters.
pub(in crate::cli) async fn run(context: &mut Context<'_>) -> Result<Exit, Trouble> {
    let language = context.language();
    let (mut rows, mut listed) = (vec![], vec![]);
    for name in super::names(context)? {
        let provider = context.existing(&name)?;
        let state = provider.state().await.map_err(session::Error::from)?;
        let (word, shown, pid) = match state {
            State::Running { pid } => ("running", commands::running(language), pid),
            State::Stopped | State::Absent => ("stopped", commands::stopped(language), None),
        };
        let number = pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        rows.push(vec![name.clone(), provider.kind().to_owned(), shown, number]);
        listed.push(serde_json::json!({
            "name": name, "kind": provider.kind(), "state": word, "pid": pid, "kubeconfig": provider.kubeconfig(),
        }));
    }
    context.printer.json(&serde_json::json!({ "clusters": listed }));
    if rows.is_empty() {
        context.printer.status(&commands::no_clusters(language));
        return Ok(Exit::Done);
    }
    let headings = [
        commands::heading_name(language),
        commands::heading_kind(language),
        commands::heading_state(language),
        commands::heading_pid(language),
    ];
    for line in table::layout(&headings.each_ref().map(String::as_str), &rows) {
        context.printer.line(&line);
    }
    Ok(Exit::Done)
}
