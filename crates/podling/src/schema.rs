//! The schema table: which fields each type of the API has, and how lists and maps merge.
//!
//! One table serves strict decoding, strategic merge patch, server-side apply and OpenAPI. It is data
//! (`data/api-structure-v1.36.json`, recorded from a v1.36.2 server's `/openapi/v3`), read on first use.
//!
//! ```
//! use podling::schema;
//!
//! let pod = schema::of_kind("", "v1", "Pod").unwrap();                // the type of `v1` `Pod`
//! let spec = pod.field("spec").unwrap().shape.object().unwrap();      // the type of its field `spec`
//! let containers = spec.field("containers").unwrap();
//! assert_eq!(containers.patch.merge_key, Some("name"));               // strategic merge
//! assert_eq!(containers.list, schema::ListKind::Map(vec!["name"]));   // server-side apply
//! assert_eq!(containers.element().unwrap().name(), "Container");      // what the list holds
//! assert_eq!(schema::named("io.k8s.api.core.v1.Container"), containers.element());
//! ```
//!
//! Everything handed out lives as long as the program, so callers keep `&'static Type` and `&'static Field`.
//! Differs from Kubernetes: nothing; but see [`Field::default`] for what the table does not know.

use std::sync::OnceLock;

use serde_json::Value;

pub(crate) mod go;
mod load;
pub(crate) mod message;

pub use go::WhenEmpty;

/// A type with named fields, such as `io.k8s.api.core.v1.Container`.
#[derive(Debug, Eq, PartialEq)]
pub struct Type {
    /// The name of its OpenAPI definition.
    pub definition: &'static str,
    /// Its fields, ordered by name.
    pub fields: Vec<Field>,
    /// Server-side apply owns it as one value (`x-kubernetes-map-type: atomic`), unless a field says otherwise:
    /// ask [`Field::is_atomic`].
    pub atomic: bool,
    /// What `apiVersion` and `kind` its objects carry, if it is a kind; options kinds stand in many groups.
    pub kinds: Vec<GroupVersionKind>,
}

/// Group (empty for core), version and kind.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct GroupVersionKind {
    /// The API group; empty for core.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
}

/// One field of a [`Type`].
#[derive(Debug, PartialEq)]
pub struct Field {
    /// The name in JSON.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// OpenAPI lists it as required.
    pub required: bool,
    /// How server-side apply sees the list, if it is one.
    pub list: ListKind,
    /// Whether server-side apply owns the map or object as one value; `None` leaves it to the type.
    pub map_atomic: Option<bool>,
    /// How a strategic merge patch treats it.
    pub patch: Patch,
    /// The declared default. `{}` marks a struct that is always written; an empty text or zero a value that is
    /// always written. Defaults that Kubernetes sets in code (pull policy, probe numbers…) are not here.
    pub default: Option<Value>,
    /// What Go does with the field when it has its zero value.
    pub when_empty: WhenEmpty,
    /// The allowed texts; empty for any.
    pub allowed: Vec<&'static str>,
}

impl Eq for Field {}

/// What a field, a list's element or a map's value is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Shape {
    /// Text.
    Text,
    /// Bytes, base64 in JSON.
    Bytes,
    /// A signed 32-bit integer.
    Int32,
    /// A signed 64-bit integer.
    Int64,
    /// A floating-point number.
    Double,
    /// `true` or `false`.
    Bool,
    /// `resource.Quantity`: text, or a number.
    Quantity,
    /// `intstr.IntOrString`.
    IntOrString,
    /// `metav1.Time`: RFC 3339 text in whole seconds.
    Time,
    /// `metav1.MicroTime`: RFC 3339 text with six decimals.
    MicroTime,
    /// An object of a known type.
    Object(TypeRef),
    /// A list.
    List(Box<Self>),
    /// A map from text.
    Map(Box<Self>),
    /// Anything (`RawExtension`, `FieldsV1`, `JSON`): no schema below here.
    Any,
}

/// How server-side apply treats a list (`x-kubernetes-list-type`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ListKind {
    /// One value with one owner; also what a list without a declared type is.
    #[default]
    Atomic,
    /// Each scalar is owned on its own.
    Set,
    /// Each entry is owned on its own, named by these fields (`x-kubernetes-list-map-keys`).
    Map(Vec<&'static str>),
}

/// How a strategic merge patch treats a field (`x-kubernetes-patch-strategy`, `-merge-key`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Patch {
    /// The list's entries are merged: objects by [`merge_key`](Self::merge_key), scalars as a set. A list
    /// without it is replaced; objects and maps are merged anyway, unless [`replace`](Self::replace).
    pub merge: bool,
    /// Which field names an entry of a merged list of objects.
    pub merge_key: Option<&'static str>,
    /// An object or map that is replaced as a whole.
    pub replace: bool,
    /// `$retainKeys` is honoured.
    pub retain_keys: bool,
}

/// Names a [`Type`] of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TypeRef(u16);

/// The whole table.
#[derive(Debug)]
struct Schema {
    /// Ordered by definition name.
    types: Vec<Type>,
    /// Ordered by group, version and kind.
    kinds: Vec<(GroupVersionKind, TypeRef)>,
}

fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(load::load)
}

/// The type whose objects carry this group (empty for core), version and kind.
pub fn of_kind(group: &str, version: &str, kind: &str) -> Option<&'static Type> {
    let kinds = &schema().kinds;
    let wanted = (group, version, kind);
    let at = kinds
        .binary_search_by(|(of, _)| (of.group, of.version, of.kind).cmp(&wanted))
        .ok()?;
    Some(kinds[at].1.get())
}

/// The type of that OpenAPI definition, such as `io.k8s.api.core.v1.Container`.
pub fn named(definition: &str) -> Option<&'static Type> {
    let types = &schema().types;
    let at = types.binary_search_by(|of| of.definition.cmp(definition)).ok()?;
    Some(&types[at])
}

/// All types, ordered by the names of their definitions.
pub fn all() -> impl Iterator<Item = &'static Type> {
    schema().types.iter()
}

impl Type {
    /// The name without its package: `Container`.
    pub fn name(&self) -> &'static str {
        self.definition
            .rsplit_once('.')
            .map_or(self.definition, |(_, name)| name)
    }

    /// The version part of its package: `v1`; what Go calls the package.
    pub fn package(&self) -> &'static str {
        self.definition.rsplit('.').nth(1).unwrap_or_default()
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let at = self.fields.binary_search_by(|field| field.name.cmp(name)).ok()?;
        Some(&self.fields[at])
    }
}

impl Field {
    /// The type of the objects that the field's list or map holds.
    pub fn element(&self) -> Option<&'static Type> {
        self.shape.element().and_then(Shape::object)
    }

    /// Server-side apply owns the field as one value: an atomic list, map or object. Scalars are not.
    pub fn is_atomic(&self) -> bool {
        match &self.shape {
            Shape::List(_) => self.list == ListKind::Atomic,
            Shape::Object(of) => self.map_atomic.unwrap_or(of.get().atomic),
            Shape::Map(_) => self.map_atomic == Some(true),
            Shape::Any => true,
            _ => false,
        }
    }
}

impl Shape {
    /// The type, if the shape is an object of a known one.
    pub fn object(&self) -> Option<&'static Type> {
        match self {
            Self::Object(of) => Some(of.get()),
            _ => None,
        }
    }

    /// What a list or map holds.
    pub fn element(&self) -> Option<&Self> {
        match self {
            Self::List(element) | Self::Map(element) => Some(element),
            _ => None,
        }
    }
}

impl TypeRef {
    /// The type.
    pub fn get(self) -> &'static Type {
        &schema().types[usize::from(self.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource;

    #[test]
    fn every_served_resource_has_a_type() {
        for resource in resource::ALL {
            let of = of_kind(resource.group, resource.version, resource.kind);
            assert_eq!(of.map(Type::name), Some(resource.kind), "{resource:?}");
        }
    }

    #[test]
    fn a_type_knows_how_its_lists_merge() {
        let list = |definition: &str, field: &str| {
            let field = named(definition).unwrap().field(field).unwrap();
            (field.list.clone(), field.patch)
        };
        let merged = |key| Patch {
            merge: true,
            merge_key: Some(key),
            ..Patch::default()
        };
        let cases = [
            (
                list("io.k8s.api.core.v1.Container", "ports"),
                (
                    ListKind::Map(vec!["containerPort", "protocol"]),
                    merged("containerPort"),
                ),
            ),
            (
                list("io.k8s.api.core.v1.Container", "args"),
                (ListKind::Atomic, Patch::default()),
            ),
            (
                list("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "finalizers"),
                (
                    ListKind::Set,
                    Patch {
                        merge: true,
                        ..Patch::default()
                    },
                ),
            ),
            (
                list("io.k8s.api.core.v1.PodSpec", "volumes"),
                (
                    ListKind::Map(vec!["name"]),
                    Patch {
                        retain_keys: true,
                        ..merged("name")
                    },
                ),
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_field_decides_over_its_type_whether_it_is_atomic() {
        let cases = [
            ("io.k8s.api.core.v1.PodSpec", "nodeSelector", true),
            ("io.k8s.api.core.v1.PersistentVolumeSpec", "claimRef", false),
            ("io.k8s.api.core.v1.ObjectFieldSelector", "fieldPath", false),
            ("io.k8s.api.core.v1.EnvVarSource", "fieldRef", true),
            ("io.k8s.api.core.v1.ConfigMap", "data", false),
        ];
        for (definition, field, atomic) in cases {
            let field = named(definition).unwrap().field(field).unwrap();
            assert_eq!(field.is_atomic(), atomic, "{definition}.{}", field.name);
        }
    }
}
