//! Processes that outlive the command that started them, and how they are told to stop.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Starts `program` in the background: no input, its complaints go to `log`, and the first line that it prints is
/// returned once it has printed it. An empty line means that it ended without a word.
///
/// # Errors
/// When the program can't be started.
pub fn start_in_background(program: &Path, arguments: &[&str], log: File) -> io::Result<(Child, String)> {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(root_folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()?;
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    Ok((child, line))
}

/// A background process must not keep a folder from being unmounted or removed.
fn root_folder() -> &'static Path {
    Path::new(if cfg!(unix) { "/" } else { "." })
}

/// Takes this process out of its terminal's session, so that neither Ctrl-C there nor closing it ends it.
#[cfg(unix)]
pub fn leave_terminal() {
    // Fails only for a process that leads a group already, which then is nobody's foreground job.
    rustix::process::setsid().ok();
}

/// Takes this process out of its terminal's session.
#[cfg(not(unix))]
pub fn leave_terminal() {}

/// How a process is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It may tidy up first.
    Polite,
    /// At once.
    Forced,
}

/// Tells the process `pid` to end.
///
/// # Errors
/// When there is no such process, or it is not ours.
#[cfg(unix)]
pub fn end(pid: u32, ending: Ending) -> io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = match ending {
        Ending::Polite => Signal::TERM,
        Ending::Forced => Signal::KILL,
    };
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(kill_process(pid, signal)?)
}

/// Tells the process `pid` to end.
///
/// # Errors
/// Always: bbf does not know how on this system yet.
#[cfg(not(unix))]
pub fn end(_: u32, _: Ending) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The command line of a process, its words with spaces between them; `None` where it can't be told or there is none.
pub fn command_line(pid: u32) -> Option<String> {
    if let Ok(words) = std::fs::read(format!("/proc/{pid}/cmdline")) {
        let text = String::from_utf8_lossy(&words).replace('\0', " ");
        return Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    }
    let words = ["-o", "command=", "-p", &pid.to_string()].map(str::to_owned);
    let said = duct::cmd("ps", words).stderr_null().read().ok()?;
    Some(said.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Waits until `done` says so, asking every 2 ms; whether it did within `limit`.
pub fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = std::time::Instant::now();
    while !done() {
        if start.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

/// Listens for the signals that ask this process to end (SIGTERM, SIGHUP, or Ctrl-C where there is a terminal). From
/// the moment that this returns they no longer end the process by themselves; the future is done when one has come.
///
/// # Errors
/// When the signal handlers can't be set.
#[cfg(unix)]
pub fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Listens for the signal that asks this process to end; the future is done when it has come.
///
/// # Errors
/// When the signal handler can't be set.
#[cfg(not(unix))]
pub fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::platform::scratch::Scratch;

    fn start(script: &str) -> (Child, String) {
        let scratch = Scratch::new();
        let log = File::create(scratch.path("log")).unwrap();
        start_in_background(Path::new("/bin/sh"), &["-c", script], log).unwrap()
    }

    #[test]
    fn a_process_is_up_when_it_has_said_so() {
        let (mut child, line) = start("echo ready 1234; exec sleep 60");
        assert_eq!(line, "ready 1234\n");
        end(child.id(), Ending::Polite).unwrap();
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_process_that_ends_at_once_says_nothing() {
        let (mut child, line) = start("exit 3");
        assert_eq!(line, "");
        assert_eq!(child.wait().unwrap().code(), Some(3));
    }

    #[test]
    fn a_process_is_known_by_its_command_line() {
        let own = command_line(std::process::id()).unwrap();
        assert!(own.contains("bbf"), "{own}");
        assert_eq!(command_line(u32::MAX - 1), None);
    }

    #[test]
    fn waiting_ends_at_its_limit() {
        assert!(wait_until(Duration::ZERO, || true));
        assert!(!wait_until(Duration::ZERO, || false));
    }
}
