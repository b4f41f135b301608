//! Which fields the messages have: `data/protobuf-v1.36.txt`, read on first use.
//!
//! The names in it are those of JSON, so that a message becomes an object without a look at the schema;
//! `data/protobuf.py` makes it and says from what.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const DATA: &str = include_str!("../../../../data/protobuf-v1.36.txt");

/// One field of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct MessageField {
    pub(super) number: u32,
    /// Its name in JSON, or [`INLINED`].
    pub(super) name: &'static str,
    pub(super) label: Label,
    pub(super) kind: Kind,
}

/// The name of a field whose own fields stand in the outer object.
pub(super) const INLINED: &str = "*";

/// How many values a field has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Label {
    /// One.
    One,
    /// A list.
    List,
    /// A map from text.
    Map,
}

/// What a field's values are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
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
pub(super) fn of(definition: &str) -> Option<&'static [MessageField]> {
    static MESSAGES: OnceLock<BTreeMap<&'static str, Vec<MessageField>>> = OnceLock::new();
    let messages = MESSAGES.get_or_init(|| parse(DATA));
    messages.get(definition).map(Vec::as_slice)
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
        for (definition, fields) in &parse(DATA) {
            let Some(of) = schema::named(definition) else {
                continue;
            };
            let mut names: Vec<&str> = fields.iter().map(|field| field.name).collect();
            for inner in fields.iter().filter(|field| field.name == INLINED) {
                let Kind::Message(inner) = inner.kind else {
                    panic!("{definition} inlines a scalar")
                };
                let inner = super::of(inner).unwrap();
                names.extend(inner.iter().map(|field| field.name));
                for below in inner.iter().filter(|field| field.name == INLINED) {
                    let Kind::Message(below) = below.kind else {
                        continue;
                    };
                    names.extend(super::of(below).unwrap().iter().map(|field| field.name));
                }
            }
            for field in of
                .fields
                .iter()
                .filter(|field| !matches!(field.name, "apiVersion" | "kind"))
            {
                assert!(names.contains(&field.name), "{definition}.{}", field.name);
            }
        }
    }
}
