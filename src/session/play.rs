//! A lab from break to fix, by itself: in a cluster of its own in this process, in virtual time.

use super::Error;
use super::observe::{self, Table};
use super::work_folder::{self, Reach, Saved};
use crate::check::{Baseline, Checker, Clock, Outcome, Overall, Report, Scope, Verdict};
use crate::cluster::{Error as ClusterError, readiness};
use crate::lab::{Fix, Lab, Means};
use podling::Config;
use podling::clock::Time;
use podling_server::{ClusterHandle, TimeSource};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

const NAMESPACE: &str = "default";

/// How long the symptom may take to show, and how long the fix may take to hold, in cluster time.
const LIMITS: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(900));

/// How often the Pods are looked at, in cluster time.
const GLANCE: Duration = Duration::from_millis(500);

/// What is to be seen in the course of a lab.
#[derive(Debug, Clone, PartialEq)]
pub enum Scene<'a> {
    /// The break was applied.
    Broken,
    /// A Pod's row reads differently.
    Pod(Vec<String>),
    /// A Pod is gone.
    PodGone(String),
    /// An objective or guard stands differently.
    Report(&'a Report),
    /// The fix was applied.
    Fixed(&'a Fix),
}

/// The solution that is played: the first that needs no program.
pub fn solution(lab: &Lab) -> Option<&Fix> {
    lab.solutions.iter().find(|fix| fix.means != Means::Script)
}

/// Plays the lab; `show` gets each scene with the cluster time since the start. Whether the solution solved the lab.
///
/// Runs on a tokio runtime whose time is paused.
///
/// # Errors
/// When the cluster can't be started, or refuses the break or the fix.
pub async fn play(
    lab: &Lab,
    fix: &Fix,
    config: Config,
    mut show: impl FnMut(Duration, Scene<'_>),
) -> Result<(bool, Duration), Error> {
    let begin = Instant::now();
    let start = Time::parse("2026-01-01T09:00:00Z").unwrap_or_default();
    let handle = ClusterHandle::start(config, TimeSource::Tokio { start }, None)
        .map_err(|error| ClusterError::Refused(error.to_string()))?;
    let client = handle.client();
    readiness::ready_within(&client, NAMESPACE, LIMITS.0)
        .await
        .map_err(ClusterError::from)?;
    let baseline = Baseline::capture(&client, lab, NAMESPACE, Scope::Cluster).await?;
    for file in &lab.manifests {
        let documents = crate::manifest::parse(&file.path, &file.text)?;
        crate::manifest::apply(&client, NAMESPACE, &documents).await?;
    }
    show(begin.elapsed(), Scene::Broken);
    let clock = Clock::showing(start.timestamp());
    let checker = Checker::start(client.clone(), lab, baseline, NAMESPACE, clock);
    let mut theatre = Theatre {
        checker,
        client,
        begin,
        pods: BTreeMap::new(),
        verdicts: BTreeMap::new(),
    };
    let symptom = &lab.definition.symptom;
    theatre
        .until(LIMITS.0, &mut show, |checker| {
            checker.find(symptom).outcome == Outcome::Holds
        })
        .await;
    let saved = Saved {
        file: fix.file.clone(),
        text: fix.text.clone(),
    };
    let applied = work_folder::apply(&theatre.client, NAMESPACE, Reach::Cluster, &saved).await;
    if let Some(why) = applied.refused {
        return Err(ClusterError::Refused(why).into());
    }
    show(begin.elapsed(), Scene::Fixed(fix));
    let solved = theatre
        .until(LIMITS.1, &mut show, |checker| {
            checker.overall() == Overall::Solved
        })
        .await;
    Ok((solved, begin.elapsed()))
}

struct Theatre {
    checker: Checker,
    client: kube::Client,
    begin: Instant,
    pods: BTreeMap<String, Vec<String>>,
    verdicts: BTreeMap<String, Verdict>,
}

impl Theatre {
    async fn until(
        &mut self,
        limit: Duration,
        show: &mut impl FnMut(Duration, Scene<'_>),
        done: impl Fn(&Checker) -> bool,
    ) -> bool {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            self.look(show).await;
            if done(&self.checker) {
                return true;
            }
            self.checker.step(Some(Instant::now() + GLANCE)).await;
        }
        false
    }

    async fn look(&mut self, show: &mut impl FnMut(Duration, Scene<'_>)) {
        let passed = self.begin.elapsed();
        // A cluster in this process answers; if it should not, the verdicts say so.
        let table = observe::pods(&self.client, NAMESPACE).await.unwrap_or_default();
        for scene in pod_scenes(&mut self.pods, &table) {
            show(passed, scene);
        }
        for report in self.checker.reports() {
            // What was not read yet is nothing to tell.
            let seen = report.verdict != Verdict::Unknown;
            if seen && self.verdicts.insert(report.id.clone(), report.verdict) != Some(report.verdict) {
                show(passed, Scene::Report(report));
            }
        }
    }
}

/// What changed since `before`, which becomes the present.
fn pod_scenes(before: &mut BTreeMap<String, Vec<String>>, table: &Table) -> Vec<Scene<'static>> {
    // `1 (5s ago)` reads differently each second.
    let ageless = |cell: &str| cell.split(" (").next().unwrap_or(cell).to_owned();
    let row = |index| {
        table
            .row_without(index, "AGE")
            .into_iter()
            .map(ageless)
            .collect::<Vec<_>>()
    };
    let rows = (0..table.rows.len()).map(row);
    let now: BTreeMap<String, Vec<String>> =
        rows.filter_map(|row| Some((row.first()?.clone(), row))).collect();
    let gone = before
        .keys()
        .filter(|name| !now.contains_key(*name))
        .cloned()
        .map(Scene::PodGone);
    let changed = now.iter().filter(|(name, row)| before.get(*name) != Some(row));
    let scenes = gone
        .chain(changed.map(|(_, row)| Scene::Pod(row.clone())))
        .collect();
    *before = now;
    scenes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_told_when_its_row_changes_and_not_when_it_ages() {
        let table = |ready: &str, age: &str| Table {
            headings: ["NAME", "READY", "RESTARTS", "AGE"].map(str::to_owned).into(),
            rows: vec![
                ["web", ready, &format!("1 ({age} ago)"), age]
                    .map(str::to_owned)
                    .into(),
            ],
        };
        let mut before = BTreeMap::new();
        let mut scenes = |table: &Table| pod_scenes(&mut before, table).len();
        assert_eq!(scenes(&table("0/1", "1s")), 1);
        assert_eq!(scenes(&table("0/1", "2s")), 0);
        assert_eq!(scenes(&table("1/1", "3s")), 1);
        assert_eq!(
            pod_scenes(&mut before, &Table::default()),
            [Scene::PodGone("web".to_owned())]
        );
    }
}
