//! Server-side apply to a Deployment, by force and without.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    podling_fuzz::attempt::patch("application/apply-patch+yaml", "?fieldManager=a", data);
    podling_fuzz::attempt::patch("application/apply-patch+yaml", "?fieldManager=b&force=true", data);
    podling_fuzz::attempt::patch("application/apply-patch+yaml", "/scale?fieldManager=c", data);
});
