//! The two folders that are bbf's own: the state folder (clusters, journal, progress) and the work folder
//! (the manifests that the learner edits). A pure function of the environment, so that it is tested by tables.

use std::path::{Path, PathBuf};

/// The folders of one learner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    state: PathBuf,
    work: PathBuf,
}

/// Neither `BBF_HOME` nor a home directory is set, so there is nowhere to keep anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no home directory is set")]
pub struct NoHome;

impl Folders {
    /// Works the folders out from the process's environment.
    ///
    /// # Errors
    /// [`NoHome`] when neither `BBF_HOME` nor a home directory is set.
    pub fn from_environment() -> Result<Self, NoHome> {
        Self::resolve(cfg!(target_os = "macos"), |name| {
            std::env::var_os(name).map(PathBuf::from)
        })
    }

    /// Works the folders out from `variable`, which looks a variable up; `macos` chooses Apple's state folder.
    ///
    /// # Errors
    /// [`NoHome`] when neither `BBF_HOME` nor a home directory is set.
    pub fn resolve(macos: bool, variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Self, NoHome> {
        let set = |name: &str| variable(name).filter(|value| !value.as_os_str().is_empty());
        let home = set("HOME").or_else(|| set("USERPROFILE")).map(absolute);
        let state = match (set("BBF_HOME"), home.as_deref()) {
            (Some(own), _) => absolute(own),
            (None, Some(home)) if macos => home.join("Library/Application Support/bbf"),
            // The XDG base directory specification has relative paths ignored.
            (None, Some(home)) => match set("XDG_STATE_HOME").filter(|path| path.is_absolute()) {
                Some(states) => states.join("bbf"),
                None => home.join(".local/state/bbf"),
            },
            (None, None) => return Err(NoHome),
        };
        let work = match (set("BBF_WORK"), home) {
            (Some(own), _) => absolute(own),
            (None, Some(home)) => home.join("bbf"),
            (None, None) => state.join("work"),
        };
        Ok(Self { state, work })
    }

    /// The state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// What happened so far, one event a line.
    pub fn journal(&self) -> PathBuf {
        self.state.join("journal.jsonl")
    }

    /// What is solved, as a summary of the journal.
    pub fn progress(&self) -> PathBuf {
        self.state.join("progress.json")
    }

    /// The lab at hand.
    pub fn session(&self) -> PathBuf {
        self.state.join("session.json")
    }

    /// Held by a command that changes the lab at hand.
    pub fn lock(&self) -> PathBuf {
        self.state.join("bbf.lock")
    }

    /// The folder that holds one folder a cluster.
    pub fn clusters(&self) -> PathBuf {
        self.state.join("clusters")
    }

    /// The folder with the manifests of a lab, for the learner to edit.
    pub fn work(&self, lab: &str) -> PathBuf {
        self.work.join(lab)
    }
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(macos: bool, variables: &[(&str, &str)]) -> Result<(String, String), NoHome> {
        let found = Folders::resolve(macos, |name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| PathBuf::from(value))
        })?;
        Ok((
            found.state.display().to_string(),
            found.work.display().to_string(),
        ))
    }

    #[track_caller]
    fn check(macos: bool, variables: &[(&str, &str)], state: &str, work: &str) {
        assert_eq!(resolve(macos, variables), Ok((state.to_owned(), work.to_owned())));
    }

    #[test]
    fn the_folders_follow_the_environment() {
        check(false, &[("HOME", "/h")], "/h/.local/state/bbf", "/h/bbf");
        check(
            true,
            &[("HOME", "/h")],
            "/h/Library/Application Support/bbf",
            "/h/bbf",
        );
        check(
            false,
            &[("HOME", "/h"), ("XDG_STATE_HOME", "/s")],
            "/s/bbf",
            "/h/bbf",
        );
        check(
            false,
            &[("HOME", "/h"), ("XDG_STATE_HOME", "rel")],
            "/h/.local/state/bbf",
            "/h/bbf",
        );
        check(
            false,
            &[("HOME", "/h"), ("BBF_HOME", "/b"), ("BBF_WORK", "/w")],
            "/b",
            "/w",
        );
        check(false, &[("BBF_HOME", "/b")], "/b", "/b/work");
        check(
            false,
            &[("USERPROFILE", "/u"), ("HOME", "")],
            "/u/.local/state/bbf",
            "/u/bbf",
        );
    }

    #[test]
    fn a_relative_home_means_the_folder_where_bbf_is_called() {
        let here = std::env::current_dir().unwrap();
        let at = |path: &str| here.join(path).display().to_string();
        check(false, &[("HOME", "h")], &at("h/.local/state/bbf"), &at("h/bbf"));
    }

    #[test]
    fn without_a_home_there_is_no_folder() {
        assert_eq!(resolve(false, &[("XDG_STATE_HOME", "/s")]), Err(NoHome));
        assert_eq!(resolve(false, &[("HOME", ""), ("BBF_HOME", "")]), Err(NoHome));
    }
}
