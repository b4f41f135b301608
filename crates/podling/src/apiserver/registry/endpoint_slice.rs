//! EndpointSlices: the addresses of a Service's Pods.

use serde_json::{Value, json};

use super::numbers::check_one_of;
use super::read::{Fields as _, items_mut, set_default, set_default_for_zero};
use super::{PLAIN, Strategy, generation};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| generation::start(object),
    prepare_for_update,
    validate,
    validate_update,
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

const ADDRESS_TYPES: [&str; 3] = ["FQDN", "IPv4", "IPv6"];

fn validate(object: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    match object.text("addressType") {
        "" => errors.push(Error::required("addressType", "")),
        kind if ADDRESS_TYPES.contains(&kind) => {}
        kind => errors.push(Error::not_supported("addressType", kind, &ADDRESS_TYPES)),
    }
    for (i, endpoint) in object.items("endpoints").iter().enumerate() {
        if endpoint.items("addresses").is_empty() {
            let field = format!("endpoints[{i}].addresses");
            errors.push(Error::required(field, "must contain at least 1 address"));
        }
    }
    for (i, port) in object.items("ports").iter().enumerate() {
        check_one_of(
            port,
            &format!("ports[{i}]"),
            "protocol",
            &["SCTP", "TCP", "UDP"],
            &mut errors,
        );
    }
    errors
}

fn validate_update(new: &Value, old: &Value) -> Vec<Error> {
    let mut errors = validate(new);
    if new["addressType"] != old["addressType"] {
        let why = super::metadata::IMMUTABLE;
        errors.push(Error::invalid("addressType", new["addressType"].clone(), why));
    }
    errors
}
