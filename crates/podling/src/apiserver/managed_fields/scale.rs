//! Who owns a workload's replicas, as its Scale shows it; and what becomes of that when the Scale was written.
//!
//! Source: `k8s.io/apimachinery/pkg/util/managedfields/scalehandler.go`. Differs from Kubernetes: an updater keeps
//! its entry when the Scale left its replicas alone, where Kubernetes splits it in two.

use serde_json::Value;

use super::entries::{self, ManagedFields, Owned, Owner};
use super::set::{Set, Step};

const SCALE_VERSION: &str = "autoscaling/v1";

fn replicas() -> Set {
    [vec![Step::field("spec"), Step::field("replicas")]]
        .into_iter()
        .collect()
}

fn owns_replicas(owned: &Owned) -> bool {
    !owned.set.intersection(&replicas()).is_empty()
}

/// Gives `scale` the entries of its workload that are about replicas.
pub(crate) fn show_owners(workload: &Value, scale: &mut Value) {
    let mut shown = ManagedFields::default();
    for (owner, owned) in ManagedFields::of(workload).0 {
        if owns_replicas(&owned) {
            let (owner, owned) = moved(owner, owned, SCALE_VERSION);
            shown.0.insert(owner, owned);
        }
    }
    shown.write_to(scale);
}

/// Brings the workload's entries in line with those of its Scale, which was written.
pub(crate) fn take_owners(workload: &mut Value, scale: &Value) {
    let version = workload["apiVersion"].as_str().unwrap_or_default().to_owned();
    let mut of_scale = ManagedFields::of(scale);
    let mut kept = ManagedFields::default();
    for (owner, mut owned) in ManagedFields::of(workload).0 {
        if owns_replicas(&owned) {
            let (shown_as, _) = moved(owner.clone(), Owned::default(), SCALE_VERSION);
            if of_scale.0.remove(&shown_as).is_none() {
                owned.set = owned.set.difference(&replicas());
            }
        }
        if !owned.set.is_empty() {
            kept.0.insert(owner, owned);
        }
    }
    for (owner, owned) in of_scale.0 {
        if owns_replicas(&owned) {
            let (owner, owned) = moved(owner, owned, &version);
            kept.0.insert(owner, owned);
        }
    }
    entries::remove_from(workload);
    kept.write_to(workload);
}

/// The entry as it stands in the other object: of that object's version, and about replicas only.
fn moved(owner: Owner, owned: Owned, version: &str) -> (Owner, Owned) {
    let owner_version = if owner.applies {
        String::new()
    } else {
        version.to_owned()
    };
    let owner = Owner {
        version: owner_version,
        ..owner
    };
    let owned = Owned {
        version: version.to_owned(),
        set: replicas(),
        ..owned
    };
    (owner, owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, operation: &str, version: &str, fields: &Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": version, "time": "2026-01-05T09:00:00Z",
               "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}})
    }

    fn workload() -> Value {
        let all = json!({"f:replicas": {}, "f:selector": {}});
        json!({"apiVersion": "apps/v1", "metadata": {"managedFields": [
            entry("alice", "Apply", "apps/v1", &all),
            entry("bob", "Update", "apps/v1", &json!({"f:paused": {}})),
        ]}})
    }

    #[test]
    fn a_scale_shows_who_owns_the_replicas() {
        let mut scale = json!({"metadata": {}});
        show_owners(&workload(), &mut scale);
        let expected = entry("alice", "Apply", "autoscaling/v1", &json!({"f:replicas": {}}));
        assert_eq!(scale["metadata"]["managedFields"], json!([expected]));
        let mut unchanged = workload();
        take_owners(&mut unchanged, &scale);
        assert_eq!(unchanged, workload());
    }

    #[test]
    fn whoever_scales_takes_the_replicas() {
        let mut scaler = entry("scaler", "Update", "autoscaling/v1", &json!({"f:replicas": {}}));
        scaler["subresource"] = "scale".into();
        let mut scaled = workload();
        take_owners(&mut scaled, &json!({"metadata": {"managedFields": [scaler]}}));
        let entries = &scaled["metadata"]["managedFields"];
        assert_eq!(entries[0]["fieldsV1"], json!({"f:spec": {"f:selector": {}}}));
        assert_eq!(
            (
                &entries[2]["manager"],
                &entries[2]["apiVersion"],
                &entries[2]["subresource"]
            ),
            (&json!("scaler"), &json!("apps/v1"), &json!("scale"))
        );
        assert_eq!(entries[2]["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    }
}
