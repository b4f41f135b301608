//! The verdicts of a lab, one after the other, as a learner gets them: the same on every kind of cluster.

use crate::environment::Ended;
use serde_json::Value;
use std::path::Path;

/// How long a fix may take until the verdict is in.
const PATIENCE: &str = "lab check --timeout 5m";

/// The exit codes of checks: of the untouched break, and then of a solution.
pub(crate) fn of_break_and_solution(
    bbf: &dyn Fn(&str) -> Ended,
    work: &Path,
    lab: &str,
    place: &str,
) -> Vec<i32> {
    bbf(&format!("lab start {lab} {place} --no-live")).code(0);
    let mut codes = vec![bbf("lab check --timeout 1").code];
    let solutions = bbf("lab solution --yes --output json").code(0).json();
    let texts = solutions["solutions"].as_array().unwrap().iter();
    let mut texts = texts.filter_map(|it| it["text"].as_str());
    let manifest = texts.find(|text| text.contains("apiVersion")).unwrap();
    std::fs::write(work.join(lab).join("solution.yaml"), manifest).unwrap();
    codes.push(bbf(PATIENCE).code);
    bbf("lab stop").code(0);
    codes
}

/// The ids of all labs.
pub(crate) fn labs(bbf: &dyn Fn(&str) -> Ended) -> Vec<String> {
    let list = bbf("lab list --output json").code(0).json();
    let labs = list["labs"].as_array().unwrap().iter();
    labs.map(|lab| lab["id"].as_str().unwrap().to_owned()).collect()
}

/// Holds the proofs of a real cluster (`lab test --output json`) against those of the embedded one: the same outcomes, and nothing
/// failed there that does not fail here. A wrong fix is watched for longer here, so more may fail.
#[track_caller]
pub(crate) fn agree(there: &Value, here: &Value) {
    let (there, here) = (steps(there), steps(here));
    assert_eq!(there.len(), here.len());
    for ((name, real), (other, embedded)) in there.iter().zip(&here) {
        let failing = |step: &Value| step["failing"].as_array().unwrap().clone();
        assert_eq!(
            (name, &real["outcome"]),
            (other, &embedded["outcome"]),
            "{real} {embedded}"
        );
        let known = failing(embedded);
        assert!(
            failing(real).iter().all(|it| known.contains(it)),
            "{name}: {real} {embedded}"
        );
    }
}

/// The steps of all proofs, each with its lab's name and its own.
fn steps(proofs: &Value) -> Vec<(String, Value)> {
    let labs = proofs["proofs"].as_array().unwrap().iter();
    let of_lab = |proof: &Value| {
        let lab = proof["lab"].as_str().unwrap().to_owned();
        let steps = proof["steps"].as_array().unwrap().clone().into_iter();
        steps.map(move |step| (format!("{lab} {}", step["name"]), step))
    };
    labs.flat_map(of_lab).collect()
}
