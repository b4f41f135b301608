//! The two faces of a HorizontalPodAutoscaler: `autoscaling/v2` as it is stored, and `autoscaling/v1`, which knows one
//! target for the CPU and keeps everything else in annotations.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/autoscaling/v1/conversion.go` and `pkg/apis/autoscaling/annotations.go`, v1.36.

use serde_json::{Map, Value, json};

const V1: &str = "autoscaling/v1";
const V2: &str = "autoscaling/v2";

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const ANNOTATIONS: [&str; 4] = [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR];

/// The kinds of metrics: their type and their field.
const SOURCES: [(&str, &str); 5] = [
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
    ("External", "external"),
];

/// The order in which Go writes the fields of these types; their names do not clash.
const FIELD_ORDER: [&str; 37] = [
    "type",
    "status",
    "lastTransitionTime",
    "reason",
    "message",
    "object",
    "pods",
    "resource",
    "containerResource",
    "external",
    "scaleUp",
    "scaleDown",
    "stabilizationWindowSeconds",
    "selectPolicy",
    "policies",
    "tolerance",
    "value",
    "periodSeconds",
    "target",
    "kind",
    "name",
    "apiVersion",
    "metricName",
    "metricSelector",
    "targetValue",
    "targetAverageUtilization",
    "targetAverageValue",
    "currentValue",
    "currentAverageUtilization",
    "currentAverageValue",
    "selector",
    "averageValue",
    "container",
    "matchLabels",
    "matchExpressions",
    "operator",
    "values",
];

/// A stored autoscaler as `autoscaling/v1` shows it.
pub(super) fn to_v1(autoscaler: &Value) -> Value {
    let (spec, status) = (&autoscaler["spec"], &autoscaler["status"]);
    let mut shown = autoscaler.clone();
    shown["apiVersion"] = V1.into();
    shown["spec"] = json!({"maxReplicas": spec["maxReplicas"], "scaleTargetRef": spec["scaleTargetRef"]});
    copy(spec, &mut shown["spec"], "minReplicas");
    let target = metrics(spec, "metrics").find_map(|metric| cpu(metric, "target"));
    set(&mut shown["spec"], "targetCPUUtilizationPercentage", target);
    shown["status"] = json!({
        "currentReplicas": status["currentReplicas"].as_i64().unwrap_or_default(),
        "desiredReplicas": status["desiredReplicas"].as_i64().unwrap_or_default(),
    });
    for key in ["observedGeneration", "lastScaleTime"] {
        copy(status, &mut shown["status"], key);
    }
    let current = metrics(status, "currentMetrics").find_map(|metric| cpu(metric, "current"));
    set(&mut shown["status"], "currentCPUUtilizationPercentage", current);
    drop_annotations(&mut shown);
    let others = metrics(spec, "metrics").filter(|metric| cpu(metric, "target").is_none());
    annotate(&mut shown, METRICS, &others.map(metric_to_v1).collect());
    let all = metrics(status, "currentMetrics");
    annotate(&mut shown, CURRENT_METRICS, &all.map(metric_to_v1).collect());
    annotate(&mut shown, BEHAVIOR, &spec["behavior"]);
    annotate(&mut shown, CONDITIONS, &status["conditions"]);
    shown
}

/// An `autoscaling/v1` autoscaler as it is stored.
pub(super) fn from_v1(autoscaler: &Value) -> Value {
    let (spec, status) = (&autoscaler["spec"], &autoscaler["status"]);
    let annotation = |key: &str| -> Option<Value> {
        let text = autoscaler["metadata"]["annotations"].get(key)?.as_str()?;
        serde_json::from_str(text).ok()
    };
    let mut stored = autoscaler.clone();
    stored["apiVersion"] = V2.into();
    stored["spec"] = json!({"maxReplicas": spec["maxReplicas"], "scaleTargetRef": spec["scaleTargetRef"]});
    copy(spec, &mut stored["spec"], "minReplicas");
    let of_cpu = spec.get("targetCPUUtilizationPercentage").map(|percent| {
        json!({"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": percent}}})
    });
    let others = annotation(METRICS).unwrap_or_default();
    let metrics: Vec<Value> = items(&others).map(metric_to_v2).chain(of_cpu).collect();
    if !metrics.is_empty() {
        stored["spec"]["metrics"] = metrics.into();
    }
    set(&mut stored["spec"], "behavior", annotation(BEHAVIOR));
    let mut new_status = json!({});
    for key in [
        "observedGeneration",
        "lastScaleTime",
        "currentReplicas",
        "desiredReplicas",
    ] {
        copy(status, &mut new_status, key);
    }
    let current = annotation(CURRENT_METRICS).map(|all| items(&all).map(metric_to_v2).collect::<Value>());
    let of_cpu = status.get("currentCPUUtilizationPercentage").map(|percent| {
        json!([{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": percent}}}])
    });
    set(&mut new_status, "currentMetrics", current.or(of_cpu));
    set(&mut new_status, "conditions", annotation(CONDITIONS));
    stored["status"] = new_status;
    drop_annotations(&mut stored);
    stored
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn metrics<'a>(part: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    part[key].as_array().into_iter().flatten()
}

fn copy(from: &Value, to: &mut Value, key: &str) {
    set(to, key, from.get(key).cloned());
}

fn set(to: &mut Value, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        to[key] = value;
    }
}

/// The percentage of a metric that v1 has a field for.
fn cpu(metric: &Value, side: &str) -> Option<Value> {
    let resource = metric
        .get("resource")
        .filter(|resource| resource["name"] == "cpu")?;
    resource[side].get("averageUtilization").cloned()
}

fn drop_annotations(autoscaler: &mut Value) {
    let metadata = autoscaler["metadata"].as_object_mut();
    let Some(metadata) = metadata else { return };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else {
        return;
    };
    for key in ANNOTATIONS {
        annotations.remove(key);
    }
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}

fn annotate(autoscaler: &mut Value, key: &str, value: &Value) {
    let is_empty = match value {
        Value::Array(items) => items.is_empty(),
        other => other.is_null(),
    };
    if !is_empty {
        autoscaler["metadata"]["annotations"][key] = written(value).into();
    }
}

/// JSON with the fields in Go's order.
fn written(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let rank = |key: &String| FIELD_ORDER.iter().position(|known| known == key);
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| (rank(key).unwrap_or(FIELD_ORDER.len()), *key));
            let fields: Vec<String> = fields
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), written(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

/// What v1 calls a value of a source: (its side and key in v2, its key in v1).
const fn renamed(source: &str) -> &'static [(&'static str, &'static str, &'static str)] {
    match source.as_bytes() {
        b"object" => &[
            ("target", "value", "targetValue"),
            ("target", "averageValue", "averageValue"),
            ("current", "value", "currentValue"),
            ("current", "averageValue", "averageValue"),
        ],
        b"pods" => &[
            ("target", "averageValue", "targetAverageValue"),
            ("current", "averageValue", "currentAverageValue"),
        ],
        b"external" => &[
            ("target", "value", "targetValue"),
            ("target", "averageValue", "targetAverageValue"),
            ("current", "value", "currentValue"),
            ("current", "averageValue", "currentAverageValue"),
        ],
        _ => &[
            ("target", "averageUtilization", "targetAverageUtilization"),
            ("target", "averageValue", "targetAverageValue"),
            ("current", "averageUtilization", "currentAverageUtilization"),
            ("current", "averageValue", "currentAverageValue"),
        ],
    }
}

fn selector_name(source: &str) -> &'static str {
    if source == "external" {
        "metricSelector"
    } else {
        "selector"
    }
}

fn metric_to_v1(metric: &Value) -> Value {
    let mut shown = json!({"type": metric["type"]});
    for (_, source) in SOURCES {
        let Some(of) = metric.get(source) else { continue };
        let mut part = Map::new();
        for key in ["name", "container"] {
            if let Some(value) = of.get(key) {
                part.insert(key.to_owned(), value.clone());
            }
        }
        if let Some(described) = of.get("describedObject") {
            part.insert("target".to_owned(), described.clone());
        }
        if let Some(identifier) = of.get("metric") {
            part.insert("metricName".to_owned(), identifier["name"].clone());
            if let Some(selector) = identifier.get("selector") {
                part.insert(selector_name(source).to_owned(), selector.clone());
            }
        }
        for (side, key, name) in renamed(source) {
            if let Some(value) = of.get(*side).and_then(|side| side.get(*key)) {
                part.insert((*name).to_owned(), value.clone());
            }
        }
        if source == "object" && !part.contains_key("targetValue") && of.get("target").is_some() {
            // The field is no pointer in v1.
            part.insert("targetValue".to_owned(), "0".into());
        }
        shown[source] = part.into();
    }
    shown
}

fn metric_to_v2(metric: &Value) -> Value {
    let mut stored = json!({"type": metric["type"]});
    for (_, source) in SOURCES {
        let Some(of) = metric.get(source) else { continue };
        let mut part = json!({});
        for key in ["name", "container"] {
            copy(of, &mut part, key);
        }
        set(&mut part, "describedObject", of.get("target").cloned());
        if let Some(name) = of.get("metricName") {
            part["metric"] = json!({"name": name});
            let selector = of.get(selector_name(source)).cloned();
            set(&mut part["metric"], "selector", selector);
        }
        let is_status = renamed(source).iter().any(|(side, _, name)| {
            *side == "current" && name.starts_with("current") && of.get(*name).is_some()
        });
        let own_side = if is_status { "current" } else { "target" };
        for (side, key, name) in renamed(source) {
            let value = of.get(*name).filter(|value| *side == own_side && **value != "0");
            if let Some(value) = value {
                part[own_side][*key] = value.clone();
            }
        }
        if !is_status {
            part["target"]["type"] = target_type(&part["target"]).into();
        }
        stored[source] = part;
    }
    stored
}

fn target_type(target: &Value) -> &'static str {
    if target.get("averageUtilization").is_some() {
        "Utilization"
    } else if target.get("averageValue").is_some() {
        "AverageValue"
    } else {
        "Value"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Value {
        json!({
            "apiVersion": V2, "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"},
            "spec": {
                "maxReplicas": 5, "minReplicas": 1,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "metrics": [
                    {"type": "Resource", "resource": {"name": "memory",
                        "target": {"type": "AverageValue", "averageValue": "10Mi"}}},
                    {"type": "Pods", "pods": {"metric": {"name": "qps", "selector": {"matchLabels": {"a": "b"}}},
                        "target": {"type": "AverageValue", "averageValue": "1"}}},
                    {"type": "Resource", "resource": {"name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": 50}}},
                ],
                "behavior": {"scaleUp": {"selectPolicy": "Max",
                    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]}},
            },
            "status": {
                "currentReplicas": 2, "desiredReplicas": 3,
                "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu",
                    "current": {"averageUtilization": 20, "averageValue": "1m"}}}],
                "conditions": [{"type": "AbleToScale", "status": "True", "reason": "R"}],
            },
        })
    }

    #[test]
    fn v1_has_one_cpu_target_and_keeps_the_rest_in_annotations() {
        let shown = to_v1(&stored());
        assert_eq!(shown["spec"]["targetCPUUtilizationPercentage"], 50);
        assert_eq!(shown["status"]["currentCPUUtilizationPercentage"], 20);
        let annotations = &shown["metadata"]["annotations"];
        assert_eq!(
            annotations[METRICS],
            r#"[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"10Mi"}},{"type":"Pods","pods":{"metricName":"qps","targetAverageValue":"1","selector":{"matchLabels":{"a":"b"}}}}]"#
        );
        assert_eq!(
            annotations[BEHAVIOR],
            r#"{"scaleUp":{"selectPolicy":"Max","policies":[{"type":"Pods","value":4,"periodSeconds":15}]}}"#
        );
        assert_eq!(
            annotations[CONDITIONS],
            r#"[{"type":"AbleToScale","status":"True","reason":"R"}]"#
        );
    }

    #[test]
    fn an_autoscaler_survives_both_ways() {
        assert_eq!(from_v1(&to_v1(&stored())), stored());
        let plain = json!({"apiVersion": V1, "metadata": {"name": "h"}, "spec": {"maxReplicas": 5,
            "scaleTargetRef": {}, "targetCPUUtilizationPercentage": 70}, "status": {}});
        let metrics = &from_v1(&plain)["spec"]["metrics"];
        assert_eq!(
            *metrics,
            json!([{"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 70}}}])
        );
    }
}
