//! The door for kubectl.

use std::sync::Arc;

use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use podling_server::{ClusterHandle, Endpoint, Identity, ServeError, ServeOptions, TimeSource};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::cluster::{config, create, names};

/// A served cluster in real time.
pub(crate) async fn serve() -> (ClusterHandle, Endpoint) {
    let cluster = ClusterHandle::start(config(), TimeSource::Wall, None).unwrap();
    let identity = Identity::create().unwrap();
    let endpoint = cluster.serve(&identity, &ServeOptions::default()).await.unwrap();
    (cluster, endpoint)
}

/// A client made from a kubeconfig, as any program makes one.
pub(crate) async fn client(kubeconfig: &str) -> kube::Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.unwrap();
    // The cluster is on loopback: a proxy in the environment is for other addresses.
    config.proxy_url = None;
    // By default kube asks 15 times for what is answered with 429, the last time after a minute or more: an eviction that
    // a budget refuses would seem to hang.
    config.default_retry = false;
    kube::Client::try_from(config).unwrap()
}

/// What the kubeconfig holds: the authority in PEM and the token.
fn credentials(endpoint: &Endpoint) -> (Vec<u8>, String) {
    let kubeconfig = Kubeconfig::from_yaml(&endpoint.kubeconfig).unwrap();
    let authority = kubeconfig.clusters[0]
        .cluster
        .as_ref()
        .unwrap()
        .certificate_authority_data
        .clone()
        .unwrap();
    let user = kubeconfig.auth_infos[0].auth_info.clone().unwrap();
    let token = serde_json::to_value(&user).unwrap()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    (
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, authority).unwrap(),
        token,
    )
}

/// A connection on which any bytes can be sent.
pub(crate) async fn connect(endpoint: &Endpoint) -> TlsStream<TcpStream> {
    let (authority, _) = credentials(endpoint);
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&authority).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", endpoint.port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(tls))
        .connect(name, stream)
        .await
        .unwrap()
}

/// Sends a request with `headers` and `body`; the status code and the body that come back.
async fn exchange(endpoint: &Endpoint, line: &str, headers: &str, body: &[u8]) -> (u16, Value) {
    let mut stream = connect(endpoint).await;
    let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server may answer and close before it has read all of it.
    drop(stream.write_all(body).await);
    drop(stream.flush().await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head[9..12].parse().unwrap(),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

/// A GET by the owner, as it is sent.
pub(crate) fn get(endpoint: &Endpoint, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        authorization(endpoint)
    )
}

fn authorization(endpoint: &Endpoint) -> String {
    format!("Authorization: Bearer {}\r\n", credentials(endpoint).1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_the_kubeconfig_works_and_watches() {
    let (_cluster, endpoint) = serve().await;
    let client = client(&endpoint.kubeconfig).await;
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    let events = secrets.watch(&WatchParams::default(), "0").await.unwrap();
    create(&client, "web").await;
    let mut events = std::pin::pin!(events);
    let event = events.try_next().await.unwrap().unwrap();
    assert!(
        matches!(event, kube::api::WatchEvent::Added(object) if object.metadata.name.as_deref() == Some("web"))
    );
    assert_eq!(names(&client).await, ["web"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_at_once_see_the_same_changes_in_the_same_order() {
    let (_cluster, endpoint) = serve().await;
    let client = client(&endpoint.kubeconfig).await;
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    let params = WatchParams::default();
    let watches = (0..4).map(async |_| {
        let events = secrets.watch(&params, "0").await.unwrap();
        events
            .take(80)
            .map_ok(|event| format!("{event:?}"))
            .try_collect::<Vec<_>>()
            .await
            .unwrap()
    });
    let writers = (0..8).map(async |writer| {
        for number in 0..10 {
            create(&client, &format!("writer-{writer}-{number}")).await;
        }
    });
    let (seen, _) = tokio::join!(join_all(watches), join_all(writers));
    assert_eq!(seen[0].len(), 80);
    assert!(seen.iter().all(|events| *events == seen[0]));
}

#[tokio::test]
async fn a_cluster_that_was_stopped_is_not_served_any_more() {
    let (cluster, _) = serve().await;
    cluster.stop().await;
    let error = cluster
        .serve(&Identity::create().unwrap(), &ServeOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, ServeError::Stopped), "{error}");
}

#[tokio::test]
async fn who_has_no_credentials_is_anonymous_and_may_hardly_anything() {
    let (_cluster, endpoint) = serve().await;
    let unauthorized = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "Unauthorized", "reason": "Unauthorized", "code": 401,
    });
    let pods = "GET /api/v1/namespaces/default/pods";
    let answer = exchange(&endpoint, pods, "Authorization: Bearer wrong\r\n", b"").await;
    assert_eq!(answer, (401, unauthorized));
    for headers in ["", "Authorization: Basic YTpi\r\n", "Authorization: Bearer \r\n"] {
        let (code, status) = exchange(&endpoint, pods, headers, b"").await;
        let message = "pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"";
        assert_eq!(
            (code, status["message"].as_str()),
            (403, Some(message)),
            "{headers:?}"
        );
    }
    assert_eq!(exchange(&endpoint, "GET /version", "", b"").await.0, 200);
}

#[tokio::test]
async fn discovery_that_a_client_has_is_not_sent_again() {
    let (_cluster, endpoint) = serve().await;
    let ask = async |known: &str| {
        let mut stream = connect(&endpoint).await;
        let accept = "Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let request = get(&endpoint, "/apis").trim_end().to_owned();
        let request = format!("{request}\r\n{accept}\r\nConnection: close\r\nIf-None-Match: {known}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    };
    let (head, body) = ask("\"none\"").await;
    assert!(
        head.starts_with("HTTP/1.1 200") && body.contains("\"apps\""),
        "{head}"
    );
    assert!(
        head.contains("cache-control: public\r\n") && !head.contains("no-cache"),
        "{head}"
    );
    let etag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let (head, body) = ask(etag).await;
    assert!(head.starts_with("HTTP/1.1 304") && body.is_empty(), "{head}");
    assert!(!head.contains("content-type"), "{head}");
}

#[tokio::test]
async fn the_owner_may_act_for_others() {
    let (_cluster, endpoint) = serve().await;
    let headers = format!(
        "{}Content-Type: application/json\r\nImpersonate-User: jane\r\nImpersonate-Group: devs\r\nContent-Length: 2\r\n",
        authorization(&endpoint)
    );
    let path = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews";
    let (code, review) = exchange(&endpoint, path, &headers, b"{}").await;
    assert_eq!(code, 201, "{review}");
    assert_eq!(
        review["status"]["userInfo"],
        json!({"username": "jane", "groups": ["devs", "system:authenticated"]})
    );
}

#[tokio::test]
async fn a_body_over_three_mebibytes_is_too_large() {
    let (_cluster, endpoint) = serve().await;
    let body = vec![b' '; 3 * 1024 * 1024 + 1];
    let headers = format!("{}Content-Length: {}\r\n", authorization(&endpoint), body.len());
    let (code, status) = exchange(
        &endpoint,
        "POST /api/v1/namespaces/default/secrets",
        &headers,
        &body,
    )
    .await;
    assert_eq!(code, 413);
    assert_eq!(status["message"], "Request entity too large: limit is 3145728");
    assert_eq!(status["reason"], "RequestEntityTooLarge");
}

#[tokio::test]
async fn an_upgrade_that_is_refused_is_answered_with_a_status() {
    let (_cluster, endpoint) = serve().await;
    let headers = format!(
        "{}Upgrade: websocket\r\nSec-WebSocket-Key: dGVzdA==\r\n",
        authorization(&endpoint)
    );
    let (code, status) = exchange(
        &endpoint,
        "GET /api/v1/namespaces/default/pods/web/exec",
        &headers,
        b"",
    )
    .await;
    assert_eq!(code, 404);
    assert_eq!(status["message"], "pods \"web\" not found");
}

#[tokio::test]
async fn what_is_no_request_ends_its_own_connection_only() {
    let (_cluster, endpoint) = serve().await;
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let cases = [
        "\r\n\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /\u{0} HTTP/1.1\r\n\r\n",
        &long,
        "",
    ];
    for case in cases {
        let mut stream = connect(&endpoint).await;
        drop(stream.write_all(case.as_bytes()).await);
        drop(stream.shutdown().await);
        drop(stream.read_to_end(&mut Vec::new()).await);
    }
    let mut plain = TcpStream::connect(("127.0.0.1", endpoint.port)).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    drop(plain.read_to_end(&mut Vec::new()).await);
    assert_eq!(names(&client(&endpoint.kubeconfig).await).await, [""; 0]);
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let (cluster, endpoint) = serve().await;
    let options = ServeOptions {
        port: endpoint.port,
        ..ServeOptions::default()
    };
    let error = cluster
        .serve(&Identity::create().unwrap(), &options)
        .await
        .unwrap_err();
    assert!(
        matches!(error, ServeError::PortTaken { port } if port == endpoint.port),
        "{error}"
    );
}

#[tokio::test]
async fn a_stop_ends_watches_in_good_order_and_frees_the_port() {
    let (cluster, endpoint) = serve().await;
    let secrets: Api<Secret> = Api::default_namespaced(client(&endpoint.kubeconfig).await);
    let events = secrets.watch(&WatchParams::default(), "0").await.unwrap();
    cluster.stop().await;
    assert_eq!(events.try_collect::<Vec<_>>().await.unwrap().len(), 0);
    let options = ServeOptions {
        port: endpoint.port,
        ..ServeOptions::default()
    };
    let next = ClusterHandle::start(config(), TimeSource::Wall, None).unwrap();
    next.serve(&Identity::create().unwrap(), &options).await.unwrap();
}
