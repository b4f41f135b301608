//! Reading fields that may be missing: what is not there is the zero value, as in Kubernetes' Go structs.

use serde_json::{Map, Value};

/// Reading by key with zero values.
pub(crate) trait Fields {
    /// The text at `key`, or `""`.
    fn text(&self, key: &str) -> &str;
    /// The whole number at `key`, if there is one.
    fn number(&self, key: &str) -> Option<i64>;
    /// The truth value at `key`, or `false`.
    fn flag(&self, key: &str) -> bool;
    /// The items at `key`, or none.
    fn items(&self, key: &str) -> &[Value];
    /// The entries at `key` in the order of their keys, or none.
    fn entries<'a>(&'a self, key: &str) -> impl Iterator<Item = (&'a str, &'a Value)>;
    /// Whether a value other than null stands at `key`.
    fn has(&self, key: &str) -> bool;
}

impl Fields for Value {
    fn text(&self, key: &str) -> &str {
        self[key].as_str().unwrap_or_default()
    }

    fn number(&self, key: &str) -> Option<i64> {
        self[key].as_i64()
    }

    fn flag(&self, key: &str) -> bool {
        self[key].as_bool().unwrap_or_default()
    }

    fn items(&self, key: &str) -> &[Value] {
        self[key].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    fn entries<'a>(&'a self, key: &str) -> impl Iterator<Item = (&'a str, &'a Self)> {
        let map = self[key].as_object();
        map.into_iter().flatten().map(|(k, v)| (k.as_str(), v))
    }

    fn has(&self, key: &str) -> bool {
        !self[key].is_null()
    }
}

/// The object at `key`, put there if it is missing or null.
pub(crate) fn object_at<'a>(parent: &'a mut Value, key: &str) -> &'a mut Value {
    if !parent.is_object() {
        *parent = Value::Object(Map::new());
    }
    if !parent[key].is_object() {
        parent[key] = Value::Object(Map::new());
    }
    &mut parent[key]
}

/// The items at `key` for changing, or none.
pub(crate) fn items_mut<'a>(parent: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> {
    parent
        .get_mut(key)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

/// Takes `key` away.
pub(crate) fn remove(parent: &mut Value, key: &str) {
    if let Some(map) = parent.as_object_mut() {
        map.remove(key);
    }
}

/// Makes `key` in `to` what it is in `from`, or absent as it is there.
pub(crate) fn copy(from: &Value, to: &mut Value, key: &str) {
    match from.get(key) {
        Some(value) if to.is_object() => to[key] = value.clone(),
        _ => remove(to, key),
    }
}

/// Sets `key` where nothing stands yet (nothing or null).
pub(crate) fn set_default(object: &mut Value, key: &str, value: impl Into<Value>) {
    if object.is_object() && object[key].is_null() {
        object[key] = value.into();
    }
}

/// Sets `key` where nothing or the zero value (`""`, `0`) stands, for fields that are no pointers in Go.
pub(crate) fn set_default_for_zero(object: &mut Value, key: &str, value: impl Into<Value>) {
    let is_zero = match &object[key] {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        _ => false,
    };
    if object.is_object() && is_zero {
        object[key] = value.into();
    }
}
