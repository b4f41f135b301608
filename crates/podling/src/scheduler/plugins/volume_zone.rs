//! VolumeZone: a volume with zone labels is used on nodes of its zone.
//!
//! Source: `pkg/scheduler/framework/plugins/volumezone`, v1.36.

use serde_json::Value;

use super::super::cache::{NodeInfo, PodInfo};
use super::super::framework::{Name, Verdict};

/// The plugin's name.
pub(crate) const NAME: Name = "VolumeZone";

const CONFLICT: &str = "node(s) had no available volume zone";
/// Labels of volumes, each with its successor on nodes.
const LABELS: [(&str, &str); 4] = [
    (
        "failure-domain.beta.kubernetes.io/zone",
        "topology.kubernetes.io/zone",
    ),
    (
        "failure-domain.beta.kubernetes.io/region",
        "topology.kubernetes.io/region",
    ),
    ("topology.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("topology.kubernetes.io/region", "topology.kubernetes.io/region"),
];

/// Rules out nodes outside of the zones of the Pod's volumes. A node that says nothing of zones is never ruled out.
pub(crate) fn filter(pod: &PodInfo, node: &NodeInfo) -> Verdict {
    let labels = &node.object["metadata"]["labels"];
    if !LABELS.iter().any(|(label, _)| labels[*label].is_string()) {
        return Verdict::Fits;
    }
    match pod.volumes.bound.iter().all(|volume| is_near(volume, labels)) {
        true => Verdict::Fits,
        false => Verdict::unresolvable(CONFLICT),
    }
}

fn is_near(volume: &Value, labels: &Value) -> bool {
    let given = &volume["metadata"]["labels"];
    LABELS.iter().all(|(label, successor)| {
        let Some(zones) = given[*label].as_str() else {
            return true;
        };
        let zone = labels[*label].as_str().or_else(|| labels[*successor].as_str());
        // A volume in several zones has their names joined.
        zone.is_some_and(|zone| zones.split("__").any(|one| one == zone))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::super::volumes::PodVolumes;
    use super::*;

    #[test]
    fn a_volume_stays_in_its_zones() {
        let node =
            |labels: Value| NodeInfo::new(Arc::new(json!({"metadata": {"name": "n", "labels": labels}})));
        let pod = |zones: &str| PodInfo {
            volumes: PodVolumes {
                bound: vec![Arc::new(
                    json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zones}}}),
                )],
                ..PodVolumes::default()
            },
            ..PodInfo::new(Arc::new(json!({})))
        };
        let zone = |zone: &str| node(json!({"topology.kubernetes.io/zone": zone}));
        assert_eq!(filter(&pod("b"), &zone("b")), Verdict::Fits);
        assert_eq!(filter(&pod("a__b"), &zone("b")), Verdict::Fits);
        assert_eq!(filter(&pod("a"), &zone("b")), Verdict::unresolvable(CONFLICT));
        assert_eq!(filter(&pod("a"), &node(json!({}))), Verdict::Fits);
    }
}
