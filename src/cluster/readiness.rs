//! When a cluster that has just been started can take Pods.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::Client;
use kube::api::{Api, ListParams};
use tokio::time::{Instant, sleep};

/// How long to wait between looks: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// The taints of nodes that are not ready, or were not a moment ago.
const HEALTH_TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// Why a cluster isn't ready yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The API server doesn't answer, or refuses.
    #[error("the cluster doesn't answer: {0}")]
    Silent(String),
    /// No node is ready.
    #[error("no node of the cluster is ready")]
    NoNode,
    /// Only some of the nodes are ready.
    #[error("{ready} of {all} nodes of the cluster are ready")]
    SomeNodes {
        /// How many are.
        ready: usize,
        /// How many there are.
        all: usize,
    },
    /// Pods would be refused: their service account isn't there.
    #[error("the namespace {0} has no service account yet")]
    NoServiceAccount(String),
}

/// Waits until Pods can be created in the namespace and a node is there to run them, at most so long.
///
/// # Errors
/// What was still missing when the time was up.
pub async fn ready_within(client: &Client, namespace: &str, limit: Duration) -> Result<(), NotReady> {
    wait(client, namespace, limit, Nodes::One).await
}

/// The same, until all nodes are there to run Pods.
///
/// # Errors
/// As [`ready_within`].
pub async fn all_ready_within(client: &Client, namespace: &str, limit: Duration) -> Result<(), NotReady> {
    wait(client, namespace, limit, Nodes::All).await
}

/// Waits until Pods can be created in the namespace, whatever the nodes are like.
///
/// # Errors
/// As [`ready_within`].
pub async fn account_within(client: &Client, namespace: &str, limit: Duration) -> Result<(), NotReady> {
    wait(client, namespace, limit, Nodes::Any).await
}

/// How many nodes must be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nodes {
    Any,
    One,
    All,
}

async fn wait(client: &Client, namespace: &str, limit: Duration, nodes: Nodes) -> Result<(), NotReady> {
    let deadline = Instant::now() + limit;
    let mut pause = PAUSES.0;
    loop {
        match look(client, namespace, nodes).await {
            Ok(()) => return Ok(()),
            Err(why) if Instant::now() >= deadline => return Err(why),
            Err(_) => sleep(pause).await,
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

async fn look(client: &Client, namespace: &str, wanted: Nodes) -> Result<(), NotReady> {
    let silent = |error: kube::Error| NotReady::Silent(error.to_string());
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    if accounts.get_opt("default").await.map_err(silent)?.is_none() {
        return Err(NotReady::NoServiceAccount(namespace.to_owned()));
    }
    if wanted == Nodes::Any {
        return Ok(());
    }
    let nodes = Api::<Node>::all(client.clone())
        .list(&ListParams::default())
        .await
        .map_err(silent)?;
    let ready = nodes.items.iter().filter(|node| is_ready(node)).count();
    match (wanted, ready) {
        (_, 0) => Err(NotReady::NoNode),
        (Nodes::All, ready) if ready < nodes.items.len() => Err(NotReady::SomeNodes {
            ready,
            all: nodes.items.len(),
        }),
        _ => Ok(()),
    }
}

/// Whether a node says that it is ready, and the node lifecycle controller, which learns of that a little later, has taken
/// away the taint that keeps Pods off until then.
fn is_ready(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|it| it.conditions.iter().flatten());
    let taints = node.spec.iter().flat_map(|it| it.taints.iter().flatten());
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
        && !taints
            .into_iter()
            .any(|taint| HEALTH_TAINTS.contains(&taint.key.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_node_is_ready_once_pods_may_go_there() {
        let node = |status: &str, taint: &str| -> Node {
            serde_json::from_value(json!({
                "spec": {"taints": [{"key": taint, "effect": "NoSchedule"}]},
                "status": {"conditions": [{"type": "Ready", "status": status}]},
            }))
            .unwrap()
        };
        for (status, taint, ready) in [
            ("True", "node-role.kubernetes.io/control-plane", true),
            ("True", "node.kubernetes.io/not-ready", false),
            ("True", "node.kubernetes.io/unreachable", false),
            ("False", "a", false),
        ] {
            assert_eq!(is_ready(&node(status, taint)), ready, "{status} {taint}");
        }
        assert!(!is_ready(&Node::default()));
    }
}
