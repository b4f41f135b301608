//! A Pod's affinity and anti-affinity to other Pods, made ready to be held against them.
//!
//! Source: `AffinityTerm` in `k8s.io/kube-scheduler/framework`, v1.36.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::label_selector;
use crate::storage::text;

/// Pods of some namespaces, and the label of nodes that says which of them are together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Term {
    namespaces: BTreeSet<String>,
    /// Further namespaces, by their labels; null for none.
    namespace_selector: Value,
    /// Null selects nothing.
    selector: Value,
    pub(crate) topology_key: String,
}

impl Term {
    /// The term of a Pod of `namespace`. Without a word about namespaces it means the Pod's own.
    fn new(term: &Value, namespace: &str) -> Self {
        let listed = term["namespaces"].as_array().into_iter().flatten();
        let mut namespaces: BTreeSet<String> = listed.filter_map(Value::as_str).map(str::to_owned).collect();
        if namespaces.is_empty() && term["namespaceSelector"].is_null() {
            namespaces.insert(namespace.to_owned());
        }
        Self {
            namespaces,
            namespace_selector: term["namespaceSelector"].clone(),
            selector: term["labelSelector"].clone(),
            topology_key: text(term, &["topologyKey"]).to_owned(),
        }
    }

    /// Whether the term means `pod`, whose namespace has these labels (null for none).
    pub(crate) fn matches(&self, pod: &Value, namespace_labels: &Value) -> bool {
        let namespace = text(pod, &["metadata", "namespace"]);
        (self.namespaces.contains(namespace) || selects(&self.namespace_selector, namespace_labels))
            && selects(&self.selector, &pod["metadata"]["labels"])
    }

    /// Puts the names of the namespaces that are selected now in the place of their selector.
    fn name_namespaces(&mut self, named: &dyn Fn(&Value) -> Vec<String>) {
        let is_everything = self.namespace_selector == json!({});
        if !self.namespace_selector.is_null() && !is_everything {
            self.namespaces.extend(named(&self.namespace_selector.take()));
        }
    }
}

/// Whether a selector is there and matches; unlike in a workload, where none is everything.
fn selects(selector: &Value, labels: &Value) -> bool {
    !selector.is_null() && label_selector::matches(selector, labels)
}

/// A term that is wanted so much.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Preference {
    pub(crate) term: Term,
    /// From 1 to 100.
    pub(crate) weight: i64,
}

/// What a Pod requires and prefers in one direction.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Terms {
    pub(crate) required: Vec<Term>,
    pub(crate) preferred: Vec<Preference>,
}

impl Terms {
    fn new(affinity: &Value, namespace: &str) -> Self {
        let list = |key: &str| affinity[key].as_array().into_iter().flatten();
        let preference = |entry: &Value| Preference {
            term: Term::new(&entry["podAffinityTerm"], namespace),
            weight: entry["weight"].as_i64().unwrap_or_default(),
        };
        Self {
            required: list("requiredDuringSchedulingIgnoredDuringExecution")
                .map(|term| Term::new(term, namespace))
                .collect(),
            preferred: list("preferredDuringSchedulingIgnoredDuringExecution")
                .map(preference)
                .collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.required.is_empty() && self.preferred.is_empty()
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Term> {
        let preferred = self.preferred.iter_mut().map(|preference| &mut preference.term);
        self.required.iter_mut().chain(preferred)
    }
}

/// Which Pods a Pod wants near, and which it wants away.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct PodAffinity {
    pub(crate) near: Terms,
    pub(crate) away: Terms,
}

impl PodAffinity {
    /// What the Pod's spec says.
    pub(crate) fn new(pod: &Value) -> Self {
        let namespace = text(pod, &["metadata", "namespace"]);
        let affinity = &pod["spec"]["affinity"];
        Self {
            near: Terms::new(&affinity["podAffinity"], namespace),
            away: Terms::new(&affinity["podAntiAffinity"], namespace),
        }
    }

    /// Whether the Pod says nothing of other Pods.
    pub(crate) fn is_empty(&self) -> bool {
        self.near.is_empty() && self.away.is_empty()
    }

    /// Fixes which namespaces the terms mean, so that a Pod can be held against them without its namespace. `named` has
    /// the names of those that a selector matches.
    pub(crate) fn name_namespaces(&mut self, named: &dyn Fn(&Value) -> Vec<String>) {
        for term in self.near.all_mut().chain(self.away.all_mut()) {
            term.name_namespaces(named);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_means_pods_of_its_namespaces_that_its_selector_matches() {
        let pod = json!({"metadata": {"namespace": "a", "labels": {"app": "web"}}});
        let (blue, none) = (json!({"team": "blue"}), Value::Null);
        let web = json!({"matchLabels": {"app": "web"}});
        let cases = [
            (json!({"labelSelector": web}), "a", &none, true),
            (json!({"labelSelector": web}), "b", &none, false),
            (
                json!({"labelSelector": web, "namespaces": ["a"]}),
                "b",
                &none,
                true,
            ),
            (
                json!({"labelSelector": web, "namespaces": ["b"]}),
                "a",
                &none,
                false,
            ),
            (
                json!({"labelSelector": web, "namespaceSelector": {}}),
                "b",
                &none,
                true,
            ),
            (
                json!({"labelSelector": web, "namespaceSelector": {"matchLabels": {"team": "blue"}}}),
                "b",
                &blue,
                true,
            ),
            (
                json!({"labelSelector": web, "namespaceSelector": {"matchLabels": {"team": "blue"}}}),
                "a",
                &none,
                false,
            ),
            (json!({"labelSelector": {}}), "a", &none, true),
            (json!({}), "a", &none, false),
        ];
        for (term, own, labels, expected) in cases {
            assert_eq!(
                Term::new(&term, own).matches(&pod, labels),
                expected,
                "{term} {own}"
            );
        }
    }

    #[test]
    fn selected_namespaces_are_named_once() {
        let mut affinity = PodAffinity::new(&json!({"metadata": {"namespace": "a"}, "spec": {"affinity": {
            "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {}, "namespaceSelector": {"matchLabels": {"team": "blue"}}}]}}}}));
        affinity.name_namespaces(&|selector| match selects(selector, &json!({"team": "blue"})) {
            true => vec!["b".to_owned()],
            false => vec!["c".to_owned()],
        });
        let matches = |namespace: &str| {
            let pod = json!({"metadata": {"namespace": namespace}});
            affinity.near.required[0].matches(&pod, &Value::Null)
        };
        assert_eq!(["a", "b", "c"].map(matches), [false, true, false]);
    }
}
