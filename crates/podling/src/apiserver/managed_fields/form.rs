//! Whether an applied configuration has the form of its type, in the words of `structured-merge-diff`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::tree::entry_step;
use crate::apiserver::go_print::go_print;
use crate::apiserver::place::{Entries, Form, Place};
use crate::schema::Shape;

/// What is wrong with the value, as `{path}: {sentence}`; all errors of a value on lines of their own.
pub(super) fn complaint(place: Place, value: &Value) -> Option<String> {
    let mut errors = Vec::new();
    check(place, value, "", &mut errors);
    match errors.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(format!("errors:\n  {}", many.join("\n  "))),
    }
}

fn check(place: Place, value: &Value, path: &str, errors: &mut Vec<String>) {
    match (place.form(), value) {
        (_, Value::Null) | (Form::Free, _) => {}
        (Form::Struct(_) | Form::Map, Value::Object(fields)) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                match place.child(name) {
                    Some(inside) => check(inside, value, &path, errors),
                    None => errors.push(format!("{path}: field not declared in schema")),
                }
            }
        }
        (Form::List, Value::Array(items)) => check_items(place, items, path, errors),
        (Form::Struct(_) | Form::Map, other) => {
            errors.push(format!("{path}: expected map, got &{{{}}}", go_print(other)));
        }
        (Form::List, other) => errors.push(format!("{path}: expected list, got &{{{}}}", go_print(other))),
        (Form::Scalar(shape), other) => {
            errors.extend(scalar_complaint(shape, other).map(|why| format!("{path}: {why}")));
        }
    }
}

fn check_items(place: Place, items: &[Value], path: &str, errors: &mut Vec<String>) {
    if matches!(place.entries(), Entries::Atomic) {
        for (index, item) in items.iter().enumerate() {
            check(place.entry(), item, &format!("{path}[{index}]"), errors);
        }
        return;
    }
    let mut seen = BTreeSet::new();
    let mut told = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        match entry_step(place, item) {
            Err(why) => errors.push(format!("{path}: element {index}: {why}")),
            Ok(step) => {
                check(place.entry(), item, &format!("{path}{step}"), errors);
                if !seen.insert(step.clone()) && told.insert(step.clone()) {
                    errors.push(format!("{path}: duplicate entries for key {step}"));
                }
            }
        }
    }
}

fn scalar_complaint(shape: &Shape, value: &Value) -> Option<String> {
    match shape {
        Shape::Text | Shape::Bytes if !value.is_string() => Some(format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            go_syntax(value)
        )),
        Shape::Int32 | Shape::Int64 | Shape::Double if !value.is_number() => {
            Some(format!("expected numeric (int or float), got {}", go_type(value)))
        }
        Shape::Bool if !value.is_boolean() => Some(format!("expected boolean, got &{{{}}}", go_print(value))),
        _ => None,
    }
}

/// A value as Go's `%#v` prints it.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{key:?}:{}", go_syntax(value)))
                .collect();
            format!("map[string]interface {{}}{{{}}}", fields.join(", "))
        }
        Value::Null => "interface {}(nil)".to_owned(),
        scalar => scalar.to_string(),
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::decode::GroupVersionKind;
    use crate::resource::DEPLOYMENTS;

    #[test]
    fn a_wrong_form_is_told_with_its_path() {
        let pod = |spec: Value| json!({"spec": {"template": {"spec": spec}}});
        let cases = [
            (
                json!({"spec": {"foo": 1}}),
                ".spec.foo: field not declared in schema",
            ),
            (
                pod(json!({"containers": [{"name": "c"}, {"name": "c"}]})),
                ".spec.template.spec.containers: duplicate entries for key [name=\"c\"]",
            ),
            (
                pod(json!({"containers": {"name": "c"}})),
                ".spec.template.spec.containers: expected list, got &{map[name:c]}",
            ),
            (
                json!({"spec": {"replicas": "two"}}),
                ".spec.replicas: expected numeric (int or float), got string",
            ),
            (
                json!({"metadata": {"name": 1}}),
                ".metadata.name: expected string, got &value.valueUnstructured{Value:1}",
            ),
            (
                json!({"spec": {"foo": 1, "paused": "yes"}}),
                "errors:\n  .spec.foo: field not declared in schema\n  .spec.paused: expected boolean, got &{yes}",
            ),
        ];
        for (value, complaint_) in cases {
            assert_eq!(
                complaint(Place::root(GroupVersionKind::of(&DEPLOYMENTS)), &value).as_deref(),
                Some(complaint_)
            );
        }
        // A key with a default may be left out; validation asks for the name later.
        assert_eq!(
            complaint(
                Place::root(GroupVersionKind::of(&DEPLOYMENTS)),
                &pod(json!({"containers": [{"image": "x"}]}))
            ),
            None
        );
    }
}
