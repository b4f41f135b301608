//! Quantities: what is read is written in a form that is read as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| podling_fuzz::attempt::quantity(data));
