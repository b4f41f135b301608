//! Whether a patched object still has the form of its type; Kubernetes finds out when it turns the merged map
//! back into a Go struct (`runtime.DefaultUnstructuredConverter`).

use serde_json::Value;

use crate::apiserver::decode;
use crate::apiserver::place::{Form, Place};
use crate::schema::{Field, Shape, Type, message};

/// The field in which a value stands, at whatever depth of lists and maps.
type Owner = Option<(&'static Type, &'static Field)>;

/// The converter's sentence about the first value of a wrong form.
pub(in super::super) fn mismatch(place: Place, value: &Value) -> Option<String> {
    below(place, None, value)
}

fn below(place: Place, owner: Owner, value: &Value) -> Option<String> {
    match (place.form(), value) {
        (_, Value::Null) | (Form::Free, _) => None,
        (Form::Struct(of), Value::Object(fields)) => {
            let mut names = message::order_in_go(of.definition);
            // Types without a message have no known order.
            names.extend(of.fields.iter().map(|field| field.name));
            names.into_iter().find_map(|name| {
                let field = of.field(name)?;
                below(Place::Field(field), Some((of, field)), fields.get(name)?)
            })
        }
        (Form::Map, Value::Object(fields)) => fields
            .values()
            .find_map(|value| below(place.entry(), owner, value)),
        (Form::List, Value::Array(items)) => items.iter().find_map(|item| below(place.entry(), owner, item)),
        (Form::Struct(_), other) => Some(format!("cannot restore struct from: {}", kind(other))),
        (Form::Map, other) => Some(format!("cannot restore map from {}", kind(other))),
        (Form::List, other) => Some(format!("cannot restore slice from {}", kind(other))),
        (Form::Scalar(shape), other) => scalar_mismatch(shape, owner, other),
    }
}

/// Go converts numbers among each other and, strange as it is, integers to text; the converter then refuses what
/// JSON does not mean.
fn scalar_mismatch(shape: &Shape, owner: Owner, value: &Value) -> Option<String> {
    let target = match shape {
        Shape::Text => "string",
        Shape::Bool => "bool",
        Shape::Int32 => "int32",
        Shape::Int64 => "int64",
        Shape::Double => "float64",
        Shape::Bytes if !value.is_string() => {
            return Some(format!("cannot restore slice from {}", kind(value)));
        }
        _ => return None,
    };
    let (fits, convertible) = match (shape, value) {
        (Shape::Text, Value::String(_))
        | (Shape::Bool, Value::Bool(_))
        | (Shape::Double, Value::Number(_)) => (true, true),
        (Shape::Int32 | Shape::Int64, Value::Number(number)) => {
            (number.as_f64().is_some_and(|number| number.fract() == 0.0), true)
        }
        (Shape::Text, Value::Number(number)) => (false, !number.is_f64()),
        _ => (false, false),
    };
    if fits {
        return None;
    }
    if !convertible {
        return Some(format!("unrecognized type: {target}"));
    }
    let target = match (shape, owner) {
        (Shape::Text, Some((of, field))) => decode::go_type(of, field, shape),
        _ => target.to_owned(),
    };
    Some(format!("cannot convert {} to {target}", kind(value)))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::decode::GroupVersionKind;
    use crate::resource::DEPLOYMENTS;

    #[test]
    fn values_of_a_wrong_form_are_named_as_the_converter_names_them() {
        let container = |field: &str, value: Value| json!({"template": {"spec": {"containers": [{"name": "c", field: value}]}}});
        let cases = [
            (json!({"replicas": "x"}), Some("unrecognized type: int32")),
            (json!({"replicas": 1.5}), Some("cannot convert float64 to int32")),
            (json!({"replicas": 2.0}), None),
            (json!({"paused": "yes"}), Some("unrecognized type: bool")),
            (json!({"template": []}), Some("cannot restore struct from: slice")),
            (
                json!({"selector": {"matchLabels": "a"}}),
                Some("cannot restore map from string"),
            ),
            (
                container("image", json!(5)),
                Some("cannot convert int64 to string"),
            ),
            (container("image", json!({})), Some("unrecognized type: string")),
            (
                container("imagePullPolicy", json!(5)),
                Some("cannot convert int64 to v1.PullPolicy"),
            ),
            (
                container("args", json!("x")),
                Some("cannot restore slice from string"),
            ),
        ];
        for (spec, expected) in cases {
            let object = json!({"spec": spec});
            assert_eq!(
                mismatch(Place::root(GroupVersionKind::of(&DEPLOYMENTS)), &object).as_deref(),
                expected,
                "{object}"
            );
        }
    }
}
