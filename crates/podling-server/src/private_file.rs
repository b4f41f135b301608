//! Files that only their owner may read, and that are never seen half-written: kubeconfigs, keys, journals.
//!
//! On Unix the mode is 0600. Elsewhere the file takes the rights of its folder, which is a user's own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes `text` to `path`, replacing what is there; readable and writable by the owner only.
///
/// A crash at any instant leaves either the old file or the new one, whole: the text goes to a temporary file
/// in the same folder, is synced to the disk and then renamed over `path`.
///
/// # Errors
/// When the folder is missing, read-only or full. Nothing is left behind then, and the old file stays.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let temporary = temporary_beside(path);
    let written = write_synced(&temporary, text).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to tell; a temporary file that can't be removed does no harm.
        drop(fs::remove_file(&temporary));
    }
    written?;
    sync_folder_of(path)
}

/// Creates `path`, which must not exist, for its owner only.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Renames `path` to the first free name among `<path>.damaged-1`, `<path>.damaged-2`…, and says which.
pub(crate) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = free_name_aside(path)?;
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Copies `path` to the first free name among `<path>.damaged-1`, `<path>.damaged-2`…, and says which.
pub(crate) fn copy_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = free_name_aside(path)?;
    fs::copy(path, &aside)?;
    File::open(&aside)?.sync_all()?;
    Ok(aside)
}

fn free_name_aside(path: &Path) -> io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let aside = with_suffix(path, &format!(".damaged-{number}"));
        if !aside.try_exists()? {
            return Ok(aside);
        }
        number += 1;
    }
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = create_private(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A new or renamed file is durable only once its folder is synced; where a folder can't be opened (Windows), it needs no sync.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match File::open(folder.unwrap_or(Path::new("."))) {
        Ok(folder) if cfg!(unix) => folder.sync_all(),
        _ => Ok(()),
    }
}

fn temporary_beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    with_suffix(path, &format!(".new-{}-{count}", process::id()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_private_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let scratch = Scratch::new("private");
        let path = scratch.join("kubeconfig");
        write_private(&path, "old").unwrap();
        write_private(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let scratch = Scratch::new("mode");
        let path = scratch.join("kubeconfig");
        write_private(&path, "secret").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_cannot_be_replaced_leaves_nothing_behind() {
        let scratch = Scratch::new("blocked");
        let path = scratch.join("kubeconfig");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), "").unwrap();
        assert!(write_private(&path, "text").is_err());
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    #[test]
    fn damaged_files_are_numbered() {
        let scratch = Scratch::new("aside");
        let path = scratch.join("journal");
        for expected in ["journal.damaged-1", "journal.damaged-2"] {
            fs::write(&path, "").unwrap();
            assert_eq!(set_aside(&path).unwrap(), scratch.join(expected));
        }
    }
}
