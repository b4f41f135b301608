//! The folder that bbf keeps of a cluster that it makes elsewhere, or of what it makes on one. Its record is written before
//! anything is made, so that whatever an interrupted command left is known to be bbf's own.

use crate::platform::files::{self, Access};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// What a folder says of what bbf has made.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// The name of the record's file, which tells whose folder it is.
    const FILE: &'static str;

    /// Whether it is of a version that this bbf reads.
    fn is_known(&self) -> bool;
}

/// A folder with a record `R`.
#[derive(Debug, Clone)]
pub(super) struct Folder<R> {
    path: PathBuf,
    of: PhantomData<R>,
}

impl<R: Record> Folder<R> {
    /// The folder at `path`, which need not exist.
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            of: PhantomData,
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How kubectl reaches the cluster.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.path.join("kubeconfig")
    }

    /// The file of the record.
    pub(super) fn record_file(&self) -> PathBuf {
        self.path.join(R::FILE)
    }

    /// The record, if there is one. What can't be understood is kept aside, and then nothing is known.
    ///
    /// # Errors
    /// When the file can't be read, or can't be kept aside.
    pub(super) fn record(&self) -> Result<Option<R>, files::Error> {
        files::read_json(&self.record_file(), R::is_known).map(|(record, _)| record)
    }

    /// Writes the record; the folder is made if it is missing.
    ///
    /// # Errors
    /// When it can't be written; what was recorded before then stays.
    pub(super) fn write(&self, record: &R) -> Result<(), files::Error> {
        files::make_folder(&self.path)?;
        files::write_json(&self.record_file(), record, Access::Usual)
    }

    /// The names of the folders below `clusters` that have such a record, in order.
    ///
    /// # Errors
    /// When `clusters` can't be read.
    pub(super) fn names(clusters: &Path) -> Result<Vec<String>, files::Error> {
        files::folders_with(clusters, R::FILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::scratch::Scratch;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Version(u32);

    impl Record for Version {
        const FILE: &'static str = "version.json";

        fn is_known(&self) -> bool {
            self.0 == 1
        }
    }

    #[test]
    fn a_record_is_found_again_under_its_folders_name() {
        let scratch = Scratch::new();
        let folder = Folder::<Version>::new(scratch.path("bbf-x"));
        assert_eq!(folder.record().unwrap(), None);
        folder.write(&Version(1)).unwrap();
        assert_eq!(folder.record().unwrap(), Some(Version(1)));
        assert_eq!(Folder::<Version>::names(scratch.root()).unwrap(), ["bbf-x"]);
    }

    #[test]
    fn a_record_of_another_version_is_kept_aside() {
        let scratch = Scratch::new();
        let folder = Folder::<Version>::new(scratch.root().to_owned());
        folder.write(&Version(2)).unwrap();
        assert_eq!(folder.record().unwrap(), None);
        assert!(!folder.record_file().exists());
    }
}
