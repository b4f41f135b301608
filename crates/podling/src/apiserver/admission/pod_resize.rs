//! A Pod grows only as far as its node reaches.
//!
//! Source: `k8s.io/kubernetes/plugin/pkg/admission/podresize`, v1.36.

use serde_json::Value;

use super::super::registry::read::Fields as _;
use crate::pod_resources;
use crate::quantity::Quantity;
use crate::resource_list::ResourceList;

/// Why a resize is refused: the type of the cause, if it has one, and the sentence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    pub(super) cause: &'static str,
    pub(super) message: String,
}

/// Whether a Pod whose spec changes (`new` for `old`) may be resized on its node.
pub(super) fn check(new: &Value, old: &Value, node: Option<&Value>) -> Result<(), Refusal> {
    let name = new["spec"].text("nodeName");
    if name.is_empty() || new["metadata"]["generation"] == old["metadata"]["generation"] {
        return Ok(());
    }
    let Some(node) = node else {
        return Err(Refusal {
            cause: "",
            message: format!("node \"{name}\" not found"),
        });
    };
    check_room(&new["spec"], &node["status"]["allocatable"])?;
    let system = node["metadata"]["labels"].text("kubernetes.io/os");
    if system != "linux" {
        return Err(Refusal {
            cause: "UnsupportedPlatform",
            message: format!("pod resize is only supported on linux nodes, node \"{name}\" is \"{system}\""),
        });
    }
    Ok(())
}

fn check_room(spec: &Value, allocatable: &Value) -> Result<(), Refusal> {
    let (requests, allocatable) = (
        pod_resources::requests(spec),
        ResourceList::from_json(allocatable),
    );
    let short = ["cpu", "memory"].into_iter().filter_map(|name| {
        let measure = |amount: Quantity| match name {
            "cpu" => amount.milli_value(),
            _ => amount.value(),
        };
        let amount = |list: &ResourceList| list.get(name).map_or(0, measure);
        let (wants, has) = (amount(&requests), amount(&allocatable));
        (wants > has).then(|| format!("{name}, requested: {wants}, allocatable: {has}"))
    });
    let short: Vec<String> = short.collect();
    if short.is_empty() {
        return Ok(());
    }
    Err(Refusal {
        cause: "NodeCapacity",
        message: format!(
            "Node didn't have enough allocatable resources: {}",
            short.join("; ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(generation: i64, cpu: &str, memory: &str) -> Value {
        json!({"metadata": {"generation": generation}, "spec": {"nodeName": "n", "containers": [
            {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}},
        ]}})
    }

    #[test]
    fn a_pod_may_not_outgrow_its_node() {
        let node = json!({"metadata": {"labels": {"kubernetes.io/os": "linux"}},
            "status": {"allocatable": {"cpu": "2", "memory": "1Gi"}}});
        let old = pod(1, "1", "1Mi");
        for (new, expected) in [
            (pod(2, "2", "1Gi"), Ok(())),
            (pod(1, "9", "9Gi"), Ok(())),
            (
                pod(2, "3", "2Gi"),
                Err(
                    "Node didn't have enough allocatable resources: cpu, requested: 3000, allocatable: 2000; \
                     memory, requested: 2147483648, allocatable: 1073741824",
                ),
            ),
        ] {
            let found = check(&new, &old, Some(&node));
            assert_eq!(
                found.as_ref().map_err(|refusal| refusal.message.as_str()),
                expected.as_ref().map_err(|why| *why)
            );
        }
        let missing = check(&pod(2, "1", "2Mi"), &old, None).unwrap_err();
        assert_eq!(missing.message, "node \"n\" not found");
    }
}
