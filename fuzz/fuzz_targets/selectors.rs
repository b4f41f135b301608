//! Label and field selectors.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podling_fuzz::attempt;

fuzz_target!(|data: &[u8]| attempt::select(&mut attempt::cluster(), data));
