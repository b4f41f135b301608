//! HTTP/1.1 on a forwarded connection: bytes become requests for a container, and its answers bytes.
//!
//! Differs from a real connection: containers here serve HTTP only, so what is no HTTP is answered as Go's server
//! does; a request's body is read and not looked at.

use std::fmt::Write as _;

use crate::clock::Time;
use crate::images::shell::network_tools::reason;
use crate::network::{HttpRequest, HttpResponse};

/// The longest head of a request.
const LONGEST_HEAD: usize = 64 * 1024;

/// The longest request with its body: nginx takes a body of 1 MiB (`client_max_body_size`).
const LONGEST_REQUEST: usize = LONGEST_HEAD + 1024 * 1024;

/// What Go's server answers to what is no request.
pub(super) const BAD_REQUEST: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
                                        Connection: close\r\n\r\n400 Bad Request";

/// The bytes of a connection that are not answered yet.
#[derive(Debug, Default)]
pub(super) struct HttpConnection {
    unread: Vec<u8>,
}

/// What stands first in a connection.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// No whole request.
    Nothing,
    /// A request, and whether the connection is kept after it.
    Request(HttpRequest, bool),
    /// Something else.
    Nonsense,
}

impl HttpConnection {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// Whether it holds as much as the head of a request may take.
    pub(super) const fn is_full(&self) -> bool {
        self.unread.len() > LONGEST_HEAD
    }

    /// Takes the next request.
    pub(super) fn next(&mut self) -> Next {
        let Some(end) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") else {
            let is_text = self.unread.first().is_none_or(u8::is_ascii_alphabetic);
            let fits = self.unread.len() <= LONGEST_HEAD;
            return if is_text && fits {
                Next::Nothing
            } else {
                Next::Nonsense
            };
        };
        let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        let Some((request, keep)) = parse(&head) else {
            return Next::Nonsense;
        };
        let Some(body) = body_length(&request, &self.unread[end + 4..]) else {
            return match self.unread.len() > LONGEST_REQUEST {
                true => Next::Nonsense,
                false => Next::Nothing,
            };
        };
        self.unread.drain(..end + 4 + body);
        Next::Request(request, keep)
    }
}

fn parse(head: &str) -> Option<(HttpRequest, bool)> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if !version.starts_with("HTTP/1.") || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let path = match target.strip_prefix("http://") {
        Some(url) => url.find('/').map_or("/", |at| &url[at..]),
        None => target,
    };
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let request = HttpRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        headers,
        ..HttpRequest::default()
    };
    let connection = header(&request, "connection")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let keep = match version {
        "HTTP/1.0" => connection == "keep-alive",
        _ => connection != "close",
    };
    Some((request, keep))
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut headers = request.headers.iter();
    let found = headers.find(|(own, _)| own.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// How many of the bytes behind a head are its body; `None` if it is not whole.
fn body_length(request: &HttpRequest, bytes: &[u8]) -> Option<usize> {
    if header(request, "transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        let end = bytes.windows(5).position(|window| window == b"0\r\n\r\n")?;
        return Some(end + 5);
    }
    let length = header(request, "content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    (bytes.len() >= length).then_some(length)
}

/// An answer in bytes.
pub(super) fn answer(request: &HttpRequest, response: &HttpResponse, keep: bool, now: Time) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    let has = |name: &str| {
        response
            .headers
            .iter()
            .any(|(own, _)| own.eq_ignore_ascii_case(name))
    };
    // Writing to a string cannot fail.
    for (name, value) in &response.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if !has("Date") {
        let date = now.timestamp().strftime("%a, %d %b %Y %H:%M:%S GMT");
        let _ = write!(head, "Date: {date}\r\n");
    }
    if !has("Content-Length") {
        let _ = write!(head, "Content-Length: {}\r\n", response.body.len());
    }
    if !keep {
        head.push_str("Connection: close\r\n");
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    if request.method != "HEAD" {
        bytes.extend_from_slice(&response.body);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(parts: &[&str]) -> Vec<String> {
        let mut connection = HttpConnection::default();
        let mut found = Vec::new();
        for part in parts {
            connection.push(part.as_bytes());
            loop {
                match connection.next() {
                    Next::Nothing => break,
                    Next::Nonsense => return vec!["nonsense".to_owned()],
                    Next::Request(request, keep) => {
                        found.push(format!("{} {} {keep}", request.method, request.path));
                    }
                }
            }
        }
        found
    }

    #[test]
    fn requests_are_read_however_their_bytes_come() {
        for (parts, expected) in [
            (&["GET /a HTTP/1.1\r\nHost: x\r\n\r\n"][..], &["GET /a true"][..]),
            (&["GET /a HT", "TP/1.1\r\n", "\r\n"], &["GET /a true"]),
            (&["GET / HTTP/1.0\r\n\r\n"], &["GET / false"]),
            (&["GET / HTTP/1.1\r\nconnection: close\r\n\r\n"], &["GET / false"]),
            (
                &[
                    "POST /p HTTP/1.1\r\nContent-Length: 3\r\n\r\nab",
                    "cGET /b HTTP/1.1\r\n\r\n",
                ],
                &["POST /p true", "GET /b true"],
            ),
            (
                &["POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"],
                &["POST /p true"],
            ),
            (&["\u{16}\u{3}\u{1}"], &["nonsense"]),
            (&["hello\r\n\r\n"], &["nonsense"]),
        ] {
            assert_eq!(all(parts), expected, "{parts:?}");
        }
    }

    #[test]
    fn an_answer_says_how_long_it_is() {
        let response = HttpResponse {
            status: 200,
            body: b"OK".to_vec(),
            ..HttpResponse::default()
        };
        let bytes = answer(&HttpRequest::get("/"), &response, false, Time::from_micros(0));
        let expected = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 2\r\n\
                        Connection: close\r\n\r\nOK";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }
}
