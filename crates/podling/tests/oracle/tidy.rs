//! What in an answer does not count: what the recordings leave out, and what hangs on the recording machine.

use serde_json::Value;

/// What version 1 of the kernel's control groups reports where memory is not limited; version 2 says `max`, which
/// the kubelet leaves out.
const UNLIMITED: &str = "9007199254740988Ki";

/// Repositories whose tags all stood for one image at the recording. A status names an image by any of its tags.
const ONE_IMAGE: [&str; 3] = [
    "docker.io/library/nginx:",
    "docker.io/blux2/hello-server:",
    "docker.io/example/lab:",
];

/// Leaves `metadata.managedFields` out.
pub(crate) fn drop_managed_fields(value: &mut Value) {
    each_object(value, &mut |fields| {
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
    });
}

/// Leaves out what another machine would have reported otherwise.
pub(crate) fn drop_the_machines(value: &mut Value) {
    each_object(value, &mut |fields| {
        drop_unlimited_memory(fields);
        if fields.contains_key("imageID") {
            drop_tag(fields);
        }
    });
}

fn drop_unlimited_memory(fields: &mut serde_json::Map<String, Value>) {
    let Some(limits) = fields.get_mut("limits").and_then(Value::as_object_mut) else {
        return;
    };
    if limits.get("memory").is_some_and(|memory| memory == UNLIMITED) {
        limits.remove("memory");
        if limits.is_empty() {
            fields.remove("limits");
        }
    }
}

fn drop_tag(fields: &mut serde_json::Map<String, Value>) {
    let image = fields.get("image").and_then(Value::as_str).unwrap_or_default();
    let of_many = ONE_IMAGE
        .iter()
        .find(|repository| image.starts_with(**repository));
    if let Some(repository) = of_many {
        fields.insert("image".to_owned(), (*repository).into());
    }
}

fn each_object(value: &mut Value, act: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            act(fields);
            for field in fields.values_mut() {
                each_object(field, act);
            }
        }
        Value::Array(items) => {
            for item in items {
                each_object(item, act);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_hangs_on_the_machine_does_not_count() {
        let mut pod = json!({
            "spec": {"containers": [{"image": "nginx:1.25.3"}]},
            "status": {
                "containerStatuses": [
                    {"image": "docker.io/library/nginx:1.24.0", "imageID": "a"},
                    {"image": "docker.io/library/busybox:1.36.1", "imageID": "b"},
                ],
                "resources": {"limits": {"memory": UNLIMITED}},
            },
        });
        drop_the_machines(&mut pod);
        let expected = json!({
            "spec": {"containers": [{"image": "nginx:1.25.3"}]},
            "status": {
                "containerStatuses": [
                    {"image": "docker.io/library/nginx:", "imageID": "a"},
                    {"image": "docker.io/library/busybox:1.36.1", "imageID": "b"},
                ],
                "resources": {},
            },
        });
        assert_eq!(pod, expected);
    }
}
