//! bbf
fn main() {}
