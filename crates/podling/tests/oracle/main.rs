//! The oracle: recordings of a real Kubernetes v1.36.2, replayed against podling.
//!
//! `cargo test -p podling --test oracle` prints `N of M agree` for each area. The test fails when
//! a case that is not listed in `differs.txt` disagrees. `ORACLE_DIR` names another folder of the same form, which
//! is then only printed; `ORACLE_CASE` picks cases by a part of their name and prints why they differ;
//! `ORACLE_WRITE=1` writes `differs.txt` anew. `KUBECTLS` names kubectls of other versions, whose commands are compared too.

#![expect(
    clippy::disallowed_methods,
    reason = "the recordings are files, and variables choose among them"
)]
#![expect(
    clippy::disallowed_types,
    reason = "kubectl is a process of its own, which is waited for and answered by threads"
)]

mod attempt;
mod case;
mod compare;
mod decide;
mod door;
mod events_table;
mod jitter;
mod kubectl;
mod names;
mod pairing;
mod replay;
mod report;
mod text;
mod tidy;
mod timeline;
mod versions;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kubectl::Program;
use versions::Commands;

/// Says something that must be seen whether the test passes or not: the test harness holds back what `print!` says.
fn say(text: &str) {
    use std::io::Write as _;
    // Who can't be told can't be told that either.
    drop(std::io::stdout().write_all(text.as_bytes()));
}

fn write_anew() -> bool {
    std::env::var_os("ORACLE_WRITE").is_some()
}

#[test]
fn real_kubernetes_agrees() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let foreign = std::env::var_os("ORACLE_DIR").map(PathBuf::from);
    let wanted = std::env::var("ORACLE_CASE").unwrap_or_default();
    let folder = foreign.clone().unwrap_or_else(|| own.join("cases"));
    let cases = case::load(&folder, &wanted).expect("the recordings can be read");
    let outcomes = report::Outcomes::of(&cases);
    say(&outcomes.summary());
    if !wanted.is_empty() {
        say(&outcomes.differences());
    }
    if foreign.is_some() || !wanted.is_empty() {
        return;
    }
    let listed = own.join("differs.txt");
    if write_anew() {
        let known = std::fs::read_to_string(&listed).unwrap_or_default();
        std::fs::write(&listed, outcomes.listing(&known)).expect("differs.txt can be written");
    }
    let known = std::fs::read_to_string(&listed).expect("differs.txt can be read");
    let surprises = outcomes.against(&known);
    assert!(
        surprises.is_empty(),
        "cases that agreed before no longer do:\n{}",
        surprises.join("\n")
    );
}

#[test]
fn kubectls_of_other_versions_say_the_same() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let programs = Program::others();
    if programs.is_empty() {
        say("SKIPPED: no kubectls of other versions; name some in KUBECTLS, separated as in PATH\n");
        return;
    }
    let differing = std::fs::read_to_string(own.join("differs.txt")).expect("differs.txt can be read");
    let differing: BTreeSet<&str> = differing
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let mut cases = case::load(&own.join("cases"), "api/").expect("the recordings can be read");
    cases.retain(|case| case.uses("kubectl") && !differing.contains(case.name.as_str()));
    let commands: Vec<Commands> = programs
        .iter()
        .map(|program| Commands::of(&cases, program))
        .collect();
    for commands in &commands {
        say(&commands.summary());
    }
    let listed = own.join("kubectl-differs.txt");
    if write_anew() {
        let lines: String = commands.iter().map(Commands::listing).collect();
        std::fs::write(&listed, lines).expect("kubectl-differs.txt can be written");
    }
    let known = std::fs::read_to_string(&listed).expect("kubectl-differs.txt can be read");
    let surprises: Vec<String> = commands
        .iter()
        .flat_map(|commands| commands.against(&known))
        .collect();
    assert!(
        surprises.is_empty(),
        "commands that said the same before no longer do:\n{}",
        surprises.join("\n")
    );
}
