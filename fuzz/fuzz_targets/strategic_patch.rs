//! Strategic merge patches of a Deployment.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| podling_fuzz::attempt::patch("application/strategic-merge-patch+json", "", data));
