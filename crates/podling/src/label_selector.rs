//! `metav1.LabelSelector` objects, as workloads and services carry them, held against labels.

use serde_json::{Map, Value};

/// Whether `labels` (a JSON object, or null for none) satisfy `selector`, a `LabelSelector` object. An empty
/// selector matches everything, as in Kubernetes.
pub(crate) fn matches(selector: &Value, labels: &Value) -> bool {
    let equal = matches_map(&selector["matchLabels"], labels);
    let expressions = selector["matchExpressions"].as_array();
    equal && expressions.is_none_or(|all| all.iter().all(|one| holds(one, labels)))
}

/// Whether `labels` have each entry of `wanted`, the plain map of a Service's selector.
pub(crate) fn matches_map(wanted: &Value, labels: &Value) -> bool {
    let none = Map::new();
    wanted
        .as_object()
        .unwrap_or(&none)
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
}

/// Whether one requirement holds (`In`, `NotIn`, `Exists`, `DoesNotExist`). As in Kubernetes, `NotIn` also
/// holds where the label is missing. An operator that is none of these never holds.
pub(crate) fn holds(requirement: &Value, labels: &Value) -> bool {
    let label = requirement["key"].as_str().and_then(|key| labels.get(key));
    let listed = || {
        let values = requirement["values"].as_array();
        values.is_some_and(|values| label.is_some_and(|label| values.contains(label)))
    };
    match requirement["operator"].as_str() {
        Some("In") => listed(),
        Some("NotIn") => !listed(),
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_is_the_conjunction_of_its_parts() {
        let labels = json!({"app": "web", "tier": "front"});
        let cases = [
            (json!({}), true),
            (json!({"matchLabels": {"app": "web"}}), true),
            (json!({"matchLabels": {"app": "db"}}), false),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", "web"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}),
                false,
            ),
            (
                json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]}),
                false,
            ),
        ];
        for (selector, expected) in cases {
            assert_eq!(matches(&selector, &labels), expected, "{selector}");
        }
    }
}
