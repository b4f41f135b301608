//! Bodies of `application/vnd.kubernetes.protobuf`, which kubectl and Helm send for the kinds that they know.
//!
//! A body is `k8s\0` and a `runtime.Unknown`, whose raw bytes are the object's own message. It is turned into the
//! JSON that Go would write for the object, so that everything behind it is the same as for a JSON body. Fields that
//! no message has are skipped: protobuf knows no strict validation.
//!
//! Source: `k8s.io/apimachinery/pkg/runtime/serializer/protobuf` and the generated `Unmarshal` methods, v1.36.

use serde_json::{Map, Value};

mod object;
mod wire;

use self::wire::Reader;
use crate::schema::message;

/// What every body begins with.
const PREFIX: &[u8] = b"k8s\0";

/// A body's envelope: what the object says it is, and its bytes.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Unknown<'a> {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) raw: &'a [u8],
}

/// Opens the envelope.
///
/// # Errors
/// Kubernetes' words for a body that has none, or is broken.
pub(super) fn open(body: &[u8]) -> Result<Unknown<'_>, String> {
    if body.is_empty() {
        return Err("empty data".to_owned());
    }
    let data = body
        .strip_prefix(PREFIX)
        .ok_or("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")?;
    if data.is_empty() {
        return Err("empty body".to_owned());
    }
    let mut unknown = Unknown::default();
    let mut reader = Reader::new(data, "Unknown");
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => type_meta(field.bytes("TypeMeta")?, &mut unknown)?,
            2 => unknown.raw = field.bytes("Raw")?,
            _ => {}
        }
    }
    Ok(unknown)
}

fn type_meta(bytes: &[u8], unknown: &mut Unknown<'_>) -> Result<(), String> {
    let mut reader = Reader::new(bytes, "TypeMeta");
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => unknown.api_version = field.text("APIVersion")?,
            2 => unknown.kind = field.text("Kind")?,
            _ => {}
        }
    }
    Ok(())
}

/// Reads the message of an OpenAPI definition, such as `io.k8s.api.core.v1.Pod`, as its JSON object. Fields that Go
/// leaves out when they are empty are still there.
///
/// # Errors
/// The words of Go's generated code for broken bytes, or those of a special value's own reader.
pub(super) fn read(definition: &str, raw: &[u8]) -> Result<Value, String> {
    if message::of(definition).is_none() {
        let name = definition.rsplit_once('.').map_or(definition, |(_, name)| name);
        return Err(format!(
            "object *v1.{name} does not implement the protobuf marshalling interface and cannot be encoded to a \
             protobuf message"
        ));
    }
    let mut fields = Map::new();
    object::read(definition, raw, &mut fields)?;
    Ok(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_opened_or_refused_in_kubernetes_words() {
        let whole = b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x02\x0a\x00\x1a\x00\x22\x00";
        let opened = open(whole).unwrap();
        assert_eq!((opened.api_version.as_str(), opened.kind.as_str()), ("v1", "Pod"));
        assert_eq!(opened.raw, b"\x0a\x00");
        let cases: [(&[u8], &str); 6] = [
            (b"", "empty data"),
            (
                b"{}",
                "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
            ),
            (b"k8s\0", "empty body"),
            (b"k8s\0\x0a\x09\x0a", "unexpected EOF"),
            (b"k8s\0\x10\x01", "proto: wrong wireType = 0 for field Raw"),
            (b"k8s\0\x00", "proto: Unknown: illegal tag 0 (wire type 0)"),
        ];
        for (body, expected) in cases {
            assert_eq!(open(body).unwrap_err(), expected, "{body:?}");
        }
    }
}
