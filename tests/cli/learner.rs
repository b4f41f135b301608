//! A learner's way through a lab: start, look, take a hint, fix it in the work folder, check, stop.

use crate::environment::{Home, edit};

#[test]
fn a_manifest_that_is_refused_changes_nothing_and_says_why() {
    let home = Home::new();
    home.bbf("lab start ch07-readiness").code(0);
    let manifest = home.path("bbf/ch07-readiness/pod-readiness.yaml");
    let good = std::fs::read_to_string(&manifest).unwrap();
    for (from, to, says) in [
        ("spec:", "spec: [", "pod-readiness.yaml:"),
        (
            "readinessProbe:",
            "readynessProbe:",
            "readynessProbe: field not declared",
        ),
        ("kind: Pod", "kind: Pot", "Pot"),
    ] {
        std::fs::write(&manifest, good.replacen(from, to, 1)).unwrap();
        let status = home.bbf("lab status").code(0);
        assert!(
            status.stderr.contains("was not applied") && status.stderr.contains(says),
            "{status:?}"
        );
        assert!(
            status.stderr.contains("keeps what was applied before"),
            "{status:?}"
        );
    }
    std::fs::write(&manifest, good).unwrap();
    assert!(!home.bbf("lab status").code(0).stderr.contains("not applied"));
}

#[test]
fn the_solution_is_shown_after_a_yes_and_noted() {
    let home = Home::new();
    home.bbf("lab start ch07-readiness").code(0);
    home.bbf("lab solution").code(2);
    let shown = home.bbf("lab solution --yes").code(0);
    assert!(shown.stdout.contains("Solution “"), "{shown:?}");
    let progress = home.bbf("progress --output json").code(0).json();
    assert_eq!(progress["labs"]["ch07-readiness"]["solutionShown"], true);
}

#[test]
fn a_reset_brings_the_break_back_and_keeps_what_was_written() {
    let home = Home::new();
    home.bbf("lab start ch07-readiness").code(0);
    let manifest = home.path("bbf/ch07-readiness/pod-readiness.yaml");
    let original = std::fs::read_to_string(&manifest).unwrap();
    edit(
        &manifest,
        "image: blux2/delayfailserver:1.1",
        "image: blux2/hello-server:2.0",
    );
    let before = std::fs::read(home.state("clusters/ch07-readiness/kubeconfig")).unwrap();
    let reset = home.bbf("lab reset").code(0);
    assert!(reset.stderr.contains("pod-readiness.yaml.before-1"), "{reset:?}");
    assert_eq!(std::fs::read_to_string(&manifest).unwrap(), original);
    let after = std::fs::read(home.state("clusters/ch07-readiness/kubeconfig")).unwrap();
    assert_eq!(before, after, "terminals that use the kubeconfig go on");
}
