//! What is going on while something takes long: on a terminal a line that moves, elsewhere a line for each step that is
//! done. While the live view has the terminal, nothing.

use super::terminal;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::RefCell;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

/// How often the line moves.
const TICK: Duration = Duration::from_millis(120);

/// The steps of something that takes long. They end when this is dropped.
pub struct Steps {
    /// The line that moves, while a step is under way; only on a terminal.
    line: RefCell<Option<ProgressBar>>,
    moving: bool,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Done.
    Done,
    /// Failed.
    Failed,
}

impl Steps {
    /// On stderr.
    pub fn new() -> Self {
        Self {
            line: RefCell::new(None),
            moving: std::io::stderr().is_terminal(),
        }
    }

    /// A step begins; the one before it is over.
    pub fn begin(&self, text: &str) {
        if !self.moving && !terminal::is_taken() {
            write_line(&format!("{text}…"));
        }
        self.begin_to_be_ended(text);
    }

    /// A step begins whose end will be told, so that a line for its beginning is not needed.
    pub fn begin_to_be_ended(&self, text: &str) {
        self.clear();
        if !self.moving || terminal::is_taken() {
            return;
        }
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}… {elapsed}") {
            line.set_style(style);
        }
        line.set_message(text.to_owned());
        line.enable_steady_tick(TICK);
        self.line.replace(Some(line));
    }

    /// The step that was begun has ended.
    pub fn end(&self, text: &str, end: End) {
        self.clear();
        if !terminal::is_taken() {
            let sign = match end {
                End::Done => '✓',
                End::Failed => '✗',
            };
            write_line(&format!("{sign} {text}"));
        }
    }

    /// Nothing is under way any more.
    pub fn clear(&self) {
        if let Some(line) = self.line.take() {
            line.finish_and_clear();
        }
    }
}

impl Default for Steps {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A reader that went away is not an error.
fn write_line(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}
