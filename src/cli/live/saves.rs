//! Hears when something in the work folder is saved.

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

/// Editors save in several steps (truncate and write, or write beside and rename): wait until they are done.
pub(super) const SETTLE: Duration = Duration::from_millis(80);

/// Hears of saves as long as it lives.
pub(super) struct Saves {
    // Dropping the watcher ends the news.
    _watcher: Option<RecommendedWatcher>,
    news: mpsc::UnboundedReceiver<()>,
}

impl Saves {
    /// Listens to the files in `folder`. Where the system can't tell of changes, there is no news, and the regular
    /// look at the folder has to do.
    pub(super) fn of(folder: &Path) -> Self {
        let (sender, news) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let matters = event.is_ok_and(|event| !event.kind.is_access());
            if matters {
                // The view may be closing.
                sender.send(()).ok();
            }
        });
        let watching = watcher.and_then(|mut watcher| {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        Self {
            _watcher: watching.ok(),
            news,
        }
    }

    /// Waits for the next change; for ever if there can be none.
    pub(super) async fn next(&mut self) {
        if self.news.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::scratch::Scratch;

    #[tokio::test]
    async fn a_save_in_place_and_a_save_by_renaming_are_heard() {
        let scratch = Scratch::new();
        let path = scratch.path("a.yaml");
        std::fs::write(&path, "one").unwrap();
        let mut saves = Saves::of(scratch.root());
        std::fs::write(&path, "two").unwrap();
        saves.next().await;
        let mut saves = Saves::of(scratch.root());
        std::fs::write(scratch.path(".a.yaml.new"), "three").unwrap();
        std::fs::rename(scratch.path(".a.yaml.new"), &path).unwrap();
        saves.next().await;
    }
}
