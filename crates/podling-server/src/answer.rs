//! From an HTTP request to the cluster and back: the same for the in-process client and for HTTPS.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, IF_NONE_MATCH, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;
use podling::request::MAX_BODY_BYTES;
use podling::status::Status;
use podling::{Impersonation, Request, Response};

use crate::body::AnswerBody;
use crate::shared::Shared;
use crate::web_socket::{self, Upgrade};

/// How long a client may take to send a body, as kube-apiserver's `--request-timeout`.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Lets the cluster answer `request`. Who sends it stands in its extensions as [`podling::Credentials`]; it is the owner
/// if nothing stands there.
pub(crate) async fn answer<B>(
    shared: &Arc<Shared>,
    mut request: http::Request<B>,
) -> http::Response<AnswerBody>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let upgrade = Upgrade::of(&mut request);
    let answered = match read(request).await {
        Ok(request) => shared.handle(&request),
        Err(refusal) => refusal.into(),
    };
    match (answered.body, upgrade) {
        (podling::Body::Session(session), Some(upgrade)) => {
            upgrade.accept(shared, session, &answered.headers)
        }
        (body, _) => send(shared, Response { body, ..answered }),
    }
}

async fn read<B>(request: http::Request<B>) -> Result<Request, Status>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let (head, body) = request.into_parts();
    let whole = Limited::new(body, MAX_BODY_BYTES).collect();
    let body = tokio::time::timeout(BODY_TIMEOUT, whole)
        .await
        .map_err(|_| too_slow())?
        .map_err(|error| unread(error.as_ref()))?;
    Ok(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        accept: text(&head.headers, &header::ACCEPT),
        content_type: text(&head.headers, &CONTENT_TYPE),
        if_none_match: text(&head.headers, &IF_NONE_MATCH),
        web_socket: web_socket::offered(&head.headers),
        user_agent: text(&head.headers, &USER_AGENT),
        credentials: head.extensions.get().cloned().unwrap_or_default(),
        impersonation: impersonation(&head.headers),
        body: body.to_bytes().into(),
    })
}

/// On whose behalf a request is sent.
fn impersonation(headers: &HeaderMap) -> Impersonation {
    let mut impersonation = Impersonation::default();
    for (name, value) in headers {
        impersonation.take_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
    impersonation
}

/// A header's values as one text, as RFC 9110 joins them.
pub(crate) fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    values.join(", ")
}

/// `errors.NewRequestEntityTooLargeError` for a body over the limit; else the client went away in the middle.
fn unread(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Status {
    if error.is::<LengthLimitError>() {
        return Status::too_large(&format!("limit is {MAX_BODY_BYTES}"));
    }
    Status::bad_request(format!("the request's body could not be read: {error}"))
}

/// `errors.NewTimeoutError`, as the API server's timeout filter answers.
fn too_slow() -> Status {
    let message = "Timeout: request did not complete within the allotted timeout";
    let mut status = Status::new(504, "Timeout", message);
    status.details = Some(Box::default());
    status
}

fn send(shared: &Arc<Shared>, answered: Response) -> http::Response<AnswerBody> {
    let Response {
        status,
        content_type,
        headers,
        body,
    } = answered;
    let body = match body {
        podling::Body::Whole(bytes) => AnswerBody::whole(Bytes::from(bytes)),
        podling::Body::Stream(stream) => AnswerBody::stream(Arc::clone(shared), stream),
        // A session is opened for a request that offers a WebSocket only.
        podling::Body::Session(session) => {
            shared.hang_up(session);
            AnswerBody::whole(Bytes::new())
        }
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let to = response.headers_mut();
    if let Ok(content_type) = HeaderValue::from_str(&content_type)
        && status != 304
    {
        to.insert(CONTENT_TYPE, content_type);
    }
    for (name, value) in headers {
        // A text that is no header (a warning with a line break in it) is left out; the answer stands.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            to.append(name, value);
        }
    }
    to.entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache, private"));
    response
}
