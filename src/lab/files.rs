//! A set of lab files, wherever it comes from: inside the binary, or a pack's folder on disk.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use include_dir::{Dir, include_dir};

static LABS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/labs");
static MANIFESTS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/manifests");
static KIND_CONFIGS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/kind-configs");

/// Texts by their path, which always has `/` between its parts: `labs/ch07-readiness/lab.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Files {
    texts: BTreeMap<String, String>,
}

impl Files {
    /// What is inside the binary.
    pub(super) fn builtin() -> Self {
        let mut files = Self::default();
        for (root, dir) in [
            ("labs", &LABS),
            ("manifests", &MANIFESTS),
            ("kind-configs", &KIND_CONFIGS),
        ] {
            files.embed(root, dir);
        }
        files
    }

    fn embed(&mut self, root: &str, dir: &Dir<'_>) {
        for file in dir.files() {
            if let Some(text) = file.contents_utf8() {
                self.texts.insert(joined(root, file.path()), text.to_owned());
            }
        }
        for inner in dir.dirs() {
            self.embed(root, inner);
        }
    }

    /// What is in a pack's folder: `labs/`, `manifests/` and `kind-configs/`, or the labs' folders themselves.
    pub(super) fn pack(folder: &Path) -> io::Result<Self> {
        let mut files = Self::default();
        if folder.join("labs").is_dir() {
            for root in ["labs", "manifests", "kind-configs"] {
                files.read(root, &folder.join(root))?;
            }
        } else {
            files.read("labs", folder)?;
        }
        Ok(files)
    }

    fn read(&mut self, root: &str, folder: &Path) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && root != "labs" => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = format!("{root}/{}", entry.file_name().to_string_lossy());
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if entry.path().is_dir() && !hidden {
                self.read(&name, &entry.path())?;
            } else if let (false, Ok(text)) = (hidden, fs::read_to_string(entry.path())) {
                self.texts.insert(name, text);
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// The files under a folder, by the part of the path behind it.
    pub(super) fn under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.texts.iter().filter_map(move |(path, text)| {
            let rest = path.strip_prefix(folder)?.strip_prefix('/')?;
            Some((rest, text.as_str()))
        })
    }

    /// The folders directly in `labs/` that hold a `lab.yaml`.
    pub(super) fn lab_folders(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().filter_map(|path| {
            let folder = path.strip_prefix("labs/")?.strip_suffix("/lab.yaml")?;
            (!folder.contains('/')).then_some(folder)
        })
    }
}

fn joined(root: &str, path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    format!("{root}/{}", parts.join("/"))
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Files {
    fn from(files: [(&str, &str); N]) -> Self {
        Self {
            texts: files
                .into_iter()
                .map(|(path, text)| (path.to_owned(), text.to_owned()))
                .collect(),
        }
    }
}
