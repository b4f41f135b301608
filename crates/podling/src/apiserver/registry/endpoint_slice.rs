//! EndpointSlices: the addresses of a Service's Pods.

use serde_json::{Value, json};

use super::read::{Fields as _, items_mut, set_default, set_default_for_zero};
use super::{PLAIN, Strategy, generation};

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| generation::start(object),
    prepare_for_update,
    ..PLAIN
};

fn default(object: &mut Value) {
    for endpoint in items_mut(object, "endpoints") {
        set_default(endpoint, "conditions", json!({}));
    }
    for port in items_mut(object, "ports") {
        set_default(port, "name", "");
        set_default_for_zero(port, "protocol", "TCP");
    }
}

fn prepare_for_update(new: &mut Value, old: &Value) {
    let contents = |object: &Value| ["addressType", "endpoints", "ports"].map(|key| object[key].clone());
    let labels = |object: &Value| {
        object["metadata"]
            .has("labels")
            .then(|| object["metadata"]["labels"].clone())
    };
    let changed = contents(new) != contents(old) || labels(new) != labels(old);
    generation::count(new, old, changed);
}
