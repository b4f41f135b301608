//! Merge patches (RFC 7396) of a Deployment and of its Scale.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    podling_fuzz::attempt::patch("application/merge-patch+json", "", data);
    podling_fuzz::attempt::patch("application/merge-patch+json", "/scale", data);
});
