//! ReplicaSets: defaults, validation and generation.

use serde_json::{Value, json};

use super::generation;
use super::pod_defaults;
use super::read::{copy, object_at, set_default};
use super::{PLAIN, Strategy};

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
    ..PLAIN
};

fn default(object: &mut Value) {
    let spec = object_at(object, "spec");
    set_default(spec, "replicas", 1);
    pod_defaults::template(object_at(spec, "template"));
}
