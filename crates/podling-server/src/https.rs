//! The door for kubectl: HTTPS/1.1 on loopback, for whoever has the credentials.
//!
//! Differs from Kubernetes: no HTTP/2 (clients fall back by themselves); no client certificates, and one token that is
//! checked here, the owner's.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use podling::Credentials;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use crate::answer::answer;
use crate::body::AnswerBody;
use crate::identity::Identity;
use crate::kubeconfig::kubeconfig;
use crate::shared::{Shared, Stopping};

/// Connections at a time; more wait. Each `kubectl get -w` and each forwarded port holds one.
const MAX_CONNECTIONS: usize = 512;

/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// How long a connection may wait for the head of its next request. Longer than the 90 s for which clients (Go's,
/// hyper's) keep an idle connection, so that it is they who close it and no request meets a closing server.
const NEXT_REQUEST: Duration = Duration::from_secs(180);

/// How long a connection may take to end in good order once the cluster stops.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait after the system refused a connection (too many open files) before the next try.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// The largest head of a request. Go's default is 1 MiB; no client of a cluster comes near this.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How a cluster is to be served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServeOptions {
    /// The port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// The name of cluster, user and context in the kubeconfig.
    pub name: String,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            port: 0,
            name: "podling".to_owned(),
        }
    }
}

/// Where a cluster is served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// `https://127.0.0.1:<port>`.
    pub url: String,
    /// The port. A cluster that is brought back should ask for the same one, so that kubeconfigs stay right.
    pub port: u16,
    /// A kubeconfig in YAML, with the authority and the client's credentials. Write it with
    /// [`write_private`](crate::write_private).
    pub kubeconfig: String,
}

/// Why a cluster is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Something else listens on that port.
    #[error("port {port} on 127.0.0.1 is taken by another program")]
    PortTaken {
        /// The port that was asked for.
        port: u16,
    },
    /// The system does not let us listen.
    #[error("failed to listen on 127.0.0.1: {0}")]
    Listen(#[source] io::Error),
    /// The cluster was stopped.
    #[error("the cluster has been stopped")]
    Stopped,
    /// The identity is no use.
    #[error("failed to use the cluster's keys: {0}")]
    Identity(String),
}

pub(crate) async fn serve(
    shared: Arc<Shared>,
    identity: &Identity,
    options: &ServeOptions,
) -> Result<Endpoint, ServeError> {
    if shared.is_ending() {
        return Err(ServeError::Stopped);
    }
    let tls = identity.tls().map_err(ServeError::Identity)?;
    let listener = listen(options.port).await?;
    let port = listener.local_addr().map_err(ServeError::Listen)?.port();
    let url = format!("https://127.0.0.1:{port}");
    let kubeconfig = kubeconfig(&options.name, &url, identity);
    let door = Arc::new(Door {
        shared,
        identity: identity.clone(),
        tls: TlsAcceptor::from(Arc::new(tls)),
    });
    tokio::spawn(accept(door, listener));
    Ok(Endpoint {
        url,
        port,
        kubeconfig,
    })
}

async fn listen(port: u16) -> Result<TcpListener, ServeError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ServeError::PortTaken { port },
            _ => ServeError::Listen(error),
        })
}

struct Door {
    shared: Arc<Shared>,
    identity: Identity,
    tls: TlsAcceptor,
}

async fn accept(door: Arc<Door>, listener: TcpListener) {
    let mut stopping = door.shared.stopping();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = next_connection(&listener, &places) => accepted,
            () = stopping.told() => return,
        };
        match accepted {
            Ok((stream, place)) => {
                tokio::spawn(connection(Arc::clone(&door), stream, place));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
        }
    }
}

async fn next_connection(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // A watch event is small and someone waits for it.
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

/// Serves one connection until the client, or the cluster, ends it. What a client does wrong ends its own
/// connection only.
async fn connection(door: Arc<Door>, stream: TcpStream, place: OwnedSemaphorePermit) {
    let mut stopping = door.shared.stopping();
    let greeted = tokio::select! {
        greeted = tokio::time::timeout(HANDSHAKE, door.tls.accept(stream)) => greeted,
        () = stopping.told() => return,
    };
    if let Ok(Ok(stream)) = greeted {
        let service = service_fn(move |request| enter(Arc::clone(&door), request));
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(NEXT_REQUEST)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        finish(served, stopping).await;
    }
    drop(place);
}

type Connection<S> = http1::UpgradeableConnection<TokioIo<tokio_rustls::server::TlsStream<TcpStream>>, S>;

/// Lets a connection run; when the cluster stops, lets it end the answer it is giving.
async fn finish<S>(connection: Connection<S>, mut stopping: Stopping)
where
    S: hyper::service::HttpService<Incoming, ResBody = AnswerBody> + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.told() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection ended early");
    }
}

/// Tells the cluster who sends a request. The owner has the token of the kubeconfig; the cluster itself looks into other
/// tokens, and decides what a sender without any may do.
async fn enter(
    door: Arc<Door>,
    mut request: http::Request<Incoming>,
) -> Result<http::Response<AnswerBody>, Infallible> {
    let credentials = match request.headers().get(AUTHORIZATION) {
        Some(header) if door.identity.admits(header.as_bytes()) => Credentials::Owner,
        header => Credentials::from_authorization(header.and_then(|header| header.to_str().ok())),
    };
    request.extensions_mut().insert(credentials);
    Ok(answer(&door.shared, request).await)
}
