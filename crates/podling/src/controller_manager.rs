//! The controllers of kube-controller-manager, each with its own work queue.

use std::fmt::Debug;

use serde_json::Value;

use crate::apiserver::{ApiServer, Component, WriteOptions};
use crate::clock::Time;
use crate::resource::Resource;
use crate::rng::Rng;
use crate::status::Status;
use crate::storage::Change;

pub(crate) mod cluster_role_aggregation;
mod cron_job;
mod daemon_set;
mod deployment;
mod disruption;
mod endpoint_slice;
mod endpoints;
mod ephemeral_volume;
mod garbage_collector;
mod go_selector;
mod history;
mod horizontal_pod_autoscaler;
mod int_or_percent;
mod job;
mod namespace;
mod namespace_content;
mod node_lifecycle;
mod ownership;
mod persistent_volume;
mod pod;
mod pod_control;
mod pod_garbage_collector;
mod protection;
mod queue;
mod replica_set;
mod resource_quota;
mod service_account_token;
mod service_endpoints;
mod slow_start;
mod stateful_set;
mod taint_eviction;
mod template;
mod ttl_after_finished;

use cluster_role_aggregation::ClusterRoleAggregationController;
use cron_job::CronJobController;
use daemon_set::DaemonSetController;
use deployment::DeploymentController;
use disruption::DisruptionController;
use endpoint_slice::EndpointSliceController;
use endpoints::EndpointsController;
use ephemeral_volume::EphemeralVolumeController;
use garbage_collector::GarbageCollector;
use horizontal_pod_autoscaler::HorizontalController;
use job::JobController;
use namespace::NamespaceController;
use namespace_content::NamespaceContentController;
use node_lifecycle::NodeLifecycleController;
use persistent_volume::PersistentVolumeController;
use pod_garbage_collector::PodGarbageCollector;
use protection::ProtectionController;
use replica_set::ReplicaSetController;
use resource_quota::ResourceQuotaController;
use service_account_token::ServiceAccountTokenController;
use stateful_set::StatefulSetController;
use taint_eviction::TaintEvictionController;
use ttl_after_finished::TtlAfterFinishedController;

trait Controller: Component + Debug + Send {}

impl<T: Component + Debug + Send> Controller for T {}

/// All controllers.
#[derive(Debug)]
pub(crate) struct ControllerManager {
    controllers: Vec<Box<dyn Controller>>,
}

impl ControllerManager {
    /// The controllers; `seed` makes their small delays. Without `node_lifecycle` nodes keep the taints that they were
    /// given.
    pub(crate) fn new(seed: u64, node_lifecycle: bool) -> Self {
        let mut rng = Rng::new(seed);
        let mut fork = || Rng::new(rng.next_u64());
        let mut controllers: Vec<Box<dyn Controller>> = vec![
            Box::new(DeploymentController::new(fork())),
            Box::new(ReplicaSetController::new(fork())),
            Box::new(ReplicaSetController::of_replication_controllers(fork())),
            Box::new(StatefulSetController::new(fork())),
            Box::new(DaemonSetController::new(fork())),
            Box::new(EndpointSliceController::new(fork())),
            Box::new(EndpointsController::new(fork())),
            Box::new(NamespaceContentController::new(fork())),
            Box::new(NamespaceController::new(fork())),
        ];
        let lifecycle = NodeLifecycleController::new(fork());
        if node_lifecycle {
            controllers.push(Box::new(lifecycle));
        }
        let others: Vec<Box<dyn Controller>> = vec![
            Box::new(GarbageCollector::new(fork())),
            Box::new(ResourceQuotaController::new(fork())),
            Box::new(DisruptionController::new(fork())),
            Box::new(HorizontalController::new(fork())),
            Box::new(PersistentVolumeController::new(fork())),
            Box::new(ProtectionController::new(fork())),
            Box::new(TaintEvictionController::new(fork())),
            Box::new(EphemeralVolumeController::new(fork())),
            Box::new(PodGarbageCollector::default()),
            Box::new(JobController::new(fork())),
            Box::new(CronJobController::new(fork())),
            Box::new(TtlAfterFinishedController::new(fork())),
            Box::new(ClusterRoleAggregationController::new(fork())),
            Box::new(ServiceAccountTokenController::new(fork())),
        ];
        controllers.extend(others);
        Self { controllers }
    }

    /// The controller that has something to do first; the first of several.
    fn earliest(&self) -> Option<(Time, usize)> {
        let deadlines = self.controllers.iter().enumerate();
        deadlines
            .filter_map(|(index, controller)| Some((controller.next_deadline()?, index)))
            .min()
    }
}

impl Component for ControllerManager {
    fn observe(&mut self, change: &Change, api: &ApiServer) {
        for controller in &mut self.controllers {
            controller.observe(change, api);
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.earliest().map(|(time, _)| time)
    }

    fn run_next(&mut self, api: &mut ApiServer) {
        if let Some((time, index)) = self.earliest()
            && time <= api.now()
        {
            self.controllers[index].run_next(api);
        }
    }
}

/// Writes `status` to `object`, which is of `resource`, if it is another than before.
///
/// # Errors
/// The write is refused; the object may be gone in the meantime.
fn write_status(
    api: &mut ApiServer,
    resource: &'static Resource,
    object: &Value,
    status: Value,
) -> Result<(), Status> {
    if object["status"] == status {
        return Ok(());
    }
    let mut object = object.clone();
    object["status"] = status;
    api.update(resource, Some("status"), object, &write_options())?;
    Ok(())
}

/// How controllers write.
fn write_options() -> WriteOptions {
    WriteOptions {
        field_manager: "kube-controller-manager".to_owned(),
        ..WriteOptions::default()
    }
}
