//! The oracle: recordings of a real Kubernetes v1.36.2, replayed against podling.
//!
//! `cargo test -p podling --test oracle -- --nocapture` prints `N of M agree` for each area. The test fails when
//! a case that is not listed in `differs.txt` disagrees. `ORACLE_DIR` names another folder of the same form, which
//! is then only printed; `ORACLE_CASE` picks cases by a part of their name and prints why they differ;
//! `ORACLE_WRITE=1` writes `differs.txt` anew.

#![expect(
    clippy::disallowed_methods,
    reason = "the recordings are files, and variables choose among them"
)]
#![expect(
    clippy::disallowed_types,
    reason = "kubectl is a process of its own, which is waited for and answered by threads"
)]

mod case;
mod compare;
mod decide;
mod door;
mod jitter;
mod kubectl;
mod replay;
mod report;
mod text;
mod tidy;
mod timeline;

use std::path::{Path, PathBuf};

#[test]
fn real_kubernetes_agrees() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let foreign = std::env::var_os("ORACLE_DIR").map(PathBuf::from);
    let wanted = std::env::var("ORACLE_CASE").unwrap_or_default();
    let folder = foreign.clone().unwrap_or_else(|| own.join("cases"));
    let cases = case::load(&folder, &wanted).expect("the recordings can be read");
    let outcomes = report::Outcomes::of(&cases);
    print!("{}", outcomes.summary());
    if !wanted.is_empty() {
        print!("{}", outcomes.differences());
    }
    if foreign.is_some() || !wanted.is_empty() {
        return;
    }
    let listed = own.join("differs.txt");
    if std::env::var_os("ORACLE_WRITE").is_some() {
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
