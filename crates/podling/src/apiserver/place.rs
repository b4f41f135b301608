//! Where a value of an object's JSON stands in the schema: a walk from the kind down to each field, list
//! entry and map value, as patches and server-side apply take it.

use super::decode::GroupVersionKind;
use crate::schema::{Field, ListKind, Patch, Shape, Type};
use serde_json::Value;

/// A place in the tree of types.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// An object of a known type: the root, or an entry of a list or map.
    Type(&'static Type),
    /// A field of a known type.
    Field(&'static Field),
    /// An entry of a list or a value of a map.
    Entry(&'static Shape),
    /// Below what the schema describes.
    Free,
}

/// What stands at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// An object with declared fields.
    Struct(&'static Type),
    /// A map with values of one form.
    Map,
    /// A list.
    List,
    /// Text, a number or a truth value.
    Scalar(&'static Shape),
    /// Anything.
    Free,
}

/// How the entries of a list are told apart by server-side apply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entries {
    /// They are not: the list is one value.
    Atomic,
    /// By their value.
    Set,
    /// By these fields.
    Map(&'static [&'static str]),
}

impl Place {
    /// The root of the objects of a kind; anything goes if it has no type.
    pub(crate) fn root(kind: GroupVersionKind<'_>) -> Self {
        kind.schema().map_or(Self::Free, Self::Type)
    }

    /// What stands here.
    pub(crate) fn form(self) -> Form {
        match self {
            Self::Type(of) => Form::Struct(of),
            Self::Field(field) => form_of(&field.shape),
            Self::Entry(shape) => form_of(shape),
            Self::Free => Form::Free,
        }
    }

    /// The place of the key `name`; `None` if the type has no such field.
    pub(crate) fn child(self, name: &str) -> Option<Self> {
        match self.form() {
            Form::Struct(of) => of.field(name).map(Self::Field),
            Form::Map => Some(self.entry()),
            Form::List | Form::Scalar(_) => None,
            Form::Free => Some(Self::Free),
        }
    }

    /// The place of the entries of the list or map that stands here.
    pub(crate) fn entry(self) -> Self {
        let shape = match self {
            Self::Field(field) => field.shape.element(),
            Self::Entry(shape) => shape.element(),
            Self::Type(_) | Self::Free => None,
        };
        shape.map_or(Self::Free, Self::Entry)
    }

    /// Whether server-side apply owns the map, object or list here as one value.
    pub(crate) fn is_atomic(self) -> bool {
        match self {
            Self::Type(of) => of.atomic,
            Self::Field(field) => field.is_atomic(),
            Self::Entry(Shape::Object(of)) => of.get().atomic,
            Self::Entry(Shape::List(_) | Shape::Any) => true,
            Self::Entry(_) | Self::Free => false,
        }
    }

    /// How the entries of the list here are told apart.
    pub(crate) fn entries(self) -> Entries {
        match self {
            Self::Field(field) => match &field.list {
                ListKind::Atomic => Entries::Atomic,
                ListKind::Set => Entries::Set,
                ListKind::Map(keys) => Entries::Map(keys),
            },
            Self::Type(_) | Self::Entry(_) | Self::Free => Entries::Atomic,
        }
    }

    /// How a strategic merge patch treats what stands here.
    pub(crate) fn patch(self) -> Patch {
        match self {
            Self::Field(field) => field.patch,
            Self::Type(_) | Self::Entry(_) | Self::Free => Patch::default(),
        }
    }

    /// The declared default of the field `name` of the type that stands here.
    pub(crate) fn default_of(self, name: &str) -> Option<&'static Value> {
        match self.form() {
            Form::Struct(of) => of.field(name).and_then(|field| field.default.as_ref()),
            Form::Map | Form::List | Form::Scalar(_) | Form::Free => None,
        }
    }
}

fn form_of(shape: &'static Shape) -> Form {
    match shape {
        Shape::Object(of) => Form::Struct(of.get()),
        Shape::Map(_) => Form::Map,
        Shape::List(_) => Form::List,
        Shape::Any => Form::Free,
        Shape::Text
        | Shape::Bytes
        | Shape::Int32
        | Shape::Int64
        | Shape::Double
        | Shape::Bool
        | Shape::Quantity
        | Shape::IntOrString
        | Shape::Time
        | Shape::MicroTime => Form::Scalar(shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource;

    #[test]
    fn a_walk_follows_fields_entries_and_map_values() {
        let spec = Place::root(GroupVersionKind::of(&resource::PODS))
            .child("spec")
            .expect("a field");
        let containers = spec.child("containers").expect("a field");
        assert!(matches!(containers.form(), Form::List));
        assert!(matches!(containers.entries(), Entries::Map(["name"])));
        assert!(matches!(containers.entry().form(), Form::Struct(of) if of.name() == "Container"));
        assert!(spec.child("nodeSelector").is_some_and(Place::is_atomic));
        assert!(spec.child("nope").is_none());
        let data = Place::root(GroupVersionKind::of(&resource::CONFIG_MAPS))
            .child("data")
            .expect("a field");
        assert!(
            data.child("any")
                .is_some_and(|value| matches!(value.form(), Form::Scalar(Shape::Text)))
        );
    }
}
