//! Whole requests: method, path, query, Accept and Content-Type, each on a line of its own, then the body.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podling::Request;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(6, |byte| *byte == b'\n');
    let mut next = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let mut request = Request {
        method: next(),
        path: next(),
        query: next(),
        accept: next(),
        content_type: next(),
        ..Request::default()
    };
    request.body = parts.next().unwrap_or_default().to_vec();
    podling_fuzz::attempt::request(&request, data);
});
