//! A learner's way through a lab: start, look, take a hint, fix it in the work folder, check, stop.

use crate::environment::{Home, QUICK, edit};

#[test]
fn a_lab_is_started_checked_fixed_and_put_away() {
    let home = Home::new();
    let bbf = |line: &str| home.bbf(&format!("--labs {QUICK} {line}"));
    let started = bbf("lab start quick-probe").code(0);
    assert!(
        started.stdout.contains("Task") && started.stdout.contains("[HOME]/bbf/quick-probe"),
        "{started:?}"
    );
    assert!(
        started.stderr.contains("something in it is broken"),
        "{started:?}"
    );
    assert!(home.path("bbf/quick-probe/README.md").is_file());
    assert!(
        !home.path(".kube").exists(),
        "the learner's own kubeconfig is not bbf's"
    );

    // Nothing has been fixed: the guard's part of the lab is fine, the objectives are not.
    let broken = bbf("lab check --timeout 1s --output json").code(1).json();
    assert_eq!(broken["solved"], false);

    let hint = bbf("lab hint --output json").code(0).json();
    assert_eq!(hint["step"], 1);
    let again = bbf("lab hint --output json").code(0).json();
    assert_ne!(hint["hint"], again["hint"]);

    let manifest = home.path("bbf/quick-probe/web.yaml");
    edit(&manifest, "port: 8081", "port: 8080");
    // A Pod's probe can't be changed in place.
    edit(&manifest, "apiVersion: v1", "# replace\napiVersion: v1");
    let status = bbf("lab status").code(0);
    assert!(status.stderr.contains("Applied web.yaml"), "{status:?}");
    assert!(
        !bbf("lab status").code(0).stderr.contains("Applied"),
        "applied once"
    );
    let solved = bbf("lab check").code(0);
    assert!(solved.stdout.contains("Solved: quick-probe"), "{solved:?}");

    let progress = bbf("progress --output json").code(0).json();
    let lab = &progress["labs"]["quick-probe"];
    assert!(lab["solvedAt"].is_string() && lab["hints"] == 2, "{progress}");
    bbf("lab stop").code(0);
    assert!(bbf("lab status").code(0).stdout.contains("No lab is running"));
    assert!(manifest.is_file(), "the learner's manifests stay");
    assert!(bbf("lab list").code(0).stdout.contains("solved"));
}

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

#[test]
fn play_goes_from_break_to_fix_by_itself() {
    let home = Home::new();
    let played = home.bbf("lab play ch07-readiness").code(0);
    assert!(played.stdout.contains("Solved after"), "{played:?}");
    assert_eq!(std::fs::read_dir(home.path("")).unwrap().count(), 0);
}
