//! The proof of a lab: each attempt in a cluster that is as new.
//!
//! Shown is that the untouched break shows its symptom and doesn't pass, that each solution passes and stays so, and
//! that each wrong fix never passes and fails at the objective or guard that it names. Usually that is shown in podling and in
//! virtual time; it can be shown on any other cluster, in real time.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::Instant as ClusterInstant;

use super::attempt::{self, Attempt};
use super::ground::Ground;
use super::pace::Pace;
use super::{Outcome, Proof, Step, lint};
use crate::cluster::{self, Provider};
use crate::lab::Lab;

/// Proves a lab in virtual time. `kubectl` is the real one, where there is one; what needs it is skipped otherwise.
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
    proof(lab, steps, begun.elapsed())
}

/// Proves a lab on a cluster, in its own time: it is put back to new before each attempt, and the lab is put away at the
/// end. `lab` names the cluster's namespace already. `watched` is how long a wrong fix is watched, where that is not to
/// follow from the lab's windows. Each step is told as it is done.
///
/// # Errors
/// When the cluster can't be had. What was shown until then is told, and the lab is not put away.
pub async fn prove_on(
    lab: &Lab,
    provider: &dyn Provider,
    kubectl: Option<&Path>,
    watched: Option<Duration>,
    mut told: impl FnMut(&Step),
) -> Result<Proof, cluster::Error> {
    let (begun, pace) = (Instant::now(), Pace::real(lab, watched));
    let mut steps = vec![texts(lab)];
    told(&steps[0]);
    for attempt in attempt::attempts(lab) {
        let (begun, start) = (Instant::now(), ClusterInstant::now());
        let found = match attempt.without_cluster(lab, kubectl) {
            Some(found) => found,
            None => {
                let ground = Ground::provided(provider, provider.renew().await?);
                attempt.make(lab, ground, kubectl, pace).await
            }
        };
        let step = step(attempt, found, begun.elapsed(), start.elapsed());
        told(&step);
        steps.push(step);
    }
    provider.leave().await?;
    Ok(proof(lab, steps, begun.elapsed()))
}

fn proof(lab: &Lab, steps: Vec<Step>, real: Duration) -> Proof {
    Proof {
        lab: lab.id().to_owned(),
        simulated: steps.iter().map(|step| step.simulated).sum(),
        steps,
        real,
    }
}

fn refuted(name: &str, why: &str) -> Step {
    Step {
        name: name.to_owned(),
        outcome: Outcome::Refuted(why.to_owned()),
        failing: BTreeSet::new(),
        real: Duration::ZERO,
        simulated: Duration::ZERO,
    }
}

fn step(
    attempt: Attempt<'_>,
    found: Result<attempt::Found, String>,
    real: Duration,
    simulated: Duration,
) -> Step {
    let (outcome, failing) = found.unwrap_or_else(|why| (Outcome::Refuted(why), BTreeSet::new()));
    Step {
        name: attempt.name(),
        outcome,
        failing,
        real,
        simulated,
    }
}

fn steps(lab: &Lab, kubectl: Option<&Path>) -> Vec<Step> {
    let attempts = attempt::attempts(lab).into_iter();
    let made = attempts.map(|attempt| in_virtual_time(attempt, lab, kubectl));
    std::iter::once(texts(lab)).chain(made).collect()
}

fn texts(lab: &Lab) -> Step {
    let mistakes: Vec<String> = lint(lab).iter().map(ToString::to_string).collect();
    let outcome = if mistakes.is_empty() {
        Outcome::Proven
    } else {
        Outcome::Refuted(mistakes.join("\n"))
    };
    Step {
        outcome,
        ..refuted("texts", "")
    }
}

/// Makes an attempt in a runtime of its own, whose time is paused: it passes only when everything waits.
fn in_virtual_time(attempt: Attempt<'_>, lab: &Lab, kubectl: Option<&Path>) -> Step {
    let begun = Instant::now();
    if let Some(found) = attempt.without_cluster(lab, kubectl) {
        return step(attempt, found, begun.elapsed(), Duration::ZERO);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    let (found, simulated) = match runtime {
        Ok(runtime) => runtime.block_on(async {
            let start = ClusterInstant::now();
            let made = async {
                let ground = Ground::podling(lab).await?;
                attempt.make(lab, ground, kubectl, Pace::VIRTUAL).await
            };
            (made.await, start.elapsed())
        }),
        Err(error) => (Err(format!("no runtime: {error}")), Duration::ZERO),
    };
    step(attempt, found, begun.elapsed(), simulated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Arrival, Connection, Pending, State, Traits, kind_config};
    use crate::lab::Catalogue;
    use podling::clock::Time;
    use podling_server::{ClusterHandle, TimeSource};
    use std::cell::{Cell, RefCell};
    use std::path::PathBuf;

    /// A cluster of some other kind, whose time is nevertheless tokio's.
    struct Elsewhere {
        lab: Lab,
        cluster: RefCell<Option<ClusterHandle>>,
        left: Cell<bool>,
    }

    impl Elsewhere {
        fn fresh(&self) -> Connection {
            let start = Time::parse("2026-11-21T09:00:00Z").unwrap();
            let config = kind_config::embedded(&self.lab, 3, start).unwrap();
            let cluster = ClusterHandle::start(config, TimeSource::Tokio { start }, None).unwrap();
            let client = cluster.client();
            *self.cluster.borrow_mut() = Some(cluster);
            self.left.set(false);
            Connection {
                client,
                namespace: self.namespace(),
                arrival: Arrival::Started,
            }
        }
    }

    impl Provider for Elsewhere {
        fn kind(&self) -> &'static str {
            "elsewhere"
        }

        fn name(&self) -> &'static str {
            "elsewhere"
        }

        fn kubeconfig(&self) -> PathBuf {
            PathBuf::new()
        }

        fn traits(&self) -> Traits {
            Traits {
                whole_cluster: true,
                pulls_images: true,
                own_time: false,
            }
        }

        fn state(&self) -> Pending<'_, State> {
            Box::pin(async { Ok(State::Running { pid: None }) })
        }

        fn ensure(&self) -> Pending<'_, Connection> {
            self.renew()
        }

        fn stop(&self) -> Pending<'_, bool> {
            Box::pin(async { Ok(false) })
        }

        fn renew(&self) -> Pending<'_, Connection> {
            Box::pin(async {
                let connection = self.fresh();
                cluster::readiness::ready_within(
                    &connection.client,
                    &self.namespace(),
                    Duration::from_secs(60),
                )
                .await?;
                Ok(connection)
            })
        }

        fn leave(&self) -> Pending<'_, ()> {
            self.left.set(true);
            Box::pin(async { Ok(()) })
        }

        fn remove(&self) -> Pending<'_, ()> {
            self.leave()
        }
    }

    /// Proves a lab on another cluster. Its clock is the machine's, which stands still beside tokio's paused one: no verdict of
    /// these labs hangs on that.
    fn prove_elsewhere(lab: &Lab) -> Proof {
        let place = Elsewhere {
            lab: lab.clone(),
            cluster: RefCell::default(),
            left: Cell::default(),
        };
        let mut told = vec![];
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let work = prove_on(lab, &place, None, None, |step| told.push(step.name.clone()));
        let proof = runtime.block_on(work).unwrap();
        assert!(place.left.get(), "the lab is put away");
        assert!(told.iter().eq(proof.steps.iter().map(|step| &step.name)));
        proof
    }

    /// Without kubectl the scripts and commands are skipped, which is printed.
    #[test]
    fn the_labs_inside_the_binary_are_proved_and_their_verdicts_are_the_same_on_another_cluster() {
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
            let elsewhere = prove_elsewhere(lab);
            for (here, there) in proof.steps.iter().zip(&elsewhere.steps) {
                if !matches!(there.outcome, Outcome::Skipped(_)) {
                    assert_eq!(
                        (&there.outcome, &there.failing),
                        (&here.outcome, &here.failing),
                        "{} {}",
                        proof.lab,
                        here.name
                    );
                }
            }
        }
        assert_eq!(failures, Vec::<String>::new());
    }
}
