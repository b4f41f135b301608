//! `bbf lab test`: proves labs, and says how long that took. Usually in virtual time; where a cluster is named, on it.

use super::list;
use crate::author::{self, Outcome, Proof, Step};
use crate::cli::Exit;
use crate::cli::arguments::Test;
use crate::cli::context::{self, Context, unless_cancelled};
use crate::cli::trouble::Trouble;
use crate::cluster::{Place, Provider};
use crate::lab::{Lab, Language};
use crate::platform::programs;
use crate::ui::messages::{labs, trouble};
use crate::ui::printer::Printer;
use std::path::Path;
use std::time::{Duration, Instant};

/// Proves the labs that were asked for.
pub(in crate::cli) async fn run(context: &mut Context<'_>, arguments: &Test) -> Result<Exit, Trouble> {
    let chosen = context.labs(&arguments.labs)?;
    let place = context::chosen(&arguments.place)?.unwrap_or_default();
    let broken: Vec<String> = context.catalogue.problems().map(ToString::to_string).collect();
    let broken = if arguments.all { broken } else { vec![] };
    let (language, begin) = (context.language(), Instant::now());
    for problem in &broken {
        context.printer.note(&trouble::broken_lab(language, problem));
    }
    let kubectl = programs::find("kubectl");
    let proofs = match place {
        Place::Embedded => in_virtual_time(context, &chosen, kubectl.as_deref()),
        place => on_cluster(context, arguments, &chosen, &place, kubectl.as_deref()).await?,
    };
    let failed = proofs.iter().filter(|proof| !proof.holds()).count() + broken.len();
    context
        .printer
        .json(&serde_json::json!({ "proofs": proofs, "failed": failed, "broken": broken }));
    let (count, time) = (proofs.len() + broken.len(), seconds(begin.elapsed()));
    context
        .printer
        .line(&labs::proofs_done(language, &count, &failed, &time));
    Ok(if failed == 0 { Exit::Done } else { Exit::NotSolved })
}

fn in_virtual_time(context: &mut Context<'_>, chosen: &[Lab], kubectl: Option<&Path>) -> Vec<Proof> {
    let language = context.language();
    let prove = |lab: &Lab| {
        let proof = author::prove(lab, kubectl);
        let (real, simulated) = (seconds(proof.real), proof.simulated.as_secs());
        let line = if proof.holds() {
            labs::proof_passed(language, &proof.lab, &real, &simulated)
        } else {
            labs::proof_failed(language, &proof.lab, &real, &simulated)
        };
        print(context, &proof, &line);
        proof
    };
    chosen.iter().map(prove).collect()
}

async fn on_cluster(
    context: &mut Context<'_>,
    arguments: &Test,
    chosen: &[Lab],
    place: &Place,
    kubectl: Option<&Path>,
) -> Result<Vec<Proof>, Trouble> {
    let language = context.language();
    // Whoever starts a lab meanwhile would sweep away what is being tried.
    let _alone = context.alone("bbf lab test")?;
    context.printer.status(&labs::proof_in_real_time(language));
    let watched = arguments.watch.map(|time| Duration::from_secs(time.as_seconds()));
    let mut proofs = vec![];
    for lab in chosen {
        let needs = list::hindrances(lab, place, language)?;
        if arguments.all && !needs.is_empty() {
            let skipped = labs::proof_cannot_run(language, lab.id(), &needs.join(", "));
            context.printer.note(&skipped);
            continue;
        }
        let provider = context.provider(lab, place)?;
        context.must_be_free(provider.name())?;
        let lab = lab.rehomed(&provider.namespace());
        let proof = proved(context, &lab, provider.as_ref(), kubectl, watched).await?;
        let (cluster, time) = (provider.name(), seconds(proof.real));
        let line = if proof.holds() {
            labs::proof_passed_on(language, &proof.lab, cluster, &time)
        } else {
            labs::proof_failed_on(language, &proof.lab, cluster, &time)
        };
        print(context, &proof, &line);
        proofs.push(proof);
    }
    Ok(proofs)
}

/// Proves one lab on a cluster. Whatever happens, the lab is put away.
async fn proved(
    context: &mut Context<'_>,
    lab: &Lab,
    provider: &dyn Provider,
    kubectl: Option<&Path>,
    watched: Option<Duration>,
) -> Result<Proof, Trouble> {
    let language = context.language();
    let told = |step: &Step| tell(context.printer, language, lab.id(), step);
    let work = author::prove_on(lab, provider, kubectl, watched, told);
    let proof = unless_cancelled(provider, work).await;
    if proof.is_err() {
        // The failure itself is what has to be told; the next use of the cluster begins with a sweep anyway.
        provider.leave().await.ok();
    }
    proof
}

fn tell(printer: &mut Printer<'_>, language: Language, lab: &str, step: &Step) {
    let time = seconds(step.real);
    printer.status(&match step.outcome {
        Outcome::Proven => labs::proof_step_done(language, lab, &step.name, &time),
        Outcome::Refuted(_) => labs::proof_step_failed(language, lab, &step.name, &time),
        Outcome::Skipped(_) => labs::proof_step_skipped(language, lab, &step.name),
    });
}

fn print(context: &mut Context<'_>, proof: &Proof, line: &str) {
    let language = context.language();
    context.printer.line(line);
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
