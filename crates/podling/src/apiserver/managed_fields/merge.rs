//! An applied configuration merged into the live object: maps key by key, lists as their type says, all else
//! replaced.

use serde_json::{Map, Value};

use super::set::Step;
use super::tree::entry_step;
use crate::apiserver::place::{Form, Place};
use crate::schema::Shape;

/// The live value with the applied one merged in. A null that was applied is in it: to change a value that someone
/// else owns to null is a conflict. [`settled`] takes the nulls out.
pub(super) fn merge(place: Place, live: &Value, applied: &Value) -> Value {
    if place.is_atomic() {
        return applied.clone();
    }
    match (place.form(), live, applied) {
        (Form::Struct(_) | Form::Map | Form::Free, Value::Object(live), Value::Object(applied)) => {
            Value::Object(merge_fields(place, live, applied))
        }
        (Form::List, Value::Array(live), Value::Array(applied)) => merge_lists(place, live, applied).into(),
        _ => applied.clone(),
    }
}

fn merge_fields(place: Place, live: &Map<String, Value>, applied: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = live.clone();
    for (name, value) in applied {
        let inside = place.child(name).unwrap_or(Place::Free);
        let old = live.get(name);
        if value.is_null() && keeps_on_null(inside, old) {
            continue;
        }
        let new = old.map_or_else(|| value.clone(), |old| merge(inside, old, value));
        merged.insert(name.clone(), new);
    }
    merged
}

/// Applying null to a map or list that is merged by its entries names none of them, so all stay.
fn keeps_on_null(place: Place, old: Option<&Value>) -> bool {
    let full = match old {
        Some(Value::Object(fields)) => !fields.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        _ => false,
    };
    full && !place.is_atomic()
}

/// What a null becomes in Go: the zero value of a map's values, no field of a struct.
fn unset(place: Place) -> Option<Value> {
    match place {
        Place::Entry(Shape::Text | Shape::Bytes) => Some("".into()),
        Place::Entry(Shape::Int32 | Shape::Int64) => Some(0.into()),
        Place::Entry(Shape::Bool) => Some(false.into()),
        _ => None,
    }
}

fn set(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            fields.insert(name.to_owned(), value);
        }
        None => {
            fields.remove(name);
        }
    }
}

/// A value without its nulls.
pub(super) fn settled(place: Place, applied: &Value) -> Value {
    match applied {
        Value::Object(fields) => {
            let mut new = Map::new();
            for (name, value) in fields {
                let inside = place.child(name).unwrap_or(Place::Free);
                let value = if value.is_null() {
                    unset(inside)
                } else {
                    Some(settled(inside, value))
                };
                set(&mut new, name, value);
            }
            Value::Object(new)
        }
        Value::Array(items) => items.iter().map(|item| settled(place.entry(), item)).collect(),
        other => other.clone(),
    }
}

/// Merges two lists: the applied entries in their own order, and each entry that only the live list has where it
/// stood among those that both have.
///
/// Live `[a, x, b]` with `[b, n, a]` applied gives `[x, b, n, a]`; live `[c]` with `[side]` gives `[c, side]`.
fn merge_lists(place: Place, live: &[Value], applied: &[Value]) -> Vec<Value> {
    let steps = |items: &[Value]| -> Vec<Option<Step>> {
        items.iter().map(|item| entry_step(place, item).ok()).collect()
    };
    let (old, new) = (steps(live), steps(applied));
    let mut merged = Vec::with_capacity(live.len() + applied.len());
    let mut next = 0;
    for (at, item) in applied.iter().enumerate() {
        // The live list is passed up to the next entry that is still to come in the applied one.
        let awaited = new[at..].iter().find(|step| old.contains(step));
        while next < live.len() && awaited != Some(&old[next]) {
            if !new.contains(&old[next]) {
                merged.push(live[next].clone());
            }
            next += 1;
        }
        match old.iter().position(|step| step == &new[at]) {
            Some(place_in_live) => {
                merged.push(merge(place.entry(), &live[place_in_live], item));
                if next == place_in_live {
                    next += 1;
                }
            }
            None => merged.push(settled(place.entry(), item)),
        }
    }
    let rest = live.iter().zip(&old).skip(next);
    merged.extend(
        rest.filter(|(_, step)| !new.contains(step))
            .map(|(item, _)| item.clone()),
    );
    merged
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::decode::GroupVersionKind;
    use crate::resource::{CONFIG_MAPS, DEPLOYMENTS};

    fn containers(names: &[&str]) -> Value {
        let containers: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        json!({"spec": {"template": {"spec": {"containers": containers}}}})
    }

    #[test]
    fn list_entries_keep_their_order_as_far_as_both_sides_allow() {
        let cases: [(&[&str], &[&str], &[&str]); 6] = [
            (&["c"], &["side"], &["c", "side"]),
            (&["a", "x", "b"], &["b", "n", "a"], &["x", "b", "n", "a"]),
            (&["a", "b"], &["a", "n", "b"], &["a", "n", "b"]),
            (&["a", "x", "b"], &["a", "n", "b"], &["a", "x", "n", "b"]),
            (&["a", "b", "x"], &["b", "a"], &["b", "x", "a"]),
            (&[], &["a"], &["a"]),
        ];
        for (live, applied, expected) in cases {
            let merged = merge(
                Place::root(GroupVersionKind::of(&DEPLOYMENTS)),
                &containers(live),
                &containers(applied),
            );
            assert_eq!(merged, containers(expected), "{live:?} with {applied:?}");
        }
    }

    #[test]
    fn nulls_unset_what_they_name() {
        let cases = [
            (
                &CONFIG_MAPS,
                json!({"data": {"b": "1"}}),
                json!({"data": {"a": null}}),
                json!({"data": {"a": "", "b": "1"}}),
            ),
            (
                &CONFIG_MAPS,
                json!({"data": {"b": "1"}}),
                json!({"data": null}),
                json!({"data": {"b": "1"}}),
            ),
            (
                &DEPLOYMENTS,
                json!({"spec": {"replicas": 3}}),
                json!({"spec": {"replicas": null}}),
                json!({"spec": {}}),
            ),
            (
                &DEPLOYMENTS,
                json!({}),
                json!({"spec": {"minReadySeconds": null}}),
                json!({"spec": {}}),
            ),
        ];
        for (resource, live, applied, expected) in cases {
            let root = Place::root(GroupVersionKind::of(resource));
            assert_eq!(
                settled(root, &merge(root, &live, &applied)),
                expected,
                "{applied}"
            );
        }
    }

    #[test]
    fn atomic_values_are_replaced() {
        let selector = |labels: Value| json!({"spec": {"selector": {"matchLabels": labels}}});
        let merged = merge(
            Place::root(GroupVersionKind::of(&DEPLOYMENTS)),
            &selector(json!({"a": "1"})),
            &selector(json!({"b": "2"})),
        );
        assert_eq!(merged, selector(json!({"b": "2"})));
    }
}
