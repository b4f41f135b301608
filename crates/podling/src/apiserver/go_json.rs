//! Objects as Go's `encoding/json` writes them: struct fields in their order, maps by key, HTML escaped.
//!
//! The order shows only where a text is quoted, as in the refusal of a patch. There it tells what the patch went
//! through: `jsonpatch` takes an object apart only where it must, and writes those parts with sorted keys.
//!
//! Source: `encoding/json`; `gopkg.in/evanphx/json-patch.v4`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::place::{Form, Place};
use crate::html_escape::escaped;
use crate::schema::{Type, message};

/// The parts of an object that a patch took apart.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Touched {
    below: BTreeMap<String, Self>,
    /// The value came with the patch.
    brought: bool,
}

impl Touched {
    /// What a merge patch goes through: all of itself.
    pub(crate) fn by_merge(patch: &Value) -> Self {
        let entries = patch.as_object().into_iter().flatten();
        Self {
            below: entries
                .map(|(key, value)| (key.clone(), Self::by_merge(value)))
                .collect(),
            brought: !patch.is_object(),
        }
    }

    /// What a JSON patch goes through: the way to each of its places.
    pub(crate) fn by_operations(operations: &Value) -> Self {
        let mut touched = Self::default();
        for operation in operations.as_array().into_iter().flatten() {
            for key in ["path", "from"] {
                if let Some(pointer) = operation[key].as_str() {
                    touched.go(pointer);
                }
            }
        }
        touched
    }

    fn go(&mut self, pointer: &str) {
        let mut at = self;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            at = at.below.entry(step).or_default();
        }
        at.brought = true;
    }
}

/// The text of `value`, which stands at `place`; `touched` is what a patch took apart of it.
pub(crate) fn text(place: Place, value: &Value, touched: Option<&Touched>) -> String {
    let mut text = String::new();
    write(&mut text, place, value, touched);
    text
}

fn write(out: &mut String, place: Place, value: &Value, touched: Option<&Touched>) {
    match value {
        Value::Object(fields) => write_object(out, place, fields, touched),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                separate(out, at);
                let touched = touched.and_then(|touched| below(touched, &at.to_string()));
                write(out, place.entry(), item, touched);
            }
            out.push(']');
        }
        scalar => out.push_str(&escaped(&scalar.to_string())),
    }
}

fn write_object(out: &mut String, place: Place, fields: &Map<String, Value>, touched: Option<&Touched>) {
    let names = match (place.form(), touched) {
        (Form::Struct(of), None) => in_go_order(of, fields),
        _ => fields.keys().map(String::as_str).collect(),
    };
    out.push('{');
    for (at, name) in names.into_iter().enumerate() {
        separate(out, at);
        out.push_str(&escaped(&Value::from(name).to_string()));
        out.push(':');
        let place = place.child(name).unwrap_or(Place::Free);
        write(
            out,
            place,
            &fields[name],
            touched.and_then(|touched| below(touched, name)),
        );
    }
    out.push('}');
}

/// What was touched below a key: with a value that the patch brought, everything.
fn below<'a>(touched: &'a Touched, key: &str) -> Option<&'a Touched> {
    match touched.below.get(key) {
        None if touched.brought => Some(touched),
        found => found,
    }
}

fn separate(out: &mut String, at: usize) {
    if at > 0 {
        out.push(',');
    }
}

/// The names of the fields that are there: those of the type in their order, then strangers by name.
fn in_go_order<'a>(of: &Type, fields: &'a Map<String, Value>) -> Vec<&'a str> {
    let order = message::order_in_go(of.definition);
    let rank = |name: &str| match name {
        "kind" if !of.kinds.is_empty() => 0,
        "apiVersion" if !of.kinds.is_empty() => 1,
        name => order
            .iter()
            .position(|known| *known == name)
            .map_or(usize::MAX, |at| at + 2),
    };
    let mut names: Vec<&str> = fields.keys().map(String::as_str).collect();
    names.sort_by_key(|name| rank(name));
    names
}

/// The same JSON with line breaks, as `json.MarshalIndent` makes them.
pub(crate) fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let (mut in_text, mut escaped) = (false, false);
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        if in_text {
            in_text = escaped || letter != '"';
            escaped = letter == '\\' && !escaped;
            out.push(letter);
            continue;
        }
        match letter {
            '{' | '[' => {
                out.push(letter);
                match letters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        line_break(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth -= 1;
                line_break(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                line_break(&mut out, depth);
            }
            ':' => out.push_str(": "),
            other => {
                in_text = other == '"';
                out.push(other);
            }
        }
    }
    out
}

fn line_break(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::decode::GroupVersionKind;
    use crate::resource::DEPLOYMENTS;

    fn deployment() -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "labels": {"z": "1", "a": "<"}},
               "spec": {"replicas": 1, "paused": true,
                        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}})
    }

    #[test]
    fn structs_have_their_own_order_and_maps_are_sorted() {
        assert_eq!(
            text(
                Place::root(GroupVersionKind::of(&DEPLOYMENTS)),
                &deployment(),
                None
            ),
            r#"{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"a","labels":{"a":"\u003c","z":"1"}},"spec":{"replicas":1,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":0,"maxSurge":1}},"paused":true}}"#
        );
    }

    #[test]
    fn what_a_patch_took_apart_is_sorted() {
        let touched = Touched::by_merge(&json!({"spec": {"replicas": "x"}}));
        assert_eq!(
            text(
                Place::root(GroupVersionKind::of(&DEPLOYMENTS)),
                &deployment(),
                Some(&touched)
            ),
            r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","labels":{"a":"\u003c","z":"1"}},"spec":{"paused":true,"replicas":1,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":0,"maxSurge":1}}}}"#
        );
    }

    #[test]
    fn what_a_patch_brought_is_sorted_all_the_way_down() {
        let strategy = json!({"op": "add", "path": "/spec/strategy", "value": {}});
        let touched = Touched::by_operations(&json!([strategy]));
        let text = text(
            Place::root(GroupVersionKind::of(&DEPLOYMENTS)),
            &deployment(),
            Some(&touched),
        );
        assert!(
            text.ends_with(
                r#""strategy":{"rollingUpdate":{"maxSurge":1,"maxUnavailable":0},"type":"RollingUpdate"}}}"#
            ),
            "{text}"
        );
    }

    #[test]
    fn lines_are_broken_outside_of_texts_only() {
        let json = r#"{"a":[],"b":{"c":["x,{\"}",1]}}"#;
        let expected =
            "{\n  \"a\": [],\n  \"b\": {\n    \"c\": [\n      \"x,{\\\"}\",\n      1\n    ]\n  }\n}";
        assert_eq!(indented(json), expected);
    }
}
