//! SPDY/3.1 as `kubectl port-forward` speaks it inside a WebSocket: frames, and header blocks that are compressed
//! with a dictionary that both sides know (Kubernetes: `github.com/moby/spdystream`; the SPDY/3.1 draft, section 2).
//!
//! Like Kubernetes' own library this one has no flow control of SPDY's: the connection below has its own.

use std::collections::BTreeMap;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The control frames.
const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;

/// The first two bytes of a control frame: the control bit and version 3.
const CONTROL: u16 = 0x8003;

/// The flag of a stream's last frame.
const FIN: u8 = 1;

/// A frame's head.
const HEAD: usize = 8;

/// No data frame is larger.
const LARGEST: usize = 16 * 1024;

/// No header block is larger once decompressed.
const LARGEST_HEADERS: usize = 64 * 1024;

/// The words of the dictionary that have their length before them, in order.
const WORDS: [&str; 65] = [
    "options",
    "head",
    "post",
    "put",
    "delete",
    "trace",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-base",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "retry-after",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "method",
    "get",
    "status",
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
];

/// The rest of the dictionary.
const TAIL: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 \
                    Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 \
                    Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb \
                    Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,\
                    text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,\
                    text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/// What the other side has sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Frame {
    /// A stream begins.
    Open {
        stream: u32,
        headers: BTreeMap<String, String>,
    },
    /// Bytes of a stream, and whether they are its last.
    Data { stream: u32, bytes: Vec<u8>, last: bool },
    /// A stream is given up.
    Reset(u32),
    /// To be sent back as it is.
    Ping([u8; 4]),
    /// No more streams will come.
    GoAway,
    /// Something that needs no answer.
    Other,
}

/// One end of a SPDY connection.
#[derive(Debug)]
pub(super) struct Spdy {
    unread: Vec<u8>,
    inflate: Decompress,
    deflate: Compress,
}

/// The bytes are no SPDY.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Broken;

fn dictionary() -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in WORDS {
        bytes.extend(u32::try_from(word.len()).unwrap_or_default().to_be_bytes());
        bytes.extend(word.as_bytes());
    }
    bytes.extend(TAIL.as_bytes());
    bytes
}

impl Spdy {
    pub(super) fn new() -> Self {
        let mut deflate = Compress::new(Compression::default(), true);
        // Refused only once data has been compressed.
        let set = deflate.set_dictionary(&dictionary());
        debug_assert!(set.is_ok(), "{set:?}");
        Self {
            unread: Vec::new(),
            inflate: Decompress::new(true),
            deflate,
        }
    }

    /// Bytes come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// The next whole frame.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Broken> {
        let Some((head, rest)) = self.unread.split_at_checked(HEAD) else {
            return Ok(None);
        };
        let first = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let (flags, length) = (
            head[4],
            usize::from(head[5]) << 16 | usize::from(head[6]) << 8 | usize::from(head[7]),
        );
        if rest.len() < length {
            return Ok(None);
        }
        let payload = rest[..length].to_vec();
        self.unread.drain(..HEAD + length);
        if first >> 31 == 0 {
            return Ok(Some(Frame::Data {
                stream: first,
                bytes: payload,
                last: flags & FIN != 0,
            }));
        }
        if first >> 16 != u32::from(CONTROL) {
            return Err(Broken);
        }
        self.control((first & 0xFFFF) as u16, &payload).map(Some)
    }

    fn control(&mut self, kind: u16, payload: &[u8]) -> Result<Frame, Broken> {
        let number = || payload.first_chunk::<4>().copied().ok_or(Broken);
        match kind {
            SYN_STREAM => {
                // Stream, associated stream, priority and slot stand before the headers.
                let block = payload.get(10..).ok_or(Broken)?;
                Ok(Frame::Open {
                    stream: u32::from_be_bytes(number()?) & 0x7FFF_FFFF,
                    headers: headers(&self.inflate(block)?)?,
                })
            }
            RST_STREAM => Ok(Frame::Reset(u32::from_be_bytes(number()?) & 0x7FFF_FFFF)),
            PING => Ok(Frame::Ping(number()?)),
            GOAWAY => Ok(Frame::GoAway),
            _ => Ok(Frame::Other),
        }
    }

    fn inflate(&mut self, block: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut out = Vec::with_capacity(LARGEST_HEADERS);
        let mut at = 0;
        while at < block.len() {
            let (before, had) = (self.inflate.total_in(), out.len());
            match self
                .inflate
                .decompress_vec(&block[at..], &mut out, FlushDecompress::Sync)
            {
                Ok(Status::StreamEnd) => return Err(Broken),
                Ok(_) => {}
                Err(error) if error.needs_dictionary().is_some() => {
                    self.inflate.set_dictionary(&dictionary()).map_err(|_| Broken)?;
                }
                Err(_) => return Err(Broken),
            }
            let taken = usize::try_from(self.inflate.total_in() - before).map_err(|_| Broken)?;
            at += taken;
            if taken == 0 && out.len() == had && at > 0 {
                return Err(Broken);
            }
        }
        Ok(out)
    }

    /// The frame that accepts a stream.
    pub(super) fn reply(&mut self, stream: u32) -> Vec<u8> {
        let mut block = Vec::with_capacity(64);
        // No headers: a count of zero.
        let compressed = self
            .deflate
            .compress_vec(&[0; 4], &mut block, FlushCompress::Sync);
        debug_assert!(compressed.is_ok(), "{compressed:?}");
        control(SYN_REPLY, &[&stream.to_be_bytes()[..], &block].concat())
    }
}

/// Bytes of a stream, in frames.
pub(super) fn data(stream: u32, bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .chunks(LARGEST)
        .map(|chunk| data_frame(stream, chunk, 0))
        .collect()
}

/// The end of a stream.
pub(super) fn finish(stream: u32) -> Vec<u8> {
    data_frame(stream, &[], FIN)
}

/// The answer to a ping.
pub(super) fn pong(number: [u8; 4]) -> Vec<u8> {
    control(PING, &number)
}

fn data_frame(stream: u32, bytes: &[u8], flags: u8) -> Vec<u8> {
    let mut frame = stream.to_be_bytes().to_vec();
    frame.extend(flags_and_length(flags, bytes.len()));
    frame.extend_from_slice(bytes);
    frame
}

fn control(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = CONTROL.to_be_bytes().to_vec();
    frame.extend(kind.to_be_bytes());
    frame.extend(flags_and_length(0, payload.len()));
    frame.extend_from_slice(payload);
    frame
}

/// The second half of a frame's head.
///
/// Example: flags 1 and a length of 258 are 01 00 01 02.
fn flags_and_length(flags: u8, length: usize) -> [u8; 4] {
    let [_, high, middle, low] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [flags, high, middle, low]
}

/// Reads a header block: a count, then names and values, each with its length before it.
fn headers(block: &[u8]) -> Result<BTreeMap<String, String>, Broken> {
    let mut rest = block;
    let count = take_number(&mut rest)?;
    let mut headers = BTreeMap::new();
    for _ in 0..count {
        let name = take_text(&mut rest)?.to_ascii_lowercase();
        headers.insert(name, take_text(&mut rest)?);
    }
    Ok(headers)
}

fn take_number(rest: &mut &[u8]) -> Result<u32, Broken> {
    let (number, after) = rest.split_first_chunk::<4>().ok_or(Broken)?;
    *rest = after;
    Ok(u32::from_be_bytes(*number))
}

fn take_text(rest: &mut &[u8]) -> Result<String, Broken> {
    let length = usize::try_from(take_number(rest)?).map_err(|_| Broken)?;
    let (text, after) = rest.split_at_checked(length).ok_or(Broken)?;
    *rest = after;
    Ok(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SYN_STREAM as a client sends it.
    fn syn_stream(deflate: &mut Compress, stream: u32, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut block = u32::try_from(headers.len()).unwrap().to_be_bytes().to_vec();
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            block.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
            block.extend(text.as_bytes());
        }
        let mut compressed = Vec::with_capacity(1024);
        deflate
            .compress_vec(&block, &mut compressed, FlushCompress::Sync)
            .unwrap();
        control(
            SYN_STREAM,
            &[&stream.to_be_bytes()[..], &[0; 6], &compressed].concat(),
        )
    }

    #[test]
    fn the_dictionary_is_that_of_the_draft() {
        let adler = dictionary().iter().fold((1_u32, 0_u32), |(a, b), byte| {
            let a = (a + u32::from(*byte)) % 65_521;
            (a, (b + a) % 65_521)
        });
        assert_eq!((dictionary().len(), adler.1 << 16 | adler.0), (1423, 0xE3C6_A7C2));
    }

    #[test]
    fn frames_are_read_however_their_bytes_come() {
        let mut deflate = Compress::new(Compression::default(), true);
        deflate.set_dictionary(&dictionary()).unwrap();
        let error = [("streamtype", "error"), ("port", "8080"), ("requestid", "0")];
        let mut bytes = syn_stream(&mut deflate, 1, &error);
        bytes.extend(finish(1));
        bytes.extend(syn_stream(&mut deflate, 3, &[("streamtype", "data")]));
        bytes.extend(data(3, b"GET /").concat());
        bytes.extend(pong([0, 0, 0, 7]));
        let mut spdy = Spdy::new();
        let mut frames = Vec::new();
        for byte in bytes {
            spdy.push(&[byte]);
            frames.extend(spdy.next().unwrap());
        }
        let open = |stream, headers: &[(&str, &str)]| Frame::Open {
            stream,
            headers: headers
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        let bytes = |stream, bytes: &[u8], last| Frame::Data {
            stream,
            bytes: bytes.to_vec(),
            last,
        };
        let expected = [
            open(1, &error),
            bytes(1, b"", true),
            open(3, &[("streamtype", "data")]),
            bytes(3, b"GET /", false),
            Frame::Ping([0, 0, 0, 7]),
        ];
        assert_eq!(frames, expected);
    }

    #[test]
    fn what_is_no_spdy_is_refused() {
        for bytes in [
            &b"\x80\x02\x00\x01\x00\x00\x00\x00"[..],
            b"\x80\x03\x00\x01\x00\x00\x00\x02ab",
        ] {
            let mut spdy = Spdy::new();
            spdy.push(bytes);
            assert_eq!(spdy.next(), Err(Broken));
        }
    }
}
