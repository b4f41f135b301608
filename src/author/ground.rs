//! What a lab is proved on: a cluster that is as new, and the way into it.

use std::path::PathBuf;
use std::time::Duration;

use podling::clock::Time;
use podling_server::{ClusterHandle, TimeSource};

use crate::check::{Clock, Scope};
use crate::cluster::{Connection, Provider, kind_config, readiness};
use crate::lab::Lab;
use crate::session::steps;

/// How long the cluster may take to be ready for Pods.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A cluster as new, in which one attempt is made.
pub(super) struct Ground {
    pub(super) client: kube::Client,
    /// The namespace in which the lab is played.
    pub(super) namespace: String,
    /// How much of the cluster is the lab's.
    pub(super) scope: Scope,
    /// The cluster's time.
    pub(super) clock: Clock,
    /// How kubectl gets in.
    pub(super) door: Door,
}

/// How a program gets into a cluster.
pub(super) enum Door {
    /// podling in this process, in virtual time: it has to be served first, and its time has to be moved meanwhile.
    Podling(ClusterHandle),
    /// A cluster that is served by others; this file leads to it.
    Kubeconfig(PathBuf),
}

impl Ground {
    /// A podling of its own in this process. Its time is that of tokio's runtime.
    pub(super) async fn podling(lab: &Lab) -> Result<Self, String> {
        // The same time in each run, so that each run is the same.
        let start = Time::parse("2026-11-21T09:00:00Z").unwrap_or_default();
        let config = kind_config::embedded(lab, 7, start).map_err(|error| error.to_string())?;
        let cluster =
            ClusterHandle::start(config, TimeSource::Tokio { start }, None).map_err(|it| it.to_string())?;
        let (client, namespace) = (cluster.client(), "default".to_owned());
        readiness::ready_within(&client, &namespace, READY_WITHIN)
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self {
            client,
            namespace,
            scope: Scope::Cluster,
            clock: Clock::showing(start.timestamp()),
            door: Door::Podling(cluster),
        })
    }

    /// The cluster of a provider, which has just been put back to new.
    pub(super) fn provided(provider: &dyn Provider, connection: Connection) -> Self {
        Self {
            client: connection.client,
            namespace: connection.namespace,
            scope: steps::scope(provider),
            clock: Clock::of_this_machine(),
            door: Door::Kubeconfig(provider.kubeconfig()),
        }
    }
}
