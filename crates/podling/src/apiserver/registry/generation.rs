//! `metadata.generation`: which edition of the desired state an object carries.

use serde_json::Value;

use super::read::Fields as _;

/// A new object's generation is 1.
pub(super) fn start(object: &mut Value) {
    object["metadata"]["generation"] = 1.into();
}

/// Counts one up when `changed`.
pub(super) fn count(new: &mut Value, old: &Value, changed: bool) {
    let generation = old["metadata"].number("generation").unwrap_or_default();
    new["metadata"]["generation"] = (generation + i64::from(changed)).into();
}

/// Counts one up when the spec differs.
pub(super) fn count_spec_change(new: &mut Value, old: &Value) {
    let changed = new["spec"] != old["spec"];
    count(new, old, changed);
}
