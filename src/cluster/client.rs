//! A `kube::Client` from a kubeconfig of bbf's own.

use super::Error;
use kube::config::{KubeConfigOptions, Kubeconfig};
use std::path::Path;
use std::time::Duration;

/// Who stands between the client and the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The cluster is on this machine: a proxy in the environment is for other addresses.
    Direct,
    /// What the kubeconfig says.
    AsConfigured,
}

/// A client of the cluster that the kubeconfig at `path` leads to.
pub(super) async fn client(path: &Path, way: Way) -> Result<kube::Client, Error> {
    let unreadable = |why: String| Error::Damaged {
        path: path.to_owned(),
        why,
    };
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| unreadable(error.to_string()))?;
    // kube takes a proxy from the environment too.
    let proxied = kubeconfig.clusters.iter().any(|it| {
        it.cluster
            .as_ref()
            .is_some_and(|cluster| cluster.proxy_url.is_some())
    });
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.map_err(|error| unreadable(error.to_string()))?;
    if way == Way::Direct || !proxied {
        config.proxy_url = None;
    }
    kube::Client::try_from(config).map_err(failed)
}

/// Why a request had no answer that is of use.
pub(super) fn failed(error: kube::Error) -> Error {
    match error {
        kube::Error::Api(status) if status.code == 401 => Error::Unauthenticated(status.message.clone()),
        kube::Error::Api(status) => Error::Unreachable(status.message.clone()),
        kube::Error::Auth(error) => Error::Unauthenticated(error.to_string()),
        error => Error::Unreachable(error.to_string()),
    }
}

/// Asks the cluster for its version; an error where it does not answer in time. One that tells nobody its version answers too.
pub(super) async fn answers(client: &kube::Client, limit: Duration) -> Result<(), Error> {
    match tokio::time::timeout(limit, client.apiserver_version()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => Ok(()),
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => Err(Error::Unreachable(format!(
            "no answer within {} s",
            limit.as_secs()
        ))),
    }
}
