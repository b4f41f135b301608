//! Reading the fields of objects that every condition needs.

use serde_json::Value;

/// The text at a JSON pointer.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str)
}

/// The number at a JSON pointer.
pub(super) fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// The list at a JSON pointer; empty where there is none.
pub(super) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// `metadata.name`.
pub(super) fn name(object: &Value) -> &str {
    text(object, "/metadata/name").unwrap_or_default()
}

/// The value of a label.
pub(super) fn labels<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object
        .pointer("/metadata/labels")
        .and_then(|labels| labels.get(key))
        .and_then(Value::as_str)
}

/// The uid of the owner that controls the object.
pub(super) fn owner_uid(object: &Value) -> Option<&str> {
    let owners = list(object, "/metadata/ownerReferences");
    owners
        .iter()
        .find(|owner| owner["controller"] == true)
        .and_then(|owner| text(owner, "/uid"))
}

/// The spec of the Pods that the object is or makes.
pub(super) fn pod_spec(object: &Value) -> Option<&Value> {
    match object["kind"].as_str() {
        Some("Pod") | None => object.pointer("/spec"),
        Some("CronJob") => object.pointer("/spec/jobTemplate/spec/template/spec"),
        Some(_) => object.pointer("/spec/template/spec"),
    }
}

/// The containers of the Pods that the object is or makes, without init containers.
pub(crate) fn containers(object: &Value) -> &[Value] {
    pod_spec(object).map_or(&[], |spec| list(spec, "/containers"))
}

/// The element of a list of named things.
pub(super) fn named<'a>(things: &'a [Value], wanted: &str) -> Option<&'a Value> {
    things.iter().find(|thing| thing["name"] == wanted)
}
