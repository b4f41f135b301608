//! podling-server from outside: in process, with HTTPS, across crashes, and with real kubectl.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod cluster;
mod https;
mod in_process;
mod kubectl;
mod recovery;
#[path = "../../src/scratch.rs"]
mod scratch;
mod slow_clients;
mod streams;
