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
    /// Why a file's text can't be had, by the file's path.
    unreadable: BTreeMap<String, String>,
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
            } else if entry.path().is_file() && !hidden {
                self.read_file(name, &entry.path());
            }
        }
        Ok(())
    }

    fn read_file(&mut self, name: String, path: &Path) {
        match fs::read_to_string(path) {
            Ok(text) => {
                self.texts.insert(name, text);
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let why = "is not UTF-8: expected text in that encoding".to_owned();
                self.unreadable.insert(name, why);
            }
            Err(error) => {
                self.unreadable.insert(name, format!("can't be read: {error}"));
            }
        }
    }

    /// The first file in a folder whose text a lab needs and can't have, and why. Pictures and the like don't matter.
    pub(super) fn unreadable(&self, folder: &str) -> Option<(&str, &str)> {
        self.unreadable
            .iter()
            .map(|(path, why)| (path.as_str(), why.as_str()))
            .filter(|(path, _)| {
                path.strip_prefix(folder)
                    .is_some_and(|rest| rest.starts_with('/'))
            })
            .find(|(path, _)| [".yaml", ".md", ".sh"].iter().any(|end| path.ends_with(end)))
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
        self.texts
            .keys()
            .chain(self.unreadable.keys())
            .filter_map(|path| {
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
            unreadable: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::scratch::Scratch;

    #[test]
    fn a_text_in_another_encoding_is_named_and_a_picture_is_none_of_a_labs_texts() {
        let scratch = Scratch::new();
        let lab = scratch.path("web");
        fs::create_dir(&lab).unwrap();
        fs::write(lab.join("picture.png"), b"\x89PNG").unwrap();
        fs::write(lab.join("lab.yaml"), "id: web\n").unwrap();
        let files = Files::pack(&scratch.path("")).unwrap();
        assert_eq!(files.unreadable("labs/web"), None);
        fs::write(lab.join("lab.yaml"), b"id: \x83\x46\n").unwrap();
        let files = Files::pack(&scratch.path("")).unwrap();
        assert_eq!(files.lab_folders().collect::<Vec<_>>(), ["web"]);
        let (path, why) = files.unreadable("labs/web").unwrap();
        assert_eq!(
            (path, why),
            (
                "labs/web/lab.yaml",
                "is not UTF-8: expected text in that encoding"
            )
        );
    }
}
