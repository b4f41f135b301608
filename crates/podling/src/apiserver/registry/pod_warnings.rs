//! What clients should know about a Pod or a template that is accepted all the same.
//!
//! Source: `k8s.io/kubernetes/pkg/api/pod/warnings.go`, v1.36.

use std::collections::BTreeSet;

use serde_json::Value;

use super::read::Fields as _;

/// Node labels that have a new name.
const DEPRECATED_NODE_LABELS: [(&str, &str, &str); 5] = [
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "v1.17",
        "topology.kubernetes.io/region",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "v1.17",
        "topology.kubernetes.io/zone",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "v1.17",
        "node.kubernetes.io/instance-type",
    ),
];
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const NULL_SELECTOR: &str = "a null labelSelector results in matching no pod";

/// The warnings about a Pod.
pub(super) fn of_pod(pod: &Value) -> Vec<String> {
    let mut warnings = of_spec(&pod["spec"], "spec");
    if pod["metadata"]["annotations"].has(SECCOMP_POD) {
        warnings.push(format!(
            "metadata.annotations[{SECCOMP_POD}]: non-functional in v1.27+; use the \"seccompProfile\" field instead"
        ));
    }
    warnings
}

/// The warnings about a Pod's spec at `path`.
pub(super) fn of_spec(spec: &Value, path: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    node_labels(spec, path, &mut warnings);
    spread_selectors(spec, path, &mut warnings);
    affinity_selectors(&spec["affinity"], path, &mut warnings);
    for list in ["initContainers", "containers"] {
        for (i, container) in spec.items(list).iter().enumerate() {
            hidden_variables(container, &format!("{path}.{list}[{i}]"), &mut warnings);
        }
    }
    warnings
}

fn node_labels(spec: &Value, path: &str, warnings: &mut Vec<String>) {
    for (key, _) in spec.entries("nodeSelector") {
        let known = DEPRECATED_NODE_LABELS.iter().find(|(old, ..)| *old == key);
        if let Some((old, since, new)) = known {
            warnings.push(format!(
                "{path}.nodeSelector[{old}]: deprecated since {since}; use \"{new}\" instead"
            ));
        }
    }
}

fn spread_selectors(spec: &Value, path: &str, warnings: &mut Vec<String>) {
    for (i, constraint) in spec.items("topologySpreadConstraints").iter().enumerate() {
        if !constraint.has("labelSelector") {
            warnings.push(format!(
                "{path}.topologySpreadConstraints[{i}].labelSelector: {NULL_SELECTOR}"
            ));
        }
    }
}

fn affinity_selectors(affinity: &Value, path: &str, warnings: &mut Vec<String>) {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    for kind in ["podAffinity", "podAntiAffinity"] {
        let path = format!("{path}.affinity.{kind}");
        for (i, term) in affinity[kind].items(REQUIRED).iter().enumerate() {
            if !term.has("labelSelector") {
                warnings.push(format!("{path}.{REQUIRED}[{i}].labelSelector: {NULL_SELECTOR}"));
            }
        }
        for (i, term) in affinity[kind].items(PREFERRED).iter().enumerate() {
            if !term["podAffinityTerm"].has("labelSelector") {
                let term = format!("{path}.{PREFERRED}[{i}].podAffinityTerm");
                warnings.push(format!("{term}.labelSelector: {NULL_SELECTOR}"));
            }
        }
    }
}

fn hidden_variables(container: &Value, path: &str, warnings: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (i, variable) in container.items("env").iter().enumerate() {
        let name = variable.text("name");
        if !seen.insert(name) {
            warnings.push(format!(
                "{path}.env[{i}]: hides previous definition of \"{name}\", which may be dropped when using apply"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_variable_named_twice_is_pointed_out() {
        let spec = json!({"containers": [{"env": [{"name": "A"}, {"name": "B"}, {"name": "A"}]}]});
        let expected = "spec.containers[0].env[2]: hides previous definition of \"A\", which may be dropped when using apply";
        assert_eq!(of_spec(&spec, "spec"), [expected]);
    }
}
