//! `example/lab`: a server for trying out probes, signals and limits. Its flags:
//!
//! `-ok-after D` healthy from then on; `-fail-after D` healthy until then; `-flap D` healthy and not in turn;
//! `-wait D` listens only then; `-slow D` how long `/slow` takes; `-grpc PORT` serves gRPC health; `-alloc N`
//! takes N MiB at the start; `-burn` uses all the CPU it gets; `-term exit0|ignore|drain` and `-drain D` what it
//! does at SIGTERM. `/healthz` answers 200 or 503, `/code/N` the status N, `/` 200, any other path 404.

use std::time::Duration;

use super::{cpu_time, say, text};
use crate::images::process::Limits;
use crate::images::shell::machine::World;
use crate::network::HttpResponse;

/// What SIGTERM does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum OnTerm {
    /// As a Go program without a handler.
    Default,
    /// Ends with 0.
    Exit,
    /// Says so and goes on.
    Ignore,
    /// Goes on for a while and ends with 0.
    Drain(Duration),
}

/// The flags as they were read.
#[derive(Clone, Debug)]
pub(super) struct Lab {
    pub(super) port: u16,
    pub(super) grpc_port: Option<u16>,
    /// Bytes taken at the start.
    pub(super) allocates: u64,
    pub(super) waits: Duration,
    pub(super) said_listening: bool,
    pub(super) on_term: OnTerm,
    ok_after: Duration,
    fail_after: Duration,
    flap: Option<Duration>,
    slow: Duration,
    pub(super) burns: bool,
}

impl Lab {
    /// Reads the flags; unknown ones are passed over.
    pub(super) fn new(arguments: &[String]) -> Self {
        let value = |flag: &str| {
            let at = arguments.iter().position(|argument| argument == flag)?;
            arguments.get(at + 1).map(String::as_str)
        };
        let duration = |flag: &str| value(flag).map(duration);
        let on_term = match value("-term") {
            Some("exit0") => OnTerm::Exit,
            Some("ignore") => OnTerm::Ignore,
            Some("drain") => OnTerm::Drain(duration("-drain").unwrap_or_default()),
            _ => OnTerm::Default,
        };
        Self {
            port: value("-port").and_then(|port| port.parse().ok()).unwrap_or(8080),
            grpc_port: value("-grpc").and_then(|port| port.parse().ok()),
            allocates: value("-alloc")
                .and_then(|mib| mib.parse::<u64>().ok())
                .unwrap_or(0)
                << 20,
            waits: duration("-wait").unwrap_or_default(),
            said_listening: false,
            on_term,
            ok_after: duration("-ok-after").unwrap_or_default(),
            fail_after: duration("-fail-after").unwrap_or(Duration::MAX),
            flap: duration("-flap").filter(|flap| !flap.is_zero()),
            slow: duration("-slow").unwrap_or_default(),
            burns: arguments.iter().any(|argument| argument == "-burn"),
        }
    }

    /// Whether it is healthy at that age.
    pub(super) fn is_healthy(&self, age: Duration) -> bool {
        let in_turn = self
            .flap
            .is_none_or(|flap| (age.as_micros() / flap.as_micros()).is_multiple_of(2));
        age >= self.ok_after && age < self.fail_after && in_turn
    }

    /// Answers a path.
    pub(super) fn answer(
        &self,
        path: &str,
        age: Duration,
        limits: Limits,
        world: &mut World<'_>,
    ) -> HttpResponse {
        let mut response = match path {
            "/healthz" => {
                let status = if self.is_healthy(age) { 200 } else { 503 };
                say(world, &format!("lab: healthz {status}"));
                text(status, if status == 200 { "ok\n" } else { "not ok\n" })
            }
            "/slow" => HttpResponse {
                took: self.slow,
                ..text(200, "slow\n")
            },
            _ => match path.strip_prefix("/code/").and_then(|code| code.parse().ok()) {
                Some(code) => text(code, ""),
                None if path == "/" => text(200, "lab\n"),
                None => super::not_found(),
            },
        };
        if self.burns {
            // A request waits behind the busy loop for its share of the CPU.
            response.took += cpu_time(Duration::from_millis(5), limits);
        }
        response
    }
}

/// A Go duration of one unit: `500ms`, `4s`, `1h`.
fn duration(text: &str) -> Duration {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number = digits.parse::<u64>().unwrap_or(0);
    match &text[digits.len()..] {
        "ms" => Duration::from_millis(number),
        "m" => Duration::from_secs(number * 60),
        "h" => Duration::from_secs(number * 3600),
        _ => Duration::from_secs(number),
    }
}
