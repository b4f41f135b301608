//! The learner's state on the disk: journal, progress and the lab at hand, changed together and one command at a time.

use super::journal::{Entry, Event, Journal};
use super::progress::Progress;
use super::record::Record;
use crate::platform::files;
use crate::platform::folders::Folders;
use crate::platform::lock::Lock;
use jiff::Timestamp;
use std::path::PathBuf;

/// The state of one learner.
#[derive(Debug)]
pub struct Store {
    folders: Folders,
    damaged: Vec<Damage>,
}

/// A damaged file, and where it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// What became of the damaged part.
    pub kept: PathBuf,
}

impl Store {
    /// The state in `folders`.
    ///
    /// # Errors
    /// When the state folder can't be made.
    pub fn open(folders: &Folders) -> Result<Self, files::Error> {
        files::make_folder(folders.state())?;
        Ok(Self {
            folders: folders.clone(),
            damaged: vec![],
        })
    }

    /// The folders.
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// The damaged files that were met since the last call.
    pub fn take_damaged(&mut self) -> Vec<Damage> {
        std::mem::take(&mut self.damaged)
    }

    /// The lab at hand.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn record(&mut self) -> Result<Option<Record>, files::Error> {
        let path = self.folders.session();
        let (record, kept) = Record::load(&path)?;
        self.damaged.extend(kept.map(|kept| Damage { path, kept }));
        Ok(record)
    }

    /// What is solved so far.
    ///
    /// # Errors
    /// When a file can't be read.
    pub fn progress(&mut self) -> Result<Progress, files::Error> {
        let _alone = self.alone()?;
        let entries = self.open_journal()?.1;
        self.load_progress(&entries)
    }

    /// Changes the lab at hand, if it is still the one that `known` tells of, at the same place; returns it as it is then. Another
    /// command may have stopped it meanwhile and started another.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn update(
        &mut self,
        known: &Record,
        change: impl FnOnce(&mut Record),
    ) -> Result<Option<Record>, files::Error> {
        let _alone = self.alone()?;
        let Some(mut record) = self.record()?.filter(|record| record.is_same_lab(known)) else {
            return Ok(None);
        };
        let before = record.clone();
        change(&mut record);
        if record != before {
            record.save(&self.folders.session())?;
        }
        Ok(Some(record))
    }

    /// Makes `record` the lab at hand; `None` for no lab.
    ///
    /// # Errors
    /// When the file can't be written or removed.
    pub fn replace(&mut self, record: Option<&Record>) -> Result<(), files::Error> {
        let _alone = self.alone()?;
        let path = self.folders.session();
        match record {
            Some(record) => record.save(&path),
            None => files::remove(&path),
        }
    }

    /// Writes down what happened, first in the journal, then in the progress.
    ///
    /// # Errors
    /// When a file can't be read or written.
    pub fn note(&mut self, lab: &str, event: Event) -> Result<Entry, files::Error> {
        let _alone = self.alone()?;
        let (mut journal, mut entries) = self.open_journal()?;
        let counts = event.counts_for_progress();
        let entry = journal.add(Timestamp::now(), lab, event)?;
        if counts {
            // The progress file is held against the whole journal, the new event included.
            entries.push(entry.clone());
            self.load_progress(&entries)?.save(&self.folders.progress())?;
        }
        Ok(entry)
    }

    fn open_journal(&mut self) -> Result<(Journal, Vec<Entry>), files::Error> {
        let path = self.folders.journal();
        let opened = Journal::open(&path)?;
        self.damaged
            .extend(opened.damaged.map(|kept| Damage { path, kept }));
        Ok((opened.journal, opened.entries))
    }

    fn load_progress(&mut self, entries: &[Entry]) -> Result<Progress, files::Error> {
        let path = self.folders.progress();
        let (progress, kept) = Progress::load(&path, entries)?;
        self.damaged.extend(kept.map(|kept| Damage { path, kept }));
        Ok(progress)
    }

    /// Waits until no other command is changing the state.
    fn alone(&self) -> Result<Lock, files::Error> {
        Lock::wait(&self.folders.state().join("state.lock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Place;
    use crate::platform::scratch::Scratch;

    fn store(scratch: &Scratch) -> Store {
        let root = scratch.root().to_owned();
        let folders = Folders::resolve(false, |name| (name == "BBF_HOME").then(|| root.clone())).unwrap();
        Store::open(&folders).unwrap()
    }

    #[test]
    fn what_is_noted_is_in_the_journal_and_in_the_progress() {
        let scratch = Scratch::new();
        store(&scratch).note("a", Event::Started).unwrap();
        let mut store = store(&scratch);
        store.note("a", Event::Solved).unwrap();
        assert!(store.progress().unwrap().labs["a"].solved_at.is_some());
        std::fs::remove_file(store.folders.journal()).unwrap();
        assert!(store.progress().unwrap().labs["a"].solved_at.is_some());
    }

    #[test]
    fn two_commands_at_once_number_their_events_in_turn() {
        let scratch = Scratch::new();
        let (mut one, mut two) = (store(&scratch), store(&scratch));
        let numbers: Vec<u64> = [&mut one, &mut two, &mut store(&scratch)]
            .into_iter()
            .map(|store| store.note("a", Event::Started).unwrap().seq)
            .collect();
        assert_eq!(numbers, [1, 2, 3]);
    }

    #[test]
    fn what_is_learnt_of_a_lab_is_not_written_to_another_that_took_its_place() {
        let scratch = Scratch::new();
        let mut store = store(&scratch);
        let record = |lab: &str| Record::preparing(lab, None, Place::Embedded, Timestamp::now());
        store.replace(Some(&record("b"))).unwrap();
        let change = |it: &mut Record| it.solution_shown = true;
        assert_eq!(store.update(&record("a"), change).unwrap(), None);
        assert!(!store.record().unwrap().unwrap().solution_shown);
        assert!(
            store
                .update(&record("b"), change)
                .unwrap()
                .unwrap()
                .solution_shown
        );
    }

    #[test]
    fn a_damaged_progress_file_is_said_once_and_nothing_is_lost() {
        let scratch = Scratch::new();
        let mut store = store(&scratch);
        store.note("a", Event::Started).unwrap();
        std::fs::write(store.folders.progress(), "{").unwrap();
        assert_eq!(store.progress().unwrap().labs.len(), 1);
        assert_eq!(store.take_damaged().len(), 1);
        assert!(store.take_damaged().is_empty());
    }
}
