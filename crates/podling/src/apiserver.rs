//! The API server: what every write goes through, whether it comes from a client or from a component.
//!
//! Differs from Kubernetes: there is no etcd behind it and no webhook in front; one writer at a time.

use std::fmt::Debug;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::clock::Time;
use crate::metrics::Metrics;
use crate::resource::{NAMESPACES, PRIORITY_CLASSES, Resource};
use crate::rng::Rng;
use crate::status::Status;
use crate::storage::{Change, Object, Store};
use crate::user::UserInfo;

pub(crate) mod admission;
pub(crate) mod authentication;
pub(crate) mod authorization;
mod autoscaler_conversion;
mod bootstrap_policy;
mod decode;
mod deletion;
mod discovery;
pub(crate) mod endpoints;
mod event_conversion;
mod go_json;
mod go_print;
mod health;
mod json;
mod kubernetes_service;
mod managed_fields;
mod negotiation;
mod openapi;
mod patch;
mod place;
pub(crate) mod registry;
mod route;
pub(crate) mod selector;
pub(crate) mod service_ip;
mod stream;
pub(crate) mod tables;
pub(crate) mod versions;
mod write;
mod yaml;

pub(crate) use kubernetes_service::KubernetesService;
pub use stream::Stream;

/// The store with the rules around it. Components (controllers, scheduler, kubelets) get `&mut ApiServer` and
/// use its methods, never the store directly, so their writes are admitted, defaulted, validated and checked
/// for a stale resourceVersion as a client's are.
#[derive(Debug)]
pub struct ApiServer {
    store: Store,
    /// The cluster's source of chance.
    pub(crate) rng: Rng,
    now: Time,
    /// What tokens of ServiceAccounts are signed with.
    token_key: authentication::token::Key,
    /// Whose request is being answered; nobody's while a component acts.
    user: Option<UserInfo>,
    /// What metrics-server serves; `None` in a cluster without it.
    metrics: Option<Metrics>,
}

/// How a write is to be done.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Who writes, for `managedFields`: `kubectl-edit`, `kube-controller-manager`, `kubelet`…
    pub field_manager: String,
    /// Do everything but store (`dryRun=All`).
    pub dry_run: bool,
}

impl WriteOptions {
    /// Who a write with these options is put down to in `managedFields`.
    fn writer<'a>(&'a self, subresource: Option<&'a str>, now: Time) -> managed_fields::Writer<'a> {
        managed_fields::Writer {
            manager: &self.field_manager,
            subresource,
            now,
        }
    }

    /// A write by a component of the cluster.
    pub fn by(component: &str) -> Self {
        Self {
            field_manager: component.to_owned(),
            dry_run: false,
        }
    }
}

/// `metav1.DeleteOptions`, as far as it is served.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Seconds; `None` takes the object's own.
    pub grace_period_seconds: Option<i64>,
    /// `Background`, `Foreground`, `Orphan`; `None` takes the kind's own.
    pub propagation_policy: Option<String>,
    /// Refuse unless the object has this UID.
    pub uid: Option<String>,
    /// Refuse unless the object has this resourceVersion.
    pub resource_version: Option<String>,
    /// Do everything but store.
    pub dry_run: bool,
}

/// The namespaces that every cluster has.
const SYSTEM_NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

impl ApiServer {
    /// An empty API server.
    pub(crate) fn new(seed: u64, now: Time) -> Self {
        Self {
            store: Store::default(),
            rng: Rng::new(seed),
            now,
            token_key: authentication::token::Key::of_seed(seed),
            user: None,
            metrics: None,
        }
    }

    /// Creates what a new cluster has before anything runs.
    pub(crate) fn bootstrap(&mut self) {
        for name in SYSTEM_NAMESPACES {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            let created = self.create(&NAMESPACES, "", namespace, &WriteOptions::by("kube-apiserver"));
            debug_assert!(created.is_ok(), "{created:?}");
        }
        for class in registry::priority_class::system_classes() {
            let created = self.create(&PRIORITY_CLASSES, "", class, &WriteOptions::by("kube-apiserver"));
            debug_assert!(created.is_ok(), "{created:?}");
        }
        self.bootstrap_roles();
    }

    /// Who may do what, with chance of its own, so that another role changes no name elsewhere.
    fn bootstrap_roles(&mut self) {
        let mut chance = Rng::new(self.rng.clone().next_u64());
        let now = self.now.rfc3339();
        for preset in bootstrap_policy::presets() {
            let mut object = preset.object.clone();
            object["metadata"]["uid"] = chance.uuid().into();
            object["metadata"]["creationTimestamp"] = now.clone().into();
            self.store.put(preset.resource, object);
        }
    }

    pub(crate) fn token_key(&self) -> &authentication::token::Key {
        &self.token_key
    }

    /// Lets metrics-server take in what it saw of Pods and nodes; its API is served from then on.
    pub(crate) fn metrics_mut(&mut self) -> &mut Metrics {
        self.metrics.get_or_insert_default()
    }

    /// What metrics-server serves; `None` in a cluster without it.
    pub(crate) fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_ref()
    }

    /// The present cluster time.
    pub fn now(&self) -> Time {
        self.now
    }

    pub(crate) fn set_now(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// The number of the last write.
    pub fn revision(&self) -> u64 {
        self.store.revision()
    }

    /// The stored object; the namespace is empty for cluster-scoped resources.
    pub fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<&Object> {
        self.store.get(resource, namespace, name)
    }

    /// The stored objects of one namespace, or of all.
    pub fn list<'a>(
        &'a self,
        resource: &Resource,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Object> + use<'a> {
        self.store.list(resource, namespace)
    }

    /// The stored objects as they were when `revision` was the last; `None` if that is forgotten.
    pub(crate) fn list_at(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        revision: u64,
    ) -> Option<Vec<Object>> {
        self.store.list_at(resource, namespace, revision)
    }

    /// Lets go of old changes that all components have seen.
    pub(crate) fn forget_up_to(&mut self, seen: u64) {
        self.store.forget_up_to(seen);
    }

    /// Forgets how the cluster came to be, as a server does that starts with what it finds.
    pub(crate) fn compact(&mut self) {
        self.store.compact();
    }

    /// The changes after `revision`, as far as they are remembered.
    pub(crate) fn changes_since(&self, revision: u64) -> Vec<Change> {
        self.store
            .changes_since(revision)
            .map(|changes| changes.cloned().collect())
            .unwrap_or_default()
    }

    /// Creates `object` (its `metadata.name` or `generateName` set) in `namespace`.
    ///
    /// # Errors
    /// As a POST is refused: it exists, it is invalid, it is forbidden.
    pub fn create(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        object: Value,
        options: &WriteOptions,
    ) -> Result<Object, Status> {
        self.create_with(resource, namespace, object, options, write::Ownership::Tracked)
    }

    /// Replaces an object (PUT), or with `subresource` (`status`, `binding`, `finalize`) that part of it. A
    /// resourceVersion in `object` must be the stored one; without one the write is unconditional.
    ///
    /// # Errors
    /// As a PUT is refused: not found, stale, invalid, forbidden.
    pub fn update(
        &mut self,
        resource: &'static Resource,
        subresource: Option<&str>,
        object: Value,
        options: &WriteOptions,
    ) -> Result<Object, Status> {
        let target = write::Target::of(resource, subresource, &object);
        if subresource == Some("binding") {
            return self.bind(&target, &object, options);
        }
        self.update_with(&target, options, write::Ownership::Tracked, |_| Ok(object))
    }

    /// Deletes an object, at once or gracefully, as its kind, its finalizers and `options` say. The answer is
    /// the object as it was left or as it last was.
    ///
    /// # Errors
    /// As a DELETE is refused: not found, a precondition does not hold.
    pub fn delete(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Object, Status> {
        deletion::delete(self, resource, namespace, name, options)
    }

    fn put(&mut self, resource: &'static Resource, object: Value, dry_run: bool) -> Object {
        if dry_run {
            Arc::new(object)
        } else {
            self.store.put(resource, object)
        }
    }
}

/// A part of the control plane or of a node that acts on its own.
pub(crate) trait Component: Debug + Send {
    /// A change was stored: queue what it causes. Called for every change, in order, at the change's time.
    fn observe(&mut self, change: &Change, api: &ApiServer);

    /// When the component next has something to do.
    fn next_deadline(&self) -> Option<Time>;

    /// Does the one piece of work that is due at `api.now()`. Several due pieces are several calls; between
    /// them the changes made are given to every component's [`observe`](Self::observe).
    fn run_next(&mut self, api: &mut ApiServer);
}
