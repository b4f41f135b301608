//! Which bodies are read, and in what words others are refused.

use super::*;
use crate::resource::{CONFIG_MAPS, DEPLOYMENTS, EVENTS, PODS};

fn message(resource: &'static Resource, body: &str) -> String {
    let refused = decode(resource, Body::Json(body.as_bytes()), FieldValidation::Strict).unwrap_err();
    assert_eq!((refused.code, refused.reason), (400, "BadRequest"));
    refused.message
}

#[test]
fn what_is_no_object_of_the_kind_is_refused_in_kubernetes_words() {
    let none = "the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error:";
    let cases = [
        ("", format!("{none} unexpected end of JSON input (<empty>)")),
        ("{", format!("{none} unexpected end of JSON input ({{)")),
        (
            "hello",
            format!("{none} invalid character 'h' looking for beginning of value (68656c6c6f)"),
        ),
        (
            "[]",
            format!(
                "{none} json: cannot unmarshal array into Go value of type struct {{ APIVersion string \
                 \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }} (5b5d)"
            ),
        ),
        (
            r#"{"apiVersion":"v1","kind":"ConfigMap"}"#,
            "ConfigMap in version \"v1\" cannot be handled as a Pod: converting (v1.ConfigMap) to \
             (core.Pod): unknown conversion"
                .to_owned(),
        ),
        (
            r#"{"apiVersion":"v2","kind":"Pod"}"#,
            "Pod in version \"v2\" cannot be handled as a Pod: no kind \"Pod\" is registered for version \
             \"v2\" in scheme \"pkg/api/legacyscheme/scheme.go:30\""
                .to_owned(),
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(message(&PODS, body), expected, "{body}");
    }
    assert_eq!(
        message(&EVENTS, r#"{"apiVersion":"events.k8s.io/v1","kind":"Event"}"#),
        "the API version in the data (events.k8s.io/v1) does not match the expected API version (v1)"
    );
}

#[test]
fn a_kind_that_is_left_out_is_filled_in() {
    for body in ["{}", "null", r#"{"kind":"Pod"}"#] {
        let decoded = decode(&PODS, Body::Json(body.as_bytes()), FieldValidation::Strict).unwrap();
        let expected = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": null}, "status": {}});
        assert_eq!(decoded.object["kind"], expected["kind"], "{body}");
        assert_eq!(decoded.object["apiVersion"], expected["apiVersion"], "{body}");
    }
}

#[test]
fn strict_validation_names_every_field_in_the_order_of_the_text() {
    let body = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","lables":{}},
        "spec":{"containers":[{"name":"c","image":"a","foo":1,"foo":2}],"bar":true,
        "restartPolicy":"Never","restartPolicy":"Never"}}"#;
    assert_eq!(
        message(&PODS, body),
        "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \
         \"metadata.lables\", unknown field \"spec.containers[0].foo\", unknown field \"spec.bar\", \
         duplicate field \"spec.restartPolicy\""
    );
}

#[test]
fn without_strictness_the_last_value_counts_and_unknown_fields_go() {
    let body = r#"{"metadata":{"name":"a"},"data":{"k":"1","k":"2"},"dta":{}}"#;
    let object =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "2"}});
    let warned = decode(&CONFIG_MAPS, Body::Json(body.as_bytes()), FieldValidation::Warn).unwrap();
    assert_eq!(warned.object, object);
    assert_eq!(
        warned.warnings,
        ["duplicate field \"data.k\"", "unknown field \"dta\""]
    );
    let ignored = decode(&CONFIG_MAPS, Body::Json(body.as_bytes()), FieldValidation::Ignore).unwrap();
    assert_eq!((ignored.object, ignored.warnings), (object, vec![]));
}

#[test]
fn subresources_have_kinds_of_their_own() {
    let body = br#"{"apiVersion":"v1","kind":"Pod"}"#;
    let refused = decode_kind(
        ("policy", "v1", "Eviction"),
        Body::Json(body),
        FieldValidation::Warn,
    )
    .unwrap_err();
    assert_eq!(
        refused.message,
        "Pod in version \"v1\" cannot be handled as a Eviction: converting (v1.Pod) to \
         (policy.Eviction): unknown conversion"
    );
}

#[test]
fn delete_options_are_read_and_refused_without_ado() {
    let options = decode_delete_options(Body::Json(
        br#"{"propagationPolicy":"Orphan","gracePeriodSeconds":0}"#,
    ))
    .unwrap();
    assert_eq!(
        (&options["propagationPolicy"], &options["gracePeriodSeconds"]),
        (&json!("Orphan"), &json!(0))
    );
    assert_eq!(decode_delete_options(Body::Json(b"")).unwrap(), json!({}));
    let cases = [
        (
            "{",
            "couldn't get version/kind; json parse error: unexpected end of JSON input",
        ),
        (
            r#"{"kind":"Pod","apiVersion":"v1"}"#,
            "no kind \"Pod\" is registered for version \"v1\" in scheme \
             \"pkg/apis/meta/internalversion/scheme/register.go:27\"",
        ),
    ];
    for (body, expected) in cases {
        let refused = decode_delete_options(Body::Json(body.as_bytes())).unwrap_err();
        assert_eq!(refused.message, expected);
    }
}

#[test]
fn field_validation_has_three_values_and_a_default() {
    let read = FieldValidation::VALUES.map(|text| FieldValidation::parse(text).unwrap());
    assert_eq!((read[0], read[3]), (FieldValidation::Warn, FieldValidation::Warn));
    assert_eq!(
        (read[1], read[2]),
        (FieldValidation::Ignore, FieldValidation::Strict)
    );
    assert_eq!(FieldValidation::parse("Loose"), None);
}

#[test]
fn an_object_of_our_own_making_is_tidied_in_place() {
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"labels": {}}, "data": {}});
    tidy(&CONFIG_MAPS, &mut object);
    assert_eq!(
        object,
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})
    );
}

#[test]
fn a_patched_object_is_read_again() {
    let object = json!({"spec": {"replicas": "two"}});
    assert_eq!(
        decode_patched(
            GroupVersionKind::of(&DEPLOYMENTS),
            &object,
            Origin::Text,
            FieldValidation::Warn,
            Vec::new()
        ),
        Err(
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
                .to_owned()
        )
    );
    let object = json!({"spec": {"replicas": 1, "foo": null, "strategy": {"type": ""}}});
    let decoded = decode_patched(
        GroupVersionKind::of(&DEPLOYMENTS),
        &object,
        Origin::Map,
        FieldValidation::Warn,
        Vec::new(),
    )
    .unwrap();
    assert_eq!(decoded.warnings, ["unknown field \"spec.foo\""]);
    let spec = &decoded.object["spec"];
    assert_eq!((&spec["strategy"], spec.get("foo")), (&json!({}), None));
}

/// A protobuf body; the lengths here are all below 128.
fn protobuf_body(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let field = |number: u8, content: &[u8]| {
        let mut field = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        field.extend(content);
        field
    };
    let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), field(1, &meta), field(2, raw)].concat()
}

#[test]
fn a_protobuf_body_is_read_as_the_same_object_in_json_is() {
    // metadata.name "a", spec.replicas 0, spec.minReadySeconds 0
    let raw = b"\x0a\x03\x0a\x01a\x12\x04\x08\x00\x28\x00";
    let body = protobuf_body("apps/v1", "Deployment", raw);
    let from_protobuf = decode(&DEPLOYMENTS, Body::Protobuf(&body), FieldValidation::Strict).unwrap();
    let json = br#"{"metadata":{"name":"a"},"spec":{"replicas":0,"minReadySeconds":0}}"#;
    let from_json = decode(&DEPLOYMENTS, Body::Json(json), FieldValidation::Strict).unwrap();
    assert_eq!(from_protobuf, from_json);
    assert_eq!(from_json.object["spec"]["replicas"], 0);
}

#[test]
fn a_protobuf_body_that_is_no_such_object_is_refused() {
    let cases = [
        (
            protobuf_body("v1", "ConfigMap", b""),
            "ConfigMap in version \"v1\" cannot be handled as a Pod: converting (v1.ConfigMap) to (core.Pod): \
             unknown conversion",
        ),
        (
            protobuf_body("v1", "Pod", b"\x0a\x05"),
            "Pod in version \"v1\" cannot be handled as a Pod: unexpected EOF",
        ),
        (
            protobuf_body("v1", "Nothing", b""),
            "Nothing in version \"v1\" cannot be handled as a Pod: no kind \"Nothing\" is registered for version \
             \"v1\" in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
        ),
        (
            b"k8s".to_vec(),
            "the object provided is unrecognized (must be of type Pod): provided data does not appear to be a \
             protobuf message, expected prefix [107 56 115 0] (6b3873)",
        ),
    ];
    for (body, expected) in cases {
        let refused = decode(&PODS, Body::Protobuf(&body), FieldValidation::Strict).unwrap_err();
        assert_eq!((refused.code, refused.message.as_str()), (400, expected));
    }
}

#[test]
fn a_yaml_body_is_read_as_kubectl_reads_a_file() {
    let body = b"metadata:\n  name: a\ndata:\n  b: '1'\n";
    let decoded = decode(&CONFIG_MAPS, Body::Yaml(body), FieldValidation::Strict).unwrap();
    assert_eq!(decoded.object["data"], json!({"b": "1"}));
    let refused = decode(&CONFIG_MAPS, Body::Yaml(b"dta: {}"), FieldValidation::Strict).unwrap_err();
    assert!(
        refused
            .message
            .ends_with("strict decoding error: unknown field \"dta\""),
        "{refused:?}"
    );
}
