//! Other programs that bbf runs: found on the PATH, listened to while they run, ended when the learner has had enough.

use duct::{Expression, ReaderHandle, cmd};
use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The first file of this name on the PATH.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let suffix = std::env::consts::EXE_SUFFIX;
    std::env::split_paths(&path)
        .map(|folder| folder.join(format!("{name}{suffix}")))
        .find(|file| file.is_file())
}

/// A program, with what is changed in its environment.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    set: Vec<(&'static str, OsString)>,
    removed: Vec<&'static str>,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Whether its exit code was 0.
    pub well: bool,
    /// What it printed to stdout.
    pub stdout: String,
    /// What it printed to stderr.
    pub stderr: String,
}

impl Ended {
    /// What it said last, for a message: stderr, or stdout where that is empty.
    pub fn said(&self) -> &str {
        let said = self.stderr.trim();
        if said.is_empty() { self.stdout.trim() } else { said }
    }

    /// The lines of stdout that hold anything.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.stdout.lines().map(str::trim).filter(|line| !line.is_empty())
    }
}

impl Program {
    /// The program at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            set: vec![],
            removed: vec![],
        }
    }

    /// Sets a variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.set.push((name, value.into()));
        self
    }

    /// Takes a variable out of its environment.
    #[must_use]
    pub fn without(mut self, name: &'static str) -> Self {
        self.removed.push(name);
        self
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn expression(&self, arguments: &[&str]) -> Expression {
        let mut expression = cmd(&self.path, arguments).stdin_null().unchecked();
        for name in &self.removed {
            expression = expression.env_remove(name);
        }
        for (name, value) in &self.set {
            expression = expression.env(name, value);
        }
        expression
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn run(&self, arguments: &[&str]) -> io::Result<Ended> {
        let expression = self.expression(arguments).stdout_capture().stderr_capture();
        let output = tokio::task::spawn_blocking(move || expression.run())
            .await
            .map_err(io::Error::other)??;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ended {
            well: output.status.success(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        })
    }

    /// Runs it, and gives each line that it prints, on stdout or stderr, to `heard`; `started` gets its process id.
    /// A program that is no longer waited for, because the future was dropped, is ended.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn run_heard(
        &self,
        arguments: &[&str],
        started: impl FnOnce(u32),
        mut heard: impl FnMut(&str),
    ) -> io::Result<Ended> {
        let running = Running(Arc::new(self.expression(arguments).stderr_to_stdout().reader()?));
        started(running.0.pids().first().copied().unwrap_or_default());
        let mut lines = lines_of(Arc::clone(&running.0))?;
        let mut said = String::new();
        while let Some(line) = lines.recv().await {
            heard(&line);
            said.push_str(&line);
            said.push('\n');
        }
        let well = running
            .0
            .try_wait()?
            .is_some_and(|output| output.status.success());
        Ok(Ended {
            well,
            stdout: String::new(),
            stderr: said,
        })
    }
}

/// A running program, which does not outlive whoever waits for it.
struct Running(Arc<ReaderHandle>);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended by itself is what is wanted.
        self.0.kill().ok();
    }
}

/// The lines of a running program, from a thread of their own that waits for them. The thread is not waited for: what
/// the program has started may keep its output open after its end.
fn lines_of(reader: Arc<ReaderHandle>) -> io::Result<mpsc::UnboundedReceiver<String>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::Builder::new()
        .name("lines of a program".to_owned())
        .spawn(move || {
            let mut lines = BufReader::new(&*reader);
            let mut line = vec![];
            while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(text).is_err() {
                    return;
                }
                line.clear();
            }
        })?;
    Ok(receiver)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn shell() -> Program {
        Program::new("/bin/sh".into())
            .with("GIVEN", "given")
            .without("HOME")
    }

    #[tokio::test]
    async fn what_a_program_says_and_how_it_ends_is_kept() {
        let ended = shell()
            .run(&["-c", "echo \"$GIVEN ${HOME-none}\"; echo bad >&2; exit 3"])
            .await
            .unwrap();
        assert_eq!((ended.well, ended.said()), (false, "bad"));
        assert_eq!(ended.lines().collect::<Vec<_>>(), ["given none"]);
    }

    #[tokio::test]
    async fn a_program_is_heard_line_by_line() {
        let mut heard = vec![];
        let ended = shell()
            .run_heard(
                &["-c", "echo one; echo two >&2"],
                |pid| assert_ne!(pid, 0),
                |line| heard.push(line.to_owned()),
            )
            .await
            .unwrap();
        assert!(ended.well && heard == ["one", "two"], "{heard:?}");
    }

    #[tokio::test]
    async fn a_program_that_is_no_longer_waited_for_is_ended() {
        let pid = std::cell::Cell::new(0);
        let shell = shell();
        let run = shell.run_heard(&["-c", "echo up; exec sleep 60"], |it| pid.set(it), |_| {});
        tokio::time::timeout(Duration::from_millis(200), run)
            .await
            .unwrap_err();
        let gone = || crate::platform::processes::command_line(pid.get()).is_none();
        assert!(crate::platform::processes::wait_until(
            Duration::from_secs(10),
            gone
        ));
    }
}
