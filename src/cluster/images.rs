//! Images for a class without a network: fetched where there is one, carried in an archive, read where there is none.

use super::doing::Busy;
use super::kind::{Containers, tag_of};
use super::{Doing, Error, Watcher};
use crate::platform::files::at;
use crate::platform::temporary::TemporaryFile;
use std::path::Path;

/// Writes images to an archive that `docker load` can read; what is missing of them is fetched first.
///
/// # Errors
/// When an image can't be had, or the archive can't be written.
pub async fn save(archive: &Path, images: &[String], watcher: &Watcher) -> Result<(), Error> {
    let _busy = Busy(watcher);
    // Said before much is fetched in vain.
    if let Some(folder) = archive.parent().filter(|folder| !folder.is_dir()) {
        return Err(at(folder)(std::io::ErrorKind::NotFound.into()).into());
    }
    let containers = Containers::find()?;
    for image in images {
        if !containers.has_image(image).await? {
            watcher(&Doing::Pulling(image.clone()));
            containers.pull(image).await?;
        }
    }
    watcher(&Doing::Archive(archive.display().to_string()));
    // Half an archive is of no use: what is there under the name is either whole or what was there before.
    let mut beside = archive.as_os_str().to_owned();
    beside.push(".part");
    let beside = TemporaryFile(beside.into());
    // An image that is known only by its digest would have no name on the other side.
    let mut names = vec![];
    for image in images {
        let name = tag_of(image);
        if name != image {
            containers.tag(image, name).await?;
        }
        names.push(name);
    }
    containers.save(&beside.0, &names).await?;
    Ok(std::fs::rename(&beside.0, archive).map_err(at(archive))?)
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
