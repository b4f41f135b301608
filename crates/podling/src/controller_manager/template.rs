//! Pods from pod templates, and the hash that names what a template made.

use serde_json::{Value, json};

use super::ownership::controller_reference;

/// The label that tells the ReplicaSets of one Deployment apart.
pub(crate) const HASH_LABEL: &str = "pod-template-hash";

/// The characters of a hash (`k8s.io/apimachinery/pkg/util/rand.SafeEncodeString`).
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A pod as `owner` makes it from `template` (`controller.GetPodFromTemplate`), its name still to be generated.
pub(crate) fn pod(owner: &Value, template: &Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": format!("{}-", owner["metadata"]["name"].as_str().unwrap_or_default()),
            "namespace": owner["metadata"]["namespace"],
            "ownerReferences": [controller_reference(owner)],
        },
        "spec": template["spec"],
    });
    for key in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template["metadata"].get(key) {
            pod["metadata"][key] = value.clone();
        }
    }
    pod
}

/// The hash of a template: 32-bit FNV-1a over its canonical JSON (keys sorted), its decimal digits written in
/// the alphabet of generated names, so at most ten characters. `collisions` makes another hash of the same
/// template. Differs from Kubernetes, which hashes a dump of Go's structs: the hashes are others.
pub(crate) fn hash(template: &Value, collisions: i64) -> String {
    let mut canonical = String::new();
    write_canonical(template, &mut canonical);
    if collisions > 0 {
        canonical.push_str(&collisions.to_string());
    }
    let hash = canonical.bytes().fold(0x811C_9DC5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash.to_string()
        .bytes()
        .map(|digit| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()]))
        .collect()
}

fn write_canonical(value: &Value, into: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            into.push('{');
            for (key, value) in entries {
                into.push_str(key);
                into.push(':');
                write_canonical(value, into);
                into.push(',');
            }
            into.push('}');
        }
        Value::Array(list) => {
            into.push('[');
            for value in list {
                write_canonical(value, into);
                into.push(',');
            }
            into.push(']');
        }
        scalar => into.push_str(&scalar.to_string()),
    }
}

/// Whether two templates are the same but for the hash label.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    without_hash(a) == without_hash(b)
}

fn without_hash(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
        labels.remove(HASH_LABEL);
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_follows_the_content_and_is_short() {
        let a = json!({"spec": {"a": 1, "b": [true, null]}});
        let b: Value = serde_json::from_str(r#"{"spec": {"b": [true, null], "a": 1}}"#).unwrap();
        assert_eq!(hash(&a, 0), hash(&b, 0));
        assert_ne!(hash(&a, 0), hash(&a, 1));
        assert_ne!(hash(&a, 0), hash(&json!({}), 0));
        assert!(hash(&a, 0).len() <= 10);
    }

    #[test]
    fn templates_are_compared_without_their_hash() {
        let plain = json!({"metadata": {"labels": {"app": "web"}}});
        let hashed = json!({"metadata": {"labels": {"app": "web", "pod-template-hash": "abc"}}});
        assert!(same(&plain, &hashed));
        assert!(!same(&plain, &json!({"metadata": {"labels": {"app": "db"}}})));
    }
}
