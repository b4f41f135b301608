//! A journal's lines, in words: a header in JSON, then `<checksum> <entry in JSON>` for each request.

use std::{io, str};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use podling::clock::Time;
use podling::{Config, Credentials, Impersonation, Request};
use serde::{Deserialize, Serialize};

/// The version of the form that is written here. A form that old programs would misread needs a new number.
///
/// Version 2 added what the clients of sessions say, version 3 that they have taken what they were told; a journal of an
/// older version has none of it, and is read as it is.
pub(super) const VERSION: u32 = 3;

/// Hexadecimal digits of a line's checksum.
const CHECKSUM_DIGITS: usize = 16;

/// The first line.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Header {
    #[serde(rename = "podlingJournal")]
    version: u32,
    /// The version of podling that recorded.
    pub(super) podling: String,
    pub(super) config: Config,
}

/// As much of a header as every version has.
#[derive(Deserialize)]
struct AnyHeader {
    #[serde(rename = "podlingJournal")]
    version: u32,
}

/// What was done to the cluster, and at which cluster time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub(crate) time: Time,
    pub(crate) input: Input,
}

/// What can be done to a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Input {
    /// A request is handled.
    Request(Box<Request>),
    /// The client of a session says something.
    Message {
        /// The session.
        session: u64,
        /// One message of its WebSocket.
        message: Vec<u8>,
    },
    /// The client of a session has taken what it was told.
    Taken {
        /// The session.
        session: u64,
    },
    /// The client of a session is gone.
    HangUp {
        /// The session.
        session: u64,
    },
}

/// An entry as it is written: the body as text where it is text, for people who read the journal.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Line {
    /// Microseconds since the Unix epoch.
    time: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    method: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    query: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    accept: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    content_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    web_socket: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    user_agent: String,
    #[serde(skip_serializing_if = "Credentials::is_owner")]
    credentials: Credentials,
    #[serde(skip_serializing_if = "Impersonation::is_none")]
    impersonation: Impersonation,
    /// The session whose client says `body`, has taken what it was told, or is gone; what requests have is empty then.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    taken: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    hang_up: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    body: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    body_base64: String,
}

/// What is in a journal's bytes.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// `None` if there is none, or a damaged one.
    pub(super) header: Option<Header>,
    /// The entries up to the first damaged line.
    pub(super) entries: Vec<Entry>,
    /// How many bytes header and entries take.
    pub(super) whole: u64,
    /// How many lines there are from the first damaged one on. What came after a damage is not replayed: it
    /// could lead to a state that never was.
    pub(super) damaged_lines: usize,
    /// Whether the last line has no end.
    pub(super) torn: bool,
    /// The format's version, if it is too new to be read.
    pub(super) newer_version: Option<u32>,
}

impl Header {
    pub(super) fn new(config: Config) -> Self {
        let podling = env!("CARGO_PKG_VERSION").to_owned();
        Self {
            version: VERSION,
            podling,
            config,
        }
    }

    pub(super) fn to_line(&self) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

impl Entry {
    pub(super) fn to_line(&self) -> io::Result<Vec<u8>> {
        let json = serde_json::to_string(&Line::from(self))?;
        Ok(format!("{:0CHECKSUM_DIGITS$x} {json}\n", checksum(json.as_bytes())).into_bytes())
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let (sum, json) = line.split_at_checked(CHECKSUM_DIGITS)?;
        let sum = u64::from_str_radix(str::from_utf8(sum).ok()?, 16).ok()?;
        let json = json.strip_prefix(b" ")?;
        if checksum(json) != sum {
            return None;
        }
        serde_json::from_slice::<Line>(json).ok()?.into_entry()
    }
}

impl From<&Entry> for Line {
    fn from(entry: &Entry) -> Self {
        let time = entry.time.as_micros();
        let line = match entry.input.clone() {
            Input::Request(request) => Self::of_request(*request),
            Input::Message { session, message } => Self {
                session: Some(session),
                ..Self::with_body(message)
            },
            Input::Taken { session } => Self {
                session: Some(session),
                taken: true,
                ..Self::default()
            },
            Input::HangUp { session } => Self {
                session: Some(session),
                hang_up: true,
                ..Self::default()
            },
        };
        Self { time, ..line }
    }
}

impl Line {
    fn with_body(body: Vec<u8>) -> Self {
        let (body, body_base64) = match String::from_utf8(body) {
            Ok(text) => (text, String::new()),
            Err(error) => (String::new(), STANDARD.encode(error.as_bytes())),
        };
        Self {
            body,
            body_base64,
            ..Self::default()
        }
    }

    fn of_request(request: Request) -> Self {
        let Request {
            method,
            path,
            query,
            accept,
            content_type,
            // Only what is read has it, which is not recorded.
            if_none_match: _,
            web_socket,
            user_agent,
            credentials,
            impersonation,
            body,
        } = request;
        Self {
            method,
            path,
            query,
            accept,
            content_type,
            web_socket,
            user_agent,
            credentials,
            impersonation,
            ..Self::with_body(body)
        }
    }

    fn into_entry(self) -> Option<Entry> {
        let body = match self.body_base64.as_str() {
            "" => self.body.into_bytes(),
            encoded => STANDARD.decode(encoded).ok()?,
        };
        let input = match self.session {
            Some(session) if self.taken => Input::Taken { session },
            Some(session) if self.hang_up => Input::HangUp { session },
            Some(session) => Input::Message {
                session,
                message: body,
            },
            None => Input::Request(Box::new(Request {
                method: self.method,
                path: self.path,
                query: self.query,
                accept: self.accept,
                content_type: self.content_type,
                web_socket: self.web_socket,
                user_agent: self.user_agent,
                credentials: self.credentials,
                impersonation: self.impersonation,
                body,
                ..Request::default()
            })),
        };
        Some(Entry {
            time: Time::from_micros(self.time),
            input,
        })
    }
}

impl Contents {
    /// Reads as much as is whole.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut contents = Self::default();
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').peekable();
        let Some(first) = lines.next() else {
            return contents;
        };
        if !contents.take_header(first) {
            contents.give_up(first, lines);
            return contents;
        }
        while let Some(line) = lines.next() {
            if !contents.take_entry(line) {
                contents.give_up(line, lines);
                break;
            }
        }
        contents
    }

    fn take_header(&mut self, line: &[u8]) -> bool {
        let version = serde_json::from_slice::<AnyHeader>(line).map(|any| any.version);
        self.newer_version = version.ok().filter(|version| *version > VERSION);
        let whole = line.strip_suffix(b"\n");
        self.header = whole.and_then(|line| serde_json::from_slice(line).ok());
        self.whole += self.header.as_ref().map_or(0, |_| length(line));
        self.header.is_some()
    }

    fn take_entry(&mut self, line: &[u8]) -> bool {
        let Some(entry) = line.strip_suffix(b"\n").and_then(Entry::parse) else {
            return false;
        };
        self.whole += length(line);
        self.entries.push(entry);
        true
    }

    /// Counts what can't be read: `line` and all after it. A line without an end is no request lost, since it was
    /// never answered.
    fn give_up<'a>(&mut self, line: &'a [u8], rest: impl Iterator<Item = &'a [u8]>) {
        for line in std::iter::once(line).chain(rest) {
            match line.ends_with(b"\n") {
                true => self.damaged_lines += 1,
                false => self.torn = true,
            }
        }
    }
}

fn length(line: &[u8]) -> u64 {
    u64::try_from(line.len()).unwrap_or_default()
}

/// FNV-1a, 64 bits: enough to notice a flipped bit or lost block; no protection against someone who means it.
fn checksum(bytes: &[u8]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    bytes
        .iter()
        .fold(BASIS, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(body: &[u8]) -> Entry {
        let request = Request {
            method: "POST".into(),
            path: "/x".into(),
            body: body.into(),
            ..Request::default()
        };
        of(Input::Request(Box::new(request)))
    }

    fn of(input: Input) -> Entry {
        Entry {
            time: Time::from_micros(7),
            input,
        }
    }

    #[test]
    fn the_checksum_is_fnv_1a() {
        let cases = [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ];
        for (text, sum) in cases {
            assert_eq!(checksum(text.as_bytes()), sum, "{text}");
        }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written_text_or_not() {
        for body in [b"".as_slice(), b"{\"a\":\"line\\nend\"}\n", b"k8s\0\x0a\xff\xfe"] {
            let entry = entry(body);
            let line = entry.to_line().unwrap();
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(Entry::parse(line.strip_suffix(b"\n").unwrap()), Some(entry));
        }
    }

    #[test]
    fn what_a_session_was_told_is_read_as_it_was_written() {
        for input in [
            Input::Message {
                session: 3,
                message: b"\x00ls\n".to_vec(),
            },
            Input::Message {
                session: 3,
                message: b"\xff\x00".to_vec(),
            },
            Input::Taken { session: 3 },
            Input::HangUp { session: 3 },
        ] {
            let entry = of(input);
            let line = entry.to_line().unwrap();
            assert_eq!(Entry::parse(line.strip_suffix(b"\n").unwrap()), Some(entry));
        }
    }

    #[test]
    fn a_line_with_any_byte_changed_is_noticed() {
        let line = entry(b"{}").to_line().unwrap();
        let line = line.strip_suffix(b"\n").unwrap();
        for at in 0..line.len() {
            let mut changed = line.to_vec();
            changed[at] ^= 1;
            assert_eq!(Entry::parse(&changed), None, "byte {at}");
        }
    }
}
