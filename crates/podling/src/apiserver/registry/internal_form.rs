//! Objects as Kubernetes prints its internal Go structs: every field, in the struct's order, nil as `null`.
//!
//! Some error messages show them ("pod updates may not change fields other than…" with a diff). The same table
//! knows which fields are pointers, and so which empty values an object loses when Go has read and written it.
//! Source: `k8s.io/kubernetes/pkg/apis/core/types.go`, v1.36. What differs: types of volumes and features that
//! the cluster does not play are printed as they came.

use serde_json::{Map, Value};

mod pod;
mod storage;

pub(super) use pod::{LOCAL_PROFILE, POD_SPEC, SECURITY_CONTEXT, SERVICE_PORT};
pub(super) use storage::{CLAIM_SPEC, VOLUME_SOURCE};

/// A struct's fields in their order.
pub(super) type Struct = [Field];

/// One field: its name in Go, its key in JSON, its type.
pub(super) struct Field(pub(super) &'static str, pub(super) &'static str, pub(super) Kind);

/// What a field holds, as far as printing and emptiness go.
pub(super) enum Kind {
    /// A string: `""` when missing.
    Text,
    /// A string that is written even when it is empty.
    KeptText,
    /// A number: `0` when missing.
    Number,
    /// A number that is written even when it is zero.
    KeptNumber,
    /// A truth value: `false` when missing.
    Flag,
    /// A pointer to a simple value, or a type that is printed as it came.
    Pointer,
    /// A list or map of simple values.
    Plain,
    /// A list of structs.
    List(&'static Struct),
    /// A pointer to a struct.
    Optional(&'static Struct),
    /// A struct that is always there.
    Always(&'static Struct),
    /// A list of structs that is written even when it is empty.
    KeptList(&'static Struct),
    /// A Pod's security context, which in Go begins with fields that stand beside it in JSON.
    PodSecurity(&'static Struct, &'static Struct),
}

/// One line, as in `Invalid value: {"Capabilities":null,…}`.
pub(super) fn compact(value: &Value, form: &Struct) -> String {
    let fields: Vec<String> = form
        .iter()
        .map(|field| format!("\"{}\":{}", field.0, compact_field(value, field)))
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn compact_field(value: &Value, Field(_, key, kind): &Field) -> String {
    let inner = &value[*key];
    match kind {
        Kind::List(form) | Kind::KeptList(form) => match inner.as_array() {
            Some(items) => {
                let items: Vec<String> = items.iter().map(|item| compact(item, form)).collect();
                format!("[{}]", items.join(","))
            }
            None => "null".to_owned(),
        },
        Kind::Optional(form) if inner.is_object() => compact(inner, form),
        Kind::Always(form) => compact(inner, form),
        Kind::PodSecurity(host, own) => {
            let (host, own) = (compact(value, host), compact(inner, own));
            format!("{},{}", host.trim_end_matches('}'), own.trim_start_matches('{'))
        }
        simple => simple_value(inner, simple),
    }
}

fn simple_value(value: &Value, kind: &Kind) -> String {
    match (value, kind) {
        (Value::Null, Kind::Text | Kind::KeptText) => "\"\"".to_owned(),
        (Value::Null, Kind::Number | Kind::KeptNumber) => "0".to_owned(),
        (Value::Null, Kind::Flag) => "false".to_owned(),
        (value, _) => value.to_string(),
    }
}

/// Many lines, indented by one space a level.
pub(super) fn pretty(value: &Value, form: &Struct) -> Vec<String> {
    let mut lines = Vec::new();
    write_struct(value, form, 0, "", &mut lines);
    lines
}

fn write_struct(value: &Value, form: &Struct, depth: usize, label: &str, lines: &mut Vec<String>) {
    let indent = " ".repeat(depth);
    lines.push(format!("{indent}{label}{{"));
    write_fields(value, form, depth, lines);
    lines.push(format!("{indent}}}"));
}

fn write_fields(value: &Value, form: &Struct, depth: usize, lines: &mut Vec<String>) {
    for (i, field) in form.iter().enumerate() {
        write_field(value, field, depth + 1, lines);
        if i + 1 < form.len() {
            append_comma(lines);
        }
    }
}

fn append_comma(lines: &mut [String]) {
    if let Some(last) = lines.last_mut() {
        last.push(',');
    }
}

fn write_field(value: &Value, Field(name, key, kind): &Field, depth: usize, lines: &mut Vec<String>) {
    let (inner, label) = (&value[*key], format!("\"{name}\": "));
    let indent = " ".repeat(depth);
    match kind {
        Kind::List(form) | Kind::KeptList(form)
            if inner.as_array().is_some_and(|items| !items.is_empty()) =>
        {
            lines.push(format!("{indent}{label}["));
            let items = inner.as_array().map(Vec::as_slice).unwrap_or_default();
            for (i, item) in items.iter().enumerate() {
                write_struct(item, form, depth + 1, "", lines);
                if i + 1 < items.len() {
                    append_comma(lines);
                }
            }
            lines.push(format!("{indent}]"));
        }
        Kind::Optional(form) if inner.is_object() => write_struct(inner, form, depth, &label, lines),
        Kind::Always(form) => write_struct(inner, form, depth, &label, lines),
        Kind::PodSecurity(host, own) => {
            lines.push(format!("{indent}{label}{{"));
            write_fields(value, host, depth, lines);
            append_comma(lines);
            write_fields(inner, own, depth, lines);
            lines.push(format!("{indent}}}"));
        }
        Kind::Plain if inner.is_array() || inner.is_object() => {
            write_plain(inner, depth, &label, lines);
        }
        simple => lines.push(format!("{indent}{label}{}", simple_value(inner, simple))),
    }
}

/// A list or map of simple values, one a line.
fn write_plain(value: &Value, depth: usize, label: &str, lines: &mut Vec<String>) {
    let indent = " ".repeat(depth);
    let (open, close, entries): (char, char, Vec<String>) = match value {
        Value::Array(items) => ('[', ']', items.iter().map(Value::to_string).collect()),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {value}", Value::from(key.as_str()));
            ('{', '}', map.iter().map(entry).collect())
        }
        other => return lines.push(format!("{indent}{label}{other}")),
    };
    if entries.is_empty() {
        return lines.push(format!("{indent}{label}{open}{close}"));
    }
    lines.push(format!("{indent}{label}{open}"));
    for (i, entry) in entries.iter().enumerate() {
        let comma = if i + 1 < entries.len() { "," } else { "" };
        lines.push(format!("{indent} {entry}{comma}"));
    }
    lines.push(format!("{indent}{close}"));
}

/// Takes away nulls and the empty values that Go does not write.
pub(super) fn drop_empty(value: &mut Value, form: &Struct) {
    let Some(map) = value.as_object_mut() else {
        return;
    };
    map.retain(|_, inner| !inner.is_null());
    for field in form {
        drop_empty_field(map, field);
    }
}

fn drop_empty_field(map: &mut Map<String, Value>, Field(_, key, kind): &Field) {
    let Some(inner) = map.get_mut(*key) else {
        return;
    };
    match kind {
        Kind::List(form) | Kind::KeptList(form) => {
            for item in inner.as_array_mut().into_iter().flatten() {
                drop_empty(item, form);
            }
        }
        Kind::Optional(form) | Kind::Always(form) | Kind::PodSecurity(_, form) => drop_empty(inner, form),
        _ => {}
    }
    let is_empty = match (kind, &*inner) {
        (Kind::Text, Value::String(text)) => text.is_empty(),
        (Kind::Number, number) => number.as_i64() == Some(0),
        (Kind::Flag, Value::Bool(flag)) => !flag,
        (Kind::Plain | Kind::List(_), Value::Array(items)) => items.is_empty(),
        (Kind::Plain, Value::Object(entries)) => entries.is_empty(),
        _ => false,
    };
    if is_empty {
        map.remove(*key);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const INNER: &Struct = &[Field("Key", "key", Kind::Text)];
    const OUTER: &Struct = &[
        Field("Name", "name", Kind::Text),
        Field("Count", "count", Kind::Number),
        Field("Limit", "limit", Kind::Pointer),
        Field("Items", "items", Kind::List(INNER)),
        Field("Args", "args", Kind::Plain),
    ];

    #[test]
    fn every_field_is_printed_in_the_structs_order() {
        let value = json!({"items": [{"key": "a"}], "name": "x"});
        let expected = r#"{"Name":"x","Count":0,"Limit":null,"Items":[{"Key":"a"}],"Args":null}"#;
        assert_eq!(compact(&value, OUTER), expected);
        let lines = pretty(&value, OUTER).join("\n");
        let expected = "{\n \"Name\": \"x\",\n \"Count\": 0,\n \"Limit\": null,\n \"Items\": [\n  {\n   \"Key\": \"a\"\n  }\n ],\n \"Args\": null\n}";
        assert_eq!(lines, expected);
    }

    #[test]
    fn pointers_keep_their_zeros_and_values_lose_them() {
        let mut value = json!({"name": "", "count": 0, "limit": 0, "items": [], "args": [], "other": null});
        drop_empty(&mut value, OUTER);
        assert_eq!(value, json!({"limit": 0}));
    }
}
