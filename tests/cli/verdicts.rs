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

/// The verdicts of `lab test --output json`: of each step of each lab, what came of it and what failed meanwhile.
pub(crate) fn of_proofs(proofs: &Value) -> Vec<String> {
    let labs = proofs["proofs"].as_array().unwrap().iter();
    let of_lab = |proof: &Value| {
        let lab = proof["lab"].as_str().unwrap().to_owned();
        let steps = proof["steps"].as_array().unwrap().clone().into_iter();
        steps.map(move |step| format!("{lab} {}: {} {}", step["name"], step["outcome"], step["failing"]))
    };
    labs.flat_map(of_lab).collect()
}
