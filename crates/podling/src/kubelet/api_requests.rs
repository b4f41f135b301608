//! What containers ask of the API server.
//!
//! Differs from Kubernetes: HTTP/1.1 only, and what would go on (a watch, a log that is followed) ends with what there is
//! at the moment.

use std::time::Duration;

use super::Nodes;
use crate::apiserver::{ApiServer, endpoints};
use crate::controller_manager::ROOT_CA_BUNDLE;
use crate::network::addresses::API_SERVER_PORT;
use crate::network::{ConnectError, HttpRequest, HttpResponse, TlsError, Trust};
use crate::request::{Body, Request, Response};
use crate::user::Credentials;

/// How long the API server takes.
const TOOK: Duration = Duration::from_millis(2);

/// What Go's server says to who speaks without TLS.
const PLAIN: &str = "Client sent an HTTP request to an HTTPS server.\n";

impl Nodes {
    /// Whether the API server listens there.
    pub(super) fn is_api_server(&self, address: &str, port: u16) -> bool {
        address == self.api_server && port == API_SERVER_PORT
    }

    /// Lets the API server answer, for whoever the request's token says.
    ///
    /// # Errors
    /// The client does not trust its certificate.
    pub(super) fn ask_api_server(
        &mut self,
        api: &mut ApiServer,
        asked: &HttpRequest,
    ) -> Result<HttpResponse, ConnectError> {
        let Some(trust) = &asked.tls else {
            return Ok(answer(Response::text(400, PLAIN), Vec::new()));
        };
        check(trust).map_err(ConnectError::Tls)?;
        let response = endpoints::handle(api, &request(asked), self);
        let (response, body) = match response.body {
            Body::Whole(_) => (response, Vec::new()),
            Body::Stream(mut stream) => {
                let chunk = stream.read(api, self);
                let rest = Response {
                    body: Body::Whole(Vec::new()),
                    ..response
                };
                (rest, chunk.bytes)
            }
            Body::Session(number) => {
                self.hang_up(api, number);
                (Response::text(400, PLAIN), Vec::new())
            }
        };
        Ok(answer(response, body))
    }
}

/// Whether a client that trusts so takes the API server's certificate.
fn check(trust: &Trust) -> Result<(), TlsError> {
    match trust {
        Trust::Anyone => Ok(()),
        Trust::Authorities(bundle) if bundle.contains(ROOT_CA_BUNDLE.trim()) => Ok(()),
        Trust::Public | Trust::Authorities(_) => Err(TlsError::Untrusted),
        Trust::Unreadable => Err(TlsError::NoAuthorities),
    }
}

/// The request as the API server takes it.
fn request(asked: &HttpRequest) -> Request {
    let header = |name: &str| {
        let mut headers = asked.headers.iter();
        let found = headers.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    let text = |name: &str| header(name).unwrap_or_default().to_owned();
    let mut request = Request::new(&asked.method, &asked.path);
    request.accept = text("accept");
    request.content_type = text("content-type");
    request.if_none_match = text("if-none-match");
    request.user_agent = text("user-agent");
    request.credentials = Credentials::from_authorization(header("authorization"));
    request.body.clone_from(&asked.body);
    for (name, value) in &asked.headers {
        request.impersonation.take_header(name, value);
    }
    request
}

fn answer(response: Response, streamed: Vec<u8>) -> HttpResponse {
    let body = match response.body {
        Body::Whole(bytes) if streamed.is_empty() => bytes,
        _ => streamed,
    };
    let mut headers = response.headers;
    for (name, value) in [
        ("Content-Type", response.content_type.as_str()),
        ("Cache-Control", "no-cache, private"),
    ] {
        if !value.is_empty() && !headers.iter().any(|(given, _)| given == name) {
            headers.insert(0, (name.to_owned(), value.to_owned()));
        }
    }
    HttpResponse {
        status: response.status,
        headers,
        body,
        took: TOOK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_trusted_for_its_authority_or_for_nothing() {
        let other = "-----BEGIN CERTIFICATE-----\nother\n-----END CERTIFICATE-----\n";
        for (trust, expected) in [
            (Trust::Anyone, Ok(())),
            (Trust::Public, Err(TlsError::Untrusted)),
            (Trust::Authorities(format!("{other}{ROOT_CA_BUNDLE}")), Ok(())),
            (Trust::Authorities(other.to_owned()), Err(TlsError::Untrusted)),
            (Trust::Unreadable, Err(TlsError::NoAuthorities)),
        ] {
            assert_eq!(check(&trust), expected, "{trust:?}");
        }
    }

    #[test]
    fn headers_say_who_asks_and_for_what() {
        let headers = [
            ("authorization", "Bearer abc"),
            ("Accept", "application/yaml"),
            ("User-Agent", "curl/8.4.0"),
            ("Impersonate-User", "jane"),
        ];
        let asked = HttpRequest {
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..HttpRequest::get("/api/v1/pods?limit=1")
        };
        let request = request(&asked);
        assert_eq!(request.credentials, Credentials::Token("abc".to_owned()));
        assert_eq!(
            (request.path.as_str(), request.query.as_str()),
            ("/api/v1/pods", "limit=1")
        );
        assert_eq!(request.accept, "application/yaml");
        assert_eq!(request.impersonation.user, "jane");
    }
}
