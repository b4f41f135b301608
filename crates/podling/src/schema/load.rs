//! Reads the recorded OpenAPI definitions into the table.
//!
//! Names are slices of the embedded document, so nothing is copied but the structure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Field, GroupVersionKind, ListKind, Patch, Schema, Shape, Type, TypeRef, WhenEmpty, go};

const DATA: &str = include_str!("../../data/api-structure-v1.36.json");

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";
/// Objects whose content has no schema, though OpenAPI calls them objects.
const OPEN: [&str; 2] = [
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
    "io.k8s.apimachinery.pkg.runtime.RawExtension",
];

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    definitions: BTreeMap<&'a str, Definition<'a>>,
}

#[derive(Deserialize)]
struct Definition<'a> {
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    #[serde(default, borrow)]
    properties: BTreeMap<&'a str, Property<'a>>,
    #[serde(default, borrow)]
    required: Vec<&'a str>,
    #[serde(rename = "x-kubernetes-map-type")]
    map_type: Option<&'a str>,
    #[serde(default, rename = "x-kubernetes-group-version-kind", borrow)]
    kinds: Vec<Kind<'a>>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    group: &'a str,
    version: &'a str,
    kind: &'a str,
}

#[derive(Deserialize)]
struct Property<'a> {
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    format: Option<&'a str>,
    #[serde(rename = "$ref")]
    reference: Option<&'a str>,
    #[serde(default, rename = "allOf", borrow)]
    all_of: Vec<Reference<'a>>,
    items: Option<Box<Self>>,
    #[serde(rename = "additionalProperties")]
    values: Option<Box<Self>>,
    default: Option<Value>,
    #[serde(default, rename = "enum", borrow)]
    allowed: Vec<&'a str>,
    #[serde(rename = "x-kubernetes-list-type")]
    list_type: Option<&'a str>,
    #[serde(default, rename = "x-kubernetes-list-map-keys", borrow)]
    list_keys: Vec<&'a str>,
    #[serde(rename = "x-kubernetes-map-type")]
    map_type: Option<&'a str>,
    #[serde(rename = "x-kubernetes-patch-merge-key")]
    merge_key: Option<&'a str>,
    #[serde(default, rename = "x-kubernetes-patch-strategy")]
    strategy: &'a str,
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(rename = "$ref")]
    to: &'a str,
}

/// Where each object type will stand in the table.
type Index = BTreeMap<&'static str, TypeRef>;

/// The table from the embedded document; empty if that were not readable, which a test rules out.
pub(super) fn load() -> Schema {
    let definitions = serde_json::from_str::<Document<'static>>(DATA)
        .map(|document| document.definitions)
        .unwrap_or_default();
    let index: Index = definitions
        .iter()
        .filter(|(name, definition)| is_object(name, definition))
        .zip(0u16..)
        .map(|((name, _), at)| (*name, TypeRef(at)))
        .collect();
    let types: Vec<Type> = definitions
        .into_iter()
        .filter(|(name, _)| index.contains_key(name))
        .map(|(name, definition)| object_type(name, definition, &index))
        .collect();
    let mut kinds: Vec<(GroupVersionKind, TypeRef)> = types
        .iter()
        .zip(0u16..)
        .flat_map(|(of, at)| of.kinds.iter().map(move |kind| (*kind, TypeRef(at))))
        .collect();
    kinds.sort_unstable_by_key(|(kind, _)| *kind);
    Schema { types, kinds }
}

fn is_object(name: &str, definition: &Definition<'_>) -> bool {
    definition.kind == Some("object") && !OPEN.contains(&name)
}

fn object_type(name: &'static str, definition: Definition<'static>, index: &Index) -> Type {
    let required = definition.required;
    let fields = definition
        .properties
        .into_iter()
        .map(|(field, property)| {
            let field = object_field(field, property, required.contains(&field), index);
            Field {
                when_empty: go::when_empty(name, &field),
                ..field
            }
        })
        .collect();
    let kinds = definition.kinds.into_iter().map(|of| GroupVersionKind {
        group: of.group,
        version: of.version,
        kind: of.kind,
    });
    Type {
        definition: name,
        fields,
        atomic: definition.map_type == Some("atomic"),
        kinds: kinds.collect(),
    }
}

fn object_field(name: &'static str, property: Property<'static>, required: bool, index: &Index) -> Field {
    Field {
        name,
        shape: shape(&property, index),
        required,
        list: list_kind(property.list_type, property.list_keys),
        map_atomic: property.map_type.map(|kind| kind == "atomic"),
        patch: patch(property.strategy, property.merge_key),
        default: property.default,
        when_empty: WhenEmpty::Omitted,
        allowed: property.allowed,
    }
}

fn list_kind(list_type: Option<&str>, keys: Vec<&'static str>) -> ListKind {
    match list_type {
        Some("set") => ListKind::Set,
        Some("map") => ListKind::Map(keys),
        _ => ListKind::Atomic,
    }
}

fn patch(strategy: &str, merge_key: Option<&'static str>) -> Patch {
    let says = |word| strategy.split(',').any(|part| part == word);
    Patch {
        merge: says("merge"),
        merge_key,
        replace: says("replace"),
        retain_keys: says("retainKeys"),
    }
}

fn shape(property: &Property<'_>, index: &Index) -> Shape {
    let reference = property
        .reference
        .or_else(|| property.all_of.first().map(|of| of.to));
    if let Some(reference) = reference {
        return referenced(reference, index);
    }
    match (property.kind, property.format) {
        (Some("string"), Some("byte")) => Shape::Bytes,
        (Some("string"), _) => Shape::Text,
        (Some("boolean"), _) => Shape::Bool,
        (Some("integer"), Some("int32")) => Shape::Int32,
        (Some("integer"), _) => Shape::Int64,
        (Some("number"), _) => Shape::Double,
        (Some("array"), _) => Shape::List(Box::new(element(property.items.as_deref(), index))),
        (Some("object"), _) => Shape::Map(Box::new(element(property.values.as_deref(), index))),
        _ => Shape::Any,
    }
}

fn element(property: Option<&Property<'_>>, index: &Index) -> Shape {
    property.map_or(Shape::Any, |property| shape(property, index))
}

/// `#/components/schemas/io.k8s.api.core.v1.Container`
fn referenced(reference: &str, index: &Index) -> Shape {
    let name = reference.rsplit_once('/').map_or(reference, |(_, name)| name);
    match name {
        QUANTITY => Shape::Quantity,
        INT_OR_STRING => Shape::IntOrString,
        TIME => Shape::Time,
        MICRO_TIME => Shape::MicroTime,
        _ => index.get(name).map_or(Shape::Any, |of| Shape::Object(*of)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_document_is_read_whole() {
        let document: Document<'_> = serde_json::from_str(DATA).unwrap();
        let schema = load();
        let objects = document
            .definitions
            .iter()
            .filter(|(name, definition)| is_object(name, definition));
        assert_eq!(schema.types.len(), objects.count());
        assert!(schema.types.is_sorted_by_key(|of| of.definition));
        assert!(schema.kinds.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn fields_have_the_shape_that_the_document_says() {
        let schema = load();
        let shape = |definition: &str, field: &str| {
            let of = schema
                .types
                .iter()
                .find(|of| of.definition == definition)
                .unwrap();
            of.field(field).unwrap().shape.clone()
        };
        let list = |of| Shape::List(Box::new(of));
        let map = |of| Shape::Map(Box::new(of));
        let cases = [
            ("io.k8s.api.core.v1.Container", "command", list(Shape::Text)),
            ("io.k8s.api.core.v1.ContainerPort", "containerPort", Shape::Int32),
            ("io.k8s.api.core.v1.Secret", "data", map(Shape::Bytes)),
            (
                "io.k8s.api.core.v1.ResourceRequirements",
                "limits",
                map(Shape::Quantity),
            ),
            ("io.k8s.api.core.v1.HTTPGetAction", "port", Shape::IntOrString),
            (
                "io.k8s.api.coordination.v1.LeaseSpec",
                "renewTime",
                Shape::MicroTime,
            ),
            (
                "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
                "creationTimestamp",
                Shape::Time,
            ),
            (
                "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry",
                "fieldsV1",
                Shape::Any,
            ),
            ("io.k8s.api.apps.v1.ControllerRevision", "data", Shape::Any),
        ];
        for (definition, field, expected) in cases {
            assert_eq!(shape(definition, field), expected, "{definition}.{field}");
        }
    }
}
