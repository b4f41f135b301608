//! The cluster's network: who has which address, and what a connection to an address meets.
//!
//! Differs from Kubernetes: connections are whole requests, answered at one moment; there is no packet and no IPv6.

use std::time::Duration;

pub(crate) mod addresses;
pub(crate) mod cidr;
pub(crate) mod policy;
pub(crate) mod routes;

/// One HTTP request to a container.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HttpRequest {
    /// `GET`, `POST`…
    pub method: String,
    /// The path with its query, beginning with a slash.
    pub path: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whom the client trusts; `None` without TLS.
    pub tls: Option<Trust>,
}

/// Whose certificates a client takes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trust {
    /// Everyone's (`curl --insecure`).
    Anyone,
    /// Those of the authorities that everyone knows.
    Public,
    /// Those of the authorities of a bundle in PEM (`curl --cacert`).
    Authorities(String),
    /// Those of a bundle that can't be read.
    Unreadable,
}

impl HttpRequest {
    /// A GET of `path`.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            path: path.into(),
            ..Self::default()
        }
    }
}

/// A container's answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long after the request it comes, in cluster time.
    pub took: Duration,
}

/// Why a request got no answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConnectError {
    /// Nothing listens on the port, or the Service has no endpoints.
    #[error("dial tcp {0}: connect: connection refused")]
    Refused(String),
    /// Nobody has the address, or the Service has no such port: the packets are lost.
    #[error("dial tcp {0}: i/o timeout")]
    TimedOut(String),
    /// The server took the request and ended, so long afterwards, without an answer.
    #[error("EOF")]
    Closed(Duration),
    /// The connection can't be made safe.
    #[error("tls: {0}")]
    Tls(TlsError),
    /// The name has no address.
    #[error("no such host: {0}")]
    NoSuchHost(String),
}

/// Why there is no TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// The client does not trust the server's certificate.
    #[error("failed to verify certificate: x509: certificate signed by unknown authority")]
    Untrusted,
    /// The client can't read the certificates of its authorities.
    #[error("failed to read the authorities")]
    NoAuthorities,
    /// The server does not speak TLS.
    #[error("first record does not look like a TLS handshake")]
    NotSpoken,
}
