//! The embedded cluster: podling in a background process of bbf's own, found again through its folder.
//!
//! The process holds `server.lock` for as long as it lives, so a lock that is free means that it is gone, however it
//! went. Whether it is well is asked of the cluster itself, with its credentials.

mod folder;
mod serve;

pub use folder::ClusterFolder;
pub use serve::serve;

use super::client::{Way, answers, client};
use super::{Arrival, Connection, Error, Pending, Provider, State, Traits, readiness};
use crate::platform::files::{self, Access, at};
use crate::platform::lock::Lock;
use crate::platform::processes::{self, Ending};
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
        files::folders_with(clusters, folder::CONFIG)
    }

    async fn find_or_start(&self) -> Result<Connection, Error> {
        if let Some(pid) = self.pid() {
            match self.connect(Arrival::Found).await {
                Ok(connection) => return Ok(connection),
                // It lives and doesn't answer: nothing is lost by ending it, since its recording brings it back.
                Err(Error::Unreachable(_) | Error::Unauthenticated(_)) => self.end(pid)?,
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
        let client = client(&self.folder.kubeconfig(), Way::Direct).await?;
        answers(&client, ANSWER_LIMIT).await?;
        Ok(Connection {
            client,
            namespace: self.namespace(),
            arrival,
        })
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

    fn traits(&self) -> Traits {
        Traits {
            whole_cluster: true,
            pulls_images: false,
            own_time: true,
        }
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
                files::remove(&file)?;
            }
            self.find_or_start().await
        })
    }

    fn leave(&self) -> Pending<'_, ()> {
        self.remove()
    }

    fn remove(&self) -> Pending<'_, ()> {
        Box::pin(async {
            if let Some(pid) = self.pid() {
                self.end(pid)?;
            }
            Ok(files::remove_folder(self.folder.path())?)
        })
    }
}
