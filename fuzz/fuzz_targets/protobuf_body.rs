//! New objects in protobuf: once with the envelope around the bytes, once without.

#![no_main]

use libfuzzer_sys::fuzz_target;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

fuzz_target!(|data: &[u8]| {
    podling_fuzz::create(PROTOBUF, data);
    if let Some((first, message)) = data.split_first() {
        podling_fuzz::create(PROTOBUF, &[&[*first], enveloped(message).as_slice()].concat());
    }
});

/// The message as the `raw` (field 2) of a `runtime.Unknown`, behind the magic bytes.
fn enveloped(message: &[u8]) -> Vec<u8> {
    let mut enveloped = b"k8s\0\x12".to_vec();
    let mut length = message.len();
    while length > 0x7f {
        enveloped.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    enveloped.push(u8::try_from(length).expect("seven bits"));
    enveloped.extend(message);
    enveloped
}
