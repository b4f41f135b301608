//! Label and field selectors.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| podling_fuzz::attempt::select(data));
