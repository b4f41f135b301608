//! `bbf images`: what labs on kind need, carried to a classroom without a network.

use super::Exit;
use super::arguments::Save;
use super::cluster::prepare::images_of;
use super::context::Context;
use super::doing;
use super::trouble::Trouble;
use crate::cluster::images;
use crate::cluster::kind;
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
    images::save(&archive, &images, &doing::watcher(language)).await?;
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

/// `bbf images load`.
pub(super) async fn load(context: &mut Context<'_>, file: &Path) -> Result<Exit, Trouble> {
    let language = context.language();
    images::load(file, &doing::watcher(language)).await?;
    context
        .printer
        .json(&serde_json::json!({ "archive": file, "loaded": true }));
    context
        .printer
        .line(&clusters::images_loaded(language, &file.display()));
    Ok(Exit::Done)
}
