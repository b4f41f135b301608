//! Whether a patched object still has the form of its type; Kubernetes finds out when it turns the merged map
//! back into a Go struct (`runtime.DefaultUnstructuredConverter`).

use serde_json::Value;

use crate::apiserver::place::{Form, Place};
use crate::schema::Shape;

/// The converter's sentence about the first value of a wrong form.
pub(in super::super) fn mismatch(place: Place, value: &Value) -> Option<String> {
    match (place.form(), value) {
        (_, Value::Null) | (Form::Free, _) => None,
        (Form::Struct(_) | Form::Map, Value::Object(fields)) => fields
            .iter()
            .find_map(|(name, value)| mismatch(place.child(name)?, value)),
        (Form::List, Value::Array(items)) => items.iter().find_map(|item| mismatch(place.entry(), item)),
        (Form::Struct(_), other) => Some(format!("cannot restore struct from: {}", kind(other))),
        (Form::Map, other) => Some(format!("cannot restore map from {}", kind(other))),
        (Form::List, other) => Some(format!("cannot restore slice from {}", kind(other))),
        (Form::Scalar(shape), other) => scalar_mismatch(shape, other),
    }
}

fn scalar_mismatch(shape: &Shape, value: &Value) -> Option<String> {
    let (fits, target) = match shape {
        Shape::Text => (value.is_string(), "string"),
        Shape::Bool => (value.is_boolean(), "bool"),
        Shape::Int32 => (value.is_number(), "int32"),
        Shape::Int64 => (value.is_number(), "int64"),
        Shape::Double => (value.is_number(), "float64"),
        _ => (true, ""),
    };
    (!fits).then(|| format!("cannot convert {} to {target}", kind(value)))
}

/// Go's `reflect.Kind` of the value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "invalid",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}
