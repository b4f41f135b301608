//! What one kind of object uses, and which limits of a quota are about it.
//!
//! Source: `pkg/quota/v1/evaluator/core/{services,persistent_volume_claims}.go` and
//! `k8s.io/apiserver/pkg/quota/v1/generic/evaluator.go`.

use serde_json::Value;

use super::{Attempt, hard, pod, scope};
use crate::clock::Time;
use crate::quantity::{Format, Quantity};
use crate::resource::Resource;
use crate::resource_list::ResourceList;

/// Kinds that quotas also count under their plain name (`legacyObjectCountAliases`).
const ALIASES: [&str; 6] = [
    "configmaps",
    "persistentvolumeclaims",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
];

/// What limits of a storage class end in, after the class's name and a dot.
const CLASS: &str = "storageclass.storage.k8s.io/";
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

const STORAGE: &str = "requests.storage";
const NODE_PORTS: &str = "services.nodeports";
const LOAD_BALANCERS: &str = "services.loadbalancers";

pub(super) fn count(number: usize) -> Quantity {
    Quantity::from_units(i64::try_from(number).unwrap_or(i64::MAX), Format::DecimalSi)
}

/// Counts the objects of one resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evaluator {
    resource: &'static Resource,
}

impl Evaluator {
    pub(super) const fn of(resource: &'static Resource) -> Self {
        Self { resource }
    }

    /// Whether a write of such an object is charged.
    pub(super) fn handles(&self, attempt: &Attempt<'_>) -> bool {
        match (attempt.subresource, attempt.old) {
            (None, None) => true,
            (None, Some(_)) => matches!(self.resource.kind, "Service" | "PersistentVolumeClaim"),
            (Some(_), _) => self.resource.kind == "Pod" && attempt.is_resize(),
        }
    }

    /// `count/deployments.apps`, `count/pods`.
    fn object_count(&self) -> String {
        match self.resource.group {
            "" => format!("count/{}", self.resource.plural),
            group => format!("count/{}.{group}", self.resource.plural),
        }
    }

    /// Whether a limit of that name counts such objects or what they take (`MatchingResources`).
    pub(super) fn counts(&self, name: &str) -> bool {
        let plural = self.resource.plural;
        let is_core = self.resource.group.is_empty();
        if name == self.object_count() || is_core && ALIASES.contains(&plural) && name == plural {
            return true;
        }
        match self.resource.kind {
            "Pod" => pod::counts(name),
            "Service" => matches!(name, NODE_PORTS | LOAD_BALANCERS),
            "PersistentVolumeClaim" => name == STORAGE || is_of_a_class(name),
            _ => false,
        }
    }

    /// Whether a quota, as it was last counted, is about this object.
    pub(super) fn applies(&self, quota: &Value, object: &Value) -> bool {
        let is_counted = hard(quota, "status").names().any(|name| self.counts(name));
        is_counted && self.is_in_scope(quota, object)
    }

    /// Whether the object is in each scope of the quota.
    pub(super) fn is_in_scope(&self, quota: &Value, object: &Value) -> bool {
        scope::requirements(quota)
            .iter()
            .all(|requirement| scope::matches(self.resource, requirement, object))
    }

    /// What the object does not say although one of the limits needs it.
    pub(super) fn missing(&self, restricted: &ResourceList, object: &Value) -> Option<String> {
        (self.resource.kind == "Pod")
            .then(|| pod::missing(restricted, &object["spec"]))
            .flatten()
    }

    /// What the object uses.
    pub(super) fn usage(&self, object: &Value, now: Time) -> ResourceList {
        let mut usage = ResourceList::default();
        usage.set(self.object_count(), count(1));
        if self.resource.group.is_empty() && ALIASES.contains(&self.resource.plural) {
            usage.set(self.resource.plural, count(1));
        }
        match self.resource.kind {
            "Pod" => usage.add(&pod::usage(object, now)),
            "Service" => add_ports(&mut usage, &object["spec"]),
            "PersistentVolumeClaim" => add_storage(&mut usage, object),
            _ => {}
        }
        usage
    }
}

/// Node ports count when they are allocated or asked for by number.
fn add_ports(usage: &mut ResourceList, spec: &Value) {
    let ports = spec["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    let balanced = spec["type"] == "LoadBalancer";
    let node_ports = match spec["type"].as_str() {
        Some("LoadBalancer") if spec["allocateLoadBalancerNodePorts"] == false => ports
            .iter()
            .filter(|port| port["nodePort"].as_i64().is_some_and(|number| number != 0))
            .count(),
        Some("LoadBalancer" | "NodePort") => ports.len(),
        _ => 0,
    };
    usage.set(NODE_PORTS, count(node_ports));
    usage.set(LOAD_BALANCERS, count(usize::from(balanced)));
}

fn is_of_a_class(name: &str) -> bool {
    [STORAGE, "persistentvolumeclaims"]
        .iter()
        .any(|suffix| name.ends_with(&format!(".{CLASS}{suffix}")))
}

fn add_storage(usage: &mut ResourceList, claim: &Value) {
    let annotation = claim["metadata"]["annotations"][CLASS_ANNOTATION].as_str();
    let class = annotation
        .or_else(|| claim["spec"]["storageClassName"].as_str())
        .unwrap_or_default();
    let mut set = |name: &str, amount: Quantity| {
        usage.set(name, amount);
        if !class.is_empty() {
            usage.set(format!("{class}.{CLASS}{name}"), amount);
        }
    };
    set("persistentvolumeclaims", count(1));
    // A claim that was expanded is charged for what it has, if that is more than it asks for.
    let asked = ResourceList::from_json(&claim["spec"]["resources"]["requests"]).get("storage");
    let allocated = ResourceList::from_json(&claim["status"]["allocatedResources"]).get("storage");
    if let Some(storage) = asked.max(allocated) {
        set(STORAGE, storage);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::{CONFIG_MAPS, DEPLOYMENTS, PODS, SERVICES};

    #[test]
    fn objects_are_counted_by_their_resource_and_group() {
        let deployments = Evaluator::of(&DEPLOYMENTS);
        assert!(deployments.counts("count/deployments.apps") && !deployments.counts("deployments"));
        let maps = Evaluator::of(&CONFIG_MAPS);
        assert!(maps.counts("count/configmaps") && maps.counts("configmaps") && !maps.counts("pods"));
        let object = json!({});
        let update = |resource, subresource| Attempt {
            resource,
            subresource,
            new: &object,
            old: Some(&object),
            now: Time::default(),
        };
        assert!(!maps.handles(&update(&CONFIG_MAPS, None)));
        assert!(Evaluator::of(&SERVICES).handles(&update(&SERVICES, None)));
        assert!(!Evaluator::of(&SERVICES).handles(&update(&SERVICES, Some("status"))));
        assert!(Evaluator::of(&PODS).handles(&update(&PODS, Some("resize"))));
    }

    #[test]
    fn services_use_node_ports_and_load_balancers() {
        let cases = [
            (json!({"type": "ClusterIP"}), "0", "0"),
            (json!({"type": "NodePort"}), "2", "0"),
            (json!({"type": "LoadBalancer"}), "2", "1"),
            (
                json!({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false}),
                "1",
                "1",
            ),
        ];
        for (mut spec, node_ports, balancers) in cases {
            spec["ports"] = json!([{"port": 80, "nodePort": 30080}, {"port": 81}]);
            let usage = Evaluator::of(&SERVICES).usage(&json!({"spec": spec}), Time::default());
            let of = |name: &str| usage.get(name).unwrap().to_string();
            assert_eq!(
                (of(NODE_PORTS), of(LOAD_BALANCERS)),
                (node_ports.into(), balancers.into())
            );
        }
    }

    #[test]
    fn claims_use_storage_also_of_their_class() {
        let mut usage = ResourceList::default();
        add_storage(
            &mut usage,
            &json!({"spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}}),
        );
        assert_eq!(
            usage.to_json(),
            json!({
                "persistentvolumeclaims": "1", "requests.storage": "1Gi",
                "fast.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
                "fast.storageclass.storage.k8s.io/requests.storage": "1Gi",
            })
        );
        assert!(usage.names().filter(|name| name.contains('/')).all(is_of_a_class));
    }
}
