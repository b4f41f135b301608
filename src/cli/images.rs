//! `bbf images`: what labs on kind need, carried to a classroom without a network.

use super::Exit;
use super::arguments::Save;
use super::cluster::prepare::images_of;
use super::context::{Context, unless_asked_to_end};
use super::doing;
use super::trouble::Trouble;
use crate::cluster::kind;
use crate::cluster::{self, images};
use crate::lab::Lab;
use crate::ui::messages::clusters;
use std::path::Path;

/// `bbf images save`.
pub(super) async fn save(context: &mut Context<'_>, arguments: &Save) -> Result<Exit, Trouble> {
    let labs = context.labs(&arguments.labs)?;
    let labs: Vec<&Lab> = labs.iter().collect();
    let mut images = vec![kind::node_image(arguments.node_image.as_deref())];
    images.extend(images_of(&labs));
    let language = context.language();
    let archive = std::path::absolute(&arguments.file).unwrap_or_else(|_| arguments.file.clone());
    let watcher = doing::watcher(language);
    whole(images::save(&archive, &images, &watcher)).await?;
    context
        .printer
        .json(&serde_json::json!({ "archive": archive, "images": images }));
    context.printer.line(&clusters::images_saved(
        language,
        &images.len(),
        &archive.display(),
    ));
    Ok(Exit::Done)
}

/// The work, done to its end; Ctrl-C leaves no half archive.
async fn whole(work: impl Future<Output = Result<(), cluster::Error>>) -> Result<(), Trouble> {
    let done = unless_asked_to_end(work).await?;
    Ok(done.ok_or(Trouble::Cancelled { left: None })??)
}

/// `bbf images load`.
pub(super) async fn load(context: &mut Context<'_>, file: &Path) -> Result<Exit, Trouble> {
    let language = context.language();
    let watcher = doing::watcher(language);
    whole(images::load(file, &watcher)).await?;
    context
        .printer
        .json(&serde_json::json!({ "archive": file, "loaded": true }));
    context
        .printer
        .line(&clusters::images_loaded(language, &file.display()));
    Ok(Exit::Done)
}
