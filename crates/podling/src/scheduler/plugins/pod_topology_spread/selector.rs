//! Which pods are spread together.

use serde_json::Value;

use crate::label_selector;

use super::super::super::cache::PodInfo;

/// Label selectors that must all match.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Selector {
    /// `None` selects nothing.
    parts: Option<Vec<Value>>,
}

impl Selector {
    /// A `LabelSelector` object; null selects nothing.
    pub(crate) fn new(selector: &Value) -> Self {
        Self {
            parts: selector.is_object().then(|| vec![selector.clone()]),
        }
    }

    /// Pods that all of these `LabelSelector` objects match.
    pub(crate) fn all_of(parts: Vec<Value>) -> Self {
        Self { parts: Some(parts) }
    }

    /// Narrows the selection down; nothing stays nothing.
    pub(crate) fn narrow(&mut self, part: Value) {
        if let Some(parts) = &mut self.parts {
            parts.push(part);
        }
    }

    /// Whether it asks for nothing and so would match all.
    pub(crate) fn is_empty(&self) -> bool {
        let asks = |part: &Value, key: &str| match &part[key] {
            Value::Object(labels) => !labels.is_empty(),
            Value::Array(requirements) => !requirements.is_empty(),
            _ => false,
        };
        let parts = self.parts.as_ref();
        parts.is_some_and(|parts| {
            !(parts.iter()).any(|part| asks(part, "matchLabels") || asks(part, "matchExpressions"))
        })
    }

    /// Whether the pod has the labels.
    pub(crate) fn matches(&self, pod: &PodInfo) -> bool {
        let labels = &pod.object["metadata"]["labels"];
        let parts = self.parts.as_ref();
        parts.is_some_and(|parts| parts.iter().all(|part| label_selector::matches(part, labels)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_is_not_the_same_as_everything() {
        let web = json!({"matchLabels": {"app": "web"}});
        let pod = PodInfo::new(Arc::new(
            json!({"metadata": {"labels": {"app": "web", "v": "1"}}}),
        ));
        let narrowed = |version: &str| {
            let mut selector = Selector::new(&web);
            selector.narrow(json!({"matchLabels": {"v": version}}));
            selector
        };
        let cases = [
            (Selector::new(&Value::Null), false, false),
            (Selector::new(&json!({})), true, true),
            (Selector::new(&json!({"matchExpressions": []})), true, true),
            (Selector::new(&web), true, false),
            (narrowed("1"), true, false),
            (narrowed("2"), false, false),
            (Selector::all_of(Vec::new()), true, true),
        ];
        for (selector, matches, is_empty) in cases {
            assert_eq!(
                (selector.matches(&pod), selector.is_empty()),
                (matches, is_empty),
                "{selector:?}"
            );
        }
    }
}
