//! When a new cluster can take a lab. The API answers before the controllers have made what every Pod needs.

use super::Error;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long the controllers of a new cluster may take.
const LIMIT: Duration = Duration::from_secs(30);

/// How soon to look again.
const AGAIN: Duration = Duration::from_millis(2);

/// Waits until Pods can be created in `namespace`: until its ServiceAccount `default` is there.
///
/// # Errors
/// When the cluster does not answer, or the account does not come.
pub async fn wait(client: &kube::Client, namespace: &str) -> Result<(), Error> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let deadline = Instant::now() + LIMIT;
    loop {
        match accounts.get_opt("default").await {
            Ok(Some(_)) => return Ok(()),
            Ok(None) if Instant::now() < deadline => sleep(AGAIN).await,
            Ok(None) => {
                let why = format!("no service account in {namespace} after {} s", LIMIT.as_secs());
                return Err(Error::Unreachable(why));
            }
            Err(error) => return Err(Error::Unreachable(error.to_string())),
        }
    }
}
