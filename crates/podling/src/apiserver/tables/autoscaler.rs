//! The rows of HorizontalPodAutoscalers.

use serde_json::{Value, json};

use super::{NONE, UNKNOWN, age, items, number, or};
use crate::clock::Time;
use crate::storage::text;

/// Metrics beyond so many are only counted.
const MOST_METRICS: usize = 2;

/// Name, Reference, Targets, `MinPods`, `MaxPods`, Replicas, Age.
pub(super) fn cells(autoscaler: &Value, now: Time) -> Value {
    let spec = &autoscaler["spec"];
    let target = |key: &str| text(spec, &["scaleTargetRef", key]).to_owned();
    let least = spec["minReplicas"].as_i64();
    json!([
        text(autoscaler, &["metadata", "name"]),
        format!("{}/{}", target("kind"), target("name")),
        targets(autoscaler),
        least.map_or_else(|| "<unset>".to_owned(), |least| least.to_string()),
        number(spec, &["maxReplicas"]),
        number(autoscaler, &["status", "currentReplicas"]),
        age(autoscaler, now),
    ])
}

/// What each metric is and should be: `cpu: 12%/50%`.
fn targets(autoscaler: &Value) -> String {
    let statuses: Vec<&Value> = items(autoscaler, &["status", "currentMetrics"]).collect();
    let metrics: Vec<String> = items(autoscaler, &["spec", "metrics"])
        .enumerate()
        .map(|(at, metric)| target(metric, statuses.get(at).copied().unwrap_or(&Value::Null)))
        .collect();
    if metrics.is_empty() {
        return NONE.to_owned();
    }
    let shown = metrics[..metrics.len().min(MOST_METRICS)].join(", ");
    match metrics.len().saturating_sub(MOST_METRICS) {
        0 => shown,
        more => format!("{shown} + {more} more..."),
    }
}

fn target(metric: &Value, status: &Value) -> String {
    let (source, shares) = match text(metric, &["type"]) {
        "External" => ("external", true),
        "Object" => ("object", true),
        "Pods" => ("pods", false),
        "Resource" => ("resource", false),
        "ContainerResource" => ("containerResource", false),
        _ => return "<unknown type>".to_owned(),
    };
    let (target, current) = (&metric[source]["target"], &status[source]["current"]);
    let amounts = |key: &str| {
        let current = or(text(current, &[key]), UNKNOWN).to_owned();
        format!("{current}/{}", text(target, &[key]))
    };
    if shares {
        return match target.get("averageValue") {
            Some(_) => format!("{} (avg)", amounts("averageValue")),
            None => amounts("value"),
        };
    }
    if source == "pods" {
        return amounts("averageValue");
    }
    let name = text(metric, &[source, "name"]);
    if target.get("averageValue").is_some() {
        return format!("{name}: {}", amounts("averageValue"));
    }
    let percent = |side: &Value, otherwise: &str| {
        let share = side["averageUtilization"].as_i64();
        share.map_or_else(|| otherwise.to_owned(), |share| format!("{share}%"))
    };
    format!(
        "{name}: {}/{}",
        percent(current, UNKNOWN),
        percent(target, "<auto>")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(metrics: &Value, current: &Value) -> Value {
        let autoscaler = json!({
            "metadata": {"name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"maxReplicas": 5, "minReplicas": 1, "metrics": metrics,
                "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
            "status": {"currentReplicas": 2, "currentMetrics": current},
        });
        let now = Time::parse("2026-01-01T00:05:00Z").unwrap();
        cells(&autoscaler, now)
    }

    #[test]
    fn a_row_shows_what_each_metric_is_and_should_be() {
        let cpu =
            json!({"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 50}}});
        let memory =
            json!({"type": "Resource", "resource": {"name": "memory", "target": {"averageValue": "10Mi"}}});
        let queue = json!({"type": "External", "external": {"target": {"averageValue": "30"}}});
        let used = json!({"type": "Resource", "resource": {"current": {"averageUtilization": 12}}});
        assert_eq!(
            shown(&json!([cpu]), &json!([used])),
            json!(["web", "Deployment/web", "cpu: 12%/50%", "1", 5, 2, "5m"])
        );
        let cases = [
            (json!([]), json!(null), "<none>"),
            (json!([cpu]), json!(null), "cpu: <unknown>/50%"),
            (
                json!([memory, queue]),
                json!([]),
                "memory: <unknown>/10Mi, <unknown>/30 (avg)",
            ),
            (
                json!([cpu, memory, queue]),
                json!([used]),
                "cpu: 12%/50%, memory: <unknown>/10Mi + 1 more...",
            ),
        ];
        for (metrics, current, targets) in cases {
            assert_eq!(shown(&metrics, &current)[2], targets, "{metrics}");
        }
    }
}
