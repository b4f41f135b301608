//! What the learner has solved: a summary of the journal, kept beside it so that a person can read it.
//!
//! Either file brings the other's knowledge back: a damaged progress file is kept aside and made again from the
//! journal; what the progress file knows from before the journal was damaged stays.

use super::journal::{Entry, Event};
use crate::platform::files::{self, Access};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The version of the file's format.
const FORMAT_VERSION: u32 = 1;

/// The progress file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Progress {
    format_version: u32,
    /// What is known of each lab that was ever started.
    pub labs: BTreeMap<String, LabProgress>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            labs: BTreeMap::new(),
        }
    }
}

/// How far the learner came in one lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabProgress {
    /// When it was first started.
    pub started_at: Timestamp,
    /// When it was first solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved_at: Option<Timestamp>,
    /// The most hints that were taken in one go at it, before it was first solved.
    pub hints: u32,
    /// Whether the solution was looked at before it was first solved.
    pub solution_shown: bool,
    /// How often the break was applied.
    pub attempts: u32,
}

impl Progress {
    /// Takes an event into account.
    pub fn take(&mut self, entry: &Entry) {
        let fresh = || LabProgress {
            started_at: entry.at,
            solved_at: None,
            hints: 0,
            solution_shown: false,
            attempts: 0,
        };
        let lab = self.labs.entry(entry.lab.clone()).or_insert_with(fresh);
        let open = lab.solved_at.is_none();
        match &entry.event {
            Event::Started | Event::Reset => lab.attempts += 1,
            Event::HintTaken { step } if open => lab.hints = lab.hints.max(*step),
            Event::SolutionShown if open => lab.solution_shown = true,
            Event::Solved if open => lab.solved_at = Some(entry.at),
            _ => {}
        }
    }

    /// The summary of a whole journal.
    pub fn of(entries: &[Entry]) -> Self {
        let mut progress = Self::default();
        for entry in entries {
            progress.take(entry);
        }
        progress
    }

    /// Adds what `other` knows better: the lab it alone knows, the earlier start, the solution.
    fn join(mut self, other: Self) -> Self {
        for (id, theirs) in other.labs {
            match self.labs.get_mut(&id) {
                None => {
                    self.labs.insert(id, theirs);
                }
                Some(ours) => {
                    ours.started_at = ours.started_at.min(theirs.started_at);
                    ours.attempts = ours.attempts.max(theirs.attempts);
                    if let Some(at) = theirs
                        .solved_at
                        .filter(|at| ours.solved_at.is_none_or(|own| *at < own))
                    {
                        ours.solved_at = Some(at);
                        ours.hints = theirs.hints;
                        ours.solution_shown = theirs.solution_shown;
                    }
                }
            }
        }
        self
    }

    /// Reads the progress file and holds it against the journal's `entries`. A file that can't be understood is
    /// kept aside; its new name comes with the progress.
    ///
    /// # Errors
    /// When the file can't be read, or can't be kept aside.
    pub fn load(path: &Path, entries: &[Entry]) -> Result<(Self, Option<PathBuf>), files::Error> {
        let told = Self::of(entries);
        let known = |kept: &Self| kept.format_version == FORMAT_VERSION;
        let (kept, damaged) = files::read_json(path, known)?;
        let progress = match kept {
            Some(kept) => told.join(kept),
            None => told,
        };
        Ok((progress, damaged))
    }

    /// Writes the progress file.
    ///
    /// # Errors
    /// When it can't be written and synced; the old one then stays.
    pub fn save(&self, path: &Path) -> Result<(), files::Error> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| files::Error {
            path: path.to_owned(),
            source: error.into(),
        })?;
        text.push(b'\n');
        files::write(path, &text, Access::Usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::scratch::Scratch;

    fn entries(events: &[Event]) -> Vec<Entry> {
        (1..)
            .zip(events)
            .map(|(seq, event)| Entry {
                seq,
                at: Timestamp::from_second(seq as i64).unwrap(),
                lab: "a".to_owned(),
                event: event.clone(),
            })
            .collect()
    }

    fn solved() -> Vec<Entry> {
        let hint = |step| Event::HintTaken { step };
        entries(&[
            Event::Started,
            hint(1),
            hint(2),
            Event::Solved,
            Event::Reset,
            hint(3),
            Event::SolutionShown,
        ])
    }

    #[test]
    fn what_comes_after_the_solution_does_not_count_against_the_learner() {
        let progress = Progress::of(&solved());
        let lab = &progress.labs["a"];
        assert_eq!((lab.hints, lab.solution_shown, lab.attempts), (2, false, 2));
        assert_eq!(lab.solved_at, Some(Timestamp::from_second(4).unwrap()));
    }

    #[test]
    fn a_progress_file_cut_at_any_byte_is_kept_aside_and_made_again_from_the_journal() {
        let scratch = Scratch::new();
        let path = scratch.path("progress.json");
        let progress = Progress::of(&solved());
        progress.save(&path).unwrap();
        let bytes = files::read(&path).unwrap().unwrap();
        // The last byte is only the line feed.
        for length in 0..bytes.len() - 1 {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let (loaded, kept) = Progress::load(&path, &solved()).unwrap();
            assert_eq!(loaded, progress, "{length}");
            let kept = kept.unwrap();
            assert_eq!(std::fs::read(&kept).unwrap(), bytes[..length]);
            std::fs::remove_file(&kept).unwrap();
        }
    }

    #[test]
    fn what_a_lost_journal_told_is_still_in_the_progress_file() {
        let scratch = Scratch::new();
        let path = scratch.path("progress.json");
        let progress = Progress::of(&solved());
        progress.save(&path).unwrap();
        assert_eq!(Progress::load(&path, &[]).unwrap(), (progress.clone(), None));
        let (loaded, _) = Progress::load(&path, &entries(&[Event::Started])).unwrap();
        assert_eq!(loaded.labs["a"].solved_at, progress.labs["a"].solved_at);
    }

    #[test]
    fn a_file_of_a_later_format_is_kept_aside() {
        let scratch = Scratch::new();
        let path = scratch.path("progress.json");
        std::fs::write(&path, r#"{"formatVersion":2,"labs":{}}"#).unwrap();
        assert_eq!(
            Progress::load(&path, &[]).unwrap(),
            (Progress::default(), Some(scratch.path("progress.json.damaged-1")))
        );
    }
}
