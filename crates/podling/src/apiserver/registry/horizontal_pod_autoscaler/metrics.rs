//! What an autoscaler looks at: `spec.metrics`.

use serde_json::Value;

use super::{api_version_error, check_reference};
use crate::apiserver::registry::metadata::invalid_for_each;
use crate::apiserver::registry::names;
use crate::apiserver::registry::read::Fields as _;
use crate::quantity::Quantity;
use crate::status::field::Error;

const TYPES: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];
/// The fields of the sources in the order in which they are looked at, with their types.
const SOURCES: [(&str, &str); 5] = [
    ("object", "Object"),
    ("external", "External"),
    ("pods", "Pods"),
    ("resource", "Resource"),
    ("containerResource", "ContainerResource"),
];

/// What is wrong with the metrics of a spec.
pub(super) fn check(spec: &Value, errors: &mut Vec<Error>) {
    let metrics = spec.items("metrics");
    for (i, metric) in metrics.iter().enumerate() {
        check_metric(metric, &format!("spec.metrics[{i}]"), errors);
    }
    let from_outside = |metric: &Value| matches!(metric.text("type"), "Object" | "External");
    if spec.number("minReplicas") == Some(0) && !metrics.iter().any(from_outside) {
        let why = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.push(Error::forbidden("spec.metrics", why));
    }
}

fn check_metric(metric: &Value, path: &str, errors: &mut Vec<Error>) {
    let field = |key: &str| format!("{path}.{key}");
    let kind = metric.text("type");
    if kind.is_empty() {
        errors.push(Error::required(
            field("type"),
            "must specify a metric source type",
        ));
    }
    let unsupported = || Error::not_supported(field("type"), kind, &TYPES);
    if !TYPES.contains(&kind) {
        errors.push(unsupported());
    }
    let present: Vec<&str> = SOURCES
        .iter()
        .map(|(source, _)| *source)
        .filter(|source| metric.has(source))
        .collect();
    if let Some(first) = present.first() {
        check_source(first, &metric[*first], &field(first), errors);
    }
    let expected = SOURCES
        .iter()
        .find(|(_, of)| *of == kind)
        .map(|(source, _)| *source);
    match expected {
        Some(source) if !present.contains(&source) => {
            let why = "must populate information for the given metric source";
            errors.push(Error::required(field(source), why));
        }
        Some(_) => {}
        None => errors.push(unsupported()),
    }
    if present.len() != 1 {
        let others = present.iter().filter(|source| Some(**source) != expected);
        let why = "must populate the given metric source only";
        errors.extend(others.map(|source| Error::forbidden(field(source), why)));
    }
}

fn check_source(source: &str, of: &Value, path: &str, errors: &mut Vec<Error>) {
    let target = &of["target"];
    match source {
        "object" => {
            let described = format!("{path}.describedObject");
            check_reference(&of["describedObject"], &described, errors);
            errors.extend(api_version_error(&of["describedObject"], &described, true));
            check_identifier(&of["metric"], &format!("{path}.metric"), errors);
        }
        "external" | "pods" => check_identifier(&of["metric"], &format!("{path}.metric"), errors),
        _ => check_resource(source, of, path, errors),
    }
    let path = format!("{path}.target");
    check_target(target, &path, errors);
    check_choice(source, target, &path, errors);
}

fn check_resource(source: &str, of: &Value, path: &str, errors: &mut Vec<Error>) {
    if of.text("name").is_empty() {
        let why = "must specify a resource name";
        errors.push(Error::required(format!("{path}.name"), why));
    }
    if source == "containerResource" {
        let field = format!("{path}.container");
        match of.text("container") {
            "" => errors.push(Error::required(field, "must specify a container")),
            name => errors.extend(invalid_for_each(&field, name, names::label(name))),
        }
    }
}

fn check_identifier(metric: &Value, path: &str, errors: &mut Vec<Error>) {
    let field = format!("{path}.name");
    match metric.text("name") {
        "" => errors.push(Error::required(field, "must specify a metric name")),
        name => errors.extend(invalid_for_each(&field, name, names::path_segment(name))),
    }
}

fn check_target(target: &Value, path: &str, errors: &mut Vec<Error>) {
    let field = |key: &str| format!("{path}.{key}");
    let kind = target.text("type");
    if kind.is_empty() {
        errors.push(Error::required(
            field("type"),
            "must specify a metric target type",
        ));
    }
    if !matches!(kind, "Utilization" | "Value" | "AverageValue") {
        let why = "must be either Utilization, Value, or AverageValue";
        errors.push(Error::invalid(field("type"), kind, why));
    }
    for key in ["value", "averageValue"] {
        let amount = &target[key];
        let is_positive = Quantity::from_json(amount).is_ok_and(|amount| amount > Quantity::ZERO);
        if target.has(key) && !is_positive {
            errors.push(Error::invalid(field(key), amount.clone(), "must be positive"));
        }
    }
    if let Some(share) = target.number("averageUtilization").filter(|share| *share < 1) {
        let why = "must be greater than 0";
        errors.push(Error::invalid(field("averageUtilization"), share, why));
    }
}

/// Which of a target's values a source needs, and which exclude each other.
fn check_choice(source: &str, target: &Value, path: &str, errors: &mut Vec<Error>) {
    let required = |key: &str, why: &str| Error::required(format!("{path}.{key}"), why);
    let forbidden = |key: &str, why: &str| Error::forbidden(format!("{path}.{key}"), why);
    let (value, average) = (target.has("value"), target.has("averageValue"));
    let share = target.has("averageUtilization");
    match source {
        "object" if !value && !average => {
            let why = "must set either a target value or averageValue";
            errors.push(required("averageValue", why));
        }
        "external" if !value && !average => {
            let why = "must set either a target value for metric or a per-pod target";
            errors.push(required("averageValue", why));
        }
        "external" if value && average => {
            let why = "may not set both a target value for metric and a per-pod target";
            errors.push(forbidden("value", why));
        }
        "pods" if !average => {
            let why = "must specify a positive target averageValue";
            errors.push(required("averageValue", why));
        }
        "resource" | "containerResource" if !share && !average => {
            let why = "must set either a target raw value or a target utilization";
            errors.push(required("averageUtilization", why));
        }
        "resource" | "containerResource" if share && average => {
            let why = "may not set both a target raw value and a target utilization";
            errors.push(forbidden("averageValue", why));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_source_has_its_target() {
        let kinds =
            "supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\"";
        let cases = [
            (
                json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}),
                vec![],
            ),
            (
                json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}),
                vec![
                    "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization".to_owned(),
                ],
            ),
            (
                json!({"type": "Resource", "resource": {"target": {"type": "X", "averageUtilization": 0, "averageValue": "0"}}}),
                vec![
                    "spec.metrics[0].resource.name: Required value: must specify a resource name".to_owned(),
                    "spec.metrics[0].resource.target.type: Invalid value: \"X\": must be either Utilization, Value, or AverageValue".to_owned(),
                    "spec.metrics[0].resource.target.averageValue: Invalid value: \"0\": must be positive".to_owned(),
                    "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0".to_owned(),
                    "spec.metrics[0].resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization".to_owned(),
                ],
            ),
            (
                json!({"type": "Pods"}),
                vec![
                    "spec.metrics[0].pods: Required value: must populate information for the given metric source".to_owned(),
                ],
            ),
            (
                json!({"type": "Nope"}),
                vec![
                    format!("spec.metrics[0].type: Unsupported value: \"Nope\": {kinds}"),
                    format!("spec.metrics[0].type: Unsupported value: \"Nope\": {kinds}"),
                ],
            ),
            (
                json!({"type": "Pods", "pods": {"metric": {"name": "q"}, "target": {"type": "AverageValue", "averageValue": "1"}},
                       "resource": {}}),
                vec![
                    "spec.metrics[0].resource: Forbidden: must populate the given metric source only".to_owned(),
                ],
            ),
            (
                json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 1}}}),
                vec![
                    "spec.metrics[0].containerResource.container: Required value: must specify a container".to_owned(),
                ],
            ),
        ];
        for (metric, expected) in cases {
            let mut errors = Vec::new();
            check(&json!({"metrics": [metric]}), &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{metric}");
        }
    }
}
