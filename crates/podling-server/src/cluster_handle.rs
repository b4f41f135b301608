//! The handle of a running cluster.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use podling::clock::Time;
use podling::{Cluster, Config};
use tokio::runtime::Handle;
use tower::service_fn;

use crate::answer::answer;
use crate::https::{self, Endpoint, ServeError, ServeOptions};
use crate::identity::Identity;
use crate::journal::{Journal, JournalError, Opened, Recovered};
use crate::recorded_cluster::{RecordedCluster, replay};
use crate::shared::{Shared, drive, sync};
use crate::time_source::{Clock, TimeSource};

/// How long [`ClusterHandle::stop`] waits for streams and connections to end in good order.
const GRACE: Duration = Duration::from_secs(5);

/// One running cluster: a shared handle, cheap to clone.
///
/// The cluster ends when [`stop`](Self::stop) is called, or when the last handle and the last client made by
/// [`client`](Self::client) are dropped; its port and journal are free when `stop` returns, or a moment after the drop.
/// With a journal, another start brings it back as it was.
#[derive(Clone, Debug)]
pub struct ClusterHandle {
    running: Arc<Running>,
}

#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    recovered: Option<Recovered>,
}

/// Why a cluster did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is no tokio runtime that could let time pass.
    #[error("a cluster must be started inside a tokio runtime")]
    NoRuntime,
}

impl ClusterHandle {
    /// Starts a cluster and lets time pass in it, on the current tokio runtime.
    ///
    /// A new cluster begins at the present moment of `time`; [`Config::start`] is set to that. If there is a
    /// recording at `journal`, the cluster is brought back from it instead, with the configuration in it, and then
    /// to the present moment; [`recovered`](Self::recovered) says what was found. Without a journal nothing is
    /// recorded.
    ///
    /// Replaying blocks the caller; it takes about as long as the recorded requests took the cluster.
    ///
    /// # Errors
    /// When the journal can't be read or written, is in use, or is of a newer version.
    pub fn start(mut config: Config, time: TimeSource, journal: Option<&Path>) -> Result<Self, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        config.start = Clock::start(time, Time::default()).now();
        let opened = journal
            .map(|path| Journal::open(path, config.clone()))
            .transpose()?;
        let (cluster, recovered) = match opened {
            Some(opened) => recover(opened),
            None => (RecordedCluster::new(Cluster::new(config), None), None),
        };
        let clock = Clock::start(time, cluster.now());
        let shared = Arc::new(Shared::new(clock, cluster));
        // The driver's first act is to bring the cluster to the present; doing it here too means that a client
        // never meets a cluster that is still in the past.
        shared.now();
        runtime.spawn(drive(Arc::clone(&shared)));
        if journal.is_some() {
            runtime.spawn(sync(Arc::clone(&shared)));
        }
        Ok(Self {
            running: Arc::new(Running { shared, recovered }),
        })
    }

    /// What was brought back from the journal; `None` for a new cluster.
    pub fn recovered(&self) -> Option<&Recovered> {
        self.running.recovered.as_ref()
    }

    /// A client of the cluster in this process: no socket, no TLS, no credentials; namespace `default`.
    ///
    /// Nothing in its way waits for real I/O, so tokio's paused time works with it. Must be called inside a tokio
    /// runtime.
    pub fn client(&self) -> kube::Client {
        let handle = self.clone();
        let service = service_fn(move |request: http::Request<kube::client::Body>| {
            let handle = handle.clone();
            async move { Ok::<_, Infallible>(answer(&handle.running.shared, request).await) }
        });
        kube::Client::new(service, "default")
    }

    /// Serves the cluster with HTTPS on 127.0.0.1, until the cluster ends.
    ///
    /// # Errors
    /// When the port is taken or the identity can't be used.
    pub async fn serve(&self, identity: &Identity, options: &ServeOptions) -> Result<Endpoint, ServeError> {
        https::serve(Arc::clone(&self.running.shared), identity, options).await
    }

    /// The present cluster time.
    pub fn now(&self) -> Time {
        self.running.shared.now()
    }

    /// Ends the cluster: streams end, connections are closed in good order (or after five seconds in any), further
    /// requests are refused, and the journal is on the disk and free to be used again when this returns.
    pub async fn stop(&self) {
        let shared = Arc::clone(&self.running.shared);
        shared.end();
        if tokio::time::timeout(GRACE, shared.ended()).await.is_err() {
            tracing::warn!("not every client let go in time");
        }
        if let Err(error) = shared.close() {
            tracing::warn!(%error, "the journal could not be synced to the disk");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.end();
    }
}

fn recover(opened: Opened) -> (RecordedCluster, Option<Recovered>) {
    let Opened {
        journal,
        config,
        entries,
        recovered,
    } = opened;
    let mut cluster = Cluster::new(config);
    replay(&mut cluster, &entries);
    let mut cluster = RecordedCluster::new(cluster, Some(journal));
    cluster.hang_up_all();
    (cluster, recovered)
}
