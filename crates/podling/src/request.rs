//! What goes in and what comes out: one API call and its answer, without a transport.

use serde::{Deserialize, Serialize};

use crate::apiserver::Stream;
use crate::status::Status;
use crate::user::{Credentials, Impersonation};

/// The largest body that is taken, as kube-apiserver's `MaxRequestBodyBytes`.
pub const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;

/// One API call, as a transport received it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Request {
    /// The HTTP method, in capitals.
    pub method: String,
    /// The path, percent-encoded as it came.
    pub path: String,
    /// The query without its `?`, percent-encoded as it came.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// The `Accept` header; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub accept: String,
    /// The `Content-Type` header; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content_type: String,
    /// The `If-None-Match` header: the ETags of what the client has; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub if_none_match: String,
    /// The subprotocols that an upgrade to a WebSocket offers (`Sec-WebSocket-Protocol`); `None` for a request that
    /// is no such upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_socket: Option<String>,
    /// The `User-Agent` header, which names the field manager where the query does not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_agent: String,
    /// Who sends it, as far as the transport knows.
    #[serde(default, skip_serializing_if = "Credentials::is_owner")]
    pub credentials: Credentials,
    /// On whose behalf it is sent.
    #[serde(default, skip_serializing_if = "Impersonation::is_none")]
    pub impersonation: Impersonation,
    /// The body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<u8>,
}

/// The answer to a [`Request`].
#[derive(Debug)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: String,
    /// Further headers, such as `Warning`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// The body of a [`Response`].
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// A watch or a followed log: read on with [`Cluster::read`](crate::Cluster::read) after each change.
    Stream(Stream),
    /// A session of exec, attach or port-forward, by its number: what the client says comes in through
    /// [`Cluster::send`](crate::Cluster::send), and [`Cluster::receive`](crate::Cluster::receive) is read after each
    /// change. The answer is the upgrade to a WebSocket of the subprotocol that its `Sec-WebSocket-Protocol` names.
    Session(u64),
}

/// What a session had to say since it was last read.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Messages {
    /// Binary messages of the WebSocket, in order.
    pub messages: Vec<Vec<u8>>,
    /// Whether what writes here stands still until the client has taken what there is: then
    /// [`Cluster::taken`](crate::Cluster::taken) lets it go on.
    pub held: bool,
    /// Whether nothing more will come.
    pub ended: bool,
}

/// What a stream had to say since it was last read.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Chunk {
    /// The bytes to send on.
    pub bytes: Vec<u8>,
    /// Whether there is more already, to be read once these are sent.
    pub more: bool,
    /// Whether nothing more will come.
    pub ended: bool,
}

impl Request {
    /// A request without a body.
    pub fn new(method: &str, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..Self::default()
        }
    }

    /// The same request with a JSON body.
    #[must_use]
    pub fn with_json(mut self, body: &serde_json::Value) -> Self {
        self.content_type = "application/json".to_owned();
        self.body = body.to_string().into_bytes();
        self
    }

    /// Whether the request can change nothing, so that a recording can leave it out. A proxied GET is not
    /// read-only, and neither is one that opens a session: they make containers do something.
    pub fn is_read_only(&self) -> bool {
        let proxied = self.path.split('/').any(|part| part == "proxy");
        let opens = matches!(
            self.path.rsplit('/').next(),
            Some("exec" | "attach" | "portforward")
        );
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS") && !proxied && !opens
    }

    /// The decoded value of the query's first parameter of that name.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).next()
    }

    /// The decoded values of all the query's parameters of that name.
    pub(crate) fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        self.query.split('&').filter_map(move |pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key) == name).then(|| percent_decode(&value.replace('+', " ")))
        })
    }

    /// Whether a boolean parameter is set, as Kubernetes reads one: present and neither `false` nor `0`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.parameter(name)
            .is_some_and(|value| !matches!(value.to_ascii_lowercase().as_str(), "false" | "0"))
    }
}

/// Undoes percent-encoding; what is no valid escape stays as it is.
pub(crate) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

impl Response {
    /// An answer in JSON.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let mut bytes = body.to_string().into_bytes();
        bytes.push(b'\n');
        Self::whole(status, "application/json", bytes)
    }

    /// An answer in plain text.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self::whole(status, "text/plain", body.into().into_bytes())
    }

    pub(crate) fn whole(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: content_type.to_owned(),
            headers: Vec::new(),
            body: Body::Whole(body),
        }
    }

    pub(crate) fn stream(content_type: &str, stream: Stream) -> Self {
        let body = Body::Stream(stream);
        Self {
            status: 200,
            content_type: content_type.to_owned(),
            headers: Vec::new(),
            body,
        }
    }

    /// The upgrade to a session's WebSocket.
    pub(crate) fn session(number: u64, protocol: &str) -> Self {
        Self {
            status: 101,
            content_type: String::new(),
            headers: vec![("Sec-WebSocket-Protocol".to_owned(), protocol.to_owned())],
            body: Body::Session(number),
        }
    }

    /// The same answer with a `Warning` header for each text.
    #[must_use]
    pub(crate) fn with_warnings(mut self, warnings: &[String]) -> Self {
        for warning in warnings {
            // RFC 7234: a quoted string, so quotes and backslashes are escaped.
            let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
            self.headers
                .push(("Warning".to_owned(), format!("299 - \"{quoted}\"")));
        }
        self
    }

    /// The body as JSON; `Null` for a stream or another form.
    pub fn body_json(&self) -> serde_json::Value {
        match &self.body {
            Body::Whole(bytes) => serde_json::from_slice(bytes).unwrap_or_default(),
            Body::Stream(_) | Body::Session(_) => serde_json::Value::Null,
        }
    }
}

impl From<Status> for Response {
    fn from(status: Status) -> Self {
        let mut response = Self::json(status.code, &status.to_json());
        let retry_after = status
            .details
            .as_ref()
            .map_or(0, |details| details.retry_after_seconds);
        if retry_after > 0 {
            response
                .headers
                .push(("Retry-After".to_owned(), retry_after.to_string()));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let request = Request::new("GET", "/api/v1/pods?labelSelector=a%3Db%2Cc&watch=1&x");
        assert_eq!(request.parameter("labelSelector").as_deref(), Some("a=b,c"));
        assert!(request.flag("watch"));
        assert!(request.flag("x"));
        assert!(!request.flag("y"));
    }

    #[test]
    fn a_broken_escape_stays_as_it_is() {
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz%41"), "%zzA");
        assert_eq!(percent_decode("%é"), "%é");
    }

    #[test]
    fn only_requests_that_change_nothing_are_read_only() {
        assert!(Request::new("GET", "/api/v1/pods").is_read_only());
        assert!(!Request::new("POST", "/api/v1/pods").is_read_only());
        assert!(!Request::new("GET", "/api/v1/namespaces/a/pods/b:80/proxy/").is_read_only());
        assert!(!Request::new("GET", "/api/v1/namespaces/a/pods/b/exec?command=ls").is_read_only());
    }
}
