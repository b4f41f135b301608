//! Start, reset and stop: from a cluster that knows nothing of the lab to the break, and back.

use super::Error;
use super::journal::Event;
use super::record::{Record, Stage};
use super::store::Store;
use super::work_folder::{self, Applied, Reach};
use crate::check::{Baseline, Checker, Clock, Overall, Report, Role, Scope, Verdict};
use crate::cluster::{Connection, Place, Provider};
use crate::lab::Lab;
use crate::manifest;
use crate::platform::lock::Lock;
use jiff::Timestamp;
use std::path::PathBuf;

/// What a step did besides what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The last start of the lab was interrupted, so it was begun again.
    Interrupted,
    /// The learner's earlier version of a manifest was kept.
    WorkFileKept {
        /// The file's name.
        file: String,
        /// Where it was kept.
        kept: PathBuf,
    },
}

/// A lab that runs, and the way into its cluster.
pub struct Running {
    /// The lab at hand.
    pub record: Record,
    /// The way into its cluster.
    pub connection: Connection,
    /// What is worth saying.
    pub notices: Vec<Notice>,
}

/// How a start went.
pub enum Started {
    /// The break is applied.
    Fresh(Running),
    /// The lab was running already.
    Already(Record),
}

/// What is to be started, and where.
pub struct Opening<'a> {
    /// The lab.
    pub lab: &'a Lab,
    /// The pack that it comes from; `None` for a lab inside the binary.
    pub pack: Option<PathBuf>,
    /// Where it is to run.
    pub place: Place,
    /// The cluster there.
    pub provider: &'a dyn Provider,
    /// The text of the work folder's README.
    pub readme: &'a str,
    /// What is said to whoever else wants to start a lab.
    pub command: &'a str,
}

/// Starts a lab: cluster, baseline, break, work folder.
///
/// # Errors
/// When another lab or another command is at work, the cluster can't be had, or a file can't be written.
pub async fn start(store: &mut Store, opening: Opening<'_>) -> Result<Started, Error> {
    let Opening { lab, provider, .. } = opening;
    let _lock = Lock::take(&store.folders().lock(), opening.command)?;
    let mut notices = vec![];
    let known = store.record()?;
    let known = known.map(|record| must_be(record, lab.id(), &opening.place));
    match known.transpose()? {
        Some(record) if record.stage != Stage::Preparing => return Ok(Started::Already(record)),
        Some(_) => notices.push(Notice::Interrupted),
        None => {}
    }
    let mut record = Record::preparing(lab.id(), opening.pack, opening.place, Timestamp::now());
    record.namespace = provider.namespace();
    store.replace(Some(&record))?;
    let mut running = apply_break(store, lab, record, provider, opening.readme).await?;
    running.notices.extend(notices);
    store.note(lab.id(), Event::Started)?;
    Ok(Started::Fresh(running))
}

/// Gives up a start that failed or was cancelled on a cluster which is not the embedded one: nothing half made stays, and the
/// learner is free to start elsewhere.
///
/// # Errors
/// When another command is at work, or a file can't be read or written.
pub async fn give_up(
    store: &mut Store,
    lab: &Lab,
    place: &Place,
    provider: &dyn Provider,
) -> Result<(), Error> {
    let _lock = Lock::take(&store.folders().lock(), &format!("bbf lab start {}", lab.id()))?;
    let begun = |record: &Record| {
        record.lab == lab.id() && record.place == *place && record.stage == Stage::Preparing
    };
    if store.record()?.as_ref().is_some_and(begun) {
        // What can't be removed now is recorded with the cluster, and removed by its next use.
        provider.abandon().await.ok();
        store.replace(None)?;
    }
    Ok(())
}

/// The lab at hand, which must still be the one that `known` tells of, at the same place: the provider in hand is that one's. To
/// be asked under the lock.
fn still(store: &mut Store, known: &Record) -> Result<Record, Error> {
    let record = store.record()?.ok_or(Error::NoLab)?;
    must_be(record, &known.lab, &known.place)
}

fn must_be(record: Record, lab: &str, place: &Place) -> Result<Record, Error> {
    if record.lab != lab {
        return Err(Error::OtherLab {
            running: record.lab,
            asked: lab.to_owned(),
        });
    }
    if record.place != *place {
        return Err(Error::OtherPlace {
            lab: record.lab,
            place: record.place,
        });
    }
    Ok(record)
}

/// Puts the lab back to the break, whatever was done since. `known` is the lab at hand as it was when `provider` was chosen.
///
/// # Errors
/// When the lab is not at hand any more, another command is at work, the cluster can't be had, or a file can't be written.
pub async fn reset(
    store: &mut Store,
    known: &Record,
    lab: &Lab,
    provider: &dyn Provider,
    readme: &str,
    command: &str,
) -> Result<Running, Error> {
    let _lock = Lock::take(&store.folders().lock(), command)?;
    let old = still(store, known)?;
    let mut record = Record::preparing(lab.id(), old.pack, old.place, Timestamp::now());
    record.namespace = provider.namespace();
    record.hints = old.hints;
    record.solution_shown = old.solution_shown;
    store.replace(Some(&record))?;
    let running = apply_break(store, lab, record, provider, readme).await?;
    store.note(lab.id(), Event::Reset)?;
    Ok(running)
}

async fn apply_break(
    store: &mut Store,
    lab: &Lab,
    mut record: Record,
    provider: &dyn Provider,
    readme: &str,
) -> Result<Running, Error> {
    let connection = provider.renew().await?;
    record.namespace = connection.namespace.clone();
    record.baseline = Baseline::capture(&connection.client, lab, &record.namespace, scope(provider)).await?;
    for file in &lab.manifests {
        let documents = manifest::parse(&file.path, &file.text)?;
        manifest::apply(&connection.client, &record.namespace, &documents).await?;
    }
    let kept = work_folder::lay_out(&store.folders().work(lab.id()), lab, readme)?;
    let kept = kept
        .into_iter()
        .map(|(file, kept)| Notice::WorkFileKept { file, kept });
    let notices = kept.collect();
    record.applied = work_folder::originals(lab);
    record.stage = Stage::Broken;
    store.replace(Some(&record))?;
    Ok(Running {
        record,
        connection,
        notices,
    })
}

/// How far a lab answers for changes on a cluster.
pub fn scope(provider: &dyn Provider) -> Scope {
    if provider.traits().whole_cluster {
        Scope::Cluster
    } else {
        Scope::Namespace
    }
}

/// Puts the lab away; nothing of it stays on the cluster. Progress and work folder stay. `known` is the lab at hand as it was
/// when `provider` was chosen.
///
/// # Errors
/// When the lab is not at hand any more, another command is at work, or the cluster can't be tidied up.
pub async fn stop(
    store: &mut Store,
    known: &Record,
    provider: &dyn Provider,
    command: &str,
) -> Result<(), Error> {
    let _lock = Lock::take(&store.folders().lock(), command)?;
    let record = still(store, known)?;
    provider.leave().await?;
    store.replace(None)?;
    store.note(&record.lab, Event::Stopped)?;
    Ok(())
}

/// Applies what was saved in the work folder since the last time. What is refused is tried again the next time.
///
/// # Errors
/// When a file can't be read or written.
pub async fn apply_saved(
    store: &mut Store,
    record: &mut Record,
    connection: &Connection,
) -> Result<Vec<Applied>, Error> {
    let folder = store.folders().work(&record.lab);
    let reach = match record.baseline.scope {
        Scope::Cluster => Reach::Cluster,
        Scope::Namespace => Reach::Namespace,
    };
    let mut results = vec![];
    for saved in work_folder::saved_since(&folder, record)? {
        let applied = work_folder::apply(&connection.client, &record.namespace, reach, &saved).await;
        if applied.refused.is_none() {
            let (file, text) = (saved.file.clone(), saved.text.clone());
            if let Some(updated) = store.update(record, move |it| drop(it.applied.insert(file, text)))? {
                *record = updated;
            }
            store.note(&record.lab, Event::ManifestApplied { file: saved.file })?;
        }
        results.push(applied);
    }
    Ok(results)
}

/// A checker of the lab at hand.
pub fn checker(lab: &Lab, record: &Record, connection: &Connection) -> Checker {
    let clock = Clock::of_this_machine();
    Checker::start(
        connection.client.clone(),
        lab,
        record.baseline.clone(),
        &record.namespace,
        clock,
    )
}

/// Writes down which objectives passed for the first time, and whether that solves the lab. Whether it was solved now.
///
/// # Errors
/// When a file can't be read or written.
pub fn note_reports(store: &mut Store, record: &mut Record, reports: &[Report]) -> Result<bool, Error> {
    let passed = |report: &&Report| report.role == Role::Objective && report.verdict == Verdict::Passed;
    let fresh: Vec<String> = reports
        .iter()
        .filter(passed)
        .filter(|report| !record.passed.contains(&report.id))
        .map(|report| report.id.clone())
        .collect();
    let solved = record.stage == Stage::Broken && Overall::of(reports) == Overall::Solved;
    for objective in &fresh {
        store.note(
            &record.lab,
            Event::ObjectivePassed {
                objective: objective.clone(),
            },
        )?;
    }
    if solved {
        store.note(&record.lab, Event::Solved)?;
    }
    if solved || !fresh.is_empty() {
        let updated = store.update(record, |it| {
            it.passed.extend(fresh);
            if solved {
                it.stage = Stage::Solved;
            }
        })?;
        *record = updated.unwrap_or_else(|| record.clone());
    }
    Ok(solved)
}
