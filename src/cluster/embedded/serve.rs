//! The background process: serves the cluster of a folder until it is asked to end, and tells the command that started
//! it, in one line, whether it does.

use super::folder::ClusterFolder;
use crate::cluster::Arrival;
use crate::platform::files::{self, Access};
use crate::platform::lock::Lock;
use crate::platform::processes;
use podling_server::{ClusterHandle, Endpoint, Identity, ServeError, ServeOptions, TimeSource};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What the process says once, as a line of JSON.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// The cluster answers on this port of 127.0.0.1.
    Ready { port: u16, arrival: SaidArrival },
    /// The cluster can't be served.
    Refused { why: String },
}

/// How the cluster came to be, as the process says it.
#[derive(Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub(super) struct SaidArrival {
    brought_back: bool,
    damaged: Option<PathBuf>,
    moved: bool,
}

impl From<SaidArrival> for Arrival {
    fn from(said: SaidArrival) -> Self {
        if said.brought_back {
            Self::BroughtBack {
                damaged: said.damaged,
                moved: said.moved,
            }
        } else {
            Self::Started
        }
    }
}

impl Word {
    pub(super) fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    fn say(&self, to: &mut impl Write) {
        // Whoever started us may be gone by now, which is no reason not to serve.
        if let Ok(line) = serde_json::to_string(self) {
            to.write_all(format!("{line}\n").as_bytes())
                .and_then(|()| to.flush())
                .ok();
        }
    }
}

/// Serves the cluster of `folder` until the process is asked to end; says on `out` when the cluster answers, or why
/// it can't.
///
/// Returns whether the cluster was served.
pub async fn serve(folder: &Path, out: &mut impl Write) -> bool {
    processes::leave_terminal();
    let folder = ClusterFolder::new(folder.to_owned());
    match Served::begin(&folder).await {
        Ok(served) => {
            // Whoever has been told that the cluster answers may end it at once.
            let asked = processes::asked_to_end();
            served.word.say(out);
            let listened = asked.is_ok();
            if let Ok(asked) = asked {
                asked.await;
            }
            served.cluster.stop().await;
            listened
        }
        Err(why) => {
            Word::Refused { why }.say(out);
            false
        }
    }
}

/// A cluster that is being served; the lock is held as long as it is.
struct Served {
    cluster: ClusterHandle,
    word: Word,
    _lock: Lock,
}

impl Served {
    async fn begin(folder: &ClusterFolder) -> Result<Self, String> {
        let lock = Lock::take(&folder.lock(), "the embedded cluster").map_err(|error| error.to_string())?;
        let config = read_config(folder)?;
        let journal = folder.journal();
        let cluster = ClusterHandle::start(config, TimeSource::Wall, Some(&journal))
            .map_err(|error| error.to_string())?;
        let identity = Identity::load_or_create(&folder.identity()).map_err(|error| error.to_string())?;
        let before = last_port(folder);
        let endpoint = listen(&cluster, &identity, folder, before).await?;
        write_down(folder, &endpoint)?;
        let recovered = cluster.recovered();
        let arrival = SaidArrival {
            brought_back: recovered.is_some(),
            damaged: recovered.and_then(|recovered| recovered.kept_aside.clone()),
            moved: before.is_some_and(|port| port != endpoint.port),
        };
        let word = Word::Ready {
            port: endpoint.port,
            arrival,
        };
        Ok(Self {
            cluster,
            word,
            _lock: lock,
        })
    }
}

fn read_config(folder: &ClusterFolder) -> Result<podling::Config, String> {
    let path = folder.config();
    let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

fn last_port(folder: &ClusterFolder) -> Option<u16> {
    std::fs::read_to_string(folder.port()).ok()?.trim().parse().ok()
}

/// On the port of the last time, so that kubeconfigs stay right; on any other where that is taken.
async fn listen(
    cluster: &ClusterHandle,
    identity: &Identity,
    folder: &ClusterFolder,
    before: Option<u16>,
) -> Result<Endpoint, String> {
    let options = |port| ServeOptions {
        port,
        name: format!("bbf-{}", folder.name()),
    };
    let endpoint = match cluster.serve(identity, &options(before.unwrap_or(0))).await {
        Err(ServeError::PortTaken { .. }) if before.is_some() => cluster.serve(identity, &options(0)).await,
        other => other,
    };
    endpoint.map_err(|error| error.to_string())
}

fn write_down(folder: &ClusterFolder, endpoint: &Endpoint) -> Result<(), String> {
    let unchanged = |path: &Path, text: &str| std::fs::read_to_string(path).is_ok_and(|old| old == text);
    let port = endpoint.port.to_string();
    for (path, text, access) in [
        (folder.kubeconfig(), &endpoint.kubeconfig, Access::Private),
        (folder.port(), &port, Access::Usual),
    ] {
        if !unchanged(&path, text) {
            files::write(&path, text.as_bytes(), access).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_process_says_is_understood() {
        let arrival = SaidArrival {
            brought_back: true,
            damaged: None,
            moved: true,
        };
        let word = Word::Ready { port: 6443, arrival };
        let mut line = vec![];
        word.say(&mut line);
        assert_eq!(Word::parse(&String::from_utf8(line).unwrap()), Some(word));
        for noise in ["", "thread main panicked", "{}"] {
            assert_eq!(Word::parse(noise), None);
        }
    }
}
