//! What bbf knows of a lab's namespace on a cluster that is not its own. It is written before the namespace is made.

use crate::cluster::folder;
use crate::platform::files;
use serde::{Deserialize, Serialize};

const FORMAT_VERSION: u32 = 1;

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

impl folder::Record for Record {
    const FILE: &'static str = "existing.json";

    fn is_known(&self) -> bool {
        self.format_version == FORMAT_VERSION
    }
}

/// The folder of a namespace.
pub(super) type Folder = folder::Folder<Record>;

impl Folder {
    /// Forgets the namespace, which is gone.
    pub(super) fn forget(&self) -> Result<(), files::Error> {
        files::remove_folder(self.path())
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
        std::fs::write(folder.record_file(), "{").unwrap();
        assert_eq!(folder.record().unwrap(), None);
        folder.forget().unwrap();
        assert!(Folder::names(scratch.root()).unwrap().is_empty());
    }
}
