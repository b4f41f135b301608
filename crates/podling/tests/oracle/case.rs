//! Reading the recordings.

use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// One recording.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    /// `<area>/<name>`.
    pub(crate) name: String,
    /// Which parts ran.
    pub(crate) needs: Vec<String>,
    /// Node objects that exist before the first step.
    #[serde(default)]
    pub(crate) nodes: Vec<Value>,
    /// What was done, in order.
    pub(crate) steps: Vec<Value>,
}

impl Case {
    /// The part of the name before its first slash.
    pub(crate) fn area(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Whether there is a step of that kind.
    pub(crate) fn uses(&self, kind: &str) -> bool {
        self.steps.iter().any(|step| step.get(kind).is_some())
    }

    /// Whether a part of the cluster ran.
    pub(crate) fn needs(&self, part: &str) -> bool {
        self.needs.iter().any(|needed| needed == part)
    }
}

/// All cases below a folder whose name contains `wanted`, by name.
pub(crate) fn load(folder: &Path, wanted: &str) -> io::Result<Vec<Case>> {
    let mut cases = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                cases.push(serde_json::from_str::<Case>(&std::fs::read_to_string(path)?)?);
            }
        }
    }
    cases.retain(|case| case.name.contains(wanted));
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}
