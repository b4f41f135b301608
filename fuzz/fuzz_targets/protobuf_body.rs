//! New objects in protobuf: once with the envelope around the bytes, once without.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
    podling_fuzz::create(PROTOBUF, data, |_, body| {
        let mut wrapped = b"k8s\0\x12".to_vec();
        let mut length = body.len();
        while length > 0x7f {
            wrapped.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
            length >>= 7;
        }
        wrapped.push(u8::try_from(length).expect("seven bits"));
        wrapped.extend(body);
        wrapped
    });
    podling_fuzz::create(PROTOBUF, data, |_, body| body.to_vec());
});
