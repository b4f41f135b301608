//! What the server fills in for volumes (`SetDefaults_Volume` and its kin).

use serde_json::{Value, json};

use super::read::{Fields as _, items_mut, set_default};

/// `0644`.
const FILE_MODE: i64 = 0o644;
const TOKEN_SECONDS: i64 = 3600;

/// Fills in one entry of `spec.volumes`.
pub(super) fn volume(volume: &mut Value) {
    let has_source = volume
        .as_object()
        .is_some_and(|map| map.iter().any(|(key, value)| key != "name" && !value.is_null()));
    if !has_source {
        set_default(volume, "emptyDir", json!({}));
    }
    for key in ["secret", "configMap", "downwardAPI", "projected"] {
        set_default(&mut volume[key], "defaultMode", FILE_MODE);
    }
    set_default(&mut volume["hostPath"], "type", "");
    downward_items(&mut volume["downwardAPI"]);
    for source in items_mut(&mut volume["projected"], "sources") {
        set_default(
            &mut source["serviceAccountToken"],
            "expirationSeconds",
            TOKEN_SECONDS,
        );
        downward_items(&mut source["downwardAPI"]);
        drop_nulls(source);
    }
    if volume["ephemeral"]["volumeClaimTemplate"].has("spec") {
        set_default(
            &mut volume["ephemeral"]["volumeClaimTemplate"]["spec"],
            "volumeMode",
            "Filesystem",
        );
    }
    drop_nulls(volume);
}

fn downward_items(source: &mut Value) {
    if source.is_object() {
        for item in items_mut(source, "items") {
            references(item);
        }
    }
}

/// Fills in the `fieldRef` or `resourceFieldRef` of an item or an environment variable's source.
pub(super) fn references(holder: &mut Value) {
    if !holder.is_object() {
        return;
    }
    set_default(&mut holder["fieldRef"], "apiVersion", "v1");
    set_default(&mut holder["resourceFieldRef"], "divisor", "0");
    drop_nulls(holder);
}

/// Takes away the nulls that looking into missing fields for writing leaves behind.
pub(super) fn drop_nulls(object: &mut Value) {
    if let Some(map) = object.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_get_their_modes_and_sources() {
        let cases = [
            (json!({"name": "e"}), json!({"name": "e", "emptyDir": {}})),
            (
                json!({"name": "h", "hostPath": {"path": "/x"}}),
                json!({"name": "h", "hostPath": {"path": "/x", "type": ""}}),
            ),
            (
                json!({"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
                json!({"name": "p", "projected": {"defaultMode": 420, "sources": [
                    {"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}]}}),
            ),
            (
                json!({"name": "d", "downwardAPI": {"items": [{"path": "c", "resourceFieldRef": {"resource": "limits.cpu"}}]}}),
                json!({"name": "d", "downwardAPI": {"defaultMode": 420, "items": [
                    {"path": "c", "resourceFieldRef": {"resource": "limits.cpu", "divisor": "0"}}]}}),
            ),
        ];
        for (mut given, expected) in cases {
            volume(&mut given);
            assert_eq!(given, expected);
        }
    }
}
