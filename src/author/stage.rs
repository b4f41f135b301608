//! A cluster with the break in it, watched.

use std::collections::BTreeSet;
use std::path::Path;

use tokio::time::Instant;

use super::Outcome;
use super::commands::Command;
use super::ground::{Door, Ground};
use super::pace::Pace;
use super::script::{Desk, End};
use crate::check::{Baseline, Checker, Overall, Verdict};
use crate::lab::{Fix, Lab, Language, Means};
use crate::manifest::{self, Document};

/// A cluster with the break in it, watched.
pub(super) struct Stage {
    client: kube::Client,
    namespace: String,
    door: Door,
    checker: Checker,
    pace: Pace,
}

impl Stage {
    /// Takes the baseline, breaks the cluster and waits for the symptom.
    pub(super) async fn set(lab: &Lab, ground: Ground, pace: Pace) -> Result<Self, String> {
        let Ground {
            client,
            namespace,
            scope,
            clock,
            door,
        } = ground;
        let baseline = Baseline::capture(&client, lab, &namespace, scope)
            .await
            .map_err(|it| it.to_string())?;
        for file in &lab.manifests {
            let documents = manifest::parse(&file.path, &file.text).map_err(|error| error.to_string())?;
            manifest::apply(&client, &namespace, &documents)
                .await
                .map_err(|error| format!("the break can't be applied: {}: {error}", file.path))?;
        }
        let checker = Checker::start(client.clone(), lab, baseline, &namespace, clock);
        let mut stage = Self {
            client,
            namespace,
            door,
            checker,
            pace,
        };
        stage.wait_for_symptom(lab).await?;
        Ok(stage)
    }

    async fn wait_for_symptom(&mut self, lab: &Lab) -> Result<(), String> {
        let (symptom, limit) = (&lab.definition.symptom, self.pace.symptom);
        if self.checker.holds_within(symptom, limit).await {
            return Ok(());
        }
        let seen = self.checker.find(symptom).message.render(Language::En);
        Err(format!(
            "the symptom doesn't show within {} s: {seen}",
            limit.as_secs()
        ))
    }

    /// Watches for as long as is usual, and on until what is `expected` fails; tells whether the lab was solved at any time, and
    /// what was failing from the middle of the usual time on.
    pub(super) async fn watch(&mut self, expected: Option<&str>) -> (bool, BTreeSet<String>) {
        let (begun, usual) = (Instant::now(), self.pace.watched);
        let mut failing = BTreeSet::new();
        loop {
            let missing = expected.is_some_and(|it| !failing.contains(it));
            let time = if missing {
                usual.max(self.pace.fails)
            } else {
                usual
            };
            if begun.elapsed() >= time {
                return (false, failing);
            }
            self.checker.step(Some(begun + time)).await;
            if self.checker.overall() == Overall::Solved {
                return (true, failing);
            }
            if begun.elapsed() * 2 >= usual {
                failing.extend(self.failing());
            }
        }
    }

    /// Watches until the lab is solved; whether it was solved in time.
    pub(super) async fn solved_in_time(&mut self) -> bool {
        let deadline = Instant::now() + self.pace.solved;
        while self.checker.overall() != Overall::Solved && Instant::now() < deadline {
            self.checker.step(Some(deadline)).await;
        }
        self.checker.overall() == Overall::Solved
    }

    /// Watches for as long as is usual whether nothing fails.
    pub(super) async fn stays_well(&mut self) -> bool {
        let until = Instant::now() + self.pace.watched;
        while Instant::now() < until {
            self.checker.step(Some(until)).await;
            if self.failing().next().is_some() {
                return false;
            }
        }
        true
    }

    fn failing(&self) -> impl Iterator<Item = String> + '_ {
        let reports = self.checker.reports().iter();
        reports
            .filter(|it| it.verdict == Verdict::Failing)
            .map(|it| it.id.clone())
    }

    /// How everything that hasn't passed stands.
    pub(super) fn shortfall(&self) -> String {
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
    pub(super) async fn carry_out(
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
        let (client, namespace) = (&self.client, &self.namespace);
        let done = match fix.means {
            Means::Delete => manifest::delete(client, namespace, &documents).await,
            Means::Replace => manifest::replace(client, namespace, &documents).await,
            Means::Apply | Means::Script => manifest::apply(client, namespace, &documents).await,
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
            return Ok(Some(Outcome::without_kubectl()));
        };
        let desk = self.desk(lab, kubectl).await?;
        match desk.script(&fix.text, self.pace.script).await? {
            End::Exited(output) if output.status.success() => Ok(None),
            End::Exited(output) => Err(format!("the script fails: {}", said(&output.stderr))),
            End::Cut(_) => Err(format!(
                "the script doesn't end within {} s",
                self.pace.script.as_secs()
            )),
        }
    }

    /// A place at which kubectl reaches the cluster, with the lab's manifests as the learner has them.
    async fn desk(&self, lab: &Lab, kubectl: &Path) -> Result<Desk, String> {
        Desk::set_up(&self.door, kubectl, &working_files(lab)).await
    }

    /// Runs commands of kubectl, one after the other; the first that fails is told, with the reason.
    pub(super) async fn run_commands(
        &self,
        lab: &Lab,
        commands: &[Command],
        kubectl: &Path,
    ) -> Result<(), String> {
        let desk = self.desk(lab, kubectl).await?;
        for command in commands {
            let failure = self.run_command(&desk, command).await?;
            if let Some(why) = failure {
                return Err(format!(
                    "{{#{}}}: `{}` fails: {why}",
                    command.section, command.line
                ));
            }
        }
        Ok(())
    }

    async fn run_command(&self, desk: &Desk, command: &Command) -> Result<Option<String>, String> {
        let endless = command.is_endless();
        let limit = if endless {
            self.pace.glance
        } else {
            self.pace.script
        };
        Ok(match desk.kubectl(&command.words[1..], limit).await? {
            End::Exited(output) if output.status.success() => None,
            End::Cut(output) if endless && !output.stdout.is_empty() => None,
            End::Exited(output) => Some(said(&output.stderr)),
            End::Cut(_) => Some(format!("no end within {} s", limit.as_secs_f64())),
        })
    }
}

/// The manifests as the learner has them in the working folder: without the chapter's folder.
fn working_files(lab: &Lab) -> Vec<(&str, &str)> {
    let base = |path: &'_ str| path.rfind('/').map_or(0, |slash| slash + 1);
    lab.manifests
        .iter()
        .map(|file| (&file.path[base(&file.path)..], file.text.as_str()))
        .collect()
}

fn said(stderr: &[u8]) -> String {
    String::from_utf8_lossy(stderr).trim().to_owned()
}
