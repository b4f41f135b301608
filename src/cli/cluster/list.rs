//! `bbf cluster list`: the clusters that bbf made, and whether they run.

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
use crate::cluster::State;
use crate::cluster::kind::Kind;
use crate::ui::messages::{clusters, commands};
use crate::ui::table;

/// Lists the clusters.
pub(in crate::cli) async fn run(context: &mut Context<'_>) -> Result<Exit, Trouble> {
    let language = context.language();
    let (mut rows, mut listed) = (vec![], vec![]);
    for name in super::names(context)? {
        let Some(provider) = context.recorded(&name)? else {
            continue;
        };
        // A list must come even where docker is not running or a cluster is out of reach.
        let (word, shown, pid) = match provider.state().await {
            Ok(State::Running { pid }) => ("running", commands::running(language), pid),
            Ok(State::Stopped) => ("stopped", commands::stopped(language), None),
            Ok(State::Absent) => ("gone", commands::gone(language), None),
            Err(_) => ("unknown", commands::unknown(language), None),
        };
        let number = pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        rows.push(vec![name.clone(), provider.kind().to_owned(), shown, number]);
        listed.push(serde_json::json!({
            "name": name, "kind": provider.kind(), "state": word, "pid": pid, "kubeconfig": provider.kubeconfig(),
        }));
    }
    for name in unrecorded(context).await? {
        let shown = clusters::not_recorded(language);
        listed.push(serde_json::json!({ "name": name, "kind": "kind", "state": "unrecorded", "pid": null }));
        rows.push(vec![name, "kind".to_owned(), shown, "-".to_owned()]);
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

/// The kind clusters that carry bbf's mark, although nothing is recorded of them.
async fn unrecorded(context: &Context<'_>) -> Result<Vec<String>, Trouble> {
    let recorded = super::names(context)?;
    let mut marked = Kind::marked(context.folders.state()).await;
    marked.retain(|name| !recorded.contains(name));
    Ok(marked)
}
