//! Deployments: defaults, validation and generation.

use serde_json::Value;

use super::internal_form::{self, Field, Kind, Struct};
use super::numbers::{self, check_int_or_percent, check_not_negative};
use super::read::{Fields as _, copy, object_at, set_default, set_default_for_zero};
use super::workload::{StatusRules, WORKLOAD, drop_zeros};
use super::{Strategy, generation, pod_defaults, template};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_update,
    prepare_for_status_update: Some(|new, old| {
        copy(old, new, "spec");
        copy(&old["metadata"], &mut new["metadata"], "labels");
    }),
    validate,
    validate_update: |new, old| {
        let mut errors = validate(new);
        template::check_same_selector(new, old, &mut errors);
        errors
    },
    validate_status_update: |new, old| STATUS.check(new, old),
    checks_metadata_anew: false,
    ..WORKLOAD
};

const STATUS: StatusRules = StatusRules {
    counts: &[
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "collisionCount",
    ],
    bounds: &[
        ("updatedReplicas", "replicas", "status.replicas"),
        ("readyReplicas", "replicas", "status.replicas"),
        ("availableReplicas", "replicas", "status.replicas"),
        ("availableReplicas", "readyReplicas", "readyReplicas"),
    ],
};

const ROLLING_UPDATE: &Struct = &[
    Field("MaxUnavailable", "maxUnavailable", Kind::Number),
    Field("MaxSurge", "maxSurge", Kind::Number),
];
const STRATEGY_FORM: &Struct = &[
    Field("Type", "type", Kind::Text),
    Field("RollingUpdate", "rollingUpdate", Kind::Optional(ROLLING_UPDATE)),
];

fn default(object: &mut Value) {
    let spec = object_at(object, "spec");
    drop_zeros(spec, &["paused", "minReadySeconds"]);
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

fn validate(object: &Value) -> Vec<Error> {
    let (spec, mut errors) = (&object["spec"], Vec::new());
    check_not_negative(spec, "spec", "replicas", &mut errors);
    template::check(spec, &mut errors);
    check_strategy(&spec["strategy"], &mut errors);
    for key in [
        "minReadySeconds",
        "revisionHistoryLimit",
        "progressDeadlineSeconds",
    ] {
        check_not_negative(spec, "spec", key, &mut errors);
    }
    let deadline = spec.number("progressDeadlineSeconds");
    let least = spec.number("minReadySeconds").unwrap_or_default();
    if let Some(deadline) = deadline.filter(|deadline| *deadline <= least) {
        let why = "must be greater than minReadySeconds";
        errors.push(Error::invalid("spec.progressDeadlineSeconds", deadline, why));
    }
    errors
}

fn check_strategy(strategy: &Value, errors: &mut Vec<Error>) {
    match strategy.text("type") {
        "RollingUpdate" => check_rolling_update(&strategy["rollingUpdate"], errors),
        "Recreate" if strategy.has("rollingUpdate") => {
            let why = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(Error::forbidden("spec.strategy.rollingUpdate", why));
        }
        "Recreate" => {}
        _ => {
            let supported = ["Recreate", "RollingUpdate"];
            let error = Error::not_supported("spec.strategy", strategy.clone(), &supported);
            errors.push(error.showing(internal_form::compact(strategy, STRATEGY_FORM)));
        }
    }
}

fn check_rolling_update(rolling: &Value, errors: &mut Vec<Error>) {
    let field = |key: &str| format!("spec.strategy.rollingUpdate.{key}");
    let (unavailable, surge) = (&rolling["maxUnavailable"], &rolling["maxSurge"]);
    check_int_or_percent(unavailable, &field("maxUnavailable"), errors);
    check_int_or_percent(surge, &field("maxSurge"), errors);
    if numbers::is_zero(unavailable) && numbers::is_zero(surge) {
        let why = "may not be 0 when `maxSurge` is 0";
        errors.push(Error::invalid(field("maxUnavailable"), unavailable.clone(), why));
    }
    numbers::check_share(unavailable, &field("maxUnavailable"), errors);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_strategy_is_shown_as_go_prints_it() {
        let text = |strategy: Value| {
            let mut errors = Vec::new();
            check_strategy(&strategy, &mut errors);
            errors[0].to_string()
        };
        assert_eq!(
            text(json!({"type": "OnDelete"})),
            "spec.strategy: Unsupported value: {\"Type\":\"OnDelete\",\"RollingUpdate\":null}: supported values: \"Recreate\", \"RollingUpdate\""
        );
        let surge = json!({"type": "Canary", "rollingUpdate": {"maxSurge": "25%"}});
        assert!(text(surge).contains(r#""RollingUpdate":{"MaxUnavailable":0,"MaxSurge":"25%"}"#));
    }
}
