//! The recording of a cluster: its configuration and every request that may have changed it, with its time.
//!
//! A cluster's state is a function of these, so this file is all that has to survive. One line is one request,
//! written to the file before the cluster acts on it and so before anyone is told that it happened.
//!
//! What survives what: a line is handed to the system (`write(2)`) before its request is answered, so `kill -9` of
//! the process at any instant loses nothing that a client was told. It is synced to the disk within a second, so
//! a loss of power costs at most the last second. Syncing each line would cost each `kubectl apply` some
//! milliseconds for a kind of crash that a lab's learner meets once in years; see `docs/adr/0002`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use podling::Config;
use podling::clock::Time;

use crate::journal::format::{Contents, Header};
use crate::private_file::{copy_aside, sync_folder_of};

mod format;

pub(crate) use format::{Entry, Input};

/// What was brought back from a journal.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Recovered {
    /// How many requests were replayed.
    pub requests: usize,
    /// How many recorded requests were not, because the journal is damaged before them.
    pub dropped: usize,
    /// The last line was cut short by the crash and removed. Its request had not been answered.
    pub torn: bool,
    /// Where the whole damaged journal was kept, if it was damaged.
    pub kept_aside: Option<PathBuf>,
    /// The version of podling that made the recording.
    pub recorded_by: String,
}

/// Why a journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file could not be read or written.
    #[error("the cluster's journal {} can't be used: {source}", path.display())]
    File {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process, or another handle of this one, runs the cluster.
    #[error("the cluster of journal {} is already running", path.display())]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error(
        "the cluster's journal {} was written by a newer version of this program (format {found}, this one reads {known}): \
         update the program, or delete the cluster and start it again",
        path.display()
    )]
    Newer {
        /// The journal.
        path: PathBuf,
        /// The journal's format.
        found: u32,
        /// The newest format that is read here.
        known: u32,
    },
}

/// An open journal: the only one that writes to its file.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// The file's length, all of it whole lines.
    length: u64,
    /// Held as long as the journal is open; the system lets go of it when the process dies.
    _lock: File,
}

/// An open journal and what was in it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) journal: Journal,
    /// The recorded configuration, or the given one if there was no recording.
    pub(crate) config: Config,
    pub(crate) entries: Vec<Entry>,
    /// `None` if there was no recording.
    pub(crate) recovered: Option<Recovered>,
}

impl Journal {
    /// Opens the journal at `path`, or begins one with `config`. What is damaged is copied to
    /// `<path>.damaged-<n>` before it is cut off.
    pub(crate) fn open(path: &Path, config: Config) -> Result<Opened, JournalError> {
        let at = |source| JournalError::File {
            path: path.to_owned(),
            source,
        };
        let lock = lock(path)?;
        let mut file = open_private(path).map_err(at)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(at)?;
        let contents = Contents::read(&bytes);
        if let Some(found) = contents.newer_version {
            let (path, known) = (path.to_owned(), format::VERSION);
            return Err(JournalError::Newer { path, found, known });
        }
        let kept_aside = match contents.damaged_lines {
            0 => None,
            _ => Some(copy_aside(path).map_err(at)?),
        };
        file.set_len(contents.whole).map_err(at)?;
        let journal = Self {
            path: path.to_owned(),
            file,
            length: contents.whole,
            _lock: lock,
        };
        journal.resume(config, contents, kept_aside).map_err(at)
    }

    fn resume(
        mut self,
        config: Config,
        contents: Contents,
        kept_aside: Option<PathBuf>,
    ) -> io::Result<Opened> {
        let was_there = contents.header.is_some() || contents.torn || kept_aside.is_some();
        let header = match contents.header {
            Some(header) => header,
            None => {
                let header = Header::new(config);
                self.append(&header.to_line()?)?;
                self.file.sync_all()?;
                sync_folder_of(&self.path)?;
                header
            }
        };
        let recovered = was_there.then_some(Recovered {
            requests: contents.entries.len(),
            dropped: contents.damaged_lines,
            torn: contents.torn,
            kept_aside,
            recorded_by: header.podling,
        });
        Ok(Opened {
            journal: self,
            config: header.config,
            entries: contents.entries,
            recovered,
        })
    }

    /// Records what is about to be done to the cluster at `time`.
    ///
    /// # Errors
    /// When the disk is full or gone. The journal is then as it was before; the request must be refused.
    pub(crate) fn record(&mut self, time: Time, input: Input) -> io::Result<()> {
        let line = Entry { time, input }.to_line()?;
        self.append(&line)
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        // What an earlier failure left behind, if it could not be removed then.
        if self.file.metadata()?.len() != self.length {
            self.file.set_len(self.length)?;
        }
        if let Err(error) = self.file.write_all(line) {
            // A half line is cut off here or by the next write; a crash before that leaves it torn, which is told.
            drop(self.file.set_len(self.length));
            return Err(error);
        }
        self.length += u64::try_from(line.len()).unwrap_or_default();
        Ok(())
    }

    /// A handle to the same file, to sync it elsewhere.
    pub(crate) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Makes each further write fail, as a full disk does.
    #[cfg(test)]
    pub(crate) fn make_unwritable(&mut self) -> io::Result<()> {
        self.file = File::open(&self.path)?;
        Ok(())
    }

    /// Where the journal is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Takes the lock `<path>.lock`, which says that someone runs this cluster. It is a file of its own so that the
/// journal can be looked at and replaced while it is held.
fn lock(path: &Path) -> Result<File, JournalError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let at = |source| JournalError::File {
        path: path.to_owned(),
        source,
    };
    let file = open_private(Path::new(&name)).map_err(at)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(at(source)),
    }
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use podling::{Components, Request};

    use super::*;
    use crate::scratch::Scratch;

    fn config(seed: u64) -> Config {
        Config {
            seed,
            start: Time::default(),
            nodes: Vec::new(),
            components: Components::default(),
        }
    }

    fn request(number: usize) -> Request {
        Request::new("POST", &format!("/api/v1/namespaces/default/configmaps/{number}"))
    }

    fn input(number: usize) -> Input {
        Input::Request(Box::new(request(number)))
    }

    /// A journal with `count` requests, closed.
    fn recorded(scratch: &Scratch, count: usize) -> PathBuf {
        let path = scratch.join("journal");
        let mut journal = Journal::open(&path, config(1)).unwrap().journal;
        for number in 0..count {
            let time = Time::from_micros(i64::try_from(number).unwrap());
            journal.record(time, input(number)).unwrap();
        }
        path
    }

    fn inputs(opened: &Opened) -> Vec<Input> {
        opened.entries.iter().map(|entry| entry.input.clone()).collect()
    }

    #[test]
    fn what_was_recorded_is_read_again_with_the_first_configuration() {
        let scratch = Scratch::new("journal");
        let path = recorded(&scratch, 3);
        let opened = Journal::open(&path, config(2)).unwrap();
        assert_eq!(inputs(&opened), [input(0), input(1), input(2)]);
        assert_eq!(opened.config, config(1));
        let recovered = opened.recovered.unwrap();
        assert_eq!(
            (recovered.requests, recovered.dropped, recovered.torn),
            (3, 0, false)
        );
    }

    #[test]
    fn a_new_journal_recovers_nothing() {
        let scratch = Scratch::new("journal-new");
        assert_eq!(
            Journal::open(&scratch.join("journal"), config(1))
                .unwrap()
                .recovered,
            None
        );
    }

    #[test]
    fn wherever_a_crash_cuts_the_file_all_whole_lines_come_back_and_the_rest_is_told() {
        let scratch = Scratch::new("journal-torn");
        let path = recorded(&scratch, 2);
        let bytes = fs::read(&path).unwrap();
        for cut in 0..=bytes.len() {
            fs::write(&path, &bytes[..cut]).unwrap();
            let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
            let torn = cut > 0 && bytes[cut - 1] != b'\n';
            let mut opened = Journal::open(&path, config(1)).unwrap();
            assert_eq!(opened.entries.len(), whole.saturating_sub(1), "cut at {cut}");
            let recovered = opened.recovered.take().unwrap_or_default();
            assert_eq!((recovered.torn, recovered.dropped), (torn, 0), "cut at {cut}");
            opened.journal.record(Time::default(), input(9)).unwrap();
            drop(opened);
            let again = Journal::open(&path, config(1)).unwrap();
            assert_eq!(again.entries.last().unwrap().input, input(9), "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_line_and_what_follows_is_kept_aside_and_counted() {
        let scratch = Scratch::new("journal-damaged");
        let path = recorded(&scratch, 4);
        let mut lines: Vec<String> = fs::read_to_string(&path)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        lines[3] = lines[3].replace("POST", "PUTT");
        let damaged = lines.join("\n") + "\n";
        fs::write(&path, &damaged).unwrap();
        let opened = Journal::open(&path, config(1)).unwrap();
        assert_eq!(inputs(&opened), [input(0), input(1)]);
        let recovered = opened.recovered.clone().unwrap();
        assert_eq!(recovered.dropped, 2);
        assert_eq!(recovered.kept_aside, Some(scratch.join("journal.damaged-1")));
        assert_eq!(
            fs::read_to_string(scratch.join("journal.damaged-1")).unwrap(),
            damaged
        );
        drop(opened);
        assert_eq!(Journal::open(&path, config(1)).unwrap().entries.len(), 2);
    }

    #[test]
    fn a_journal_whose_header_is_damaged_is_kept_aside_whole() {
        let scratch = Scratch::new("journal-header");
        let path = recorded(&scratch, 2);
        let text = fs::read_to_string(&path).unwrap().replacen('{', "[", 1);
        fs::write(&path, &text).unwrap();
        let opened = Journal::open(&path, config(5)).unwrap();
        assert_eq!(opened.config, config(5));
        let recovered = opened.recovered.unwrap();
        assert_eq!((recovered.requests, recovered.dropped), (0, 3));
        assert_eq!(fs::read_to_string(recovered.kept_aside.unwrap()).unwrap(), text);
    }

    #[test]
    fn garbage_of_any_kind_is_no_journal_and_no_panic() {
        let scratch = Scratch::new("journal-garbage");
        let path = scratch.join("journal");
        for bytes in [
            b"\n\n\n".as_slice(),
            b"\0\xff\xfe\n",
            b"null\n",
            b"{\"podlingJournal\":2}\nx\n",
            &[b'a'; 5000],
        ] {
            fs::write(&path, bytes).unwrap();
            let recovered = Journal::open(&path, config(1)).unwrap().recovered.unwrap();
            assert_eq!(recovered.requests, 0);
            assert!(recovered.torn || recovered.kept_aside.is_some());
        }
    }

    #[test]
    fn a_newer_journal_is_refused_and_left_as_it_is() {
        let scratch = Scratch::new("journal-newer");
        let path = scratch.join("journal");
        let newer = format::VERSION + 1;
        let text = format!("{{\"podlingJournal\":{newer},\"cluster\":\"unknown here\"}}\nunknown too\n");
        fs::write(&path, &text).unwrap();
        let error = Journal::open(&path, config(1)).unwrap_err();
        assert!(
            matches!(error, JournalError::Newer { found, known, .. } if (found, known) == (newer, newer - 1)),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_journal_is_open_once() {
        let scratch = Scratch::new("journal-twice");
        let path = scratch.join("journal");
        let first = Journal::open(&path, config(1)).unwrap();
        let second = Journal::open(&path, config(1)).unwrap_err();
        assert!(matches!(second, JournalError::InUse { .. }), "{second}");
        drop(first);
        Journal::open(&path, config(1)).unwrap();
    }

    #[test]
    fn a_journal_without_a_folder_says_so() {
        let scratch = Scratch::new("journal-nowhere");
        let error = Journal::open(&scratch.join("no/journal"), config(1)).unwrap_err();
        assert!(matches!(error, JournalError::File { .. }), "{error}");
    }
}
