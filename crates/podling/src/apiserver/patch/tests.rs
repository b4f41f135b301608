//! What each kind of patch makes of an object, and in what words others are refused.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::apiserver::decode::GroupVersionKind;
use crate::resource::DEPLOYMENTS;

fn config_map() -> Value {
    json!({"metadata": {"name": "cm", "annotations": {"example.com/note": "n"}},
           "data": {"a": "1", "b": "2"}, "list": [1, 2, 3]})
}

fn patched(patch: &Value) -> Result<Value, Status> {
    json(&config_map(), patch.to_string().as_bytes())
}

#[test]
fn json_patch_operations_change_what_they_name() {
    let cases = [
        (
            json!({"op": "add", "path": "/data/c", "value": "3"}),
            "/data/c",
            json!("3"),
        ),
        (
            json!({"op": "add", "path": "/list/-", "value": 4}),
            "/list",
            json!([1, 2, 3, 4]),
        ),
        (
            json!({"op": "add", "path": "/list/0", "value": 0}),
            "/list",
            json!([0, 1, 2, 3]),
        ),
        (json!({"op": "remove", "path": "/list/1"}), "/list", json!([1, 3])),
        (
            json!({"op": "replace", "path": "/data/a", "value": "9"}),
            "/data/a",
            json!("9"),
        ),
        (
            json!({"op": "replace", "path": "/data/new", "value": "9"}),
            "/data/new",
            json!("9"),
        ),
        (
            json!({"op": "move", "from": "/data/a", "path": "/data/d"}),
            "/data",
            json!({"b": "2", "d": "1"}),
        ),
        (
            json!({"op": "copy", "from": "/data/a", "path": "/data/e"}),
            "/data/e",
            json!("1"),
        ),
        (
            json!({"op": "test", "path": "/data/a", "value": "1"}),
            "/data/a",
            json!("1"),
        ),
        (
            json!({"op": "replace", "path": "/metadata/annotations/example.com~1note", "value": "m"}),
            "/metadata/annotations",
            json!({"example.com/note": "m"}),
        ),
    ];
    for (operation, path, expected) in cases {
        let result = patched(&json!([operation])).expect("the patch applies");
        assert_eq!(result.pointer(path), Some(&expected), "{operation}");
    }
}

#[test]
fn a_json_patch_that_cannot_be_done_is_rejected_without_a_reason() {
    let cases = [
        json!({"op": "set", "path": "/data/a", "value": 1}),
        json!({"op": "add"}),
        json!({"op": "add", "path": "/labels/x", "value": "y"}),
        json!({"op": "remove", "path": "/data/none"}),
        json!({"op": "replace", "path": "/list/5", "value": 1}),
        json!({"op": "test", "path": "/data/a", "value": "2"}),
    ];
    for operation in cases {
        let status = patched(&json!([operation])).expect_err("refused");
        assert_eq!((status.code, status.reason), (422, "Invalid"), "{operation}");
        assert_eq!(
            status.message,
            "the server rejected our request due to an error in our request"
        );
    }
}

#[test]
fn bodies_that_are_no_patch_are_bad_requests() {
    let json_error = |body: &str| json(&config_map(), body.as_bytes()).expect_err("refused").message;
    let merge_error = |body: &str| {
        merge(&config_map(), body.as_bytes())
            .expect_err("refused")
            .message
    };
    assert_eq!(
        json_error("{}"),
        "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
    );
    assert_eq!(
        json_error("hello"),
        "error decoding patch: invalid character 'h' looking for beginning of value"
    );
    assert_eq!(
        merge_error("[1]"),
        "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
    );
    assert_eq!(
        merge_error("x"),
        "error decoding patch: invalid character 'x' looking for beginning of value"
    );
}

#[test]
fn a_configuration_is_read_from_yaml_and_from_json() {
    let expected = json!({"kind": "ConfigMap", "data": {"a": "1"}});
    let yaml = "kind: ConfigMap\ndata:\n  a: \"1\"\n";
    for body in [yaml, &expected.to_string()] {
        assert_eq!(configuration(body.as_bytes()), Ok(expected.clone()));
    }
    for body in ["a: [", "- 1", "text"] {
        assert_eq!(
            configuration(body.as_bytes()).map_err(|status| status.code),
            Err(400)
        );
    }
}

#[test]
fn a_merge_patch_sets_replaces_and_removes() {
    let patch = json!({"data": {"a": "9", "c": "3", "b": null}, "list": [7]});
    let result = merge(&config_map(), patch.to_string().as_bytes()).expect("the patch applies");
    assert_eq!(result["data"], json!({"a": "9", "c": "3"}));
    assert_eq!(result["list"], json!([7]));
}

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "finalizers": ["example.com/a", "example.com/b"],
            "ownerReferences": [{"uid": "u", "name": "owner"}]},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
            "template": {"spec": {
                "containers": [{"name": "c", "image": "nginx:1.27", "command": ["a", "b"],
                    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                    "ports": [{"containerPort": 80, "protocol": "TCP"}]}],
                "volumes": [{"name": "v", "emptyDir": {}}],
                "tolerations": [{"key": "k", "operator": "Exists"}]}}}})
}

fn strategically(patch: &Value) -> Result<Value, Status> {
    strategic(
        Place::root(GroupVersionKind::of(&DEPLOYMENTS)),
        &deployment(),
        patch.to_string().as_bytes(),
    )
}

fn pod_patch(spec: &Value) -> Value {
    json!({"spec": {"template": {"spec": spec}}})
}

const POD: &str = "/spec/template/spec";
const CONTAINER: &str = "/spec/template/spec/containers/0";

#[test]
fn a_strategic_patch_merges_lists_by_their_keys() {
    let container = |fields: Value| pod_patch(&json!({"containers": [fields]}));
    let cases = [
        (
            container(json!({"name": "c", "image": "nginx:2"})),
            format!("{CONTAINER}/image"),
            json!("nginx:2"),
        ),
        (
            container(json!({"name": "side", "image": "envoy"})),
            CONTAINER.to_owned(),
            json!({"name": "side", "image": "envoy"}),
        ),
        (
            container(
                json!({"name": "c", "env": [{"name": "B", "value": "20"}, {"name": "C", "value": "30"}]}),
            ),
            format!("{CONTAINER}/env"),
            json!([{"name": "A", "value": "1"}, {"name": "B", "value": "20"}, {"name": "C", "value": "30"}]),
        ),
        (
            container(json!({"name": "c", "ports": [{"containerPort": 80, "name": "http"}]})),
            format!("{CONTAINER}/ports"),
            json!([{"containerPort": 80, "protocol": "TCP", "name": "http"}]),
        ),
        (
            container(json!({"name": "c", "command": ["z"]})),
            format!("{CONTAINER}/command"),
            json!(["z"]),
        ),
        (
            pod_patch(&json!({"tolerations": [{"key": "other"}]})),
            format!("{POD}/tolerations"),
            json!([{"key": "other"}]),
        ),
        (
            json!({"metadata": {"finalizers": ["example.com/c"]}}),
            "/metadata/finalizers".to_owned(),
            json!(["example.com/c", "example.com/a", "example.com/b"]),
        ),
    ];
    for (patch, path, expected) in cases {
        let result = strategically(&patch).expect("the patch applies");
        assert_eq!(result.pointer(&path), Some(&expected), "{patch}");
    }
}

#[test]
fn directives_delete_replace_order_and_retain() {
    let cases = [
        (
            pod_patch(&json!({"volumes": [{"name": "v", "$patch": "delete"}]})),
            "/spec/template/spec/volumes",
            json!([]),
        ),
        (
            pod_patch(&json!({"volumes": [{"name": "none", "$patch": "delete"}]})),
            "/spec/template/spec/volumes/0/name",
            json!("v"),
        ),
        (
            pod_patch(&json!({"containers": [{"name": "only", "image": "x:1"}, {"$patch": "replace"}]})),
            "/spec/template/spec/containers",
            json!([{"name": "only", "image": "x:1"}]),
        ),
        (
            json!({"spec": {"selector": {"$patch": "replace", "matchLabels": {"b": "c"}}}}),
            "/spec/selector",
            json!({"matchLabels": {"b": "c"}}),
        ),
        (
            json!({"spec": {"strategy": {"$patch": "delete"}}}),
            "/spec/strategy",
            json!({}),
        ),
        (
            json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
            "/spec/strategy",
            json!({"type": "Recreate"}),
        ),
        (
            pod_patch(
                &json!({"volumes": [{"$retainKeys": ["name", "hostPath"], "name": "v", "hostPath": {"path": "/v"}}]}),
            ),
            "/spec/template/spec/volumes",
            json!([{"name": "v", "hostPath": {"path": "/v"}}]),
        ),
        (
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}}),
            "/metadata/finalizers",
            json!(["example.com/b"]),
        ),
        (
            json!({"metadata": {"$setElementOrder/finalizers": ["example.com/b", "example.com/a"]}}),
            "/metadata/finalizers",
            json!(["example.com/b", "example.com/a"]),
        ),
        (
            pod_patch(&json!({"containers": [{"name": "c",
                "$setElementOrder/env": [{"name": "B"}, {"name": "N"}, {"name": "A"}],
                "env": [{"name": "N", "value": "n"}]}]})),
            "/spec/template/spec/containers/0/env",
            json!([{"name": "B", "value": "2"}, {"name": "N", "value": "n"}, {"name": "A", "value": "1"}]),
        ),
        (
            pod_patch(
                &json!({"$setElementOrder/containers": [{"name": "first"}, {"name": "c"}],
                "containers": [{"name": "first", "image": "a:1"}]}),
            ),
            "/spec/template/spec/containers/0/name",
            json!("first"),
        ),
        (
            json!({"metadata": {"ownerReferences": [{"uid": "u", "$patch": "delete"}]}}),
            "/metadata/ownerReferences",
            json!([]),
        ),
        (
            json!({"metadata": {"labels": {"a": "b", "gone": null}}}),
            "/metadata/labels",
            json!({"a": "b"}),
        ),
    ];
    for (patch, path, expected) in cases {
        let result = strategically(&patch).expect("the patch applies");
        assert_eq!(result.pointer(path), Some(&expected), "{patch}");
    }
}

#[test]
fn a_senseless_strategic_patch_gets_the_error_that_kubernetes_gives() {
    let cases = [
        (
            pod_patch(&json!({"containers": [{"image": "x"}]})),
            500,
            "map: map[image:x] does not contain declared merge key: name",
        ),
        (
            json!({"spec": {"$patch": "explode"}}),
            500,
            "unknown patch type: explode in map: map[$patch:explode]",
        ),
        (
            pod_patch(&json!({"containers": {"name": "c"}})),
            422,
            " \"\" is invalid: patch: Invalid value: \"map[spec:map[template:map[spec:map[containers:map[name:c]]]]]\": \
             cannot restore slice from map",
        ),
        (
            json!({"spec": {"$setElementOrder/containers": "x"}}),
            500,
            "expected a []interface {}, but received a string",
        ),
        (
            json!([]),
            400,
            "json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        (
            json!({"spec": {"strategy": {"$retainKeys": ["x"], "type": "Recreate"}}}),
            400,
            "invalid patch format of retainKeys",
        ),
    ];
    for (patch, code, message) in cases {
        let status = strategically(&patch).expect_err("refused");
        assert_eq!((status.code, status.message.as_str()), (code, message), "{patch}");
    }
}

fn value_without_nulls() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-c]{0,3}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn object_without_nulls() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-d]", value_without_nulls(), 0..4)
        .prop_map(|map| map.into_iter().collect())
}

/// The merge patch that makes `from` into `to`.
fn difference(from: &Map<String, Value>, to: &Map<String, Value>) -> Map<String, Value> {
    let removed = from
        .keys()
        .filter(|key| !to.contains_key(*key))
        .map(|key| (key.clone(), Value::Null));
    let changed = to
        .iter()
        .filter(|(key, value)| from.get(*key) != Some(*value))
        .map(|(key, value)| match (from.get(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => (key.clone(), difference(old, new).into()),
            _ => (key.clone(), value.clone()),
        });
    removed.chain(changed).collect()
}

proptest! {
    #[test]
    fn merging_the_difference_gives_the_other_object(a in object_without_nulls(), b in object_without_nulls()) {
        let patch = difference(a.as_object().expect("object"), b.as_object().expect("object"));
        let result = merge(&a, Value::Object(patch).to_string().as_bytes());
        prop_assert_eq!(result, Ok(b));
    }

    #[test]
    fn an_empty_strategic_patch_changes_nothing(mut object in object_without_nulls()) {
        object["spec"] = deployment()["spec"].clone();
        prop_assert_eq!(strategic(Place::root(GroupVersionKind::of(&DEPLOYMENTS)), &object, b"{}"), Ok(object));
    }

    #[test]
    fn a_strategic_patch_with_the_object_itself_changes_nothing(replicas in 0..9_i32, image in "[a-z]{1,9}") {
        let mut object = deployment();
        object["spec"]["replicas"] = replicas.into();
        object["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
        prop_assert_eq!(strategic(Place::root(GroupVersionKind::of(&DEPLOYMENTS)), &object, object.to_string().as_bytes()), Ok(object));
    }

    #[test]
    fn any_strategic_patch_is_answered_without_a_panic(
        key in prop::sample::select(vec!["$patch", "$retainKeys", "$setElementOrder/containers", "$setElementOrder",
            "$deleteFromPrimitiveList/containers", "containers", "volumes", "nodeSelector", "unknown"]),
        value in value_without_nulls(),
    ) {
        let result = strategically(&pod_patch(&json!({(key): value})));
        prop_assert!(result.is_ok() || result.is_err_and(|status| status.code >= 400));
    }

    #[test]
    fn any_bytes_are_answered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        for result in [json(&config_map(), &bytes), merge(&config_map(), &bytes)] {
            prop_assert!(result.is_ok() || result.is_err_and(|status| matches!(status.code, 400 | 422)));
        }
    }

    #[test]
    fn any_operations_are_answered_without_a_panic(
        op in prop::sample::select(vec!["add", "remove", "replace", "move", "copy", "test", "nonsense"]),
        path in "(/(data|list|a|0|-|-1|~1|~|99999999999999999999)){0,3}",
        from in "(/(data|list|a|0|-)){0,3}",
        value in value_without_nulls(),
    ) {
        let result = patched(&json!([{"op": op, "path": path, "from": from, "value": value}]));
        prop_assert!(result.as_ref().map_or_else(|status| status.code == 422, |_| op != "nonsense"));
    }
}
