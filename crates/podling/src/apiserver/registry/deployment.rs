//! Deployments: defaults, validation and generation.

use serde_json::{Value, json};

use super::generation;
use super::pod_defaults;
use super::read::{copy, object_at, set_default, set_default_for_zero};
use super::{PLAIN, Strategy};

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| {
        generation::start(object);
        object["status"] = json!({});
    },
    prepare_for_update,
    prepare_for_status_update: Some(prepare_for_status_update),
    ..PLAIN
};

fn default(object: &mut Value) {
    let spec = object_at(object, "spec");
    set_default(spec, "replicas", 1);
    set_default(spec, "revisionHistoryLimit", 10);
    set_default(spec, "progressDeadlineSeconds", 600);
    let strategy = object_at(spec, "strategy");
    set_default_for_zero(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        let rolling = object_at(strategy, "rollingUpdate");
        set_default(rolling, "maxUnavailable", "25%");
        set_default(rolling, "maxSurge", "25%");
    }
    pod_defaults::template(object_at(spec, "template"));
}

fn prepare_for_update(new: &mut Value, old: &Value) {
    copy(old, new, "status");
    let annotations = |object: &Value| object["metadata"]["annotations"].clone();
    let changed = new["spec"] != old["spec"] || annotations(new) != annotations(old);
    generation::count(new, old, changed);
}

fn prepare_for_status_update(new: &mut Value, old: &Value) {
    copy(old, new, "spec");
    let labels = old["metadata"].get("labels").cloned();
    if let (Some(labels), Some(meta)) = (labels, new["metadata"].as_object_mut()) {
        meta.insert("labels".to_owned(), labels);
    }
}
