//! A terminal for a kubectl that is recorded on one: its lines are typed as a person would.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use podling::clock::Time;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// How long the recorder waited before each line, in cluster time.
const BETWEEN_LINES: Duration = Duration::from_millis(500);

/// The person at a terminal.
pub(super) struct Typist {
    keyboard: File,
    lines: VecDeque<String>,
    /// When the next line is typed; `None` before there is anything to be seen.
    next: Option<Time>,
}

impl Typist {
    /// Puts a command on a terminal whose screen is written to `screen`, with these lines to type.
    pub(super) fn sit_down(command: &mut Command, screen: &Path, lines: &str) -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let open = || {
            let path = OsStr::from_bytes(name.as_bytes());
            File::options().read(true).write(true).open(path)
        };
        command
            .stdin(Stdio::from(open()?))
            .stdout(Stdio::from(open()?))
            .stderr(Stdio::from(open()?));
        let keyboard = File::from(master);
        let (mut from, mut to) = (keyboard.try_clone()?, File::create(screen)?);
        // Ends, with an error, when nobody has the terminal any more.
        thread::spawn(move || io::copy(&mut from, &mut to));
        Ok(Self {
            keyboard,
            lines: lines.split_inclusive('\n').map(str::to_owned).collect(),
            next: None,
        })
    }

    /// Types what is due; `seen` says whether there is anything on the screen.
    pub(super) fn type_on(&mut self, now: Time, seen: bool) -> io::Result<()> {
        match self.next {
            None if seen => self.next = Some(now + BETWEEN_LINES),
            Some(at) if at <= now => {
                if let Some(line) = self.lines.pop_front() {
                    self.keyboard.write_all(line.as_bytes())?;
                }
                self.next = Some(now + BETWEEN_LINES);
            }
            _ => {}
        }
        Ok(())
    }
}
