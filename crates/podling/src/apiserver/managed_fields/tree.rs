//! Objects seen as trees of owned fields: which paths a value has, what changed between two values, a value
//! with paths taken out.
//!
//! Source of the rules: `sigs.k8s.io/structured-merge-diff/typed`. An atomic list, map or object is one leaf; so
//! is an empty one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::set::{Set, Step};
use crate::apiserver::place::{Entries, Form, Place};
use crate::schema::{Shape, Type};

/// How a new value differs from an old one.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) added: Set,
    pub(super) modified: Set,
    pub(super) removed: Set,
}

impl Comparison {
    /// Nothing differs.
    pub(super) fn is_same(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    /// Forgets a top-level field.
    pub(super) fn ignore_field(&mut self, name: &str) {
        for set in [&mut self.added, &mut self.modified, &mut self.removed] {
            set.remove_field(name);
        }
    }
}

/// The step to a list's entry, or why it has none.
pub(super) fn entry_step(list: Place, item: &Value) -> Result<Step, String> {
    match list.entries() {
        Entries::Map(keys) => keyed_step(list, keys, item),
        Entries::Set if item.is_array() || item.is_object() => {
            Err("only scalars may be used as set entries".to_owned())
        }
        Entries::Set | Entries::Atomic => Ok(Step::Value(item.to_string())),
    }
}

fn keyed_step(list: Place, keys: &'static [&'static str], item: &Value) -> Result<Step, String> {
    let Value::Object(fields) = item else {
        return Err(match item {
            Value::Null => "associative list with keys may not have a null element".to_owned(),
            _ => "associative list with keys may not have non-map elements".to_owned(),
        });
    };
    let mut named: BTreeMap<&str, &Value> = BTreeMap::new();
    for key in keys {
        let value = fields.get(*key).or_else(|| list.entry().default_of(key));
        named.insert(key, value.ok_or_else(|| {
            format!("associative list with keys has an element that omits key field {key:?} (and doesn't have default value)")
        })?);
    }
    Ok(Step::keys(named.into_iter()))
}

/// The paths that a value has.
pub(super) fn paths_of(place: Place, value: &Value) -> Set {
    let mut set = Set::default();
    collect(place, value, &mut Vec::new(), &mut set);
    set
}

fn collect(place: Place, value: &Value, path: &mut Vec<Step>, set: &mut Set) {
    if place.is_atomic() {
        set.insert(path);
        return;
    }
    match (place.form(), value) {
        (Form::Struct(_) | Form::Map | Form::Free, Value::Object(fields)) => {
            for (name, value) in fields {
                path.push(Step::field(name));
                collect(place.child(name).unwrap_or(Place::Free), value, path, set);
                let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                let undeclared = !matches!(place.form(), Form::Struct(of) if of.field(name).is_some());
                if empty || undeclared {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (Form::List, Value::Array(items)) => {
            for item in items {
                let Ok(step) = entry_step(place, item) else {
                    continue;
                };
                path.push(step);
                collect(place.entry(), item, path, set);
                set.insert(path);
                path.pop();
            }
        }
        (Form::Scalar(_) | Form::Free, _) => set.insert(path),
        (Form::Struct(_) | Form::Map | Form::List, _) => {}
    }
}

/// What makes `new` out of `old`.
pub(super) fn compare(place: Place, old: &Value, new: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    differ(place, Some(old), Some(new), &mut Vec::new(), &mut comparison);
    comparison
}

fn differ(
    place: Place,
    old: Option<&Value>,
    new: Option<&Value>,
    path: &mut Vec<Step>,
    out: &mut Comparison,
) {
    let is_leaf = match place.form() {
        _ if place.is_atomic() || (is_empty(old) && is_empty(new)) => true,
        Form::Struct(_) | Form::Map => !(is_map(old) && is_map(new)),
        Form::List => !(is_list(old) && is_list(new)),
        Form::Scalar(_) => true,
        Form::Free => !(is_map(old) && is_map(new)),
    };
    match (old, new) {
        (None, Some(_)) => out.added.insert(path),
        (Some(_), None) => out.removed.insert(path),
        (Some(old), Some(new)) if is_leaf && old != new => out.modified.insert(path),
        _ => {}
    }
    if is_leaf {
        return;
    }
    let (olds, news) = (children(place, old), children(place, new));
    let steps: BTreeSet<&Step> = olds.keys().chain(news.keys()).collect();
    for step in steps {
        let inside = match step {
            Step::Field(name) => place.child(name).unwrap_or(Place::Free),
            Step::Key(_) | Step::Value(_) | Step::Index(_) => place.entry(),
        };
        path.push(step.clone());
        differ(
            inside,
            olds.get(step).copied(),
            news.get(step).copied(),
            path,
            out,
        );
        path.pop();
    }
}

/// What stands below a value, by step; of duplicate list entries the first.
fn children(place: Place, value: Option<&Value>) -> BTreeMap<Step, &Value> {
    match value {
        Some(Value::Object(fields)) => fields
            .iter()
            .map(|(name, value)| (Step::field(name), value))
            .collect(),
        Some(Value::Array(items)) => {
            let named = items
                .iter()
                .filter_map(|item| Some((entry_step(place, item).ok()?, item)));
            named.rev().collect()
        }
        _ => BTreeMap::new(),
    }
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

fn is_map(value: Option<&Value>) -> bool {
    matches!(value, None | Some(Value::Null | Value::Object(_)))
}

fn is_list(value: Option<&Value>) -> bool {
    matches!(value, None | Some(Value::Null | Value::Array(_)))
}

/// The value without the members of `set`; `None` if nothing is left of a list or map.
pub(super) fn without(place: Place, value: &Value, set: &Set) -> Option<Value> {
    if place.is_atomic() || set.is_empty() {
        return Some(value.clone());
    }
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let kept = fields.iter().filter_map(|(name, value)| {
                let inside = place.child(name).unwrap_or(Place::Free);
                Some((name.clone(), kept_child(inside, value, set, &Step::field(name))?))
            });
            let kept: Map<String, Value> = kept.collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) if !items.is_empty() => {
            let kept = items.iter().filter_map(|item| match entry_step(place, item) {
                Ok(step) => kept_child(place.entry(), item, set, &step),
                Err(_) => Some(item.clone()),
            });
            let kept: Vec<Value> = kept.collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        other => Some(other.clone()),
    }
}

fn kept_child(place: Place, value: &Value, set: &Set, step: &Step) -> Option<Value> {
    if set.has(step) {
        return None;
    }
    match set.below(step) {
        Some(below) => without(place, value, below),
        None => Some(value.clone()),
    }
}

/// An object of the type as Go writes it before anything is set: structs that are no pointers, and fields
/// without `omitempty`, are there from the start, so nobody comes to own them by creating the object.
pub(super) fn zero(of: &'static Type) -> Value {
    let fields = of.fields.iter().filter_map(|field| {
        let value = match (&field.shape, &field.default) {
            (Shape::Object(of), Some(_)) => zero(of.get()),
            (_, Some(Value::Object(_))) => Value::Null,
            (_, Some(default)) if field.required => default.clone(),
            (_, None) if field.required => Value::Null,
            _ => return None,
        };
        Some((field.name.to_owned(), value))
    });
    Value::Object(fields.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::decode::GroupVersionKind;
    use crate::resource::{CONFIG_MAPS, DEPLOYMENTS, SERVICES};
    use crate::schema;

    fn spec(containers: &Value) -> Value {
        json!({"spec": {"template": {"spec": {"containers": containers}}}})
    }

    #[test]
    fn a_value_has_the_paths_that_an_applier_owns() {
        let ports = json!({"spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}});
        let cases = [
            (
                Place::root(GroupVersionKind::of(&SERVICES)),
                ports,
                json!({"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}, "f:selector": {}}}),
            ),
            (
                Place::root(GroupVersionKind::of(&CONFIG_MAPS)),
                json!({"data": {}}),
                json!({"f:data": {}}),
            ),
            (
                Place::root(GroupVersionKind::of(&CONFIG_MAPS)),
                json!({"data": {"a": null}}),
                json!({"f:data": {"f:a": {}}}),
            ),
            (
                Place::root(GroupVersionKind::of(&CONFIG_MAPS)),
                json!({"metadata": {"finalizers": ["x"], "ownerReferences": [{"uid": "1", "name": "n"}]}}),
                json!({"f:metadata": {"f:finalizers": {"v:\"x\"": {}}, "f:ownerReferences": {"k:{\"uid\":\"1\"}": {}}}}),
            ),
        ];
        for (place, value, expected) in cases {
            assert_eq!(paths_of(place, &value).to_json(), expected, "{value}");
        }
    }

    #[test]
    fn a_comparison_tells_what_was_added_modified_and_removed() {
        let place = Place::root(GroupVersionKind::of(&DEPLOYMENTS));
        let old = spec(&json!([{"name": "c", "image": "a:1", "env": [{"name": "A", "value": "1"}]}]));
        let new = spec(&json!([{"name": "c", "image": "a:2", "command": ["x"]}]));
        let comparison = compare(place, &old, &new);
        let at = |inside: Value| json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"c\"}": inside}}}}});
        assert_eq!(comparison.modified.to_json(), at(json!({"f:image": {}})));
        assert_eq!(comparison.added.to_json(), at(json!({"f:command": {}})));
        let gone = json!({".": {}, "k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}}});
        assert_eq!(comparison.removed.to_json(), at(json!({"f:env": gone})));
        assert!(compare(place, &old, &old).is_same());
    }

    #[test]
    fn members_are_taken_out_with_all_below_them() {
        let place = Place::root(GroupVersionKind::of(&DEPLOYMENTS));
        let value = spec(&json!([{"name": "c", "image": "a:1"}, {"name": "d", "image": "b:1"}]));
        let set = paths_of(place, &spec(&json!([{"name": "d"}])));
        assert_eq!(
            without(place, &value, &set),
            Some(spec(&json!([{"name": "c", "image": "a:1"}])))
        );
    }

    #[test]
    fn a_new_object_has_its_structs_from_the_start() {
        let deployment = schema::of_kind("apps", "v1", "Deployment").expect("a kind");
        let zero = zero(deployment);
        assert_eq!(zero["spec"]["strategy"], json!({}));
        assert_eq!(zero["spec"]["template"]["spec"]["containers"], json!(null));
        assert_eq!(zero["spec"].get("replicas"), None);
    }
}
