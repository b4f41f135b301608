//! Writes an object as Go would after reading it: what is empty falls away, what is always written appears.

use serde_json::{Map, Value, json};

use crate::schema::go::is_zero;
use crate::schema::{Field, Shape, Type, WhenEmpty};

/// Brings `object`, whose values have the right types, into the form in which Go writes it.
pub(super) fn tidy(of: &Type, object: &mut Map<String, Value>) {
    for field in &of.fields {
        if let Some(value) = object.get_mut(field.name) {
            tidy_value(&field.shape, value);
            if is_zero(value) && !keeps(field.when_empty, value) {
                object.remove(field.name);
            }
        }
        if !object.contains_key(field.name)
            && let Some(value) = written_anyway(field)
        {
            object.insert(field.name.to_owned(), value);
        }
    }
}

/// The same of an object that was only read: the labels of a Pod template stay even if there are none. Go tells an empty
/// map from a missing one until it writes, and errors about these labels show which it was.
pub(super) fn tidy_read(of: &Type, object: &mut Map<String, Value>) {
    let empty = empty_template_labels(of, object);
    tidy(of, object);
    for path in empty {
        let place = path.iter().try_fold(&mut *object, |parent, key| {
            let child = parent.entry(*key).or_insert_with(|| json!({}));
            child.as_object_mut()
        });
        if let Some(template) = place {
            template.insert("labels".to_owned(), json!({}));
        }
    }
}

/// The paths of the metadata whose labels are there and empty.
fn empty_template_labels(of: &Type, object: &Map<String, Value>) -> Vec<Vec<&'static str>> {
    let mut found = Vec::new();
    for field in &of.fields {
        let (Shape::Object(inner), Some(Value::Object(value))) = (&field.shape, object.get(field.name))
        else {
            continue;
        };
        let inner = inner.get();
        let is_empty = |labels: &Value| labels.as_object().is_some_and(Map::is_empty);
        if inner.name() == "PodTemplateSpec" {
            let labels = value.get("metadata").and_then(|metadata| metadata.get("labels"));
            if labels.is_some_and(is_empty) {
                found.push(vec![field.name, "metadata"]);
            }
            continue;
        }
        for mut path in empty_template_labels(inner, value) {
            path.insert(0, field.name);
            found.push(path);
        }
    }
    found
}

fn tidy_value(shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Object(of), Value::Object(object)) => tidy(of.get(), object),
        (Shape::List(element), Value::Array(items)) => {
            for item in items {
                tidy_value(element, item);
            }
        }
        (Shape::Map(element), Value::Object(entries)) => {
            for value in entries.values_mut() {
                tidy_value(element, value);
            }
        }
        _ => {}
    }
}

/// Whether a zero value that is there stays.
fn keeps(rule: WhenEmpty, value: &Value) -> bool {
    if value.is_null() {
        return rule == WhenEmpty::Null;
    }
    matches!(rule, WhenEmpty::Kept | WhenEmpty::Written)
}

/// The value of a field that is written though it is not there.
fn written_anyway(field: &Field) -> Option<Value> {
    match (field.when_empty, &field.shape) {
        (WhenEmpty::Null, _) => Some(Value::Null),
        (WhenEmpty::Written, Shape::Object(of)) => {
            let mut empty = Map::new();
            tidy(of.get(), &mut empty);
            Some(Value::Object(empty))
        }
        (WhenEmpty::Written, Shape::Text) => Some(json!("")),
        (WhenEmpty::Written, Shape::Bool) => Some(json!(false)),
        (WhenEmpty::Written, Shape::Int32 | Shape::Int64 | Shape::Double) => Some(json!(0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn a_template_without_labels_is_told_from_one_with_none() {
        let of = schema::of_kind("apps", "v1", "Deployment").unwrap();
        for (given, kept) in [
            (json!({"labels": {}}), Some(json!({}))),
            (json!({"labels": null}), None),
            (json!({}), None),
        ] {
            let mut object = json!({"spec": {"template": {"metadata": given, "spec": {"nodeSelector": {}}}}});
            tidy_read(of, object.as_object_mut().unwrap());
            let template = &object["spec"]["template"];
            assert_eq!(template["metadata"].get("labels"), kept.as_ref(), "{object}");
            assert_eq!(template["spec"].get("nodeSelector"), None);
        }
    }

    #[test]
    fn an_object_is_written_as_go_writes_it() {
        let cases = [
            (
                "ConfigMap",
                json!({"metadata": {"name": "a", "labels": {}, "creationTimestamp": null}, "data": {}}),
                json!({"metadata": {"name": "a"}}),
            ),
            (
                "Pod",
                json!({"spec": {
                    "containers": [{"name": "c", "env": [], "stdin": false, "ports": [{"containerPort": 80, "hostPort": 0}]}],
                    "volumes": [{"name": "v", "emptyDir": {}}],
                    "priority": 0, "hostNetwork": false, "nodeName": "", "securityContext": {},
                }}),
                json!({"metadata": {}, "status": {}, "spec": {
                    "containers": [{"name": "c", "resources": {}, "ports": [{"containerPort": 80}]}],
                    "volumes": [{"name": "v", "emptyDir": {}}],
                    "priority": 0, "securityContext": {},
                }}),
            ),
            (
                "Service",
                json!({"spec": {"ports": [{"port": 80, "nodePort": 0, "targetPort": 80}]}}),
                json!({"metadata": {}, "spec": {"ports": [{"port": 80, "targetPort": 80}]},
                       "status": {"loadBalancer": {}}}),
            ),
            (
                "Event",
                json!({"count": 0, "involvedObject": {"kind": "Pod"}}),
                json!({"metadata": {}, "involvedObject": {"kind": "Pod"}, "source": {}, "eventTime": null,
                       "firstTimestamp": null, "lastTimestamp": null, "reportingComponent": "",
                       "reportingInstance": ""}),
            ),
        ];
        for (kind, mut object, expected) in cases {
            tidy(
                schema::of_kind("", "v1", kind).unwrap(),
                object.as_object_mut().unwrap(),
            );
            assert_eq!(object, expected, "{kind}");
        }
    }

    #[test]
    fn a_second_time_changes_nothing() {
        let of = schema::of_kind("apps", "v1", "ReplicaSet").unwrap();
        let mut object = Map::new();
        tidy(of, &mut object);
        let once = object.clone();
        tidy(of, &mut object);
        assert_eq!(object, once);
        assert_eq!(once["status"], json!({"replicas": 0}));
    }
}
