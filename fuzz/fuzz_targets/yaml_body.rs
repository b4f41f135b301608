//! New objects in YAML.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| podling_fuzz::create("application/yaml", data));
