//! Comparing fields of objects. Quantities compare by what they mean, numbers as numbers, and a missing field as unset.

use std::cmp::Ordering;

use podling::quantity::Quantity;
use serde_json::Value;

use super::Finding;
use super::status::existing;
use crate::check::{Comparison, Field, Message, View};

pub(super) fn compare(view: &View, it: &Field) -> Result<Finding, Message> {
    let object = match existing(view, &it.target)? {
        Ok(object) => object,
        Err(missing) => return Ok(missing),
    };
    let value = lookup(object, &it.path);
    let holds = matches(object, value, &it.is);
    let expected = serde_json::to_string(&it.is).unwrap_or_default();
    let value = value.map_or_else(|| "unset".to_owned(), shown);
    let (target, path) = (it.target.to_string(), it.path.clone());
    Ok(Finding::of(
        holds,
        Message::Field {
            target,
            path,
            value,
            expected,
        },
    ))
}

/// Finds a field by a path such as `spec.containers[web].ports[0].containerPort`.
pub(crate) fn lookup<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = object;
    for step in steps(path)? {
        value = match step {
            Step::Key(key) => value.get(key)?,
            Step::Pick(pick) => picked(value, pick)?,
        };
    }
    (!value.is_null()).then_some(value)
}

/// The element of a list by index or by its `name` or `type`; the value of a map by its key.
fn picked<'a>(value: &'a Value, pick: &str) -> Option<&'a Value> {
    let Some(elements) = value.as_array() else {
        return value.get(pick);
    };
    match pick.parse::<usize>() {
        Ok(index) => elements.get(index),
        Err(_) => elements
            .iter()
            .find(|element| element["name"] == pick || element["type"] == pick),
    }
}

enum Step<'a> {
    Key(&'a str),
    Pick(&'a str),
}

/// Splits a path; none where a bracket isn't closed. Brackets also hold keys with dots: `metadata.labels[app.kubernetes.io/name]`.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = vec![];
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(inner) = rest.strip_prefix('[') {
            let (pick, behind) = inner.split_once(']')?;
            steps.push(Step::Pick(pick));
            rest = behind;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(Step::Key(&rest[..end]));
            rest = &rest[end..];
        }
    }
    Some(steps)
}

fn matches(object: &Value, value: Option<&Value>, comparison: &Comparison) -> bool {
    let equals = |wanted: &Value| value.is_some_and(|value| order(value, wanted) == Some(Ordering::Equal));
    match comparison {
        Comparison::Equal(wanted) => equals(wanted),
        Comparison::NotEqual(wanted) => !equals(wanted),
        Comparison::OneOf(wanted) => wanted.iter().any(equals),
        Comparison::AtLeast(limit) => value
            .and_then(|value| order(value, limit))
            .is_some_and(Ordering::is_ge),
        Comparison::AtMost(limit) => value
            .and_then(|value| order(value, limit))
            .is_some_and(Ordering::is_le),
        Comparison::Set(wanted) => value.is_some() == *wanted,
        Comparison::SameAs(path) => lookup(object, path).is_some_and(equals),
    }
}

/// How two values compare; none where one can't be more than the other.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    if left == right {
        return Some(Ordering::Equal);
    }
    let quantity = |value: &Value| Quantity::parse(&shown(value)).ok();
    quantity(left)?.partial_cmp(&quantity(right)?)
}

/// A text without quotes, anything else as JSON.
pub(super) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_found_by_name_and_by_index() {
        let object = json!({"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}], "replicas": null},
            "labels": {"a.b/c": "d"}});
        for (path, value) in [
            ("spec.containers[b].image", Some(json!("y"))),
            ("spec.containers[0].image", Some(json!("x"))),
            ("spec.containers[c].image", None),
            ("labels[a.b/c]", Some(json!("d"))),
            ("spec.replicas", None),
            ("spec.containers[b", None),
        ] {
            assert_eq!(lookup(&object, path), value.as_ref(), "{path}");
        }
    }

    #[test]
    fn values_compare_by_what_they_mean() {
        let object = json!({"limits": {"memory": "1Gi", "cpu": "100m"}, "replicas": 3, "requests": {"memory": "1024Mi"}});
        for (path, comparison, holds) in [
            ("limits.memory", Comparison::Equal(json!("1024Mi")), true),
            ("limits.cpu", Comparison::Equal(json!(0.1)), true),
            ("limits.cpu", Comparison::AtMost(json!("50m")), false),
            ("replicas", Comparison::AtLeast(json!(3)), true),
            ("replicas", Comparison::OneOf(vec![json!(1), json!(2)]), false),
            ("replicas", Comparison::NotEqual(json!(2)), true),
            ("missing", Comparison::Set(false), true),
            ("missing", Comparison::AtLeast(json!(0)), false),
            (
                "limits.memory",
                Comparison::SameAs("requests.memory".to_owned()),
                true,
            ),
        ] {
            assert_eq!(
                matches(&object, lookup(&object, path), &comparison),
                holds,
                "{path} {comparison:?}"
            );
        }
    }
}
