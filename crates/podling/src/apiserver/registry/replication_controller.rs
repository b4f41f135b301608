//! ReplicationControllers: defaults, validation and generation.
//!
//! Source: `k8s.io/kubernetes/pkg/registry/core/replicationcontroller` and `ValidateReplicationController`, v1.36.

use serde_json::Value;

use super::numbers::check_not_negative;
use super::read::{Fields as _, object_at, set_default};
use super::workload::{self, WORKLOAD, drop_zeros};
use super::{Strategy, pod_defaults, template};
use crate::label_selector;
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    validate,
    validate_update: |new, _| workload::said_twice(validate(new)),
    validate_status_update: |new, old| workload::REPLICAS.check(new, old),
    ..WORKLOAD
};

fn default(object: &mut Value) {
    let spec = object_at(object, "spec");
    drop_zeros(spec, &["minReadySeconds"]);
    set_default(spec, "replicas", 1);
    if !spec.has("template") {
        return;
    }
    pod_defaults::template(&mut spec["template"]);
    let labels = spec["template"]["metadata"]["labels"].clone();
    if labels.is_null() {
        return;
    }
    if spec.entries("selector").next().is_none() {
        spec["selector"] = labels.clone();
    }
    let metadata = object_at(object, "metadata");
    if metadata.entries("labels").next().is_none() {
        metadata["labels"] = labels;
    }
}

fn validate(object: &Value) -> Vec<Error> {
    let (spec, mut errors) = (&object["spec"], Vec::new());
    check_not_negative(spec, "spec", "minReadySeconds", &mut errors);
    let selects_all = spec.entries("selector").next().is_none();
    if selects_all {
        errors.push(Error::required("spec.selector", ""));
    }
    check_not_negative(spec, "spec", "replicas", &mut errors);
    let template = &spec["template"];
    if template.is_null() {
        errors.push(Error::required("spec.template", ""));
        return errors;
    }
    let own_labels = &template["metadata"]["labels"];
    if !label_selector::matches_map(&spec["selector"], own_labels) {
        errors.push(template::mismatch(own_labels));
    }
    template::check_template(template, "spec.template", &mut errors);
    template::check_runs_always(&template["spec"], "ReplicationController", &mut errors);
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(object: &Value) -> Vec<String> {
        validate(object).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn selector_and_labels_come_from_the_template() {
        let mut controller =
            json!({"metadata": {}, "spec": {"template": {"metadata": {"labels": {"app": "web"}}}}});
        default(&mut controller);
        assert_eq!(controller["spec"]["selector"], json!({"app": "web"}));
        assert_eq!(controller["metadata"]["labels"], json!({"app": "web"}));
        assert_eq!(controller["spec"]["replicas"], 1);
    }

    #[test]
    fn own_selector_and_labels_are_kept() {
        let mut controller = json!({"metadata": {"labels": {"a": "b"}},
            "spec": {"selector": {"app": "db"}, "template": {"metadata": {"labels": {"app": "web"}}}}});
        default(&mut controller);
        assert_eq!(controller["spec"]["selector"], json!({"app": "db"}));
        assert_eq!(controller["metadata"]["labels"], json!({"a": "b"}));
        let mismatch = "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`";
        assert_eq!(texts(&controller)[0], mismatch);
    }

    #[test]
    fn a_controller_needs_a_selector_and_a_template() {
        assert_eq!(
            texts(&json!({"spec": {}})),
            ["spec.selector: Required value", "spec.template: Required value"]
        );
    }
}
