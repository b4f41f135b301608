//! Files that a crash never leaves half-written, and damaged ones that are kept.
//!
//! A whole file is written beside its place, synced and renamed into it. A log grows by whole lines, each synced.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever the learner's umask allows.
    Usual,
    /// The learner alone (mode 0600): credentials.
    Private,
}

/// Something that could not be done with a file or a folder.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct Error {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Puts the path to a failure, as in `.map_err(at(path))`.
pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error { path, source }
}

/// Reads a text file; `None` when there is none.
///
/// # Errors
/// Anything but a missing file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Makes a folder with those above it.
///
/// # Errors
/// What the system says, with the folder's path.
pub fn make_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(at(path))
}

/// Removes a file; one that is not there is no failure.
///
/// # Errors
/// What the system says, with the file's path.
pub fn remove(path: &Path) -> Result<(), Error> {
    gone(path, fs::remove_file(path))
}

/// Removes a folder with all that is in it; one that is not there is no failure.
///
/// # Errors
/// What the system says, with the folder's path.
pub fn remove_folder(path: &Path) -> Result<(), Error> {
    gone(path, fs::remove_dir_all(path))
}

fn gone(path: &Path, removed: io::Result<()>) -> Result<(), Error> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

/// The names of the folders in `parent` that hold a file `marker`, in order; none where there is no such folder.
///
/// # Errors
/// When the folder can't be read.
pub fn folders_with(parent: &Path, marker: &str) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.map_err(at(parent))?,
    };
    let folders = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join(marker).exists());
    let mut names: Vec<String> = folders
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}

/// Reads a value from JSON; none where there is no file. What can't be understood, or is not `known` (of a version that
/// this bbf reads), is kept aside; its new name comes second.
///
/// # Errors
/// When the file can't be read, or can't be kept aside.
pub fn read_json<T: serde::de::DeserializeOwned>(
    path: &Path,
    known: impl Fn(&T) -> bool,
) -> Result<(Option<T>, Option<PathBuf>), Error> {
    let Some(bytes) = read(path)? else {
        return Ok((None, None));
    };
    match serde_json::from_slice(&bytes) {
        Ok(value) if known(&value) => Ok((Some(value), None)),
        _ => Ok((None, Some(keep_aside(path)?))),
    }
}

/// Writes a value as JSON; see [`write()`].
///
/// # Errors
/// As [`write()`].
pub fn write_json(path: &Path, value: &impl serde::Serialize, access: Access) -> Result<(), Error> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| Error {
        path: path.to_owned(),
        source: error.into(),
    })?;
    write(path, &text, access)
}

/// Writes a file so that, whenever the machine stops, either the old or the new content is there.
///
/// # Errors
/// What the system says, with the file's path; the old content then stays.
pub fn write(path: &Path, content: &[u8], access: Access) -> Result<(), Error> {
    let beside = beside(path);
    let written = write_and_rename(&beside, path, content, access).map_err(at(path));
    if written.is_err() {
        // The file may not even have been made; there is nothing more to say than the first failure.
        fs::remove_file(&beside).ok();
    }
    written
}

fn write_and_rename(beside: &Path, path: &Path, content: &[u8], access: Access) -> io::Result<()> {
    let mut file = create(beside, access)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(beside, path)?;
    sync_folder(path)
}

#[cfg(unix)]
fn create(path: &Path, access: Access) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mode = match access {
        Access::Usual => 0o666,
        Access::Private => 0o600,
    };
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
}

#[cfg(not(unix))]
fn create(path: &Path, _: Access) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
}

/// A rename is durable once its folder is synced.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

/// Adds one line to a log and syncs it. A `line` holds no line feed.
///
/// # Errors
/// What the system says, with the file's path.
pub fn append_line(path: &Path, line: &str) -> Result<(), Error> {
    let append = || {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_data()
    };
    append().map_err(at(path))
}

/// Keeps a damaged file under the first free name `<name>.damaged-<n>` and returns that name.
///
/// # Errors
/// What the system says, with the file's path.
fn keep_aside(path: &Path) -> Result<PathBuf, Error> {
    let kept = free_name(path, "damaged");
    fs::rename(path, &kept).map_err(at(path))?;
    Ok(kept)
}

/// The first name `<name>.<label>-<n>` that no file has.
pub fn free_name(path: &Path, label: &str) -> PathBuf {
    (1_u32..)
        .map(|number| {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{label}-{number}"));
            path.with_file_name(name)
        })
        .find(|candidate| !candidate.exists())
        .unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::scratch::Scratch;

    #[test]
    fn a_written_file_replaces_the_old_one_and_leaves_nothing_beside_it() {
        let scratch = Scratch::new();
        let path = scratch.path("a.json");
        write(&path, b"one", Access::Usual).unwrap();
        write(&path, b"two", Access::Private).unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
        assert_eq!(fs::read_dir(scratch.root()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_says_which() {
        let scratch = Scratch::new();
        let path = scratch.path("missing/a.json");
        let error = write(&path, b"one", Access::Usual).unwrap_err();
        assert_eq!(error.path, path);
        assert_eq!(error.source.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let scratch = Scratch::new();
        let path = scratch.path("key");
        write(&path, b"secret", Access::Private).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn damaged_files_are_numbered() {
        let scratch = Scratch::new();
        let path = scratch.path("p.json");
        for expected in ["p.json.damaged-1", "p.json.damaged-2"] {
            write(&path, b"x", Access::Usual).unwrap();
            assert_eq!(keep_aside(&path).unwrap(), scratch.path(expected));
        }
    }

    #[test]
    fn a_log_grows_by_lines() {
        let scratch = Scratch::new();
        let path = scratch.path("log");
        append_line(&path, "a").unwrap();
        append_line(&path, "b").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"a\nb\n");
    }

    #[test]
    fn a_missing_file_is_none() {
        let scratch = Scratch::new();
        assert!(read(&scratch.path("none")).unwrap().is_none());
    }
}
