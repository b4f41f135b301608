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

/// What a requirement asks of a label.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operator {
    /// The value is one of those listed.
    In,
    /// The value is none of those listed, or there is no label.
    NotIn,
    /// There is such a label.
    Exists,
    /// There is no such label.
    DoesNotExist,
    /// The value is a number above the listed one.
    GreaterThan,
    /// The value is a number below the listed one.
    LessThan,
}

impl Operator {
    /// The operator that objects call `name`; `Gt` and `Lt` stand in node selectors only.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "In" => Self::In,
            "NotIn" => Self::NotIn,
            "Exists" => Self::Exists,
            "DoesNotExist" => Self::DoesNotExist,
            "Gt" => Self::GreaterThan,
            "Lt" => Self::LessThan,
            _ => return None,
        })
    }

    /// Whether a label's value, or its absence, is what the operator asks for with these values.
    pub(crate) fn holds<'a>(self, label: Option<&str>, values: impl IntoIterator<Item = &'a str>) -> bool {
        let mut values = values.into_iter();
        match self {
            Self::In => label.is_some_and(|label| values.any(|value| value == label)),
            Self::NotIn => label.is_none_or(|label| values.all(|value| value != label)),
            Self::Exists => label.is_some(),
            Self::DoesNotExist => label.is_none(),
            Self::GreaterThan => numbers(label, values.next()).is_some_and(|(label, bound)| label > bound),
            Self::LessThan => numbers(label, values.next()).is_some_and(|(label, bound)| label < bound),
        }
    }
}

fn numbers(label: Option<&str>, bound: Option<&str>) -> Option<(i64, i64)> {
    Some((label?.parse().ok()?, bound?.parse().ok()?))
}

/// Whether one requirement of an object (`key`, `operator`, `values`) holds. As in Kubernetes, `NotIn` also holds where
/// the label is missing. An operator that is none of these never holds.
pub(crate) fn holds(requirement: &Value, labels: &Value) -> bool {
    let text = |key: &str| requirement[key].as_str().unwrap_or_default();
    let label = labels.get(text("key")).and_then(Value::as_str);
    let values = requirement["values"].as_array().into_iter().flatten();
    Operator::named(text("operator"))
        .is_some_and(|operator| operator.holds(label, values.filter_map(Value::as_str)))
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

    #[test]
    fn operators_compare_what_they_say() {
        let cases = [
            (Operator::In, Some("a"), true),
            (Operator::In, None, false),
            (Operator::NotIn, Some("a"), false),
            (Operator::NotIn, None, true),
            (Operator::Exists, Some(""), true),
            (Operator::DoesNotExist, Some(""), false),
        ];
        for (operator, label, expected) in cases {
            assert_eq!(
                operator.holds(label, ["a", "b"]),
                expected,
                "{operator:?} {label:?}"
            );
        }
        assert!(
            Operator::GreaterThan.holds(Some("5"), ["4"]) && !Operator::GreaterThan.holds(Some("x"), ["4"])
        );
        assert!(Operator::LessThan.holds(Some("5"), ["6"]) && !Operator::LessThan.holds(None, ["6"]));
    }
}
