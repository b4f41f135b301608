//! From a message to the JSON object that Go would write, special values in their canonical form.
//!
//! Source: the generated `Unmarshal` methods, and those written by hand for `Quantity`, `Time`, `MicroTime`,
//! `IntOrString`, `RawExtension` and `FieldsV1`. Differs from Kubernetes: a time outside the years that JSON can
//! carry is refused here, not when the object is written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::wire::{Reader, WireField};
use crate::apiserver::json::{self, Tree};
use crate::clock::Time;
use crate::quantity::Quantity;
use crate::schema::message::{self, INLINED, Kind, Label, MessageField};

/// Reads `raw` into `object`; fields that are there already are added to or replaced.
pub(super) fn read(definition: &str, raw: &[u8], object: &mut Map<String, Value>) -> Result<(), String> {
    let fields = message::of(definition).unwrap_or_default();
    let mut reader = Reader::new(raw, short_name(definition));
    while let Some(wire) = reader.next_field()? {
        if let Some(field) = fields.iter().find(|field| field.number == wire.number) {
            add(field, &wire, object)?;
        }
    }
    Ok(())
}

fn short_name(definition: &str) -> &str {
    definition.rsplit_once('.').map_or(definition, |(_, name)| name)
}

fn add(field: &MessageField, wire: &WireField<'_>, object: &mut Map<String, Value>) -> Result<(), String> {
    let go = go_name(field);
    match (field.label, field.kind) {
        (Label::One, Kind::Message(definition)) if field.name == INLINED => {
            read(definition, wire.bytes(&go)?, object)
        }
        (Label::One, Kind::Message(definition)) => {
            let bytes = wire.bytes(&go)?;
            let slot = object.entry(field.name).or_insert(Value::Null);
            merge(definition, bytes, slot)
        }
        (Label::One, kind) => {
            object.insert(field.name.to_owned(), value(kind, wire, &go)?);
            Ok(())
        }
        (Label::List, kind) => {
            let items = items(kind, wire, &go)?;
            if let Some(list) = list(object, field.name) {
                list.extend(items);
            }
            Ok(())
        }
        (Label::Map, kind) => {
            let (key, value) = entry(kind, wire.bytes(&go)?)?;
            let slot = object.entry(field.name).or_insert_with(|| Map::new().into());
            if let Some(map) = slot.as_object_mut() {
                map.insert(key, value);
            }
            Ok(())
        }
    }
}

/// The field's name in Go, as its errors have it: `containers` is `Containers`.
fn go_name(field: &MessageField) -> String {
    let mut letters = field.name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn list<'a>(object: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Vec<Value>> {
    let slot = object.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    slot.as_array_mut()
}

/// The values that one field adds to its list: one, or all of a packed list of integers.
fn items(kind: Kind, wire: &WireField<'_>, go: &str) -> Result<Vec<Value>, String> {
    if matches!(kind, Kind::Int32 | Kind::Int64 | Kind::Bool)
        && let Some(integers) = wire.packed()?
    {
        return Ok(integers.into_iter().map(|bits| integer(kind, bits)).collect());
    }
    value(kind, wire, go).map(|value| vec![value])
}

fn value(kind: Kind, wire: &WireField<'_>, go: &str) -> Result<Value, String> {
    Ok(match kind {
        Kind::Text => wire.text(go)?.into(),
        Kind::Bytes => STANDARD.encode(wire.bytes(go)?).into(),
        Kind::Bool | Kind::Int32 | Kind::Int64 => integer(kind, wire.varint(go)?),
        Kind::Double => wire.double(go)?.into(),
        Kind::Message(definition) => {
            let mut read = Value::Null;
            merge(definition, wire.bytes(go)?, &mut read)?;
            read
        }
    })
}

/// Integers are two's complement: the lowest bits count.
fn integer(kind: Kind, bits: u64) -> Value {
    match kind {
        Kind::Bool => (bits != 0).into(),
        Kind::Int32 => (bits as i32).into(),
        _ => (bits as i64).into(),
    }
}

/// A map's entry is a message: the key is its field 1, the value its field 2.
fn entry(kind: Kind, bytes: &[u8]) -> Result<(String, Value), String> {
    let mut key = String::new();
    let mut found = zero(kind)?;
    let mut reader = Reader::new(bytes, "MapEntry");
    while let Some(wire) = reader.next_field()? {
        match wire.number {
            1 => key = wire.text("Key")?,
            2 => found = value(kind, &wire, "Value")?,
            _ => {}
        }
    }
    Ok((key, found))
}

fn zero(kind: Kind) -> Result<Value, String> {
    Ok(match kind {
        Kind::Text | Kind::Bytes => "".into(),
        Kind::Bool => false.into(),
        Kind::Int32 | Kind::Int64 | Kind::Double => 0.into(),
        Kind::Message(definition) => {
            let mut zero = Value::Null;
            merge(definition, &[], &mut zero)?;
            zero
        }
    })
}

/// Reads a message into `slot`, where the same field may have been read before.
fn merge(definition: &str, raw: &[u8], slot: &mut Value) -> Result<(), String> {
    if let Some(special) = special(definition, raw)? {
        *slot = special;
        return Ok(());
    }
    if !slot.is_object() {
        *slot = Map::new().into();
    }
    match slot.as_object_mut() {
        Some(object) => read(definition, raw, object),
        None => Ok(()),
    }
}

/// The messages that JSON does not write as objects.
fn special(definition: &str, raw: &[u8]) -> Result<Option<Value>, String> {
    let plain = |raw| {
        let mut fields = Map::new();
        read(definition, raw, &mut fields).map(|()| fields)
    };
    let special = match short_name(definition) {
        "Quantity" => quantity(&plain(raw)?)?,
        "IntOrString" => int_or_string(&plain(raw)?),
        "Time" | "MicroTime" if raw.is_empty() => Value::Null,
        "Time" => time(&plain(raw)?)?.rfc3339().into(),
        "MicroTime" => time(&plain(raw)?)?.rfc3339_micro().into(),
        "RawExtension" | "FieldsV1" => embedded(raw)?,
        // Named lists, which protobuf wraps in a message.
        "ExtraValue" | "Verbs" => plain(raw)?
            .remove("items")
            .unwrap_or_else(|| Value::Array(Vec::new())),
        _ => return Ok(None),
    };
    Ok(Some(special))
}

fn quantity(fields: &Map<String, Value>) -> Result<Value, String> {
    let Some(text) = fields.get("string") else {
        return Ok("0".into());
    };
    let quantity = Quantity::from_json(text).map_err(|error| error.to_string())?;
    Ok(quantity.to_string().into())
}

fn int_or_string(fields: &Map<String, Value>) -> Value {
    let field = |name: &str| fields.get(name).cloned();
    if field("type").is_none_or(|kind| kind == 0) {
        field("intVal").unwrap_or_else(|| 0.into())
    } else {
        field("strVal").unwrap_or_else(|| "".into())
    }
}

/// Seconds and nanoseconds since the Unix epoch.
fn time(fields: &Map<String, Value>) -> Result<Time, String> {
    let number = |name: &str| fields.get(name).and_then(Value::as_i64).unwrap_or(0);
    let (seconds, nanos) = (number("seconds"), number("nanos"));
    let micros = seconds
        .checked_mul(1_000_000)
        .and_then(|micros| micros.checked_add(nanos / 1_000))
        .filter(|micros| jiff::Timestamp::from_microsecond(*micros).is_ok());
    micros
        .map(Time::from_micros)
        .ok_or_else(|| "Time.MarshalJSON: year outside of range [0,9999]".to_owned())
}

/// JSON inside a message, whose field 1 it is.
fn embedded(message: &[u8]) -> Result<Value, String> {
    let mut text: &[u8] = b"";
    let mut reader = Reader::new(message, "RawExtension");
    while let Some(field) = reader.next_field()? {
        if field.number == 1 {
            text = field.bytes("Raw")?;
        }
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    json::parse(text).map(Tree::into_value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A field of bytes: tag, length, content.
    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        let mut field = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        field.extend(content);
        field
    }

    fn varint(number: u8, value: u8) -> Vec<u8> {
        vec![number << 3, value]
    }

    #[track_caller]
    fn reads(definition: &str, raw: &[u8], expected: &Value) {
        let mut object = Map::new();
        read(&format!("io.k8s.api.{definition}"), raw, &mut object).unwrap();
        assert_eq!(Value::Object(object), *expected, "{definition}");
    }

    #[test]
    fn messages_become_the_objects_that_go_writes() {
        let port = [varint(1, 0), varint(2, 80)].concat();
        reads(
            "core.v1.HTTPGetAction",
            &[bytes(1, b"/x"), bytes(2, &port)].concat(),
            &json!({"path": "/x", "port": 80}),
        );
        let named = [varint(1, 1), varint(2, 0), bytes(3, b"http")].concat();
        reads(
            "core.v1.HTTPGetAction",
            &bytes(2, &named),
            &json!({"port": "http"}),
        );
        let entry = |key: &[u8], value: &[u8]| bytes(2, &[bytes(1, key), bytes(2, value)].concat());
        reads(
            "core.v1.ConfigMap",
            &[entry(b"a", b"1"), entry(b"b", b"2"), bytes(2, b"")].concat(),
            &json!({"data": {"a": "1", "b": "2", "": ""}}),
        );
        reads(
            "core.v1.Secret",
            &entry(b"a", b"1"),
            &json!({"data": {"a": "MQ=="}}),
        );
        let limit = [bytes(1, b"cpu"), bytes(2, &bytes(1, b"1500m"))].concat();
        reads(
            "core.v1.ResourceRequirements",
            &bytes(1, &limit),
            &json!({"limits": {"cpu": "1500m"}}),
        );
        reads(
            "core.v1.PodSecurityContext",
            &[varint(4, 1), varint(4, 2), bytes(4, &[3, 4])].concat(),
            &json!({"supplementalGroups": [1, 2, 3, 4]}),
        );
    }

    #[test]
    fn inlined_messages_leave_no_trace() {
        let volume = [bytes(1, b"v"), bytes(2, &bytes(2, b""))].concat();
        reads("core.v1.Volume", &volume, &json!({"name": "v", "emptyDir": {}}));
        let probe = [bytes(1, &bytes(1, &bytes(1, b"true"))), varint(2, 5)].concat();
        reads(
            "core.v1.Probe",
            &probe,
            &json!({"exec": {"command": ["true"]}, "initialDelaySeconds": 5}),
        );
    }

    #[test]
    fn times_are_texts_and_none_is_null() {
        let metadata = |field: Vec<u8>| bytes(1, &field);
        let one_second = bytes(8, &[varint(1, 1), varint(2, 0)].concat());
        reads(
            "core.v1.Pod",
            &metadata([one_second, bytes(9, b"")].concat()),
            &json!({"metadata": {"creationTimestamp": "1970-01-01T00:00:01Z", "deletionTimestamp": null}}),
        );
        let mut object = Map::new();
        let far = [
            0x0a, 0x0c, 0x42, 0x0a, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x10,
        ];
        assert!(read("io.k8s.api.core.v1.Pod", &far, &mut object).is_err());
    }

    #[test]
    fn what_is_unknown_is_skipped_and_what_is_broken_refused() {
        let unknown = [&[0xfa, 0x07, 0x01, b'x'][..], &bytes(2, &bytes(3, b"Always"))].concat();
        reads(
            "core.v1.Pod",
            &unknown,
            &json!({"spec": {"restartPolicy": "Always"}}),
        );
        let mut object = Map::new();
        let wrong = read("io.k8s.api.apps.v1.DeploymentSpec", &bytes(1, b"x"), &mut object);
        assert_eq!(wrong.unwrap_err(), "proto: wrong wireType = 2 for field Replicas");
    }
}
