//! What the checks see of a cluster at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::Message;
use super::object::{labels, name, owner_uid, text};
use crate::lab::{Target, Which};

/// Objects of the kinds that a lab's conditions look at, and answers to what they asked.
#[derive(Debug, Clone)]
pub struct View {
    /// The lab's namespace.
    pub namespace: String,
    /// The time of the cluster's clock.
    pub now: Timestamp,
    /// Why the cluster as a whole can't be seen.
    pub unreachable: Option<String>,
    kinds: BTreeMap<String, Seen>,
    answers: BTreeMap<Demand, Answer>,
}

/// What is known of the objects of one kind.
#[derive(Debug, Clone, Default)]
struct Seen {
    state: Freshness,
    objects: BTreeMap<(String, String), Arc<Value>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Freshness {
    #[default]
    Reading,
    Live,
    Lost(String),
}

/// Something that has to be asked for, since no watch tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// A GET through the API server's proxy: the path of the request to the API server.
    Get(String),
    /// A container's log: the path of the request to the API server.
    Log(String),
}

impl Demand {
    /// The path of the request to the API server.
    pub fn path(&self) -> &str {
        match self {
            Self::Get(path) | Self::Log(path) => path,
        }
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP response.
    Http {
        /// Its status.
        status: u16,
        /// Its body, as far as it is text.
        body: String,
    },
    /// No response.
    Failed(String),
}

/// An observation instead of a value: why there is none.
pub(super) type Seeing<T> = Result<T, Message>;

impl View {
    /// A view in which nothing was seen yet of these kinds.
    pub fn new(namespace: &str, kinds: impl IntoIterator<Item = String>, now: Timestamp) -> Self {
        let kinds = kinds.into_iter().map(|kind| (kind, Seen::default())).collect();
        Self {
            namespace: namespace.to_owned(),
            now,
            unreachable: None,
            kinds,
            answers: BTreeMap::new(),
        }
    }

    /// All objects of a kind are these now.
    pub fn replace(&mut self, kind: &str, objects: impl IntoIterator<Item = Value>) {
        let seen = self.kinds.entry(kind.to_owned()).or_default();
        seen.objects = objects
            .into_iter()
            .map(|object| (key(&object), Arc::new(object)))
            .collect();
        seen.state = Freshness::Live;
    }

    /// An object was made or changed.
    pub fn put(&mut self, kind: &str, object: Value) {
        let seen = self.kinds.entry(kind.to_owned()).or_default();
        seen.objects.insert(key(&object), Arc::new(object));
    }

    /// An object is gone.
    pub fn remove(&mut self, kind: &str, object: &Value) {
        if let Some(seen) = self.kinds.get_mut(kind) {
            seen.objects.remove(&key(object));
        }
    }

    /// The objects of a kind can't be read.
    pub fn lose(&mut self, kind: &str, error: &str) {
        self.kinds.entry(kind.to_owned()).or_default().state = Freshness::Lost(error.to_owned());
    }

    /// Notes what came back for a demand.
    pub fn answer(&mut self, demand: Demand, answer: Answer) {
        self.answers.insert(demand, answer);
    }

    /// Forgets what was answered over HTTP: what it was about may have changed.
    pub fn forget_gets(&mut self) {
        self.answers.retain(|demand, _| matches!(demand, Demand::Log(_)));
    }

    /// What came back for a demand.
    pub fn answer_to(&self, demand: &Demand) -> Option<&Answer> {
        self.answers.get(demand)
    }

    /// Whether every kind has been read.
    pub fn is_complete(&self) -> bool {
        self.unreachable.is_none() && self.kinds.values().all(|seen| seen.state == Freshness::Live)
    }

    /// All objects of a kind, in every namespace that is watched.
    ///
    /// # Errors
    /// Why they are not known: the kind has not been read yet, or can't be.
    pub fn all(&self, kind: &str) -> Result<impl Iterator<Item = &Value>, Message> {
        Ok(self.seen(kind)?.objects.values().map(Arc::as_ref))
    }

    /// The objects of a kind in the lab's namespace (all, where the kind has no namespaces).
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn of_kind(&self, kind: &str) -> Result<impl Iterator<Item = &Value>, Message> {
        Ok(self
            .seen(kind)?
            .objects
            .iter()
            .filter_map(|((namespace, _), object)| {
                (namespace.is_empty() || *namespace == self.namespace).then_some(object.as_ref())
            }))
    }

    fn seen(&self, kind: &str) -> Seeing<&Seen> {
        if let Some(error) = &self.unreachable {
            return Err(Message::Unreachable { error: error.clone() });
        }
        match self.kinds.get(kind) {
            Some(seen) if seen.state == Freshness::Live => Ok(seen),
            Some(Seen {
                state: Freshness::Lost(error),
                ..
            }) => Err(Message::Unreadable {
                kind: kind.to_owned(),
                error: error.clone(),
            }),
            _ => Err(Message::Reading),
        }
    }

    /// The objects that a target means: one or none by name, any number by label.
    pub(super) fn select(&self, target: &Target) -> Seeing<Vec<&Value>> {
        let means = |object: &&Value| match &target.which {
            Which::Named(wanted) => name(object) == wanted,
            Which::Labelled(wanted) => wanted
                .iter()
                .all(|(key, value)| labels(object, key) == Some(value)),
        };
        Ok(self.of_kind(&target.kind)?.filter(means).collect())
    }

    /// The object that a target names, if it exists.
    pub(super) fn object(&self, target: &Target) -> Seeing<Option<&Value>> {
        Ok(self.select(target)?.into_iter().next())
    }

    /// The live Pods of a target: the Pods themselves, or those of a workload's current revision.
    pub(super) fn live_pods(&self, target: &Target) -> Seeing<Vec<&Value>> {
        let pods = match target.kind.as_str() {
            "Pod" => self.select(target)?,
            "Deployment" => {
                let revision = self
                    .object(target)?
                    .and_then(|deployment| self.current_replica_set(deployment).transpose());
                match revision.transpose()? {
                    Some(replica_set) => self.owned("Pod", replica_set)?,
                    None => vec![],
                }
            }
            _ => match self.object(target)? {
                Some(owner) => self.of_revision(owner)?,
                None => vec![],
            },
        };
        Ok(pods
            .into_iter()
            .filter(|pod| text(pod, "/metadata/deletionTimestamp").is_none())
            .collect())
    }

    /// The ReplicaSet whose revision is the Deployment's own.
    fn current_replica_set(&self, deployment: &Value) -> Seeing<Option<&Value>> {
        const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";
        let revision = text(deployment, REVISION);
        let sets = self.owned("ReplicaSet", deployment)?;
        Ok(sets
            .into_iter()
            .find(|set| revision.is_some() && text(set, REVISION) == revision))
    }

    /// The Pods of a StatefulSet's or DaemonSet's update revision; all Pods of other owners.
    fn of_revision(&self, owner: &Value) -> Seeing<Vec<&Value>> {
        let pods = self.owned("Pod", owner)?;
        let Some(revision) = text(owner, "/status/updateRevision") else {
            return Ok(pods);
        };
        Ok(pods
            .into_iter()
            .filter(|pod| labels(pod, "controller-revision-hash").is_some_and(|it| it == revision))
            .collect())
    }

    fn owned(&self, kind: &str, owner: &Value) -> Seeing<Vec<&Value>> {
        let uid = text(owner, "/metadata/uid").unwrap_or_default();
        Ok(self
            .of_kind(kind)?
            .filter(|object| owner_uid(object) == Some(uid))
            .collect())
    }
}

/// The kinds that must be watched to see a target and its Pods.
pub(super) fn kinds_behind(target: &Target) -> BTreeSet<String> {
    let mut kinds = BTreeSet::from([target.kind.clone()]);
    let with_pods = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"];
    if with_pods.contains(&target.kind.as_str()) {
        kinds.insert("Pod".to_owned());
    }
    if target.kind == "Deployment" {
        kinds.insert("ReplicaSet".to_owned());
    }
    kinds
}

fn key(object: &Value) -> (String, String) {
    (
        text(object, "/metadata/namespace").unwrap_or_default().to_owned(),
        name(object).to_owned(),
    )
}
