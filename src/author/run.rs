//! The proof of a lab: in clusters of its own, in virtual time.
//!
//! Shown is that the untouched break shows its symptom and doesn't pass, that each solution passes and stays so, and
//! that each wrong fix never passes and fails at the objective or guard that it names.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use podling::clock::Time;
use podling_server::{ClusterHandle, TimeSource};
use tokio::time::Instant as VirtualInstant;

use super::commands::{self, Command};
use super::script::{Desk, End};
use super::{Outcome, Proof, Step, lint};
use crate::check::{Baseline, Checker, Clock, Overall, Scope, Verdict};
use crate::cluster::{kind_config, readiness};
use crate::lab::{Fix, Lab, Language, Means};
use crate::manifest::{self, Document};

const NAMESPACE: &str = "default";
/// How long the cluster may take to be ready for Pods.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long the symptom may take.
const SYMPTOM_WITHIN: Duration = Duration::from_secs(300);
/// How long a solution may take until everything has passed.
const SOLVED_WITHIN: Duration = Duration::from_secs(900);
/// How long it is watched whether a break or a wrong fix passes after all, and whether a solution stays one.
const WATCHED: Duration = Duration::from_secs(240);
/// How long a script or a shown command may run, in real time.
const SCRIPT_LIMIT: Duration = Duration::from_secs(30);
/// How long a shown command that goes on for ever (`--watch`, `--follow`) is left running, in real time.
const GLANCE: Duration = Duration::from_millis(500);

/// Proves a lab. `kubectl` is the real one, where there is one; what needs it is skipped otherwise.
///
/// Blocks until it is done; the work is on a thread of its own, so that it can be called anywhere.
pub fn prove(lab: &Lab, kubectl: Option<&Path>) -> Proof {
    let begun = Instant::now();
    let steps = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(format!("proof of {}", lab.id()));
        match thread
            .spawn_scoped(scope, || steps(lab, kubectl))
            .map(std::thread::ScopedJoinHandle::join)
        {
            Ok(Ok(steps)) => steps,
            Ok(Err(_)) => vec![refuted("proof", "the proof broke down; this is a mistake in bbf")],
            Err(error) => vec![refuted("proof", &format!("no thread for the proof: {error}"))],
        }
    });
    let simulated = steps.iter().map(|step| step.simulated).sum();
    Proof {
        lab: lab.id().to_owned(),
        steps,
        real: begun.elapsed(),
        simulated,
    }
}

fn refuted(name: &str, why: &str) -> Step {
    let outcome = Outcome::Refuted(why.to_owned());
    Step {
        name: name.to_owned(),
        outcome,
        real: Duration::ZERO,
        simulated: Duration::ZERO,
    }
}

fn steps(lab: &Lab, kubectl: Option<&Path>) -> Vec<Step> {
    let mistakes: Vec<String> = lint(lab).iter().map(ToString::to_string).collect();
    let texts = if mistakes.is_empty() {
        Outcome::Proven
    } else {
        Outcome::Refuted(mistakes.join("\n"))
    };
    let mut steps = vec![Step {
        name: "texts".to_owned(),
        outcome: texts,
        real: Duration::ZERO,
        simulated: Duration::ZERO,
    }];
    steps.push(timed("break".to_owned(), untouched(lab)));
    for fix in &lab.solutions {
        steps.push(timed(
            format!("solution {}", fix.name),
            solution(lab, fix, kubectl),
        ));
    }
    for fix in &lab.wrong {
        steps.push(timed(format!("wrong {}", fix.name), wrong(lab, fix, kubectl)));
    }
    for language in lab.texts.keys() {
        steps.push(timed(
            format!("commands {language}"),
            shown_commands(lab, *language, kubectl),
        ));
    }
    steps
}

/// Runs one step in a runtime of its own, whose time is paused: it passes only when everything waits.
fn timed(name: String, step: impl Future<Output = Result<Outcome, String>>) -> Step {
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    let (outcome, simulated) = match runtime {
        Ok(runtime) => runtime.block_on(async {
            let start = VirtualInstant::now();
            (step.await.unwrap_or_else(Outcome::Refuted), start.elapsed())
        }),
        Err(error) => (Outcome::Refuted(format!("no runtime: {error}")), Duration::ZERO),
    };
    Step {
        name,
        outcome,
        real: begun.elapsed(),
        simulated,
    }
}

/// A cluster with the break in it, watched.
struct Stage {
    cluster: ClusterHandle,
    client: kube::Client,
    checker: Checker,
}

impl Stage {
    /// Starts a cluster, takes the baseline, breaks it and waits for the symptom.
    async fn set(lab: &Lab) -> Result<Self, String> {
        // The same time in each run, so that each run is the same.
        let start = Time::parse("2026-11-21T09:00:00Z").unwrap_or(Time::from_micros(0));
        let config = kind_config::embedded(lab, 7, start).map_err(|error| error.to_string())?;
        let cluster =
            ClusterHandle::start(config, TimeSource::Tokio { start }, None).map_err(|it| it.to_string())?;
        let client = cluster.client();
        readiness::ready_within(&client, NAMESPACE, READY_WITHIN)
            .await
            .map_err(|error| error.to_string())?;
        let baseline = Baseline::capture(&client, lab, NAMESPACE, Scope::Cluster)
            .await
            .map_err(|it| it.to_string())?;
        for file in &lab.manifests {
            let documents = manifest::parse(&file.path, &file.text).map_err(|error| error.to_string())?;
            manifest::apply(&client, NAMESPACE, &documents)
                .await
                .map_err(|error| format!("the break can't be applied: {}: {error}", file.path))?;
        }
        let clock = Clock::showing(timestamp(start));
        let checker = Checker::start(client.clone(), lab, baseline, NAMESPACE, clock);
        let mut stage = Self {
            cluster,
            client,
            checker,
        };
        if !stage
            .checker
            .holds_within(&lab.definition.symptom, SYMPTOM_WITHIN)
            .await
        {
            let seen = stage
                .checker
                .find(&lab.definition.symptom)
                .message
                .render(Language::En);
            return Err(format!(
                "the symptom doesn't show within {} s: {seen}",
                SYMPTOM_WITHIN.as_secs()
            ));
        }
        Ok(stage)
    }

    /// Watches for a while; tells whether the lab was solved at any time, and what was failing in the second half.
    async fn watch(&mut self, time: Duration) -> (bool, BTreeSet<String>) {
        let begun = VirtualInstant::now();
        let mut failing = BTreeSet::new();
        while begun.elapsed() < time {
            self.checker.step(Some(begun + time)).await;
            if self.checker.overall() == Overall::Solved {
                return (true, failing);
            }
            if begun.elapsed() * 2 >= time {
                let reports = self.checker.reports().iter();
                failing.extend(
                    reports
                        .filter(|it| it.verdict == Verdict::Failing)
                        .map(|it| it.id.clone()),
                );
            }
        }
        (false, failing)
    }

    async fn solved_within(&mut self, limit: Duration) -> bool {
        let deadline = VirtualInstant::now() + limit;
        while self.checker.overall() != Overall::Solved && VirtualInstant::now() < deadline {
            self.checker.step(Some(deadline)).await;
        }
        self.checker.overall() == Overall::Solved
    }

    /// How everything that hasn't passed stands.
    fn shortfall(&self) -> String {
        let reports = self
            .checker
            .reports()
            .iter()
            .filter(|report| report.verdict != Verdict::Passed);
        let lines =
            reports.map(|it| format!("{}: {:?}: {}", it.id, it.verdict, it.message.render(Language::En)));
        lines.collect::<Vec<_>>().join("; ")
    }

    /// Carries a fix out; `Ok(Some(…))` where it can't be tried.
    async fn carry_out(
        &self,
        lab: &Lab,
        fix: &Fix,
        kubectl: Option<&Path>,
    ) -> Result<Option<Outcome>, String> {
        if fix.means == Means::Script {
            return self.run_script(lab, fix, kubectl).await;
        }
        let documents: Vec<Document> =
            manifest::parse(&fix.file, &fix.text).map_err(|error| error.to_string())?;
        let done = match fix.means {
            Means::Delete => manifest::delete(&self.client, NAMESPACE, &documents).await,
            Means::Replace => manifest::replace(&self.client, NAMESPACE, &documents).await,
            Means::Apply | Means::Script => manifest::apply(&self.client, NAMESPACE, &documents).await,
        };
        done.map(|()| None)
            .map_err(|error| format!("the server refuses the fix: {error}"))
    }

    async fn run_script(
        &self,
        lab: &Lab,
        fix: &Fix,
        kubectl: Option<&Path>,
    ) -> Result<Option<Outcome>, String> {
        let Some(kubectl) = kubectl else {
            return Ok(Some(without_kubectl()));
        };
        let desk = Desk::set_up(&self.cluster, kubectl, &working_files(lab)).await?;
        match desk.script(&fix.text, SCRIPT_LIMIT).await? {
            End::Exited(output) if output.status.success() => Ok(None),
            End::Exited(output) => Err(format!("the script fails: {}", said(&output.stderr))),
            End::Cut(_) => Err(format!(
                "the script doesn't end within {} s",
                SCRIPT_LIMIT.as_secs()
            )),
        }
    }
}

async fn untouched(lab: &Lab) -> Result<Outcome, String> {
    let mut stage = Stage::set(lab).await?;
    let (solved, _) = stage.watch(WATCHED).await;
    Ok(if solved {
        Outcome::Refuted("the untouched break passes".to_owned())
    } else {
        Outcome::Proven
    })
}

async fn solution(lab: &Lab, fix: &Fix, kubectl: Option<&Path>) -> Result<Outcome, String> {
    let mut stage = Stage::set(lab).await?;
    if let Some(outcome) = stage.carry_out(lab, fix, kubectl).await? {
        return Ok(outcome);
    }
    if !stage.solved_within(SOLVED_WITHIN).await {
        return Err(format!(
            "doesn't pass within {} s: {}",
            SOLVED_WITHIN.as_secs(),
            stage.shortfall()
        ));
    }
    let until = VirtualInstant::now() + WATCHED;
    while VirtualInstant::now() < until {
        stage.checker.step(Some(until)).await;
        if stage
            .checker
            .reports()
            .iter()
            .any(|report| report.verdict == Verdict::Failing)
        {
            return Err(format!("passes, but doesn't stay so: {}", stage.shortfall()));
        }
    }
    Ok(Outcome::Proven)
}

async fn wrong(lab: &Lab, fix: &Fix, kubectl: Option<&Path>) -> Result<Outcome, String> {
    let mut stage = Stage::set(lab).await?;
    if let Some(outcome) = stage.carry_out(lab, fix, kubectl).await? {
        return Ok(outcome);
    }
    let named = fix.fails.as_deref().unwrap_or_default();
    match stage.watch(WATCHED).await {
        (true, _) => Err("passes, although it is wrong".to_owned()),
        (false, failing) if failing.contains(named) => Ok(Outcome::Proven),
        (false, _) => Err(format!(
            "doesn't fail at {named}, as it says; instead: {}",
            stage.shortfall()
        )),
    }
}

/// Runs each command that a text shows, one after the other, against the broken cluster.
async fn shown_commands(lab: &Lab, language: Language, kubectl: Option<&Path>) -> Result<Outcome, String> {
    let Some(texts) = lab.texts.get(&language) else {
        return Ok(Outcome::Proven);
    };
    let commands: Vec<Command> = commands::of(texts).into_iter().collect::<Result<_, _>>()?;
    if commands.is_empty() {
        return Ok(Outcome::Proven);
    }
    let Some(kubectl) = kubectl else {
        return Ok(without_kubectl());
    };
    let stage = Stage::set(lab).await?;
    let desk = Desk::set_up(&stage.cluster, kubectl, &working_files(lab)).await?;
    for command in &commands {
        let endless = command
            .words
            .iter()
            .any(|word| ["--watch", "-w", "--follow", "-f"].contains(&word.as_str()));
        let limit = if endless { GLANCE } else { SCRIPT_LIMIT };
        let failure = match desk.kubectl(&command.words[1..], limit).await? {
            End::Exited(output) if output.status.success() => None,
            End::Cut(output) if endless && !output.stdout.is_empty() => None,
            End::Exited(output) => Some(said(&output.stderr)),
            End::Cut(_) => Some(format!("no end within {} s", limit.as_secs_f64())),
        };
        if let Some(why) = failure {
            return Err(format!(
                "{{#{}}}: `{}` fails: {why}",
                command.section, command.line
            ));
        }
    }
    Ok(Outcome::Proven)
}

/// The manifests as the learner has them in the working folder: without the chapter's folder.
fn working_files(lab: &Lab) -> Vec<(&str, &str)> {
    let base = |path: &'_ str| path.rfind('/').map_or(0, |slash| slash + 1);
    lab.manifests
        .iter()
        .map(|file| (&file.path[base(&file.path)..], file.text.as_str()))
        .collect()
}

fn without_kubectl() -> Outcome {
    Outcome::Skipped("there is no kubectl on this machine".to_owned())
}

fn said(stderr: &[u8]) -> String {
    String::from_utf8_lossy(stderr).trim().to_owned()
}

fn timestamp(time: Time) -> Timestamp {
    time.timestamp()
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Catalogue;

    /// Every lab is proved by its own tests. Without kubectl the scripts and commands are skipped, which is printed.
    #[test]
    fn the_labs_inside_the_binary_are_proved() {
        let kubectl = std::env::var_os("PATH").and_then(|path| {
            std::env::split_paths(&path)
                .map(|folder| folder.join("kubectl"))
                .find(|file| file.is_file())
        });
        let mut failures = vec![];
        for lab in Catalogue::builtin().labs() {
            let proof = prove(lab, kubectl.as_deref());
            println!(
                "{}: {:.1?} ({:.0?} simulated)",
                proof.lab, proof.real, proof.simulated
            );
            for (step, why) in proof.skipped() {
                println!("SKIPPED {} {}: {why}", proof.lab, step.name);
            }
            failures.extend(
                proof
                    .refuted()
                    .map(|(step, why)| format!("{} {}: {why}", proof.lab, step.name)),
            );
        }
        assert_eq!(failures, Vec::<String>::new());
    }
}
