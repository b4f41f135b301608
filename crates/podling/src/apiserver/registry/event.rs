//! Events, in both their groups.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/core/validation/events.go`, v1.36.

use serde_json::{Value, json};

use super::read::{Fields as _, set_default};
use super::{PLAIN, Strategy};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    validate,
    ..PLAIN
};

const NEW_GROUP: &str = "events.k8s.io/v1";
/// Namespaces where events about objects without a namespace may stand.
const CLUSTER_NAMESPACES: [&str; 2] = ["default", "kube-system"];

/// Fields of the old form that are written even when they are empty.
fn default(object: &mut Value) {
    if object["apiVersion"] == NEW_GROUP {
        return;
    }
    set_default(object, "source", json!({}));
    for key in ["firstTimestamp", "lastTimestamp", "eventTime"] {
        set_default(object, key, Value::Null);
    }
    set_default(object, "reportingComponent", "");
    set_default(object, "reportingInstance", "");
}

fn validate(object: &Value) -> Vec<Error> {
    let is_new = object["apiVersion"] == NEW_GROUP;
    let involved = if is_new { "regarding" } else { "involvedObject" };
    let mut errors = Vec::new();
    check_namespace(object, involved, &mut errors);
    if is_new {
        check_new_form(object, &mut errors);
    }
    errors
}

fn check_namespace(object: &Value, involved: &str, errors: &mut Vec<Error>) {
    let own = object["metadata"].text("namespace");
    let namespace = object[involved].text("namespace");
    let fits = match namespace {
        "" => CLUSTER_NAMESPACES.contains(&own),
        namespace => namespace == own,
    };
    if !fits {
        let why = "does not match event.namespace";
        errors.push(Error::invalid("involvedObject.namespace", namespace, why));
    }
}

fn check_new_form(object: &Value, errors: &mut Vec<Error>) {
    let needed = [
        "eventTime",
        "reportingController",
        "reportingInstance",
        "action",
        "reason",
    ];
    for key in needed.into_iter().filter(|key| object.text(key).is_empty()) {
        errors.push(Error::required(key, ""));
    }
    for key in ["reportingInstance", "action", "reason"] {
        if object.text(key).len() > 128 {
            let why = "can have at most 128 characters";
            errors.push(Error::invalid(key, object.text(key), why));
        }
    }
    if object.text("note").len() > 1024 {
        errors.push(Error::invalid(
            "message",
            object.text("note"),
            "can have at most 1024 characters",
        ));
    }
    let kind = object.text("type");
    if !matches!(kind, "Normal" | "Warning") {
        errors.push(Error::invalid("type", "", format!("has invalid value: {kind}")));
    }
}
