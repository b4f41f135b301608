//! A scratch home, and bbf run in it with nothing else in its environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A pack with one lab, `quick-probe`, whose windows are short: for tests that wait by the clock on the wall.
pub(crate) const QUICK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/quick");

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A home of a learner's own; what runs in it is stopped, and the home removed, at the end of the test.
pub(crate) struct Home(PathBuf);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("bbf-cli-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The state folder.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.path(".local/state/bbf").join(name)
    }

    /// A command line in this home.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bbf"));
        command
            .args(line.split_whitespace())
            .env_clear()
            .env("HOME", &self.0)
            .current_dir(&self.0);
        command
    }

    /// Runs `bbf` with the words of `line`.
    pub(crate) fn bbf(&self, line: &str) -> Ended {
        self.ended(self.command(line).output().unwrap())
    }

    /// What a command said, with the home's path as `[HOME]`.
    pub(crate) fn ended(&self, output: Output) -> Ended {
        let home = self.0.display().to_string();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&home, "[HOME]");
        let code = output.status.code().expect("ended by itself");
        Ended {
            code,
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The process that serves the lab's cluster.
    pub(crate) fn server_pid(&self, lab: &str) -> u32 {
        let lock = self.state("clusters").join(lab).join("server.lock");
        let text = std::fs::read_to_string(lock).unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.state("session.json").exists() {
            self.command("lab stop").output().ok();
        }
        std::fs::remove_dir_all(&self.0).ok();
    }
}

impl Ended {
    /// Checks the exit code; says everything if it is another.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Says that a test was skipped, past the test harness, which holds back what a passing test prints.
pub(crate) fn skipped(why: &str) {
    use std::io::Write as _;
    writeln!(std::io::stderr(), "SKIPPED: {why}").ok();
}

/// Runs kill with a signal.
pub(crate) fn kill(signal: &str, pid: u32) {
    assert!(
        Command::new("kill")
            .args([signal, &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

/// Replaces a text in a file.
pub(crate) fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}
