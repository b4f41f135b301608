//! A lock between processes that says who holds it. The system releases it when its holder dies, however it dies.

use super::files::{self, at};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

/// How often, and how long apart, a lock whose holder has no name yet is looked at.
const UNNAMED_LOOKS: u32 = 25;
const UNNAMED_PAUSE: Duration = Duration::from_millis(2);

/// A held lock; dropping it releases it.
#[derive(Debug)]
pub struct Lock(File);

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds it.
    #[error("held by {0}")]
    Held(Holder),
    /// The lock file could not be used.
    #[error(transparent)]
    File(#[from] files::Error),
}

/// The process that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// Its process id; 0 when it has not written it yet.
    pub pid: u32,
    /// What it was asked to do, such as `bbf lab start`.
    pub command: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.pid, self.command.as_str()) {
            (0, _) => f.write_str("bbf"),
            (pid, "") => write!(f, "bbf (pid {pid})"),
            (pid, command) => write!(f, "{command} (pid {pid})"),
        }
    }
}

impl Holder {
    fn parse(text: &str) -> Self {
        let (pid, command) = text.trim_end().split_once(' ').unwrap_or((text.trim_end(), ""));
        Self {
            pid: pid.parse().unwrap_or(0),
            command: command.to_owned(),
        }
    }
}

impl Lock {
    /// Takes the lock at `path` for this process, which is doing `command`.
    ///
    /// # Errors
    /// [`Error::Held`] when another process has it, [`Error::File`] when the file can't be used.
    pub fn take(path: &Path, command: &str) -> Result<Self, Error> {
        let mut file = open(path)?;
        let mut holder = Holder::default();
        // Who has just taken it, or is about to let go, has no name in the file: look again a little later.
        for _ in 0..UNNAMED_LOOKS {
            match file.try_lock() {
                Ok(()) => {
                    let text = format!("{} {command}\n", std::process::id());
                    overwrite(&mut file, &text).map_err(at(path))?;
                    return Ok(Self(file));
                }
                Err(TryLockError::WouldBlock) => holder = holder_in(&mut file),
                Err(TryLockError::Error(source)) => return Err(at(path)(source).into()),
            }
            if holder.pid != 0 {
                break;
            }
            std::thread::sleep(UNNAMED_PAUSE);
        }
        Err(Error::Held(holder))
    }

    /// Takes the lock at `path` for this process, waiting until it is free. For what is done in a moment.
    ///
    /// # Errors
    /// When the file can't be used.
    pub fn wait(path: &Path) -> Result<Self, files::Error> {
        let file = open(path)?;
        file.lock().map_err(at(path))?;
        Ok(Self(file))
    }

    /// Who holds the lock at `path` now; `None` when it is free or there is no such file.
    pub fn holder(path: &Path) -> Option<Holder> {
        let mut file = OpenOptions::new().read(true).write(true).open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder_in(&mut file)),
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // An empty file names nobody. A program that is being started at this moment has the descriptor too, so closing it is not
        // enough.
        self.0.set_len(0).ok();
        self.0.unlock().ok();
    }
}

fn open(path: &Path) -> Result<File, files::Error> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(at(path))
}

fn overwrite(file: &mut File, text: &str) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

fn holder_in(file: &mut File) -> Holder {
    let mut text = String::new();
    match file.rewind().and_then(|()| file.read_to_string(&mut text)) {
        Ok(_) => Holder::parse(&text),
        Err(_) => Holder::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::scratch::Scratch;

    #[test]
    fn the_second_to_come_is_told_who_was_first() {
        let scratch = Scratch::new();
        let path = scratch.path("lock");
        let first = Lock::take(&path, "bbf lab start").unwrap();
        let Err(Error::Held(holder)) = Lock::take(&path, "bbf lab reset") else {
            panic!("taken twice")
        };
        let me = std::process::id();
        assert_eq!(holder.to_string(), format!("bbf lab start (pid {me})"));
        assert_eq!(Lock::holder(&path), Some(holder));
        drop(first);
        assert_eq!(Lock::holder(&path), None);
        Lock::take(&path, "bbf lab reset").unwrap();
    }

    #[test]
    fn a_holder_that_has_not_written_its_name_is_still_described() {
        assert_eq!(Holder::parse("").to_string(), "bbf");
        assert_eq!(Holder::parse("12\n").to_string(), "bbf (pid 12)");
        assert_eq!(Holder::parse("junk here").to_string(), "bbf");
    }
}
