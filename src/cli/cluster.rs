//! `bbf cluster …`.

pub(super) mod kubeconfig;
pub(super) mod list;
pub(super) mod stop;

use super::context::Context;
use super::trouble::Trouble;
use crate::cluster::Provider;
use crate::cluster::embedded::Embedded;
use crate::session;

/// The names of the clusters that bbf made.
fn names(context: &Context<'_>) -> Result<Vec<String>, Trouble> {
    Ok(Embedded::names(&context.folders.clusters()).map_err(session::Error::from)?)
}

/// The cluster `name`, or the one of the lab at hand.
fn chosen(context: &mut Context<'_>, name: Option<&str>) -> Result<Box<dyn Provider>, Trouble> {
    match name {
        Some(name) if !names(context)?.iter().any(|known| known == name) => {
            Err(Trouble::UnknownCluster(name.to_owned()))
        }
        Some(name) => Ok(context.existing(name)?),
        None => {
            let at_hand = context.at_hand(None)?;
            context.provider(&at_hand.lab)
        }
    }
}
