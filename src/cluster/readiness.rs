//! When a cluster that has just been started can take Pods.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::Client;
use kube::api::{Api, ListParams};
use tokio::time::{Instant, sleep};

/// How long to wait between looks: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// Why a cluster isn't ready yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The API server doesn't answer, or refuses.
    #[error("the cluster doesn't answer: {0}")]
    Silent(String),
    /// No node is ready.
    #[error("no node of the cluster is ready")]
    NoNode,
    /// Pods would be refused: their service account isn't there.
    #[error("the namespace {0} has no service account yet")]
    NoServiceAccount(String),
}

/// Waits until Pods can be created in the namespace and a node is there to run them, at most so long.
pub async fn ready_within(client: &Client, namespace: &str, limit: Duration) -> Result<(), NotReady> {
    let deadline = Instant::now() + limit;
    let mut pause = PAUSES.0;
    loop {
        match look(client, namespace).await {
            Ok(()) => return Ok(()),
            Err(why) if Instant::now() >= deadline => return Err(why),
            Err(_) => sleep(pause).await,
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

async fn look(client: &Client, namespace: &str) -> Result<(), NotReady> {
    let silent = |error: kube::Error| NotReady::Silent(error.to_string());
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    if accounts.get_opt("default").await.map_err(silent)?.is_none() {
        return Err(NotReady::NoServiceAccount(namespace.to_owned()));
    }
    let nodes = Api::<Node>::all(client.clone())
        .list(&ListParams::default())
        .await
        .map_err(silent)?;
    if nodes.items.iter().any(is_ready) {
        Ok(())
    } else {
        Err(NotReady::NoNode)
    }
}

fn is_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
