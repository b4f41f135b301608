//! `bbf lab test`: proves labs, in virtual time, and says how long that took.

use crate::author::{self, Proof};
use crate::cli::Exit;
use crate::cli::arguments::Test;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
use crate::platform::programs;
use crate::ui::messages::labs;
use std::time::{Duration, Instant};

/// Proves the labs that were asked for.
pub(in crate::cli) fn run(context: &mut Context<'_>, arguments: &Test) -> Result<Exit, Trouble> {
    let chosen = context.labs(&arguments.labs)?;
    let broken: Vec<String> = context.catalogue.problems().map(ToString::to_string).collect();
    let broken = if arguments.all { broken } else { vec![] };
    let (language, begin, kubectl) = (context.language(), Instant::now(), programs::find("kubectl"));
    for problem in &broken {
        context
            .printer
            .note(&crate::ui::messages::trouble::broken_lab(language, problem));
    }
    let mut proofs = vec![];
    for lab in &chosen {
        let proof = author::prove(lab, kubectl.as_deref());
        print(context, &proof);
        proofs.push(proof);
    }
    let failed = proofs.iter().filter(|proof| !proof.holds()).count() + broken.len();
    context
        .printer
        .json(&serde_json::json!({ "proofs": proofs, "failed": failed, "broken": broken }));
    let (count, time) = (chosen.len() + broken.len(), seconds(begin.elapsed()));
    context
        .printer
        .line(&labs::proofs_done(language, &count, &failed, &time));
    Ok(if failed == 0 { Exit::Done } else { Exit::NotSolved })
}

fn print(context: &mut Context<'_>, proof: &Proof) {
    let language = context.language();
    let (real, simulated) = (seconds(proof.real), proof.simulated.as_secs());
    let line = if proof.holds() {
        labs::proof_passed(language, &proof.lab, &real, &simulated)
    } else {
        labs::proof_failed(language, &proof.lab, &real, &simulated)
    };
    context.printer.line(&line);
    for (step, why) in proof.refuted() {
        context.printer.line(&format!("    ✗ {}: {why}", step.name));
    }
    for (step, why) in proof.skipped() {
        context
            .printer
            .note(&labs::proof_skipped(language, &proof.lab, &step.name, why));
    }
}

/// Seconds with two decimals: 1.234 s is `1.23 s`.
fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
