//! bbf from outside: stdout, stderr and exit code of each command, in a scratch home.

#![expect(clippy::unwrap_used, reason = "a test ends where a step of it can't be done")]

mod catalogue;
mod environment;
#[cfg(unix)]
mod existing;
mod kind;
mod learner;
mod lifetime;
#[cfg(unix)]
mod live_view;
#[cfg(unix)]
mod proofs;
mod readme;
#[cfg(unix)]
mod real_runtimes;
#[cfg(unix)]
mod screen;
#[cfg(unix)]
mod stand_in;
#[cfg(unix)]
mod stand_in_races;
mod trouble;
mod verdicts;
#[cfg(unix)]
mod world;
