//! Quantities: what is read is written in a form that is read as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podling::quantity::Quantity;

fuzz_target!(|text: &str| {
    let Ok(quantity) = Quantity::parse(text) else { return };
    let written = quantity.to_string();
    let again = Quantity::parse(&written).expect("what is written can be read");
    assert_eq!(again.to_string(), written, "{text}");
});
