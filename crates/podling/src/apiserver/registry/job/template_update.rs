//! A Job's template stays, but while the Job is suspended it may still be made to fit the cluster.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/batch/validation`, `validatePodTemplateUpdate`, v1.36 (KEP-5440: scheduling
//! directives and the containers' resources of a suspended Job).

use serde_json::Value;

use super::status::has_condition;
use crate::apiserver::registry::internal_form::{POD_SPEC, compact};
use crate::apiserver::registry::metadata::IMMUTABLE;
use crate::apiserver::registry::read::{Fields as _, copy, items_mut, object_at, remove};
use crate::status::field::Error;

/// What metadata is printed with, in Go's order.
const METADATA: [&str; 6] = [
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "finalizers",
];

/// Checks the change of `spec.template` from `old` to `new`, both whole Jobs.
pub(super) fn check(new: &Value, old: &Value, errors: &mut Vec<Error>) {
    let template = &new["spec"]["template"];
    let mut before = old["spec"]["template"].clone();
    if !is_pliable(old) {
        if *template != before {
            let error = Error::invalid("spec.template", template.clone(), IMMUTABLE);
            errors.push(error.showing(shown(template)));
        }
        return;
    }
    copy(&template["metadata"], &mut before["metadata"], "labels");
    copy(&template["metadata"], &mut before["metadata"], "annotations");
    let spec = &template["spec"];
    take_over(spec, &mut before["spec"]);
    if *spec != before["spec"] {
        let error = Error::invalid("spec.template.spec", spec.clone(), IMMUTABLE);
        errors.push(error.showing(compact(spec, POD_SPEC)));
    } else if template["metadata"] != before["metadata"] {
        let error = Error::invalid("spec.template", template.clone(), IMMUTABLE);
        errors.push(error.showing(shown(template)));
    }
}

/// Whether the Job is suspended and nothing of it runs any more.
fn is_pliable(job: &Value) -> bool {
    let status = &job["status"];
    let never_started = !status.has("startTime");
    job["spec"].flag("suspend")
        && status.number("active").unwrap_or_default() == 0
        && (never_started || has_condition(job, "Suspended"))
}

/// Makes `old` what it would be if only what may change had changed.
fn take_over(new: &Value, old: &mut Value) {
    for key in ["nodeSelector", "tolerations", "schedulingGates"] {
        copy(new, old, key);
    }
    take_over_node_affinity(new, old);
    for list in ["containers", "initContainers"] {
        for (container, after) in items_mut(old, list).zip(new.items(list)) {
            copy(after, container, "resources");
        }
    }
}

fn take_over_node_affinity(new: &Value, old: &mut Value) {
    if !new.has("affinity") && !old.has("affinity") {
        return;
    }
    let affinity = object_at(old, "affinity");
    copy(&new["affinity"], affinity, "nodeAffinity");
    let is_empty = affinity.as_object().is_some_and(serde_json::Map::is_empty);
    if is_empty && !new.has("affinity") {
        remove(old, "affinity");
    }
}

/// A template as Kubernetes prints it: its metadata's fields stand beside its spec.
fn shown(template: &Value) -> String {
    let metadata = &template["metadata"];
    let fields = METADATA.iter().filter(|key| metadata.has(key));
    let fields = fields.map(|key| format!("\"{key}\":{},", metadata[*key]));
    let spec = compact(&template["spec"], POD_SPEC);
    format!("{{{}\"Spec\":{spec}}}", fields.collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(status: &Value, template_spec: &Value) -> Value {
        json!({"spec": {"suspend": true, "template": {"metadata": {"labels": {"a": "b"}}, "spec": template_spec}}, "status": status})
    }

    #[test]
    fn a_suspended_job_without_pods_may_be_fitted() {
        let plain = json!({"containers": [{"name": "c", "image": "a"}]});
        let fitted = json!({
            "containers": [{"name": "c", "image": "a", "resources": {"requests": {"cpu": "1"}}}],
            "nodeSelector": {"zone": "a"}, "affinity": {"nodeAffinity": {}},
        });
        let other = json!({"containers": [{"name": "c", "image": "b"}]});
        let (fresh, started) = (json!({}), json!({"startTime": "t"}));
        let suspended = json!({"startTime": "t", "conditions": [{"type": "Suspended", "status": "True"}]});
        let busy = json!({"active": 1});
        let cases = [
            (&fresh, &fitted, None),
            (&fresh, &other, Some("spec.template.spec")),
            (&started, &fitted, Some("spec.template")),
            (&suspended, &fitted, None),
            (&busy, &fitted, Some("spec.template")),
            (&busy, &plain, None),
        ];
        for (status, after, field) in cases {
            let mut errors = Vec::new();
            check(&job(status, after), &job(status, &plain), &mut errors);
            let found = errors.first().map(|error| error.field.as_str());
            assert_eq!(found, field, "{status} {after}");
        }
    }

    #[test]
    fn a_template_is_printed_with_its_labels_first() {
        let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}});
        assert!(shown(&template).starts_with(r#"{"labels":{"a":"b"},"Spec":{"Volumes":null,"#));
    }
}
