//! Label selectors of objects, written in a line.
//!
//! Source: `metav1.FormatLabelSelector`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::storage::text;

/// A `metav1.LabelSelector` in a line, by key: `app=web,tier in (a,b)`.
pub(crate) fn label_selector(selector: &Value) -> String {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let mut requirements: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (key, value) in labels {
        let line = format!("{key}={}", value.as_str().unwrap_or_default());
        requirements.entry(key).or_default().push(line);
    }
    for expression in list(selector, "matchExpressions") {
        let key = text(expression, &["key"]);
        requirements
            .entry(key)
            .or_default()
            .push(requirement(key, expression));
    }
    let lines: Vec<String> = requirements.into_values().flatten().collect();
    lines.join(",")
}

fn requirement(key: &str, expression: &Value) -> String {
    let mut values: Vec<&str> = list(expression, "values").filter_map(Value::as_str).collect();
    values.sort_unstable();
    let values = values.join(",");
    match text(expression, &["operator"]) {
        "In" => format!("{key} in ({values})"),
        "NotIn" => format!("{key} notin ({values})"),
        "DoesNotExist" => format!("!{key}"),
        _ => key.to_owned(),
    }
}

fn list<'a>(object: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    object[key].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_are_written_by_key() {
        let selector = json!({
            "matchLabels": {"tier": "front", "app": "web"},
            "matchExpressions": [
                {"key": "env", "operator": "In", "values": ["b", "a"]},
                {"key": "zone", "operator": "NotIn", "values": ["x"]},
                {"key": "old", "operator": "DoesNotExist"},
                {"key": "new", "operator": "Exists"},
            ],
        });
        assert_eq!(
            label_selector(&selector),
            "app=web,env in (a,b),new,!old,tier=front,zone notin (x)"
        );
    }
}
