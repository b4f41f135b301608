//! The lab at hand, as a file: what has been done to the cluster, so that any command finds its way from there.

use crate::check::Baseline;
use crate::cluster::Place;
use crate::platform::files::{self, Access};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The version of the file's format.
const FORMAT_VERSION: u32 = 1;

/// The lab at hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    format_version: u32,
    /// The lab's id.
    pub lab: String,
    /// The folder of the lab pack that it comes from; `None` for a lab inside the binary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<PathBuf>,
    /// Where it runs. Records from before there was a choice are of the embedded cluster.
    #[serde(default)]
    pub place: Place,
    /// When it was started.
    pub started_at: Timestamp,
    /// How far the start came.
    pub stage: Stage,
    /// The namespace that it is played in.
    pub namespace: String,
    /// What there was before the break.
    #[serde(default)]
    pub baseline: Baseline,
    /// The ids of the hints that were shown, in their order.
    #[serde(default)]
    pub hints: Vec<String>,
    /// The ids of the objectives that passed at least once.
    #[serde(default)]
    pub passed: BTreeSet<String>,
    /// Whether the solution was shown.
    #[serde(default)]
    pub solution_shown: bool,
    /// What was last applied of each file in the work folder, by the file's name.
    #[serde(default)]
    pub applied: BTreeMap<String, String>,
}

/// How far a lab came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// The start is under way, or was interrupted.
    Preparing,
    /// The break is applied.
    Broken,
    /// Everything passed.
    Solved,
}

impl Record {
    /// Whether both tell of the same lab at the same place, however far it came.
    pub fn is_same_lab(&self, other: &Self) -> bool {
        self.lab == other.lab && self.place == other.place
    }

    /// A lab that is about to be prepared.
    pub fn preparing(lab: &str, pack: Option<PathBuf>, place: Place, now: Timestamp) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            lab: lab.to_owned(),
            pack,
            place,
            started_at: now,
            stage: Stage::Preparing,
            namespace: String::new(),
            baseline: Baseline::default(),
            hints: vec![],
            passed: BTreeSet::new(),
            solution_shown: false,
            applied: BTreeMap::new(),
        }
    }

    /// Reads the record; `None` where no lab is at hand. A file that can't be understood is kept aside; its new name
    /// comes second.
    ///
    /// # Errors
    /// When the file can't be read, or can't be kept aside.
    pub fn load(path: &Path) -> Result<(Option<Self>, Option<PathBuf>), files::Error> {
        files::read_json(path, |record: &Self| record.format_version == FORMAT_VERSION)
    }

    /// Writes the record.
    ///
    /// # Errors
    /// When it can't be written and synced; the old one then stays.
    pub fn save(&self, path: &Path) -> Result<(), files::Error> {
        files::write_json(path, self, Access::Usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::scratch::Scratch;

    #[test]
    fn a_record_cut_at_any_byte_is_kept_aside() {
        let scratch = Scratch::new();
        let path = scratch.path("session.json");
        let record = Record::preparing("ch07-readiness", None, Place::Embedded, Timestamp::UNIX_EPOCH);
        record.save(&path).unwrap();
        assert_eq!(Record::load(&path).unwrap(), (Some(record), None));
        let bytes = files::read(&path).unwrap().unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let (record, kept) = Record::load(&path).unwrap();
            assert_eq!(record, None, "{length}");
            let kept = kept.unwrap();
            assert_eq!(std::fs::read(&kept).unwrap(), bytes[..length]);
            std::fs::remove_file(kept).unwrap();
        }
    }
}
