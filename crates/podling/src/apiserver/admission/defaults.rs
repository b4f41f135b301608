//! Which of several classes is the default one: the newest that says so, of equally new ones the first by name.
//!
//! Source: `GetDefaultClass` in `pkg/volume/util/storageclass.go` and `getDefaultClass` of the admission plugin
//! DefaultIngressClass, v1.36.

use std::cmp::Reverse;

use serde_json::Value;

use crate::storage::text;

/// The name of the default class: one of `annotations` is `true` there.
pub(super) fn the_default_of(classes: &[&Value], annotations: &[&str]) -> Option<String> {
    let says_so = |class: &&&Value| {
        let given = &class["metadata"]["annotations"];
        annotations.iter().any(|key| given[*key] == "true")
    };
    let rank = |class: &&&Value| {
        let created = text(class, &["metadata", "creationTimestamp"]).to_owned();
        (created, Reverse(text(class, &["metadata", "name"]).to_owned()))
    };
    let newest = classes.iter().filter(says_so).max_by_key(rank)?;
    Some(text(newest, &["metadata", "name"]).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_newest_default_class_wins() {
        let class = |name: &str, created: &str, default: &str| json!({"metadata": {"name": name, "creationTimestamp": created, "annotations": {"d": default}}});
        let classes = [
            class("old", "2026-01-01T00:00:00Z", "true"),
            class("b", "2026-01-02T00:00:00Z", "true"),
            class("a", "2026-01-02T00:00:00Z", "true"),
            class("newest", "2026-01-03T00:00:00Z", "false"),
        ];
        let classes: Vec<&Value> = classes.iter().collect();
        assert_eq!(the_default_of(&classes, &["d"]).as_deref(), Some("a"));
        assert_eq!(the_default_of(&classes, &["e"]), None);
    }
}
