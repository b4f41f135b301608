//! Asking the cluster for what no watch tells: GETs only.

use std::time::Duration;

use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use tokio::time::timeout;

use super::view::{Answer, Demand};

/// After how long an unanswered request has failed.
const PATIENCE: Duration = Duration::from_secs(3);
/// How much of an answer is kept, in bytes.
const KEPT: usize = 64 * 1024;

/// Sends the request. A response is an answer whatever its status.
pub(super) async fn ask(client: &Client, demand: &Demand) -> Answer {
    match timeout(PATIENCE, send(client, demand.path())).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Answer::Failed(error),
        Err(_) => Answer::Failed(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn send(client: &Client, path: &str) -> Result<Answer, String> {
    let request = Request::builder()
        .method(Method::GET)
        .uri(path)
        .body(Body::empty());
    let request = request.map_err(|error| error.to_string())?;
    let response = client.send(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let bytes = response
        .into_body()
        .collect()
        .await
        .map_err(|error| error.to_string())?
        .to_bytes();
    let body = String::from_utf8_lossy(&bytes[..bytes.len().min(KEPT)]).into_owned();
    Ok(refused_by_proxy(status, &body).unwrap_or(Answer::Http { status, body }))
}

/// The API server's own word that there was nobody to ask, which isn't an answer of the server that was meant.
fn refused_by_proxy(status: u16, body: &str) -> Option<Answer> {
    let said: serde_json::Value = serde_json::from_str(body).ok().filter(|_| status >= 400)?;
    (said["kind"] == "Status")
        .then(|| Answer::Failed(said["message"].as_str().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_servers_refusal_is_no_answer_of_the_server_behind_it() {
        let refusal =
            r#"{"kind":"Status","message":"no endpoints available for service \"web\"","code":503}"#;
        for (status, body, failed) in [
            (503, refusal, true),
            (503, "Service Unhealthy", false),
            (200, refusal, false),
        ] {
            assert_eq!(
                refused_by_proxy(status, body).is_some(),
                failed,
                "{status} {body}"
            );
        }
    }
}
