//! The controllers of kube-controller-manager, each with its own work queue.

use serde_json::Value;

use crate::apiserver::{ApiServer, Component, WriteOptions};
use crate::clock::Time;
use crate::resource::Resource;
use crate::status::Status;
use crate::storage::Change;

pub(crate) mod cluster_role_aggregation;
mod controller;
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
pub(crate) mod ownership;
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
use controller::Worker;
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
pub(crate) use namespace_content::ROOT_CA_BUNDLE;
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

/// All controllers.
#[derive(Debug)]
pub(crate) struct ControllerManager {
    controllers: Vec<Box<dyn Component>>,
}

impl ControllerManager {
    /// The controllers; `seed` makes their small delays. Without `node_lifecycle` nodes keep the taints that they were
    /// given.
    pub(crate) fn new(seed: u64, node_lifecycle: bool) -> Self {
        let mut controllers: Vec<Box<dyn Component>> = vec![
            Box::new(Worker::new(DeploymentController::new(), seed)),
            Box::new(Worker::new(ReplicaSetController::new(), seed)),
            Box::new(Worker::new(
                ReplicaSetController::of_replication_controllers(),
                seed,
            )),
            Box::new(Worker::new(StatefulSetController::new(), seed)),
            Box::new(Worker::new(DaemonSetController::new(), seed)),
            Box::new(Worker::new(EndpointSliceController::default(), seed)),
            Box::new(Worker::new(EndpointsController::default(), seed)),
            Box::new(Worker::new(NamespaceContentController, seed)),
            Box::new(Worker::new(NamespaceController, seed)),
            Box::new(Worker::new(GarbageCollector::default(), seed)),
            Box::new(Worker::new(ResourceQuotaController, seed)),
            Box::new(Worker::new(DisruptionController::new(), seed)),
            Box::new(Worker::new(HorizontalController::new(), seed)),
            Box::new(Worker::new(PersistentVolumeController::new(), seed)),
            Box::new(Worker::new(ProtectionController, seed)),
            Box::new(Worker::new(TaintEvictionController::new(), seed)),
            Box::new(Worker::new(EphemeralVolumeController::new(), seed)),
            Box::new(PodGarbageCollector::default()),
            Box::new(Worker::new(JobController::new(), seed)),
            Box::new(Worker::new(CronJobController::new(), seed)),
            Box::new(Worker::new(TtlAfterFinishedController, seed)),
            Box::new(Worker::new(ClusterRoleAggregationController, seed)),
            Box::new(Worker::new(ServiceAccountTokenController, seed)),
        ];
        if node_lifecycle {
            controllers.push(Box::new(NodeLifecycleController::new(seed)));
        }
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
