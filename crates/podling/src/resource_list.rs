//! Resource lists: amounts by name, as requests, limits and quotas hold them.
//!
//! Source: `k8s.io/apiserver/pkg/quota/v1/resources.go`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::quantity::Quantity;

/// `core/v1` ResourceList.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct ResourceList(BTreeMap<String, Quantity>);

impl ResourceList {
    /// The list that an object holds. What can't be read counts as nothing.
    pub(crate) fn from_json(list: &Value) -> Self {
        let entries = list.as_object().into_iter().flatten();
        let amount = |value: &Value| Quantity::from_json(value).unwrap_or_default();
        Self(
            entries
                .map(|(name, value)| (name.clone(), amount(value)))
                .collect(),
        )
    }

    /// The list as objects hold it.
    pub(crate) fn to_json(&self) -> Value {
        let entries = self.0.iter();
        let entries = entries.map(|(name, amount)| (name.clone(), Value::from(amount.to_string())));
        Value::Object(entries.collect())
    }

    /// The amount of one resource, if it is listed.
    pub(crate) fn get(&self, name: &str) -> Option<Quantity> {
        self.0.get(name).copied()
    }

    /// Lists `name` with `amount`, whatever it was before.
    pub(crate) fn set(&mut self, name: impl Into<String>, amount: Quantity) {
        self.0.insert(name.into(), amount);
    }

    /// Lists `name` with `amount` where it is not listed yet; whether it was not.
    pub(crate) fn set_default(&mut self, name: &str, amount: Quantity) -> bool {
        let is_missing = !self.0.contains_key(name);
        if is_missing {
            self.set(name, amount);
        }
        is_missing
    }

    /// The entries, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Quantity)> {
        self.0.iter().map(|(name, amount)| (name.as_str(), *amount))
    }

    /// The names, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether nothing is listed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds `more`, name by name.
    pub(crate) fn add(&mut self, more: &Self) {
        for (name, amount) in &more.0 {
            *self.0.entry(name.clone()).or_default() += *amount;
        }
    }

    /// The larger amount of each resource (`maxResourceList`).
    pub(crate) fn raise_to(&mut self, least: &Self) {
        for (name, amount) in &least.0 {
            let now = self.0.entry(name.clone()).or_insert(*amount);
            *now = (*now).max(*amount);
        }
    }

    /// What is more here than in `less`; never below nothing (`SubtractWithNonNegativeResult`).
    pub(crate) fn less(&self, less: &Self) -> Self {
        let rest = self.0.iter().map(|(name, amount)| {
            let rest = *amount - less.get(name).unwrap_or_default();
            (name.clone(), rest.max(Quantity::ZERO))
        });
        Self(rest.collect())
    }

    /// Only the entries whose name `keep` takes.
    pub(crate) fn masked(&self, keep: impl Fn(&str, Quantity) -> bool) -> Self {
        let kept = self.0.iter().filter(|(name, amount)| keep(name, **amount));
        Self(kept.map(|(name, amount)| (name.clone(), *amount)).collect())
    }

    /// The entries as quota messages show them: `cpu=1,pods=2`.
    pub(crate) fn shown(&self) -> String {
        let parts: Vec<String> = self
            .iter()
            .map(|(name, amount)| format!("{name}={amount}"))
            .collect();
        parts.join(",")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(value: &Value) -> ResourceList {
        ResourceList::from_json(value)
    }

    #[test]
    fn lists_are_added_compared_and_shown_name_by_name() {
        let mut sum = list(&json!({"cpu": "500m"}));
        sum.add(&list(&json!({"cpu": "1", "memory": "1Gi"})));
        assert_eq!(sum.to_json(), json!({"cpu": "1500m", "memory": "1Gi"}));
        sum.raise_to(&list(&json!({"cpu": "1", "memory": "2Gi", "pods": "1"})));
        assert_eq!(sum.shown(), "cpu=1500m,memory=2Gi,pods=1");
        let rest = sum.less(&list(&json!({"cpu": "2", "memory": "1Gi"})));
        assert_eq!(rest.to_json(), json!({"cpu": "0", "memory": "1Gi", "pods": "1"}));
        assert!(!sum.set_default("cpu", Quantity::ZERO) && sum.set_default("gpu", Quantity::ZERO));
    }
}
