//! OpenAPI v2, in JSON and in protobuf: kubectl checks a `kind: List` with it, and kubectls before 1.29 everything.
//!
//! Source: `k8s.io/kube-openapi/pkg/handler`, `github.com/google/gnostic/openapiv2/OpenAPIv2.proto`. Differs from
//! Kubernetes: definitions only, no paths.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::{definition, reached};
use crate::apiserver::discovery::GIT_VERSION;
use crate::request::{Request, Response};
use crate::resource::{self, Resource};

/// The form in which kubectl reads the document. It asks for it with an `@` before the version, which is no media type.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Answers `/openapi/v2`.
pub(in crate::apiserver) fn answer(request: &Request) -> Response {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    let document = DOCUMENT.get_or_init(document);
    if request.accept.contains("+protobuf") {
        return Response::whole(200, PROTOBUF, encode(document));
    }
    Response::json(200, document)
}

fn document() -> Value {
    let resources: Vec<&Resource> = resource::ALL.to_vec();
    let objects = reached(&resources)
        .into_iter()
        .map(|of| (of.definition.to_owned(), old_form(definition::object(of))));
    let scalars = definition::scalars().map(|(name, definition)| (name, scalar(&definition)));
    let definitions: Map<String, Value> = objects.chain(scalars).collect();
    json!({
        "swagger": "2.0", "info": {"title": "Kubernetes", "version": GIT_VERSION},
        "paths": {}, "definitions": definitions,
    })
}

/// Version 2 has no choice of types: what may also be a number is a string.
fn scalar(definition: &Value) -> Value {
    let mut old = json!({"type": "string"});
    if let Some(format) = definition.get("format") {
        old["format"] = format.clone();
    }
    old
}

/// A definition of version 3 as version 2 writes it: a reference stands alone and leads elsewhere.
fn old_form(definition: Value) -> Value {
    match definition {
        Value::Object(fields) => {
            let wrapped = fields.get("allOf").and_then(|all| all[0].get("$ref"));
            if let Some(reference) = wrapped.or_else(|| fields.get("$ref")).and_then(Value::as_str) {
                return json!({"$ref": reference.replace("#/components/schemas/", "#/definitions/")});
            }
            fields
                .into_iter()
                .map(|(name, value)| (name, old_form(value)))
                .collect()
        }
        other => other,
    }
}

/// A message's field with a length before it.
fn put(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    put_number(out, u64::from(field << 3 | 2));
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A number in groups of seven bits, the lowest first.
///
/// Example: 300 is AC 02.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_text(out: &mut Vec<u8>, field: u32, value: &Value) {
    if let Some(text) = value.as_str() {
        put(out, field, text.as_bytes());
    }
}

/// The `Document` message.
fn encode(document: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put_text(&mut out, 1, &document["swagger"]);
    let mut info = Vec::new();
    put_text(&mut info, 1, &document["info"]["title"]);
    put_text(&mut info, 2, &document["info"]["version"]);
    put(&mut out, 2, &info);
    put(&mut out, 8, &[]);
    put(&mut out, 9, &named_schemas(&document["definitions"]));
    out
}

/// A `Definitions` or `Properties` message: repeated `NamedSchema`.
fn named_schemas(schemas: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in schemas.as_object().into_iter().flatten() {
        let mut named = Vec::new();
        put(&mut named, 1, name.as_bytes());
        put(&mut named, 2, &schema(value));
        put(&mut out, 1, &named);
    }
    out
}

/// The `Schema` message.
fn schema(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put_text(&mut out, 1, &value["$ref"]);
    put_text(&mut out, 2, &value["format"]);
    put_text(&mut out, 4, &value["description"]);
    for name in value["required"].as_array().into_iter().flatten() {
        put_text(&mut out, 19, name);
    }
    if let Some(of) = value.get("additionalProperties") {
        put(&mut out, 21, &in_field_one(&schema(of)));
    }
    if let Some(kind) = value["type"].as_str() {
        put(&mut out, 22, &in_field_one(kind.as_bytes()));
    }
    if let Some(of) = value.get("items") {
        put(&mut out, 23, &in_field_one(&schema(of)));
    }
    if let Some(properties) = value.get("properties") {
        put(&mut out, 25, &named_schemas(properties));
    }
    for (name, extension) in value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.starts_with("x-"))
    {
        let mut named = Vec::new();
        put(&mut named, 1, name.as_bytes());
        // An `Any` of which only the YAML is given; JSON is YAML.
        let mut any = Vec::new();
        put(&mut any, 2, extension.to_string().as_bytes());
        put(&mut named, 2, &any);
        put(&mut out, 31, &named);
    }
    out
}

fn in_field_one(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, 1, bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_refer_to_each_other_as_version_2_does() {
        let document = document();
        let container = &document["definitions"]["io.k8s.api.core.v1.Container"];
        assert_eq!(
            container["properties"]["resources"],
            json!({"$ref": "#/definitions/io.k8s.api.core.v1.ResourceRequirements"})
        );
        let port = &document["definitions"]["io.k8s.apimachinery.pkg.util.intstr.IntOrString"];
        assert_eq!(*port, json!({"type": "string", "format": "int-or-string"}));
    }

    #[test]
    fn a_schema_is_encoded_field_by_field() {
        let value = json!({"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"});
        let mut expected: Vec<u8> = Vec::new();
        // type (22): TypeItem{1: "array"}
        expected.extend(b"\xB2\x01\x07\x0A\x05array");
        // items (23): ItemsItem{1: Schema{22: {1: "string"}}}
        expected.extend(b"\xBA\x01\x0D\x0A\x0B\xB2\x01\x08\x0A\x06string");
        // vendor_extension (31): NamedAny{1: name, 2: Any{2: yaml}}
        expected.extend(b"\xFA\x01\x21\x0A\x16x-kubernetes-list-type\x12\x07\x12\x05\"set\"");
        assert_eq!(schema(&value), expected);
    }

    #[test]
    fn numbers_are_written_in_groups_of_seven_bits() {
        for (number, bytes) in [(0, &[0][..]), (127, &[0x7F]), (300, &[0xAC, 2])] {
            let mut out = Vec::new();
            put_number(&mut out, number);
            assert_eq!(out, bytes);
        }
    }
}
