//! Images for a class without a network: fetched where there is one, carried in an archive, read where there is none.

use super::doing::Busy;
use super::kind::{Containers, tag_of};
use super::{Doing, Error, Watcher};
use crate::platform::files::at;
use std::path::Path;

/// Writes images to an archive that `docker load` can read; what is missing of them is fetched first.
///
/// # Errors
/// When an image can't be had, or the archive can't be written.
pub async fn save(archive: &Path, images: &[String], watcher: &Watcher) -> Result<(), Error> {
    let _busy = Busy(watcher);
    let containers = Containers::find()?;
    for image in images {
        if !containers.has_image(image).await? {
            watcher(&Doing::Pulling(image.clone()));
            containers.pull(image).await?;
        }
    }
    watcher(&Doing::Archive(archive.display().to_string()));
    // Half an archive is of no use: what is there under the name is either whole or what was there before.
    let beside = archive.with_extension("part");
    // An image that is known only by its digest would have no name on the other side.
    let mut names = vec![];
    for image in images {
        let name = tag_of(image);
        if name != image {
            containers.tag(image, name).await?;
        }
        names.push(name);
    }
    let saved = containers.save(&beside, &names).await.map_err(Error::from);
    let saved = saved.and_then(|()| {
        std::fs::rename(&beside, archive)
            .map_err(at(archive))
            .map_err(Error::from)
    });
    if saved.is_err() {
        std::fs::remove_file(&beside).ok();
    }
    saved
}

/// Gives the images of an archive to the container runtime.
///
/// # Errors
/// When the archive can't be read.
pub async fn load(archive: &Path, watcher: &Watcher) -> Result<(), Error> {
    if !archive.is_file() {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(at(archive)(missing).into());
    }
    let _busy = Busy(watcher);
    let containers = Containers::find()?;
    watcher(&Doing::Archive(archive.display().to_string()));
    Ok(containers.load(archive).await?)
}
