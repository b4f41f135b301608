//! Which fields the types have in protobuf, and in what order Go writes them: `data/protobuf-v1.36.txt`, read on
//! first use.
//!
//! The names in it are those of JSON, so that a message becomes an object without a look at the schema;
//! `data/protobuf.py` makes it and says from what. Messages stand there as their `.proto` file has them, which has
//! the order of the Go structs.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const DATA: &str = include_str!("../../data/protobuf-v1.36.txt");

/// One field of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct MessageField {
    pub(crate) number: u32,
    /// Its name in JSON, or [`INLINED`].
    pub(crate) name: &'static str,
    pub(crate) label: Label,
    pub(crate) kind: Kind,
}

/// The name of a field whose own fields stand in the outer object.
pub(crate) const INLINED: &str = "*";

/// How many values a field has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Label {
    /// One.
    One,
    /// A list.
    List,
    /// A map from text.
    Map,
}

/// What a field's values are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// UTF-8.
    Text,
    /// Bytes, base64 in JSON.
    Bytes,
    /// A boolean.
    Bool,
    /// A signed 32-bit integer.
    Int32,
    /// A signed 64-bit integer.
    Int64,
    /// A floating-point number.
    Double,
    /// A message, by its OpenAPI definition.
    Message(&'static str),
}

/// The fields of an OpenAPI definition's message.
pub(crate) fn of(definition: &str) -> Option<&'static [MessageField]> {
    static MESSAGES: OnceLock<BTreeMap<&'static str, Vec<MessageField>>> = OnceLock::new();
    let messages = MESSAGES.get_or_init(|| parse(DATA));
    messages.get(definition).map(Vec::as_slice)
}

/// The fields that an object of the definition may have in JSON, in the order in which Go writes them; `kind` and
/// `apiVersion`, which come first, are not among them.
pub(crate) fn order_in_go(definition: &str) -> Vec<&'static str> {
    let fields = of(definition).unwrap_or_default().iter();
    let names = fields.flat_map(|field| match (field.name, field.kind) {
        (INLINED, Kind::Message(inner)) => order_in_go(inner),
        (name, _) => vec![name],
    });
    names.collect()
}

/// Reads lines of a definition's name, each followed by its fields with a blank before them.
fn parse(data: &'static str) -> BTreeMap<&'static str, Vec<MessageField>> {
    let mut messages: BTreeMap<&str, Vec<MessageField>> = BTreeMap::new();
    let mut current = "";
    for line in data.lines().filter(|line| !line.starts_with('#')) {
        if !line.starts_with(' ') {
            current = line;
            messages.entry(current).or_default();
        } else if let (Some(fields), Some(field)) = (messages.get_mut(current), field(line)) {
            fields.push(field);
        }
    }
    messages
}

/// ` 6 containers list io.k8s.api.core.v1.Container`
fn field(line: &'static str) -> Option<MessageField> {
    let mut words = line.split_ascii_whitespace();
    let number = words.next()?.parse().ok()?;
    let name = words.next()?;
    let label = match words.next()? {
        "list" => Label::List,
        "map" => Label::Map,
        _ => Label::One,
    };
    let kind = match words.next()? {
        "string" => Kind::Text,
        "bytes" => Kind::Bytes,
        "bool" => Kind::Bool,
        "int32" => Kind::Int32,
        "int64" => Kind::Int64,
        "double" => Kind::Double,
        message => Kind::Message(message),
    };
    Some(MessageField {
        number,
        name,
        label,
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn every_line_is_read_and_every_message_named_is_there() {
        let messages = parse(DATA);
        let fields = DATA.lines().filter(|line| line.starts_with(' ')).count();
        assert_eq!(messages.values().map(Vec::len).sum::<usize>(), fields);
        for field in messages.values().flatten() {
            if let Kind::Message(definition) = field.kind {
                assert!(messages.contains_key(definition), "{definition}");
            }
        }
    }

    #[test]
    fn every_field_of_the_schema_has_one_in_its_message() {
        for definition in parse(DATA).keys() {
            let Some(of) = schema::named(definition) else {
                continue;
            };
            let names = order_in_go(definition);
            for field in of
                .fields
                .iter()
                .filter(|field| !matches!(field.name, "apiVersion" | "kind"))
            {
                assert!(names.contains(&field.name), "{definition}.{}", field.name);
            }
        }
    }

    #[test]
    fn fields_come_in_the_order_of_the_go_structs() {
        let volume = order_in_go("io.k8s.api.core.v1.Volume");
        assert_eq!(volume[..3], ["name", "hostPath", "emptyDir"]);
        let metadata = order_in_go("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
        assert_eq!(metadata[..3], ["name", "generateName", "namespace"]);
    }
}
