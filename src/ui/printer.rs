//! The one way out for text: data to stdout, status to stderr, in the form and with the colours that were asked for.

use super::ansi;
use super::messages::trouble;
use crate::lab::Language;
use ratatui::style::{Color, Style};
use ratatui::text::Line;
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write};

/// The form of what goes to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For scripts: one JSON document.
    Json,
}

/// A failure in words: what happened and why, and what to type next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What happened, and why.
    pub what: String,
    /// What the learner can do about it.
    pub next: Vec<String>,
}

/// Writes for the person or the script at the other end. A reader that went away is not an error.
pub struct Printer<'a> {
    out: Box<dyn Write + 'a>,
    err: Box<dyn Write + 'a>,
    /// The form of what goes to stdout.
    pub output: Output,
    /// The language of what is said.
    pub language: Language,
    colour_out: bool,
    colour_err: bool,
    width: usize,
    lost: Option<io::Error>,
}

/// The width of text that does not go to a terminal, in columns.
const PIPE_WIDTH: usize = 100;

/// Text wider than this is hard to read.
const WIDEST: usize = 110;

impl<'a> Printer<'a> {
    /// Prints to this process's stdout and stderr.
    pub fn standard(output: Output, language: Language) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let terminal = io::stdout().is_terminal();
        let columns = crossterm::terminal::size().map_or(PIPE_WIDTH, |(columns, _)| usize::from(columns));
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            output,
            language,
            colour_out: terminal && !plain,
            colour_err: io::stderr().is_terminal() && !plain,
            width: if terminal { columns.min(WIDEST) } else { PIPE_WIDTH },
            lost: None,
        }
    }

    /// Prints to anything, without colours.
    pub fn plain(out: impl Write + 'a, err: impl Write + 'a, output: Output, language: Language) -> Self {
        Self {
            out: Box::new(out),
            err: Box::new(err),
            output,
            language,
            colour_out: false,
            colour_err: false,
            width: PIPE_WIDTH,
            lost: None,
        }
    }

    /// How many columns text may take.
    pub fn width(&self) -> usize {
        self.width
    }

    /// A line of data. Nothing in JSON, where [`json`](Self::json) says it all.
    pub fn line(&mut self, text: &str) {
        if self.output == Output::Text {
            self.data(format!("{text}\n").as_bytes());
        }
    }

    /// Lines of styled data; nothing in JSON.
    pub fn lines(&mut self, lines: &[Line<'_>]) {
        if self.output == Output::Text {
            self.data(ansi::text(lines, self.colour_out).as_bytes());
        }
    }

    /// Bytes as they are, whatever the form: a kubeconfig, a completion script.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.data(bytes);
    }

    /// What kept data from being written, such as a full disk.
    pub fn lost(&self) -> Option<&io::Error> {
        self.lost.as_ref()
    }

    fn data(&mut self, bytes: &[u8]) {
        let written = self.out.write_all(bytes).and_then(|()| self.out.flush());
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.lost.get_or_insert(error);
        }
    }

    /// The JSON document; nothing in text.
    pub fn json(&mut self, value: &impl Serialize) {
        if self.output == Output::Json
            && let Ok(text) = serde_json::to_string_pretty(value)
        {
            self.data(format!("{text}\n").as_bytes());
        }
    }

    /// A line about what is going on.
    pub fn status(&mut self, text: &str) {
        writeln!(self.err, "{text}").ok();
    }

    /// A line that the learner should not miss.
    pub fn note(&mut self, text: &str) {
        self.labelled(&trouble::warning_label(self.language), Color::Yellow, text);
    }

    /// What went wrong, and what to type next.
    pub fn complain(&mut self, complaint: &Complaint) {
        self.labelled(&trouble::error_label(self.language), Color::Red, &complaint.what);
        for next in &complaint.next {
            self.labelled(
                &format!(" {}", trouble::next_label(self.language)),
                Color::Cyan,
                next,
            );
        }
    }

    fn labelled(&mut self, label: &str, colour: Color, text: &str) {
        let label = ansi::styled(&format!("{label}:"), Style::new().fg(colour), self.colour_err);
        writeln!(self.err, "{label} {text}").ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(output: Output, print: impl FnOnce(&mut Printer<'_>)) -> (String, String) {
        let (mut out, mut err) = (vec![], vec![]);
        print(&mut Printer::plain(&mut out, &mut err, output, Language::En));
        (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    fn everything(printer: &mut Printer<'_>) {
        printer.line("data");
        printer.json(&["data"]);
        printer.status("status");
        printer.note("careful");
        let what = "it broke.".to_owned();
        printer.complain(&Complaint {
            what,
            next: vec!["bbf doctor".to_owned()],
        });
    }

    /// A stdout on which every write fails.
    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn data_that_a_full_disk_refuses_is_lost_and_a_reader_that_went_away_wants_none() {
        for (kind, lost) in [
            (io::ErrorKind::StorageFull, Some(io::ErrorKind::StorageFull)),
            (io::ErrorKind::BrokenPipe, None),
        ] {
            let mut printer = Printer::plain(Failing(kind), io::sink(), Output::Text, Language::En);
            printer.line("data");
            assert_eq!(printer.lost().map(io::Error::kind), lost);
        }
    }

    #[test]
    fn data_and_status_go_their_own_ways() {
        let status = "status\nnote: careful\nerror: it broke.\n next: bbf doctor\n".to_owned();
        assert_eq!(
            printed(Output::Text, everything),
            ("data\n".to_owned(), status.clone())
        );
        assert_eq!(
            printed(Output::Json, everything),
            ("[\n  \"data\"\n]\n".to_owned(), status)
        );
    }
}
