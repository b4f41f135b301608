//! What clients should know about a Pod or a template that is accepted all the same.
//!
//! Source: `k8s.io/kubernetes/pkg/api/pod/warnings.go`, v1.36.

use std::collections::BTreeSet;

use serde_json::Value;

use super::persistent_volume_claim::fractional_bytes;
use super::pod_ports;
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
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const NULL_SELECTOR: &str = "a null labelSelector results in matching no pod";

/// Annotations that did something once.
const DEPRECATED_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
];
const SECCOMP_WARNING: &str = "non-functional in v1.27+; use the \"seccompProfile\" field instead";

/// The warnings about a Pod.
pub(super) fn of_pod(pod: &Value) -> Vec<String> {
    about(pod, "")
}

/// The warnings about a Pod's template at `path`.
pub(super) fn of_template(template: &Value, path: &str) -> Vec<String> {
    about(template, &format!("{path}."))
}

/// The warnings about a Pod or a template, whose fields are at `prefix`.
fn about(pod: &Value, prefix: &str) -> Vec<String> {
    let (spec, path, mut warnings) = (&pod["spec"], format!("{prefix}spec"), Vec::new());
    let annotations = format!("{prefix}metadata.annotations");
    node_labels(spec, &path, &mut warnings);
    affinity_labels(&spec["affinity"]["nodeAffinity"], &path, &mut warnings);
    spread_constraints(spec, &path, &mut warnings);
    deprecated_annotations(pod, &annotations, &mut warnings);
    repeated(
        spec.items("hostAliases"),
        "ip",
        &format!("{path}.hostAliases"),
        &mut warnings,
    );
    pull_secrets(spec, &format!("{path}.imagePullSecrets"), &mut warnings);
    fractions(&spec["overhead"], &format!("{path}.overhead"), &mut warnings);
    seccomp(
        pod,
        (&spec["securityContext"], SECCOMP_POD),
        &annotations,
        &mut warnings,
    );
    for (own, container) in containers(spec, &path) {
        let key = format!("{SECCOMP_CONTAINER}{}", container.text("name"));
        seccomp(
            pod,
            (&container["securityContext"], &key),
            &annotations,
            &mut warnings,
        );
        app_armor(pod, container, &annotations, &mut warnings);
        for list in ["limits", "requests"] {
            fractions(
                &container["resources"][list],
                &format!("{own}.resources.{list}"),
                &mut warnings,
            );
        }
        hidden_variables(container, &own, &mut warnings);
    }
    pod_ports::warn(&containers(spec, &path), &mut warnings);
    if spec
        .number("terminationGracePeriodSeconds")
        .is_some_and(|seconds| seconds < 0)
    {
        warnings.push(format!(
            "{path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
        ));
    }
    affinity_selectors(&spec["affinity"], &path, &mut warnings);
    warnings
}

/// All containers with their paths, in the order in which Kubernetes visits them.
fn containers<'a>(spec: &'a Value, path: &str) -> Vec<(String, &'a Value)> {
    let lists = ["initContainers", "containers", "ephemeralContainers"].into_iter();
    let of = |list: &'static str| {
        spec.items(list)
            .iter()
            .enumerate()
            .map(move |(i, c)| (list, i, c))
    };
    lists
        .flat_map(of)
        .map(|(list, i, container)| (format!("{path}.{list}[{i}]"), container))
        .collect()
}

/// What to say of a node's label that has a new name.
fn deprecation_of(label: &str) -> Option<String> {
    let (_, since, new) = DEPRECATED_NODE_LABELS.iter().find(|(old, ..)| *old == label)?;
    Some(format!("deprecated since {since}; use \"{new}\" instead"))
}

fn node_labels(spec: &Value, path: &str, warnings: &mut Vec<String>) {
    for (key, _) in spec.entries("nodeSelector") {
        let why = deprecation_of(key);
        warnings.extend(why.map(|why| format!("{path}.nodeSelector[{key}]: {why}")));
    }
}

fn affinity_labels(affinity: &Value, path: &str, warnings: &mut Vec<String>) {
    let path = format!("{path}.affinity.nodeAffinity");
    let required = affinity[REQUIRED].items("nodeSelectorTerms").iter().enumerate();
    for (i, term) in required {
        term_labels(
            term,
            &format!("{path}.{REQUIRED}.nodeSelectorTerms[{i}]"),
            warnings,
        );
    }
    for (i, entry) in affinity.items(PREFERRED).iter().enumerate() {
        term_labels(
            &entry["preference"],
            &format!("{path}.{PREFERRED}[{i}].preference"),
            warnings,
        );
    }
}

fn term_labels(term: &Value, path: &str, warnings: &mut Vec<String>) {
    for (i, requirement) in term.items("matchExpressions").iter().enumerate() {
        let key = requirement.text("key");
        let why = deprecation_of(key);
        warnings.extend(why.map(|why| format!("{path}.matchExpressions[{i}].key: {key} is {why}")));
    }
}

fn spread_constraints(spec: &Value, path: &str, warnings: &mut Vec<String>) {
    for (i, constraint) in spec.items("topologySpreadConstraints").iter().enumerate() {
        let (path, key) = (
            format!("{path}.topologySpreadConstraints[{i}]"),
            constraint.text("topologyKey"),
        );
        let why = deprecation_of(key);
        warnings.extend(why.map(|why| format!("{path}.topologyKey: {key} is {why}")));
        if !constraint.has("labelSelector") {
            warnings.push(format!("{path}.labelSelector: {NULL_SELECTOR}"));
        }
    }
}

fn deprecated_annotations(pod: &Value, path: &str, warnings: &mut Vec<String>) {
    let used = DEPRECATED_ANNOTATIONS
        .iter()
        .filter(|(key, _)| pod["metadata"]["annotations"].has(key));
    warnings.extend(used.map(|(key, why)| format!("{path}[{key}]: {why}")));
}

/// Entries with the same text at `key`.
fn repeated(entries: &[Value], key: &str, path: &str, warnings: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (i, entry) in entries.iter().enumerate() {
        let text = entry.text(key);
        if !seen.insert(text) {
            warnings.push(format!("{path}[{i}].{key}: duplicate {key} {text:?}"));
        }
    }
}

fn pull_secrets(spec: &Value, path: &str, warnings: &mut Vec<String>) {
    let secrets = spec.items("imagePullSecrets");
    repeated(secrets, "name", path, warnings);
    let empty = secrets
        .iter()
        .enumerate()
        .filter(|(_, secret)| secret.text("name").is_empty());
    warnings.extend(empty.map(|(i, _)| format!("{path}[{i}].name: invalid empty name \"\"")));
}

fn fractions(amounts: &Value, path: &str, warnings: &mut Vec<String>) {
    for name in ["memory", "ephemeral-storage"] {
        if amounts.has(name) {
            warnings.extend(fractional_bytes(&amounts[name], &format!("{path}[{name}]")));
        }
    }
}

/// An annotation in place of a field of the security context.
fn seccomp(pod: &Value, (context, key): (&Value, &str), path: &str, warnings: &mut Vec<String>) {
    if !context.has("seccompProfile") && pod["metadata"]["annotations"].has(key) {
        warnings.push(format!("{path}[{key}]: {SECCOMP_WARNING}"));
    }
}

fn app_armor(pod: &Value, container: &Value, path: &str, warnings: &mut Vec<String>) {
    let key = format!("{APP_ARMOR}{}", container.text("name"));
    let contexts = [&pod["spec"]["securityContext"], &container["securityContext"]];
    let has_field = contexts.iter().any(|context| context.has("appArmorProfile"));
    if !has_field && pod["metadata"]["annotations"].has(&key) {
        warnings.push(format!(
            "{path}[{key}]: deprecated since v1.30; use the \"appArmorProfile\" field instead"
        ));
    }
}

fn affinity_selectors(affinity: &Value, path: &str, warnings: &mut Vec<String>) {
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
        // A value that takes up the one before is meant so.
        let reference = format!("$({name})");
        let value = variable.text("value");
        let builds_on_it = value.contains(&reference) && value != reference && !variable.has("valueFrom");
        if !seen.insert(name) && !builds_on_it {
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
    fn odd_fields_are_pointed_out() {
        let variables = json!([{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}, {"name": "A", "value": "3"}]);
        let term = json!({"matchExpressions": [{"key": "beta.kubernetes.io/os", "operator": "Exists"}]});
        let cases = [
            (
                json!({"containers": [{"env": variables}]}),
                vec![
                    "t.spec.containers[0].env[2]: hides previous definition of \"A\", which may be dropped when using apply",
                ],
            ),
            (
                json!({"containers": [{"resources": {"limits": {"memory": "100m"}}}]}),
                vec![
                    "t.spec.containers[0].resources.limits[memory]: fractional byte value \"100m\" is invalid, must be an integer",
                ],
            ),
            (
                json!({"imagePullSecrets": [{"name": "s"}, {"name": "s"}, {}]}),
                vec![
                    "t.spec.imagePullSecrets[1].name: duplicate name \"s\"",
                    "t.spec.imagePullSecrets[2].name: invalid empty name \"\"",
                ],
            ),
            (
                json!({"hostAliases": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.1"}], "terminationGracePeriodSeconds": -1}),
                vec![
                    "t.spec.hostAliases[1].ip: duplicate ip \"10.0.0.1\"",
                    "t.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
                ],
            ),
            (
                json!({"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}}}),
                vec![
                    "t.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use \"kubernetes.io/os\" instead",
                ],
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(of_template(&json!({"spec": spec}), "t"), expected);
        }
    }

    #[test]
    fn annotations_gave_way_to_fields() {
        let annotations = json!({
            "container.apparmor.security.beta.kubernetes.io/c": "unconfined",
            "scheduler.alpha.kubernetes.io/critical-pod": "",
            SECCOMP_POD: "unconfined",
        });
        let pod = json!({"metadata": {"annotations": annotations}, "spec": {"containers": [{"name": "c"}]}});
        assert_eq!(
            of_pod(&pod),
            [
                "metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the \"priorityClassName\" field instead",
                "metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the \"seccompProfile\" field instead",
                "metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the \"appArmorProfile\" field instead",
            ]
        );
    }
}
