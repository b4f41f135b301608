//! JSON patches (RFC 6902) of a Deployment and of its Scale.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    podling_fuzz::attempt::patch("application/json-patch+json", "", data);
    podling_fuzz::attempt::patch("application/json-patch+json", "/scale", data);
});
