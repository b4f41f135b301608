//! `bbf cluster …`.

pub(super) mod delete;
pub(super) mod kubeconfig;
pub(super) mod list;
pub(super) mod prepare;
pub(super) mod start;
pub(super) mod stop;

use super::context::Context;
use super::doing;
use super::trouble::Trouble;
use crate::cluster::Provider;
use crate::cluster::embedded::Embedded;
use crate::cluster::existing::Existing;
use crate::cluster::kind::Kind;
use crate::session;

/// The names of the clusters that are recorded.
fn names(context: &Context<'_>) -> Result<Vec<String>, Trouble> {
    let clusters = context.folders.clusters();
    let lists = [
        Embedded::names(&clusters),
        Kind::names(&clusters),
        Existing::names(&clusters),
    ];
    let lists: Result<Vec<Vec<String>>, _> = lists.into_iter().collect();
    let mut names = lists.map_err(session::Error::from)?.concat();
    names.sort();
    Ok(names)
}

/// The cluster `name`, or the one of the lab at hand. A kind cluster that carries bbf's mark is known by that, though its
/// record may be lost.
async fn chosen(context: &mut Context<'_>, name: Option<&str>) -> Result<Box<dyn Provider>, Trouble> {
    let Some(name) = name else {
        let at_hand = context.at_hand(None)?;
        return context.provider_of(&at_hand);
    };
    if let Some(provider) = context.recorded(name)? {
        return Ok(provider);
    }
    let state = context.folders.state();
    if Kind::marked(state).await.iter().any(|marked| marked == name) {
        let watcher = doing::watcher(context.language());
        return Ok(Box::new(Kind::named(
            state,
            &context.folders.clusters(),
            name,
            watcher,
        )));
    }
    Err(Trouble::UnknownCluster(name.to_owned()))
}
