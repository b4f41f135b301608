//! What happened in the learner's sessions: one event a line, only ever added to.
//!
//! Each line is synced before the command goes on, so that what a learner was told had happened is on the disk. A
//! line that was cut short by a crash, or damaged later, is kept aside with all that follows it, and said.

use crate::platform::files::{self, Access};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The entry's number, from 1, without gaps.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The lab it happened in.
    pub lab: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen to a learner in a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The break was applied.
    Started,
    /// The lab was put back to the break.
    Reset,
    /// A manifest from the work folder was applied.
    ManifestApplied {
        /// The file's name in the work folder.
        file: String,
    },
    /// An objective held for as long as it must.
    ObjectivePassed {
        /// The objective's id.
        objective: String,
    },
    /// A hint was shown.
    HintTaken {
        /// How many hints were shown so far in this session, this one included.
        step: u32,
    },
    /// The solution was shown.
    SolutionShown,
    /// Everything passed.
    Solved,
    /// The lab was put away.
    Stopped,
}

impl Event {
    /// Whether the progress file says something of it.
    pub fn counts_for_progress(&self) -> bool {
        !matches!(
            self,
            Self::ManifestApplied { .. } | Self::ObjectivePassed { .. } | Self::Stopped
        )
    }
}

/// A journal on the disk.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    next: u64,
}

/// A journal as it was found.
#[derive(Debug)]
pub struct Opened {
    /// The journal, ready for the next event.
    pub journal: Journal,
    /// What it tells.
    pub entries: Vec<Entry>,
    /// Where the damaged rest was kept, if there was any.
    pub damaged: Option<PathBuf>,
}

impl Journal {
    /// Opens the journal at `path`; a missing file is an empty journal.
    ///
    /// # Errors
    /// When the file can't be read, or its damaged rest can't be kept aside.
    pub fn open(path: &Path) -> Result<Opened, files::Error> {
        let bytes = files::read(path)?.unwrap_or_default();
        let (entries, good) = read_entries(&bytes);
        let damaged = if good < bytes.len() {
            Some(keep_rest(path, &bytes, good)?)
        } else {
            None
        };
        let next = entries.last().map_or(1, |entry| entry.seq + 1);
        Ok(Opened {
            journal: Self {
                path: path.to_owned(),
                next,
            },
            entries,
            damaged,
        })
    }

    /// Writes down that `event` happened in `lab` at `at`.
    ///
    /// # Errors
    /// When the line can't be written and synced.
    pub fn add(&mut self, at: Timestamp, lab: &str, event: Event) -> Result<Entry, files::Error> {
        let entry = Entry {
            seq: self.next,
            at,
            lab: lab.to_owned(),
            event,
        };
        let line = serde_json::to_string(&entry).map_err(|error| files::Error {
            path: self.path.clone(),
            source: error.into(),
        })?;
        files::append_line(&self.path, &line)?;
        self.next += 1;
        Ok(entry)
    }
}

/// The entries that are whole and in order, and how many bytes they take.
fn read_entries(bytes: &[u8]) -> (Vec<Entry>, usize) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut good = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let expected = entries.len() as u64 + 1;
        match line
            .strip_suffix(b"\n")
            .and_then(|line| serde_json::from_slice::<Entry>(line).ok())
        {
            Some(entry) if entry.seq == expected => entries.push(entry),
            _ => break,
        }
        good += line.len();
    }
    (entries, good)
}

/// First the damaged rest is safe in its own file, then the journal is cut: no instant loses a byte.
fn keep_rest(path: &Path, bytes: &[u8], good: usize) -> Result<PathBuf, files::Error> {
    let kept = files::free_name(path, "damaged");
    files::write(&kept, &bytes[good..], Access::Usual)?;
    files::write(path, &bytes[..good], Access::Usual)?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::scratch::Scratch;

    fn events() -> Vec<Event> {
        vec![
            Event::Started,
            Event::HintTaken { step: 1 },
            Event::ManifestApplied {
                file: "a.yaml".to_owned(),
            },
            Event::ObjectivePassed {
                objective: "ready".to_owned(),
            },
            Event::Solved,
        ]
    }

    fn written(scratch: &Scratch) -> (PathBuf, Vec<Entry>) {
        let path = scratch.path("journal.jsonl");
        let mut journal = Journal::open(&path).unwrap().journal;
        let add = |event| {
            journal
                .add(Timestamp::UNIX_EPOCH, "ch07-readiness", event)
                .unwrap()
        };
        let entries = events().into_iter().map(add).collect();
        (path, entries)
    }

    #[test]
    fn a_journal_tells_what_was_written() {
        let scratch = Scratch::new();
        let (path, entries) = written(&scratch);
        let opened = Journal::open(&path).unwrap();
        assert_eq!(opened.entries, entries);
        assert!(opened.damaged.is_none());
        let text = String::from_utf8(files::read(&path).unwrap().unwrap()).unwrap();
        assert_eq!(
            text.lines().nth(1).unwrap(),
            r#"{"seq":2,"at":"1970-01-01T00:00:00Z","lab":"ch07-readiness","event":"hint_taken","step":1}"#
        );
    }

    #[test]
    fn a_journal_cut_at_any_byte_keeps_every_whole_line_and_the_rest_aside() {
        let source = Scratch::new();
        let (path, entries) = written(&source);
        let bytes = files::read(&path).unwrap().unwrap();
        for length in 0..=bytes.len() {
            let scratch = Scratch::new();
            let cut = scratch.path("journal.jsonl");
            std::fs::write(&cut, &bytes[..length]).unwrap();
            let mut opened = Journal::open(&cut).unwrap();
            let whole = bytes[..length].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(opened.entries, entries[..whole], "{length}");
            let rest = opened
                .damaged
                .map(|kept| std::fs::read(kept).unwrap())
                .unwrap_or_default();
            assert_eq!(
                [&std::fs::read(&cut).unwrap()[..], &rest].concat(),
                bytes[..length],
                "{length}"
            );
            let added = opened
                .journal
                .add(Timestamp::UNIX_EPOCH, "x", Event::Stopped)
                .unwrap();
            assert_eq!(added.seq, whole as u64 + 1);
            assert_eq!(Journal::open(&cut).unwrap().entries.len(), whole + 1);
        }
    }

    #[test]
    fn a_line_damaged_in_the_middle_takes_what_follows_with_it() {
        let scratch = Scratch::new();
        let (path, entries) = written(&scratch);
        let mut bytes = files::read(&path).unwrap().unwrap();
        let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 3;
        bytes[second] = 0;
        std::fs::write(&path, &bytes).unwrap();
        let opened = Journal::open(&path).unwrap();
        assert_eq!(opened.entries, entries[..1]);
        assert!(opened.damaged.is_some());
    }
}
