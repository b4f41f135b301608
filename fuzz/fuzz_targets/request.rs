//! Whole requests: method, path, query, Accept and Content-Type, each on a line of its own, then the body.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| podling_fuzz::attempt::request(data));
