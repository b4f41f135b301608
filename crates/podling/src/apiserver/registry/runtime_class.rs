//! RuntimeClasses: the handler, what a Pod costs beside its containers, where it may run.
//!
//! Source: `pkg/registry/node/runtimeclass` and `pkg/apis/node/validation`, v1.36.

use serde_json::{Value, json};

use super::container_defaults::canonical_quantities;
use super::pod_spec::{resources, scheduling};
use super::read::Fields as _;
use super::{PLAIN, Strategy, labels, metadata, names};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default: |object| {
        if object["overhead"].is_object() {
            canonical_quantities(&mut object["overhead"], "podFixed");
        }
    },
    validate,
    validate_update: |new, old| {
        let mut errors = validate(new);
        if new["handler"] != old["handler"] {
            errors.push(Error::invalid(
                "handler",
                new["handler"].clone(),
                metadata::IMMUTABLE,
            ));
        }
        errors
    },
    ..PLAIN
};

fn validate(object: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let handler = object.text("handler");
    errors.extend(metadata::invalid_for_each(
        "handler",
        handler,
        names::label(handler),
    ));
    if object.has("overhead") {
        // What a Pod costs on top is checked as limits are.
        let limits = json!({"limits": object["overhead"]["podFixed"]});
        resources::check(&limits, "overhead", &mut errors);
    }
    if object.has("scheduling") {
        check_scheduling(&object["scheduling"], "scheduling", &mut errors);
    }
    errors
}

fn check_scheduling(wanted: &Value, path: &str, errors: &mut Vec<Error>) {
    labels::check(&wanted["nodeSelector"], &format!("{path}.nodeSelector"), errors);
    let (field, tolerations) = (format!("{path}.tolerations"), wanted.items("tolerations"));
    scheduling::check_tolerations(tolerations, &field, errors);
    for (i, toleration) in tolerations.iter().enumerate() {
        if tolerations[..i].contains(toleration) {
            errors.push(Error::duplicate(format!("{field}[{i}]"), toleration.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_a_label_and_stays() {
        let class = json!({"handler": "runc", "overhead": {"podFixed": {"cpu": "100m"}}});
        assert!(validate(&class).is_empty());
        let errors = (STRATEGY.validate_update)(&json!({"handler": "kata"}), &class);
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["handler: Invalid value: \"kata\": field is immutable"]);
        let bad = json!({"handler": "a", "overhead": {"podFixed": {"cpu": "-1"}}});
        let texts: Vec<String> = validate(&bad).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["overhead.limits[cpu]: Invalid value: \"-1\": must be greater than or equal to 0"]
        );
    }
}
