//! The embedded cluster: podling in a background process of bbf's own, found again through its folder.
//!
//! The process holds `server.lock` for as long as it lives, so a lock that is free means that it is gone, however it
//! went. Whether it is well is asked of the cluster itself, with its credentials.

mod folder;
mod serve;

pub use folder::ClusterFolder;
pub use serve::serve;

use super::{Arrival, Connection, Error, Pending, Provider, State, readiness};
use crate::platform::files::{self, Access, at};
use crate::platform::lock::Lock;
use crate::platform::processes::{self, Ending};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serve::Word;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a cluster that runs may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// How long the controllers of a new cluster may take until Pods can be created and placed.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// How long a process may take to end when it is asked to, and when it is told to.
const ENDING_LIMITS: [(Ending, Duration); 2] = [
    (Ending::Polite, Duration::from_secs(6)),
    (Ending::Forced, Duration::from_secs(2)),
];

/// The hidden command that serves a cluster; its argument is the cluster's folder.
pub const SERVE_COMMAND: &str = "__serve";

/// An embedded cluster, running or not.
#[derive(Debug, Clone)]
pub struct Embedded {
    name: String,
    folder: ClusterFolder,
    program: PathBuf,
    config: podling::Config,
}

impl Embedded {
    /// The cluster `name` in a folder of its own below `clusters`; `config` is used when it is started for the
    /// first time. `program` is bbf itself.
    pub fn new(clusters: &Path, name: &str, program: PathBuf, config: podling::Config) -> Self {
        Self {
            name: name.to_owned(),
            folder: ClusterFolder::new(clusters.join(name)),
            program,
            config,
        }
    }

    /// The cluster `name`, which has a folder below `clusters` that says what it is made of.
    pub fn existing(clusters: &Path, name: &str, program: PathBuf) -> Self {
        let nothing = podling::Config {
            seed: 0,
            start: podling::clock::Time::default(),
            nodes: vec![],
            components: podling::Components::default(),
        };
        Self::new(clusters, name, program, nothing)
    }

    /// The names of the clusters that have a folder below `clusters`.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn names(clusters: &Path) -> Result<Vec<String>, files::Error> {
        let entries = match std::fs::read_dir(clusters) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
            entries => entries.map_err(at(clusters))?,
        };
        let folders = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join(folder::CONFIG).exists());
        let mut names: Vec<String> = folders
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }

    async fn find_or_start(&self) -> Result<Connection, Error> {
        if let Some(pid) = self.pid() {
            match self.connect(Arrival::Found).await {
                Ok(connection) => return Ok(connection),
                // It lives and doesn't answer: nothing is lost by ending it, since its recording brings it back.
                Err(Error::Unreachable(_)) => self.end(pid)?,
                Err(error) => return Err(error),
            }
        }
        let arrival = self.start()?;
        let connection = self.connect(arrival).await?;
        readiness::ready_within(&connection.client, &connection.namespace, READY_LIMIT).await?;
        Ok(connection)
    }

    fn pid(&self) -> Option<u32> {
        Lock::holder(&self.folder.lock()).map(|holder| holder.pid)
    }

    fn start(&self) -> Result<Arrival, Error> {
        self.prepare()?;
        let _alone = Lock::wait(&self.folder.start_lock())?;
        if self.pid().is_some() {
            // Another command was first.
            return Ok(Arrival::Found);
        }
        let log_path = self.folder.log();
        let log = std::fs::File::create(&log_path).map_err(at(&log_path))?;
        let folder = self.folder.path().display().to_string();
        let (mut child, line) = processes::start_in_background(&self.program, &[SERVE_COMMAND, &folder], log)
            .map_err(Error::Spawn)?;
        match Word::parse(&line) {
            Some(Word::Ready { arrival, .. }) => Ok(arrival.into()),
            Some(Word::Refused { why }) => {
                child.wait().ok();
                Err(Error::Refused(why))
            }
            None => {
                child.wait().ok();
                Err(Error::Silent { log: log_path })
            }
        }
    }

    /// Writes down what the process is to serve, unless an earlier start has.
    fn prepare(&self) -> Result<(), Error> {
        files::make_folder(self.folder.path())?;
        let path = self.folder.config();
        if files::read(&path)?.is_some() {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(&self.config).map_err(|error| files::Error {
            path: path.clone(),
            source: error.into(),
        })?;
        Ok(files::write(&path, &text, Access::Usual)?)
    }

    async fn connect(&self, arrival: Arrival) -> Result<Connection, Error> {
        let client = self.client().await?;
        let answer = tokio::time::timeout(ANSWER_LIMIT, client.apiserver_version()).await;
        match answer {
            Ok(Ok(_)) => Ok(Connection {
                client,
                namespace: "default".to_owned(),
                arrival,
            }),
            Ok(Err(error)) => Err(Error::Unreachable(error.to_string())),
            Err(_) => Err(Error::Unreachable(format!(
                "no answer within {} s",
                ANSWER_LIMIT.as_secs()
            ))),
        }
    }

    async fn client(&self) -> Result<kube::Client, Error> {
        let path = self.folder.kubeconfig();
        let unreadable = |why: String| Error::Damaged {
            path: path.clone(),
            why,
        };
        let kubeconfig = Kubeconfig::read_from(&path).map_err(|error| unreadable(error.to_string()))?;
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        let mut config = config.map_err(|error| unreadable(error.to_string()))?;
        // The cluster is on loopback: a proxy in the environment is for other addresses.
        config.proxy_url = None;
        kube::Client::try_from(config).map_err(|error| Error::Unreachable(error.to_string()))
    }

    fn end(&self, pid: u32) -> Result<(), Error> {
        for (ending, limit) in ENDING_LIMITS {
            // A process that is gone by now is what is wanted; any other failure shows in the lock.
            processes::end(pid, ending).ok();
            if processes::wait_until(limit, || self.pid() != Some(pid)) {
                return Ok(());
            }
        }
        Err(Error::Stubborn { pid })
    }
}

impl Provider for Embedded {
    fn kind(&self) -> &'static str {
        "embedded"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.kubeconfig()
    }

    fn state(&self) -> Pending<'_, State> {
        Box::pin(async {
            let Some(pid) = self.pid() else {
                let known = self.folder.config().exists();
                return Ok(if known { State::Stopped } else { State::Absent });
            };
            match self.connect(Arrival::Found).await {
                Ok(_) => Ok(State::Running { pid: Some(pid) }),
                Err(_) => Ok(State::Stopped),
            }
        })
    }

    fn ensure(&self) -> Pending<'_, Connection> {
        Box::pin(self.find_or_start())
    }

    fn stop(&self) -> Pending<'_, bool> {
        Box::pin(async {
            match self.pid() {
                Some(pid) => self.end(pid).map(|()| true),
                None => Ok(false),
            }
        })
    }

    fn renew(&self) -> Pending<'_, Connection> {
        Box::pin(async {
            if let Some(pid) = self.pid() {
                self.end(pid)?;
            }
            for file in [self.folder.journal(), self.folder.config()] {
                match std::fs::remove_file(&file) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(at(&file)(error).into());
                    }
                    _ => {}
                }
            }
            self.find_or_start().await
        })
    }

    fn remove(&self) -> Pending<'_, ()> {
        Box::pin(async {
            if let Some(pid) = self.pid() {
                self.end(pid)?;
            }
            match std::fs::remove_dir_all(self.folder.path()) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(at(self.folder.path())(error).into())
                }
                _ => Ok(()),
            }
        })
    }
}
