//! JSON as Go reads it: as it stands in the text, keys in their order, repeated keys kept, numbers as they were
//! written; and what Go says when it is something else.
//!
//! Differs from Go: numbers that no `u64`, `i64` or `f64` holds exactly are rewritten, and nesting deeper than 127 is
//! refused (Go: 10,000).

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use self::syntax::syntax_error;

mod syntax;

/// A JSON value as it stands in the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    /// The number's text.
    Number(String),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// Reads one JSON value.
///
/// # Errors
/// Go's words for what is wrong.
pub(crate) fn parse(text: &[u8]) -> Result<Tree, String> {
    if let Some(error) = syntax_error(text) {
        return Err(error);
    }
    // As Go does, for bytes that are no UTF-8.
    let text = String::from_utf8_lossy(text);
    serde_json::from_str(&text).map_err(|error| {
        let too_deep = error.to_string().starts_with("recursion limit");
        if too_deep {
            "exceeded max depth".to_owned()
        } else {
            error.to_string()
        }
    })
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number.to_string()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number.to_string()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Number(Value::from(number).to_string()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Object(entries))
    }
}

impl From<&Value> for Tree {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.to_string()),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.clone(), value.into()));
                Self::Object(entries.collect())
            }
        }
    }
}

impl Tree {
    /// The same as a [`Value`]; of a repeated key the last one counts.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(text) => serde_json::from_str(&text).unwrap_or(Value::Null),
            Self::Text(text) => Value::String(text),
            Self::List(items) => items.into_iter().map(Self::into_value).collect(),
            Self::Object(entries) => {
                let entries = entries.into_iter().map(|(key, tree)| (key, tree.into_value()));
                Value::Object(entries.collect())
            }
        }
    }

    /// What Go says when a value of another type was expected: `target` is that type.
    pub(crate) fn cannot_unmarshal(&self, target: &str) -> String {
        format!(
            "json: cannot unmarshal {} into Go value of type {target}",
            self.go_kind()
        )
    }

    /// What Go calls the kind of value.
    pub(crate) const fn go_kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// `duplicate field "spec.replicas"` for each key that an object has again, in the order of the text.
    pub(crate) fn repeated(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.find_repeated("", &mut found);
        found
    }

    fn find_repeated(&self, path: &str, found: &mut Vec<String>) {
        match self {
            Self::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    item.find_repeated(&format!("{path}[{at}]"), found);
                }
            }
            Self::Object(entries) => {
                let mut seen = BTreeSet::new();
                for (key, value) in entries {
                    let path = match path {
                        "" => key.clone(),
                        path => format!("{path}.{key}"),
                    };
                    let problem = format!("duplicate field \"{path}\"");
                    if !seen.insert(key) && !found.contains(&problem) {
                        found.push(problem);
                    }
                    value.find_repeated(&path, found);
                }
            }
            _ => {}
        }
    }

    /// The last value of that key.
    pub(crate) fn get(&self, wanted: &str) -> Option<&Self> {
        let Self::Object(entries) = self else { return None };
        let found = entries.iter().rev().find(|(key, _)| key == wanted);
        found.map(|(_, tree)| tree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Tree {
        Tree::Number(text.to_owned())
    }

    #[test]
    fn repeated_keys_and_their_order_survive() {
        let read = parse(br#"{"b":1,"a":-2.5,"b":null}"#).unwrap();
        let entry = |key: &str, tree: Tree| (key.to_owned(), tree);
        let expected = vec![
            entry("b", number("1")),
            entry("a", number("-2.5")),
            entry("b", Tree::Null),
        ];
        assert_eq!(read, Tree::Object(expected));
        assert_eq!(read.get("b"), Some(&Tree::Null));
    }

    #[test]
    fn what_cannot_be_read_is_told_in_gos_words() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        let cases = [
            ("", "unexpected end of JSON input"),
            ("hello", "invalid character 'h' looking for beginning of value"),
            (deep.as_str(), "exceeded max depth"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text.as_bytes()), Err(expected.to_owned()));
        }
    }
}
