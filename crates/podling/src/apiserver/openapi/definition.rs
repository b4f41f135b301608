//! The schema table's types, written as OpenAPI v3 definitions.

use serde_json::{Map, Value, json};

use super::description;
use crate::schema::{Field, ListKind, Shape, Type};

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";

/// The definitions of types that are not objects.
pub(super) fn scalars() -> impl Iterator<Item = (String, Value)> {
    let time = json!({"type": "string", "format": "date-time"});
    [
        (
            QUANTITY,
            json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
        ),
        (
            INT_OR_STRING,
            json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}),
        ),
        (TIME, time.clone()),
        (MICRO_TIME, time),
    ]
    .into_iter()
    .map(|(name, definition)| (name.to_owned(), definition))
}

/// The definition of an object type.
pub(super) fn object(of: &Type) -> Value {
    let mut definition = json!({"type": "object"});
    if let Some(text) = description::of(of, None) {
        definition["description"] = text.into();
    }
    let properties: Map<String, Value> = of
        .fields
        .iter()
        .map(|field| (field.name.to_owned(), property(of, field)))
        .collect();
    if !properties.is_empty() {
        definition["properties"] = properties.into();
    }
    let required: Vec<&str> = of
        .fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    if !required.is_empty() {
        definition["required"] = required.into();
    }
    if of.atomic {
        definition["x-kubernetes-map-type"] = "atomic".into();
    }
    let kinds: Vec<Value> = of
        .kinds
        .iter()
        .map(|of| json!({"group": of.group, "kind": of.kind, "version": of.version}))
        .collect();
    if !kinds.is_empty() {
        definition["x-kubernetes-group-version-kind"] = kinds.into();
    }
    definition
}

fn property(of: &Type, field: &Field) -> Value {
    let mut property = shape(&field.shape);
    // Beside a reference nothing else may stand, so it is wrapped.
    if let Some(reference) = property.as_object_mut().and_then(|object| object.remove("$ref")) {
        property["allOf"] = json!([{"$ref": reference}]);
    }
    if let Some(text) = description::of(of, Some(field.name)) {
        property["description"] = text.into();
    }
    if let Some(default) = &field.default {
        property["default"] = default.clone();
    }
    if !field.allowed.is_empty() {
        let allowed = field.allowed.as_slice();
        match &field.shape {
            Shape::List(_) => property["items"]["enum"] = allowed.into(),
            _ => property["enum"] = allowed.into(),
        }
    }
    merging(field, &mut property);
    property
}

/// How the field's list or map merges.
fn merging(field: &Field, property: &mut Value) {
    if matches!(field.shape, Shape::List(_)) {
        let kind = match &field.list {
            ListKind::Atomic => "atomic",
            ListKind::Set => "set",
            ListKind::Map(keys) => {
                property["x-kubernetes-list-map-keys"] = keys.as_slice().into();
                "map"
            }
        };
        property["x-kubernetes-list-type"] = kind.into();
    }
    if let Some(atomic) = field.map_atomic {
        property["x-kubernetes-map-type"] = if atomic { "atomic" } else { "granular" }.into();
    }
    let patch = field.patch;
    let strategies = [
        (patch.merge, "merge"),
        (patch.replace, "replace"),
        (patch.retain_keys, "retainKeys"),
    ];
    let strategies = strategies.iter().filter(|(set, _)| *set).map(|(_, name)| *name);
    let strategies: Vec<&str> = strategies.collect();
    if !strategies.is_empty() {
        property["x-kubernetes-patch-strategy"] = strategies.join(",").into();
    }
    if let Some(key) = patch.merge_key {
        property["x-kubernetes-patch-merge-key"] = key.into();
    }
}

fn shape(shape_of: &Shape) -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    match shape_of {
        Shape::Text => json!({"type": "string"}),
        Shape::Bytes => json!({"type": "string", "format": "byte"}),
        Shape::Int32 => json!({"type": "integer", "format": "int32"}),
        Shape::Int64 => json!({"type": "integer", "format": "int64"}),
        Shape::Double => json!({"type": "number", "format": "double"}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Quantity => reference(QUANTITY),
        Shape::IntOrString => reference(INT_OR_STRING),
        Shape::Time => reference(TIME),
        Shape::MicroTime => reference(MICRO_TIME),
        Shape::Object(of) => reference(of.get().definition),
        Shape::List(element) => json!({"type": "array", "items": shape(element)}),
        Shape::Map(element) => json!({"type": "object", "additionalProperties": shape(element)}),
        Shape::Any => json!({"type": "object"}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn property_of(definition: &str, field: &str) -> Value {
        object(schema::named(definition).unwrap())["properties"][field].clone()
    }

    #[test]
    fn a_field_is_written_with_all_that_clients_read() {
        let cases = [
            (
                "io.k8s.api.core.v1.PodSpec",
                "containers",
                json!({
                    "type": "array", "items": {"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"},
                    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge",
                }),
            ),
            (
                "io.k8s.api.core.v1.Container",
                "resources",
                json!({
                    "allOf": [{"$ref": "#/components/schemas/io.k8s.api.core.v1.ResourceRequirements"}],
                    "default": {},
                }),
            ),
            (
                "io.k8s.api.core.v1.Container",
                "imagePullPolicy",
                json!({"type": "string", "enum": ["Always", "IfNotPresent", "Never"]}),
            ),
            (
                "io.k8s.api.core.v1.PodSpec",
                "nodeSelector",
                json!({
                    "type": "object", "additionalProperties": {"type": "string"},
                    "x-kubernetes-map-type": "atomic",
                }),
            ),
        ];
        for (definition, field, expected) in cases {
            let mut property = property_of(definition, field);
            let described = property.as_object_mut().and_then(|of| of.remove("description"));
            assert!(described.is_some_and(|text| text.is_string()), "{field}");
            assert_eq!(property, expected, "{field}");
        }
    }

    #[test]
    fn a_kind_says_which_it_is() {
        let pod = object(schema::of_kind("", "v1", "Pod").unwrap());
        assert_eq!(
            pod["x-kubernetes-group-version-kind"],
            json!([{"group": "", "kind": "Pod", "version": "v1"}])
        );
    }
}
