//! The EndpointSlice controller: which pods are behind a service, ready or not.
//!
//! Source: `k8s.io/endpointslice`. Differs from Kubernetes: IPv4 only, no topology hints, no mirroring of
//! hand-made Endpoints.

use std::collections::BTreeMap;

use crate::apiserver::{ApiServer, DeleteOptions};
use crate::resource::{ENDPOINT_SLICES, NODES, PODS, SERVICES};
use crate::status::Status;
use crate::storage::{Change, ChangeKind, Object, text};

use super::controller::Controller;
use super::ownership::{self, is_deleted};
use super::queue::{Key, WorkQueue};
use super::service_endpoints::{self as behind, TriggerTimes};
use super::write_options;

mod reconcile;

use reconcile::{Behind, Write};

/// The controller, and what it remembers.
#[derive(Debug, Default)]
pub(crate) struct EndpointSliceController {
    triggers: TriggerTimes,
    /// The pods that are deleted without grace, by service: marked, and gone before the controller would look. Its
    /// watch tells of the mark first, and it has answered that when it hears of the end.
    marked: BTreeMap<Key, Vec<Object>>,
}

impl EndpointSliceController {
    /// Keeps a pod that a deletion without grace has just marked.
    fn keep_marked(&mut self, change: &Change, api: &ApiServer) {
        let pod = &change.object;
        let is_marked = |pod: &Object| pod["metadata"]["deletionTimestamp"].is_string();
        let was_free = change.previous.as_ref().is_some_and(|pod| !is_marked(pod));
        let has_grace = pod["metadata"]["deletionGracePeriodSeconds"] != 0;
        if change.kind == ChangeKind::Deleted || !was_free || !is_marked(pod) || has_grace {
            return;
        }
        for service in api.list(&SERVICES, Some(text(pod, &["metadata", "namespace"]))) {
            if behind::selects(service, pod) {
                self.marked.entry(Key::of(service)).or_default().push(pod.clone());
            }
        }
    }

    /// The pods behind a service as the watch has told of them, and whether there is more to tell.
    fn told_pods(&mut self, api: &ApiServer, service: &Object) -> (Vec<Object>, bool) {
        let mut pods = behind::selected_pods(api, service);
        let marked = self.marked.remove(&Key::of(service)).unwrap_or_default();
        let is_gone = |pod: &Object| {
            let uid = &pod["metadata"]["uid"];
            behind::is_endpoint(pod) && pods.iter().all(|other| other["metadata"]["uid"] != *uid)
        };
        let gone: Vec<Object> = marked.into_iter().filter(is_gone).collect();
        let has_more = !gone.is_empty();
        pods.extend(gone);
        (pods, has_more)
    }
}

impl Controller for EndpointSliceController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "endpointslice-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        behind::observe(queue, change, api);
        if change.resource == &PODS {
            self.keep_marked(change, api);
        }
        if change.resource == &ENDPOINT_SLICES
            && let Some(service) = ownership::controller_of(&change.object)
        {
            let namespace = text(&change.object, &["metadata", "namespace"]);
            let key = Key::new(namespace, text(service, &["name"]));
            queue.add(api.now(), key);
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let Some(service) = api.get(&SERVICES, &key.namespace, &key.name).cloned() else {
            // Its slices are the garbage collector's.
            self.triggers.forget(key);
            self.marked.remove(key);
            return;
        };
        if !behind::has_endpoints(&service) || is_deleted(&service) {
            return;
        }
        let (pods, has_more) = self.told_pods(api, &service);
        let trigger = self.triggers.next(&service, &pods);
        let pods: Vec<Behind> = pods
            .into_iter()
            .map(|pod| {
                let zone = zone_of(api, text(&pod, &["spec", "nodeName"]));
                Behind { pod, zone }
            })
            .collect();
        let slices = slices_of(api, &service);
        let mut failed = false;
        for write in reconcile::plan(&service, &pods, &slices, trigger) {
            failed |= carry_out(api, key, write).is_err();
        }
        match failed {
            true => queue.retry(api.now(), key.clone()),
            false => queue.forget(key),
        }
        if has_more {
            queue.add(api.now(), key.clone());
        }
    }
}

fn slices_of(api: &ApiServer, service: &Object) -> Vec<Object> {
    let uid = ownership::uid_of(service);
    let namespace = text(service, &["metadata", "namespace"]);
    api.list(&ENDPOINT_SLICES, Some(namespace))
        .filter(|slice| ownership::controller_of(slice).is_some_and(|owner| owner["uid"] == uid))
        .filter(|slice| !is_deleted(slice))
        .cloned()
        .collect()
}

fn zone_of(api: &ApiServer, node: &str) -> Option<String> {
    let node = api.get(&NODES, "", node)?;
    let zone = node["metadata"]["labels"]["topology.kubernetes.io/zone"].as_str()?;
    Some(zone.to_owned())
}

fn carry_out(api: &mut ApiServer, service: &Key, write: Write) -> Result<(), Status> {
    let namespace = &service.namespace;
    match write {
        Write::Create(slice) => {
            api.create(&ENDPOINT_SLICES, namespace, slice, &write_options())?;
        }
        Write::Update(slice) => {
            api.update(&ENDPOINT_SLICES, None, slice, &write_options())?;
        }
        Write::Delete(name) => {
            api.delete(&ENDPOINT_SLICES, namespace, &name, &DeleteOptions::default())?;
        }
    }
    Ok(())
}
