//! bbf on a terminal: a pseudo-terminal with a program at one end and a screen that remembers at the other.

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, Pty};

use crate::environment::Home;

/// How long the screen may take to show what is waited for. It shows it within milliseconds unless it never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the screen is looked at.
const LOOK: Duration = Duration::from_millis(10);

type Shared = Arc<Mutex<vt100::Parser>>;

/// A terminal that runs one command.
pub(crate) struct Screen {
    pty: Pty,
    child: Child,
    seen: Shared,
    reader: Option<JoinHandle<()>>,
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

impl Screen {
    /// Runs `bbf` with the words of `line` on a terminal of that many columns and rows.
    pub(crate) fn run(home: &Home, line: &str, (columns, rows): (u16, u16)) -> Self {
        let (pty, end) = pty_process::blocking::open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let like = home.command(line);
        let command = Command::new(like.get_program())
            .args(like.get_args())
            .env_clear()
            .env("HOME", home.path(""))
            .env("TERM", "xterm-256color")
            .current_dir(home.path(""));
        let child = command.spawn(end).unwrap();
        let seen = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(columns), 0)));
        let reader = read(&pty, &seen);
        Self {
            pty,
            child,
            seen,
            reader: Some(reader),
        }
    }

    /// Types `keys`.
    pub(crate) fn press(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).unwrap();
    }

    /// Gives the window another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let mut parser = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        parser.screen_mut().set_size(cells(rows), cells(columns));
        self.pty.resize(Size::new(rows, columns)).unwrap();
    }

    /// What stands on the screen now.
    pub(crate) fn text(&self) -> String {
        self.with(vt100::Screen::contents)
    }

    /// Waits until the screen shows `text`, and gives all that it shows then.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Waits until the screen no longer shows `text`.
    #[track_caller]
    pub(crate) fn hides(&self, text: &str) {
        self.until(text, |screen| !screen.contains(text));
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            let text = self.text();
            if holds(&text) {
                return text;
            }
            assert!(started.elapsed() < PATIENCE, "waited for “{what}” on:\n{text}");
            std::thread::sleep(LOOK);
        }
    }

    /// The process that has the terminal.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end of the command: how it ended, and what it left on a terminal that must be as it was.
    #[track_caller]
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < PATIENCE, "still runs:\n{}", self.text());
            std::thread::sleep(LOOK);
        };
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        assert!(
            !self.with(vt100::Screen::alternate_screen) && !self.with(vt100::Screen::hide_cursor),
            "the terminal was not given back ({:?}):\n{}",
            status.signal(),
            self.text()
        );
        (status, self.text())
    }

    fn with<T>(&self, look: impl Fn(&vt100::Screen) -> T) -> T {
        let parser = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        look(parser.screen())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Keeps what the program writes on the remembered screen until the program's end of the terminal is closed.
fn read(pty: &Pty, seen: &Shared) -> JoinHandle<()> {
    use std::os::fd::AsFd as _;
    let mut output = std::fs::File::from(pty.as_fd().try_clone_to_owned().unwrap());
    let seen = Arc::clone(seen);
    let reader = std::thread::Builder::new().name("the program's output".to_owned());
    let listen = move || {
        let mut bytes = [0; 4096];
        while let Ok(count) = output.read(&mut bytes) {
            if count == 0 {
                return;
            }
            seen.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .process(&bytes[..count]);
        }
    };
    reader.spawn(listen).unwrap()
}
