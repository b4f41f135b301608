//! DaemonSets: defaults, validation, and the two generations that an object carries.
//!
//! Source: `k8s.io/kubernetes/pkg/registry/apps/daemonset` and `ValidateDaemonSet`, v1.36.

use serde_json::{Map, Value};

use super::internal_form::{self, Field, Kind, Struct};
use super::numbers::{self, check_int_or_percent, check_not_negative, check_share};
use super::read::{Fields as _, copy, object_at, remove, set_default, set_default_for_zero};
use super::workload::{self, StatusRules, WORKLOAD, drop_zeros, prepare_for_create};
use super::{Strategy, generation, labels, pod_defaults, template};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| {
        prepare_for_create(object);
        let generation = template_generation(object).max(1);
        set_template_generation(object, generation);
    },
    prepare_for_update: |new, old| {
        copy(old, new, "status");
        let changed = new["spec"]["template"] != old["spec"]["template"];
        set_template_generation(new, template_generation(old) + i64::from(changed));
        generation::count_spec_change(new, old);
    },
    prepare_for_status_update: Some(|new, old| {
        copy(old, new, "spec");
        set_template_generation(new, template_generation(old));
    }),
    validate,
    validate_update: |new, old| {
        let mut errors = workload::said_twice(validate(new));
        template::check_same_selector(new, old, &mut errors);
        errors
    },
    validate_status_update: |new, old| STATUS.check(new, old),
    ..WORKLOAD
};

const STATUS: StatusRules = StatusRules {
    counts: &[
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    ],
    bounds: &[],
};

/// The field `spec.templateGeneration` of older versions lives on as an annotation.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

const ROLLING_UPDATE: &Struct = &[
    Field("MaxUnavailable", "maxUnavailable", Kind::Number),
    Field("MaxSurge", "maxSurge", Kind::Number),
];
const UPDATE_STRATEGY: &Struct = &[
    Field("Type", "type", Kind::Text),
    Field("RollingUpdate", "rollingUpdate", Kind::Optional(ROLLING_UPDATE)),
];

fn template_generation(object: &Value) -> i64 {
    let annotation = object["metadata"]["annotations"].text(TEMPLATE_GENERATION);
    annotation.parse().unwrap_or_default()
}

fn set_template_generation(object: &mut Value, generation: i64) {
    let annotations = object_at(object_at(object, "metadata"), "annotations");
    annotations[TEMPLATE_GENERATION] = generation.to_string().into();
}

/// The annotation is a field where the server holds the object.
pub(super) fn drop_template_generation(metadata: &mut Value) {
    remove(&mut metadata["annotations"], TEMPLATE_GENERATION);
    if metadata["annotations"].as_object().is_none_or(Map::is_empty) {
        remove(metadata, "annotations");
    }
}

fn default(object: &mut Value) {
    let generation = template_generation(object);
    set_template_generation(object, generation);
    let spec = object_at(object, "spec");
    drop_zeros(spec, &["minReadySeconds"]);
    set_default(spec, "revisionHistoryLimit", 10);
    let strategy = object_at(spec, "updateStrategy");
    set_default_for_zero(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        let rolling = object_at(strategy, "rollingUpdate");
        set_default(rolling, "maxUnavailable", 1);
        set_default(rolling, "maxSurge", 0);
    }
    pod_defaults::template(object_at(spec, "template"));
}

fn validate(object: &Value) -> Vec<Error> {
    let (spec, mut errors) = (&object["spec"], Vec::new());
    let (selector, template) = (&spec["selector"], &spec["template"]);
    labels::check_selector(selector, "spec.selector", &mut errors);
    if selector.is_null() || labels::is_usable(selector) {
        template::check_match(selector, template, &mut errors);
    }
    if !selector.is_null() && labels::is_empty(selector) {
        let why = "empty selector is invalid for daemonset";
        let error = Error::invalid("spec.selector", selector.clone(), why);
        errors.push(error.showing(labels::shown(selector)));
    }
    template::check_template(template, "spec.template", &mut errors);
    template::check_runs_always(&template["spec"], "DaemonSet", &mut errors);
    check_not_negative(spec, "spec", "minReadySeconds", &mut errors);
    check_strategy(&spec["updateStrategy"], &mut errors);
    check_not_negative(spec, "spec", "revisionHistoryLimit", &mut errors);
    errors
}

fn check_strategy(strategy: &Value, errors: &mut Vec<Error>) {
    match strategy.text("type") {
        "OnDelete" => {}
        "RollingUpdate" => check_rolling_update(&strategy["rollingUpdate"], errors),
        _ => {
            let supported = ["RollingUpdate", "OnDelete"];
            let error = Error::not_supported("spec.updateStrategy", strategy.clone(), &supported);
            errors.push(error.showing(internal_form::compact(strategy, UPDATE_STRATEGY)));
        }
    }
}

fn check_rolling_update(rolling: &Value, errors: &mut Vec<Error>) {
    let field = |key: &str| format!("spec.updateStrategy.rollingUpdate.{key}");
    let both = ["maxUnavailable", "maxSurge"];
    for key in both {
        check_int_or_percent(&rolling[key], &field(key), errors);
    }
    for key in both {
        check_share(&rolling[key], &field(key), errors);
    }
    match both.map(|key| numbers::is_zero(&rolling[key])) {
        [false, false] => {
            let why = "may not be set when maxUnavailable is non-zero";
            errors.push(Error::invalid(
                field("maxSurge"),
                rolling["maxSurge"].clone(),
                why,
            ));
        }
        [true, true] => {
            let why = "cannot be 0 when maxSurge is 0";
            errors.push(Error::required(field("maxUnavailable"), why));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn exactly_one_of_surge_and_unavailable_is_set() {
        let cases = [
            (json!({"maxUnavailable": 1, "maxSurge": 0}), vec![]),
            (json!({"maxUnavailable": 0, "maxSurge": "10%"}), vec![]),
            (
                json!({"maxUnavailable": 1, "maxSurge": 1}),
                vec![
                    "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero",
                ],
            ),
            (
                json!({"maxUnavailable": 0, "maxSurge": "0%"}),
                vec![
                    "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0",
                ],
            ),
            (
                json!({"maxUnavailable": "some", "maxSurge": 0}),
                vec![
                    "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: \"some\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%',  or '50%', regex used for validation is '[0-9]+%')",
                    "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0",
                ],
            ),
            (
                json!({"maxUnavailable": "101%", "maxSurge": 0}),
                vec![
                    "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%",
                ],
            ),
        ];
        for (rolling, expected) in cases {
            let mut errors = Vec::new();
            check_rolling_update(&rolling, &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{rolling}");
        }
    }

    #[test]
    fn an_unknown_strategy_is_shown_as_go_prints_it() {
        let mut errors = Vec::new();
        check_strategy(&json!({"type": "Recreate"}), &mut errors);
        assert_eq!(
            errors[0].to_string(),
            "spec.updateStrategy: Unsupported value: {\"Type\":\"Recreate\",\"RollingUpdate\":null}: supported values: \"RollingUpdate\", \"OnDelete\""
        );
    }

    #[test]
    fn the_template_has_a_generation_of_its_own() {
        let annotation = |object: &Value| object["metadata"]["annotations"][TEMPLATE_GENERATION].clone();
        let mut old = json!({"spec": {"template": {"spec": {"nodeName": "a"}}}});
        default(&mut old);
        assert_eq!(annotation(&old), "0");
        (STRATEGY.prepare_for_create)(&mut old, crate::clock::Time::default());
        assert_eq!(annotation(&old), "1");
        let mut new = old.clone();
        new["spec"]["minReadySeconds"] = 5.into();
        (STRATEGY.prepare_for_update)(&mut new, &old);
        assert_eq!(
            (annotation(&new), &new["metadata"]["generation"]),
            (json!("1"), &json!(2))
        );
        new["spec"]["template"]["spec"]["nodeName"] = "b".into();
        (STRATEGY.prepare_for_update)(&mut new, &old);
        assert_eq!(annotation(&new), "2");
    }
}
