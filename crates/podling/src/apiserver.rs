//! The API server: what every write goes through, whether it comes from a client or from a component.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "requests are routed to it with the next slice")
)]
mod json_syntax;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "requests are routed to it with the next slice")
)]
mod patch;

use serde_json::Value;

use crate::clock::Time;
use crate::resource::Resource;
use crate::rng::Rng;
use crate::status::Status;
use crate::storage::{Change, Object, Store};

/// The store with the rules around it. Components (controllers, scheduler, kubelets) get `&mut ApiServer` and
/// use the methods below, never the store directly, so their writes are admitted, defaulted, validated and
/// checked for a stale resourceVersion as a client's are.
#[derive(Debug)]
pub struct ApiServer {
    store: Store,
    /// The cluster's source of chance.
    pub(crate) rng: Rng,
    now: Time,
}

/// How a write is to be done.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Who writes, for `managedFields`: `kubectl-edit`, `kube-controller-manager`, `kubelet`…
    pub field_manager: String,
    /// Do everything but store (`dryRun=All`).
    pub dry_run: bool,
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

impl ApiServer {
    /// The present cluster time.
    pub fn now(&self) -> Time {
        self.now
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

    /// Creates `object` (its `metadata.name` or `generateName` set) in `namespace`.
    ///
    /// # Errors
    /// As a POST is refused: it exists, it is invalid, it is forbidden.
    pub fn create(
        &mut self,
        _resource: &'static Resource,
        _namespace: &str,
        _object: Value,
        _options: &WriteOptions,
    ) -> Result<Object, Status> {
        Err(Status::method_not_allowed())
    }

    /// Replaces an object (PUT), or with `subresource` (`status`, `scale`…) that part of it. A resourceVersion
    /// in `object` must be the stored one; without one the write is unconditional.
    ///
    /// # Errors
    /// As a PUT is refused: not found, stale, invalid, forbidden.
    pub fn update(
        &mut self,
        _resource: &'static Resource,
        _subresource: Option<&str>,
        _object: Value,
        _options: &WriteOptions,
    ) -> Result<Object, Status> {
        Err(Status::method_not_allowed())
    }

    /// Deletes an object, at once or gracefully, as its kind, its finalizers and `options` say.
    ///
    /// # Errors
    /// As a DELETE is refused: not found, a precondition does not hold.
    pub fn delete(
        &mut self,
        _resource: &'static Resource,
        _namespace: &str,
        _name: &str,
        _options: &DeleteOptions,
    ) -> Result<Object, Status> {
        Err(Status::method_not_allowed())
    }
}

/// A part of the control plane or of a node that acts on its own.
pub(crate) trait Component {
    /// A change was stored: queue what it causes. Called for every change, in order, at the change's time.
    fn observe(&mut self, change: &Change, api: &ApiServer);

    /// When the component next has something to do.
    fn next_deadline(&self) -> Option<Time>;

    /// Does the one piece of work that is due at `api.now()`. Several due pieces are several calls; between
    /// them the changes made are given to every component's [`observe`](Self::observe).
    fn run_next(&mut self, api: &mut ApiServer);
}
