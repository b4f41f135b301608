//! ReplicaSets: defaults, validation and generation.

use serde_json::Value;

use super::numbers::check_not_negative;
use super::read::{object_at, set_default};
use super::workload::{self, WORKLOAD, drop_zeros};
use super::{Strategy, pod_defaults, template};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    validate,
    validate_update: |new, old| {
        let mut errors = workload::said_twice(validate(new));
        template::check_same_selector(new, old, &mut errors);
        errors
    },
    validate_status_update: |new, old| workload::REPLICAS.check(new, old),
    ..WORKLOAD
};

fn default(object: &mut Value) {
    let spec = object_at(object, "spec");
    drop_zeros(spec, &["minReadySeconds"]);
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
