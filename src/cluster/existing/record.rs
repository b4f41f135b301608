//! What bbf knows of a lab's namespace on a cluster that is not its own. It is written before the namespace is made.

use crate::platform::files::{self, Access};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FORMAT_VERSION: u32 = 1;

/// The file that makes a folder that of a namespace.
const FILE: &str = "existing.json";

/// What is known of a namespace; its name is the folder's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Record {
    format_version: u32,
    /// The context of the learner's kubeconfig.
    pub(super) context: String,
}

impl Record {
    pub(super) fn new(context: &str) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            context: context.to_owned(),
        }
    }
}

/// The folder of a namespace.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.0.join("kubeconfig")
    }

    pub(super) fn record(&self) -> Result<Option<Record>, files::Error> {
        let known = |record: &Record| record.format_version == FORMAT_VERSION;
        files::read_json(&self.0.join(FILE), known).map(|(record, _)| record)
    }

    pub(super) fn write(&self, record: &Record) -> Result<(), files::Error> {
        files::make_folder(&self.0)?;
        files::write_json(&self.0.join(FILE), record, Access::Usual)
    }

    /// Forgets the namespace, which is gone.
    pub(super) fn forget(&self) -> Result<(), files::Error> {
        files::remove_folder(&self.0)
    }

    pub(super) fn names(clusters: &Path) -> Result<Vec<String>, files::Error> {
        files::folders_with(clusters, FILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::scratch::Scratch;

    #[test]
    fn a_record_is_found_again_and_a_damaged_one_kept_aside() {
        let scratch = Scratch::new();
        let folder = Folder::new(scratch.path("bbf-x"));
        folder.write(&Record::new("k3d")).unwrap();
        assert_eq!(folder.record().unwrap().unwrap().context, "k3d");
        assert_eq!(Folder::names(scratch.root()).unwrap(), ["bbf-x"]);
        std::fs::write(scratch.path("bbf-x").join(FILE), "{").unwrap();
        assert_eq!(folder.record().unwrap(), None);
        folder.forget().unwrap();
        assert!(Folder::names(scratch.root()).unwrap().is_empty());
    }
}
