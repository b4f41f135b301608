//! The folder in which the learner edits the lab's manifests. What is saved there is applied.

use super::record::Record;
use crate::lab::Lab;
use crate::manifest::{self, Document};
use crate::platform::files::{self, Access};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file that says what to do.
pub const README: &str = "README.md";

/// A manifest as the learner saved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The file's name in the work folder.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// What became of a saved manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The file's name in the work folder.
    pub file: String,
    /// The server's own words, or the YAML reader's, if it was refused.
    pub refused: Option<String>,
}

/// The lab's manifests by the name that each has in the work folder.
pub fn originals(lab: &Lab) -> BTreeMap<String, String> {
    lab.manifests
        .iter()
        .map(|manifest| (file_name(&manifest.path), manifest.text.clone()))
        .collect()
}

fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// Puts the lab's manifests and the README into the work folder. A manifest that the learner has changed is kept
/// beside it; those are returned as (file, kept as).
///
/// # Errors
/// When the folder can't be made, or a file can't be read or written.
pub fn lay_out(folder: &Path, lab: &Lab, readme: &str) -> Result<Vec<(String, PathBuf)>, files::Error> {
    files::make_folder(folder)?;
    let mut kept = vec![];
    for (name, text) in originals(lab) {
        let path = folder.join(&name);
        match files::read(&path)? {
            Some(old) if old == text.as_bytes() => continue,
            Some(_) => {
                let aside = files::free_name(&path, "before");
                std::fs::rename(&path, &aside).map_err(files::at(&path))?;
                kept.push((name, aside));
            }
            None => {}
        }
        files::write(&path, text.as_bytes(), Access::Usual)?;
    }
    files::write(&folder.join(README), readme.as_bytes(), Access::Usual)?;
    Ok(kept)
}

/// The manifests in the work folder that differ from what was last applied, in the order of their names.
///
/// # Errors
/// When the folder or a manifest can't be read. A folder that is gone holds nothing.
pub fn saved_since(folder: &Path, record: &Record) -> Result<Vec<Saved>, files::Error> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.map_err(files::at(folder))?,
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| is_manifest(name)).collect();
    names.sort();
    let mut saved = vec![];
    for file in names {
        let Some(bytes) = files::read(&folder.join(&file))? else {
            continue;
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if record.applied.get(&file) != Some(&text) {
            saved.push(Saved { file, text });
        }
    }
    Ok(saved)
}

/// Whether a file is a manifest and not an editor's own: `.a.yaml.swp`, `#a.yaml#`, `a.yaml~`.
pub fn is_manifest(name: &str) -> bool {
    let extension = Path::new(name).extension();
    let yaml = extension.is_some_and(|extension| extension == "yaml" || extension == "yml");
    yaml && !name.starts_with(['.', '#'])
}

/// How a saved manifest is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    /// As `kubectl apply` would.
    Apply,
    /// As `kubectl replace --force` would: the way to change what can't be changed in place.
    Replace,
    /// As `kubectl delete` would.
    Delete,
}

/// The comment lines at the top of a manifest choose, as in a lab's own fixes: `# replace`, `# delete`.
fn means(text: &str) -> Means {
    let mut comments = text
        .lines()
        .map_while(|line| line.strip_prefix('#'))
        .map(str::trim);
    let means = comments.find_map(|comment| match comment {
        "replace" => Some(Means::Replace),
        "delete" => Some(Means::Delete),
        _ => None,
    });
    means.unwrap_or(Means::Apply)
}

/// How far a saved manifest may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Wherever its objects say.
    Cluster,
    /// The lab's namespace, on a cluster that others use too.
    Namespace,
}

/// Carries out one saved manifest. An empty file changes nothing: some editors save by truncating first.
pub async fn apply(client: &kube::Client, namespace: &str, reach: Reach, saved: &Saved) -> Applied {
    let outside = |document: &Document| reach == Reach::Namespace && !document.is_within(namespace);
    let refused = match manifest::parse(&saved.file, &saved.text) {
        Ok(documents) => match documents.iter().find(|it| outside(it)) {
            Some(document) => Some(format!(
                "{} is outside the namespace {namespace}",
                document.shown()
            )),
            None => carry_out(client, namespace, saved, &documents).await,
        },
        Err(error) => Some(error.to_string()),
    };
    Applied {
        file: saved.file.clone(),
        refused,
    }
}

/// What the server said if it refused.
async fn carry_out(
    client: &kube::Client,
    namespace: &str,
    saved: &Saved,
    documents: &[Document],
) -> Option<String> {
    let done = match means(&saved.text) {
        Means::Apply => manifest::apply(client, namespace, documents).await,
        Means::Replace => manifest::replace(client, namespace, documents).await,
        Means::Delete => manifest::delete(client, namespace, documents).await,
    };
    done.err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Place;
    use crate::lab::Catalogue;
    use crate::platform::scratch::Scratch;
    use jiff::Timestamp;

    fn lab() -> Lab {
        Catalogue::builtin().find("ch07-readiness").unwrap().clone()
    }

    fn record(lab: &Lab) -> Record {
        let mut record = Record::preparing(lab.id(), None, Place::Embedded, Timestamp::UNIX_EPOCH);
        record.applied = originals(lab);
        record
    }

    #[test]
    fn what_was_laid_out_and_not_touched_is_not_applied_again() {
        let scratch = Scratch::new();
        let lab = lab();
        assert_eq!(lay_out(scratch.root(), &lab, "do").unwrap(), []);
        assert_eq!(saved_since(scratch.root(), &record(&lab)).unwrap(), []);
    }

    #[test]
    fn a_saved_change_and_a_new_manifest_are_found_and_editors_files_are_not() {
        let scratch = Scratch::new();
        let lab = lab();
        lay_out(scratch.root(), &lab, "do").unwrap();
        let changed = originals(&lab).into_keys().next().unwrap();
        for name in [
            changed.as_str(),
            "extra.yml",
            ".extra.yml.swp",
            "extra.yml~",
            ".hidden.yaml",
            "notes.txt",
        ] {
            std::fs::write(scratch.path(name), "a: 1\n").unwrap();
        }
        let saved = saved_since(scratch.root(), &record(&lab)).unwrap();
        let mut names: Vec<&str> = saved.iter().map(|saved| saved.file.as_str()).collect();
        names.sort_unstable();
        let mut expected = [changed.as_str(), "extra.yml"];
        expected.sort_unstable();
        assert_eq!(names, expected);
    }

    #[test]
    fn beginning_again_keeps_what_the_learner_wrote() {
        let scratch = Scratch::new();
        let lab = lab();
        lay_out(scratch.root(), &lab, "do").unwrap();
        let name = originals(&lab).into_keys().next().unwrap();
        std::fs::write(scratch.path(&name), "mine").unwrap();
        let kept = lay_out(scratch.root(), &lab, "do").unwrap();
        assert_eq!(kept, [(name.clone(), scratch.path(&format!("{name}.before-1")))]);
        assert_eq!(std::fs::read(&kept[0].1).unwrap(), b"mine");
        assert_eq!(saved_since(scratch.root(), &record(&lab)).unwrap(), []);
    }

    #[test]
    fn a_comment_at_the_top_says_how_a_manifest_is_carried_out() {
        for (text, expected) in [
            ("kind: Pod\n", Means::Apply),
            ("# replace\nkind: Pod\n", Means::Replace),
            (
                "# The image can't be changed in place.\n# replace\n",
                Means::Replace,
            ),
            ("# delete\n", Means::Delete),
            ("kind: Pod\n# replace\n", Means::Apply),
            ("", Means::Apply),
        ] {
            assert_eq!(means(text), expected, "{text}");
        }
    }

    #[test]
    fn a_folder_that_is_gone_holds_nothing() {
        let scratch = Scratch::new();
        assert_eq!(saved_since(&scratch.path("gone"), &record(&lab())).unwrap(), []);
    }
}
