//! What a Deployment's ReplicaSets should become, decided from what is there.
//!
//! Source: `kubernetes/pkg/controller/deployment/{sync,rolling,recreate}.go`. Pure: the writes are returned in
//! the order in which they are to be made.

use serde_json::{Value, json};

use crate::clock::Time;

use super::super::{ownership, template};
use super::replicas::{REVISION, ReplicaSet};
use super::status::{self, Condition};
use super::{proportion, strategy};

/// A Deployment and what belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    pub(super) deployment: Value,
    /// Its ReplicaSets.
    pub(super) sets: Vec<ReplicaSet>,
    /// The UIDs of ReplicaSets that have pods which have not ended, terminating ones too; only Recreate asks.
    pub(super) running: Vec<String>,
}

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Write {
    /// Create the ReplicaSet.
    Create(Value),
    /// Write the ReplicaSet's metadata and spec.
    Update(Value),
    /// Delete the ReplicaSet of that name.
    Delete(String),
    /// Write the Deployment's status and revision.
    Status(Value),
    /// Tell people: `ScalingReplicaSet` with this message.
    Scaled(String),
}

/// What is to be done, and when to look again although nothing changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) writes: Vec<Write>,
    pub(super) check_at: Option<Time>,
}

/// Decides about a Deployment at `now`.
pub(super) fn plan(observed: Observed, now: Time) -> Plan {
    let mut rollout = Rollout::new(observed, now);
    rollout.run();
    let check_at = status::next_check(&rollout.deployment, &rollout.deployment["status"]);
    Plan {
        writes: rollout.writes,
        check_at,
    }
}

struct Rollout {
    deployment: Value,
    /// Oldest first.
    sets: Vec<ReplicaSet>,
    /// Which of them has the Deployment's template.
    newest: Option<usize>,
    running: Vec<String>,
    now: Time,
    writes: Vec<Write>,
}

impl Rollout {
    fn new(observed: Observed, now: Time) -> Self {
        let mut sets = observed.sets;
        sets.sort_by(|a, b| a.age().cmp(&b.age()));
        let wanted = &observed.deployment["spec"]["template"];
        let newest = sets
            .iter()
            .position(|set| template::same(&set.0["spec"]["template"], wanted));
        Self {
            deployment: observed.deployment,
            sets,
            newest,
            running: observed.running,
            now,
            writes: Vec::new(),
        }
    }

    fn run(&mut self) {
        if ownership::is_deleted(&self.deployment) {
            let status = status::counted(&self.deployment, &self.sets, self.newest(), self.now);
            return self.write_status(status);
        }
        self.note_pause();
        if self.deployment["spec"]["paused"] == true || self.is_scaling() {
            self.scale_all();
        } else if strategy::is_recreate(&self.deployment) {
            self.recreate();
        } else {
            self.roll();
        }
    }

    fn newest(&self) -> Option<&ReplicaSet> {
        self.newest.map(|index| &self.sets[index])
    }

    fn old(&self) -> Vec<usize> {
        (0..self.sets.len())
            .filter(|index| Some(*index) != self.newest)
            .collect()
    }

    fn wanted(&self) -> i64 {
        strategy::replicas(&self.deployment)
    }

    /// All pods that the ReplicaSets want together.
    fn total(&self) -> i64 {
        self.sets.iter().map(ReplicaSet::replicas).sum()
    }

    fn write_status(&mut self, status: Value) {
        if self.deployment["status"] != status {
            self.deployment["status"] = status;
            self.writes.push(Write::Status(self.deployment.clone()));
        }
    }

    // Pause -----------------------------------------------------------------------------------------------

    fn note_pause(&mut self) {
        if status::progress_deadline(&self.deployment).is_none() {
            return;
        }
        let reason = status::condition(&self.deployment["status"], "Progressing")
            .map_or(Value::Null, |progressing| progressing["reason"].clone());
        let paused = self.deployment["spec"]["paused"] == true;
        let (reason, message) = match (paused, reason.as_str().unwrap_or_default()) {
            (_, "ProgressDeadlineExceeded") | (true, "DeploymentPaused") => return,
            (true, _) => ("DeploymentPaused", "Deployment is paused"),
            (false, "DeploymentPaused") => ("DeploymentResumed", "Deployment is resumed"),
            (false, _) => return,
        };
        let mut status = self.deployment["status"].clone();
        let condition = Condition::progressing("Unknown", reason, message.to_owned());
        status::set_condition(&mut status, &condition, self.now);
        self.write_status(status);
    }

    // The newest ReplicaSet and revisions -----------------------------------------------------------------

    fn sync_revision(&mut self, create: bool) {
        let old = self.old();
        let highest = old.iter().map(|index| self.sets[*index].revision()).max();
        let revision = highest.unwrap_or_default() + 1;
        match self.newest {
            Some(index) => self.reuse(index, revision),
            None if create => self.create(revision),
            None => {}
        }
    }

    fn reuse(&mut self, index: usize, revision: i64) {
        let least = self.deployment["spec"].get("minReadySeconds").cloned();
        let set = &mut self.sets[index];
        let mut changed = set.take_over(&self.deployment, revision);
        if set.0["spec"].get("minReadySeconds") != least.as_ref() {
            set.0["spec"]["minReadySeconds"] = least.unwrap_or_else(|| json!(0));
            changed = true;
        }
        let (name, revision) = (set.name().to_owned(), set.revision());
        if changed {
            self.writes.push(Write::Update(set.0.clone()));
        }
        let found = Condition::progressing(
            "True",
            "FoundNewReplicaSet",
            format!("Found new replica set \"{name}\""),
        );
        let has_condition = status::condition(&self.deployment["status"], "Progressing").is_some();
        self.note_revision(revision, (!has_condition).then_some(found));
    }

    fn create(&mut self, revision: i64) {
        let set = ReplicaSet::new(&self.deployment);
        let index = self.sets.len();
        self.sets.push(set);
        self.newest = Some(index);
        let replicas = self.newest_replicas(index);
        let (wanted, most) = self.limits();
        let set = &mut self.sets[index];
        set.0["spec"]["replicas"] = replicas.into();
        set.take_over(&self.deployment, revision);
        set.annotate_replicas(wanted, most);
        let name = set.name().to_owned();
        self.writes.push(Write::Create(set.0.clone()));
        if replicas > 0 {
            self.writes.push(Write::Scaled(format!(
                "Scaled up replica set {name} from 0 to {replicas}"
            )));
        }
        let message = format!("Created new replica set \"{name}\"");
        let created = Condition::progressing("True", "NewReplicaSetCreated", message);
        self.note_revision(revision, Some(created));
    }

    /// Writes the Deployment's revision and how it came to it.
    fn note_revision(&mut self, revision: i64, progress: Option<Condition>) {
        let before = self.deployment.clone();
        self.deployment["metadata"]["annotations"][REVISION] = revision.to_string().into();
        if let Some(condition) = progress
            && status::progress_deadline(&self.deployment).is_some()
        {
            let mut status = self.deployment["status"].take();
            status::set_condition(&mut status, &condition, self.now);
            self.deployment["status"] = status;
        }
        if self.deployment != before {
            self.writes.push(Write::Status(self.deployment.clone()));
        }
    }

    /// `spec.replicas`, and that with the surge.
    fn limits(&self) -> (i64, i64) {
        let wanted = self.wanted();
        (wanted, wanted + strategy::max_surge(&self.deployment))
    }

    /// How many replicas the newest ReplicaSet may have now (`NewRSNewReplicas`).
    fn newest_replicas(&self, index: usize) -> i64 {
        let (wanted, most) = self.limits();
        if strategy::is_recreate(&self.deployment) {
            return wanted;
        }
        let have = self.sets[index].replicas();
        let room = most - self.total();
        if room <= 0 {
            return have;
        }
        have + room.min(wanted - have)
    }

    // Scaling ---------------------------------------------------------------------------------------------

    /// Whether the Deployment was scaled since its ReplicaSets were.
    fn is_scaling(&self) -> bool {
        let active = self.sets.iter().filter(|set| set.is_active());
        active
            .filter_map(ReplicaSet::desired)
            .any(|desired| desired != self.wanted())
    }

    /// Sets the replicas of one ReplicaSet; whether that changed them. The annotations alone are written only
    /// with `annotate`.
    fn scale(&mut self, index: usize, replicas: i64, annotate: bool) -> bool {
        let (wanted, most) = self.limits();
        let set = &mut self.sets[index];
        let old = set.replicas();
        if old == replicas && !annotate {
            return false;
        }
        let annotated = set.annotate_replicas(wanted, most);
        if old == replicas && !annotated {
            return false;
        }
        set.0["spec"]["replicas"] = replicas.into();
        let (object, name) = (set.0.clone(), set.name().to_owned());
        self.writes.push(Write::Update(object));
        if old == replicas {
            return false;
        }
        let direction = if old < replicas { "up" } else { "down" };
        self.writes.push(Write::Scaled(format!(
            "Scaled {direction} replica set {name} from {old} to {replicas}"
        )));
        true
    }

    /// A paused or just scaled Deployment: sizes follow, templates don't.
    fn scale_all(&mut self) {
        self.sync_revision(false);
        self.scale_to_wanted();
        if self.deployment["spec"]["paused"] == true {
            self.clean_up();
        }
        let status = status::counted(&self.deployment, &self.sets, self.newest(), self.now);
        self.write_status(status);
    }

    fn scale_to_wanted(&mut self) {
        let wanted = self.wanted();
        if let Some(only) = self.active_or_latest() {
            self.scale(only, wanted, false);
        } else if self.is_saturated() {
            for index in self.old() {
                if self.sets[index].is_active() {
                    self.scale(index, 0, false);
                }
            }
        } else if !strategy::is_recreate(&self.deployment) {
            let sizes = proportion::sizes(&self.deployment, &self.sets);
            for (index, replicas) in sizes {
                self.scale(index, replicas, true);
            }
        }
    }

    /// The only ReplicaSet that has replicas; the newest, or the latest, if none has.
    fn active_or_latest(&self) -> Option<usize> {
        let active: Vec<usize> = (0..self.sets.len())
            .filter(|index| self.sets[*index].is_active())
            .collect();
        match active.as_slice() {
            [] => self.newest.or_else(|| self.old().last().copied()),
            [only] => Some(*only),
            _ => None,
        }
    }

    /// Whether the newest ReplicaSet alone is what the Deployment wants.
    fn is_saturated(&self) -> bool {
        self.newest().is_some_and(|set| {
            set.desired() == Some(self.wanted())
                && set.replicas() == self.wanted()
                && set.observed("availableReplicas") == self.wanted()
        })
    }

    // Strategies ------------------------------------------------------------------------------------------

    fn roll(&mut self) {
        self.sync_revision(true);
        let moved = self.grow_newest() || self.shrink_old();
        if !moved && status::is_complete(&self.deployment, &self.deployment["status"]) {
            self.clean_up();
        }
        self.finish();
    }

    fn finish(&mut self) {
        let status = status::rolled_out(&self.deployment, &self.sets, self.newest(), self.now);
        self.write_status(status);
    }

    fn grow_newest(&mut self) -> bool {
        let Some(index) = self.newest else {
            return false;
        };
        let wanted = self.wanted();
        let replicas = match self.sets[index].replicas() > wanted {
            true => wanted,
            false => self.newest_replicas(index),
        };
        self.scale(index, replicas, false)
    }

    /// Takes from the old ReplicaSets what may be missing: first pods that are not available anyway.
    fn shrink_old(&mut self) -> bool {
        let old: Vec<usize> = self
            .old()
            .into_iter()
            .filter(|index| self.sets[*index].is_active())
            .collect();
        let least = self.wanted() - strategy::max_unavailable(&self.deployment);
        let newest_unavailable = self
            .newest()
            .map_or(0, |set| set.replicas() - set.observed("availableReplicas"));
        let most = self.total() - least - newest_unavailable;
        if old.is_empty() || most <= 0 {
            return false;
        }
        let unhealthy = self.shrink_unhealthy(&old, most);
        let available: i64 = self
            .sets
            .iter()
            .map(|set| set.observed("availableReplicas"))
            .sum();
        self.shrink_healthy(&old, available - least) || unhealthy
    }

    fn shrink_unhealthy(&mut self, old: &[usize], most: i64) -> bool {
        let mut left = most;
        for &index in old {
            let set = &self.sets[index];
            let unavailable = set.replicas() - set.observed("availableReplicas");
            let fewer = unavailable.min(left);
            if fewer > 0 {
                let replicas = set.replicas() - fewer;
                self.scale(index, replicas, false);
                left -= fewer;
            }
        }
        left < most
    }

    fn shrink_healthy(&mut self, old: &[usize], most: i64) -> bool {
        let mut left = most;
        for &index in old {
            let fewer = self.sets[index].replicas().min(left);
            if fewer > 0 {
                let replicas = self.sets[index].replicas() - fewer;
                self.scale(index, replicas, false);
                left -= fewer;
            }
        }
        left < most
    }

    fn recreate(&mut self) {
        self.sync_revision(false);
        let mut scaled = false;
        for index in self.old() {
            scaled |= self.scale(index, 0, false);
        }
        if scaled || self.old_pods_run() {
            return self.finish();
        }
        if self.newest.is_none() {
            self.sync_revision(true);
        }
        if let Some(index) = self.newest {
            self.scale(index, self.wanted(), false);
        }
        if status::is_complete(&self.deployment, &self.deployment["status"]) {
            self.clean_up();
        }
        self.finish();
    }

    fn old_pods_run(&self) -> bool {
        let newest = self.newest().map(|set| ownership::uid_of(&set.0));
        let counted = self
            .old()
            .into_iter()
            .any(|index| self.sets[index].observed("replicas") > 0);
        counted || self.running.iter().any(|uid| Some(uid.as_str()) != newest)
    }

    // History ---------------------------------------------------------------------------------------------

    /// Deletes the oldest revisions above `spec.revisionHistoryLimit` that are of no use.
    fn clean_up(&mut self) {
        let limit = &self.deployment["spec"]["revisionHistoryLimit"];
        let Some(limit) = limit.as_u64().and_then(|limit| usize::try_from(limit).ok()) else {
            return;
        };
        let mut old: Vec<&ReplicaSet> = self.old().into_iter().map(|index| &self.sets[index]).collect();
        old.retain(|set| !ownership::is_deleted(&set.0));
        old.sort_by_key(|set| set.revision());
        let surplus = old.len().saturating_sub(limit);
        let useless = old.into_iter().take(surplus).filter(|set| is_useless(set));
        let deletes: Vec<Write> = useless.map(|set| Write::Delete(set.name().to_owned())).collect();
        self.writes.extend(deletes);
    }
}

fn is_useless(set: &ReplicaSet) -> bool {
    let generation = set.0["metadata"]["generation"].as_i64().unwrap_or_default();
    !set.is_active() && set.observed("replicas") == 0 && generation <= set.observed("observedGeneration")
}

#[cfg(test)]
mod tests;
