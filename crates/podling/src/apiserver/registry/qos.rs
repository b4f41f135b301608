//! A Pod's quality of service class, which decides who is killed first when a node runs out of memory.
//!
//! Source: <https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/>.

use serde_json::Value;

use super::read::Fields as _;
use crate::quantity::Quantity;

const COUNTED: [&str; 2] = ["cpu", "memory"];

/// `Guaranteed` when everything has limits that equal its requests, `BestEffort` when nothing asks for
/// anything, `Burstable` in between. Pod-level resources take the place of the containers'.
pub(crate) fn class(spec: &Value) -> &'static str {
    let containers = || {
        spec.items("containers")
            .iter()
            .chain(spec.items("initContainers"))
    };
    let holders: Vec<&Value> = if spec.has("resources") {
        vec![&spec["resources"]]
    } else {
        containers().map(|container| &container["resources"]).collect()
    };
    if !holders.iter().any(|resources| asks_for_something(resources)) {
        "BestEffort"
    } else if holders.iter().all(|resources| is_guaranteed(resources)) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

fn amount(resources: &Value, list: &str, name: &str) -> Option<Quantity> {
    let value = &resources[list][name];
    let amount = Quantity::from_json(value).ok();
    amount.filter(|amount| !amount.is_zero())
}

fn asks_for_something(resources: &Value) -> bool {
    COUNTED.iter().any(|name| {
        amount(resources, "requests", name).is_some() || amount(resources, "limits", name).is_some()
    })
}

fn is_guaranteed(resources: &Value) -> bool {
    COUNTED.iter().all(|name| {
        let limit = amount(resources, "limits", name);
        limit.is_some() && amount(resources, "requests", name) == limit
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_class_follows_requests_and_limits() {
        let both = json!({"cpu": "1", "memory": "1Gi"});
        let cases = [
            (json!({}), "BestEffort"),
            (json!({"requests": {"cpu": "100m"}}), "Burstable"),
            (json!({"limits": both, "requests": both}), "Guaranteed"),
            (
                json!({"limits": both, "requests": {"cpu": "500m", "memory": "1Gi"}}),
                "Burstable",
            ),
            (
                json!({"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}),
                "Burstable",
            ),
            (json!({"requests": {"cpu": "0"}}), "BestEffort"),
        ];
        for (resources, class_name) in cases {
            let spec = json!({"containers": [{"resources": resources}]});
            assert_eq!(class(&spec), class_name, "{resources}");
        }
    }
}
