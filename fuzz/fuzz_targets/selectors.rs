//! Label and field selectors.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podling::Request;

fuzz_target!(|data: &[u8]| {
    let escaped: String = data.iter().map(|byte| format!("%{byte:02x}")).collect();
    let mut cluster = podling_fuzz::cluster();
    for parameter in ["labelSelector", "fieldSelector"] {
        let path = format!("/apis/apps/v1/deployments?{parameter}={escaped}");
        podling_fuzz::check(&cluster.handle(&Request::new("GET", &path)));
    }
});
