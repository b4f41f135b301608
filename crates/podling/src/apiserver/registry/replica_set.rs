//! ReplicaSets: defaults, validation and generation.

use serde_json::{Value, json};

use super::numbers::check_not_negative;
use super::read::{copy, object_at, remove, set_default};
use super::{PLAIN, Strategy, generation, pod_defaults, pod_warnings, template};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| {
        generation::start(object);
        object["status"] = json!({"replicas": 0});
    },
    prepare_for_update: |new, old| {
        copy(old, new, "status");
        generation::count_spec_change(new, old);
    },
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    validate,
    validate_update: |new, old| {
        let mut errors = validate(new);
        template::check_same_selector(new, old, &mut errors);
        errors
    },
    warnings: |object| pod_warnings::of_spec(&object["spec"]["template"]["spec"], "spec.template.spec"),
    checks_metadata_anew: false,
    ..PLAIN
};

fn default(object: &mut Value) {
    let spec = object_at(object, "spec");
    if spec.get("minReadySeconds").is_some_and(|seconds| *seconds == 0) {
        remove(spec, "minReadySeconds");
    }
    set_default(spec, "replicas", 1);
    pod_defaults::template(object_at(spec, "template"));
}

fn validate(object: &Value) -> Vec<Error> {
    let (spec, mut errors) = (&object["spec"], Vec::new());
    check_not_negative(spec, "spec", "replicas", &mut errors);
    check_not_negative(spec, "spec", "minReadySeconds", &mut errors);
    template::check(spec, &mut errors);
    errors
}
