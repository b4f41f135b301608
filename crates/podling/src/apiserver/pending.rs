//! What other rooms will provide, in its simplest form until they do.

use serde_json::{Value, json};

use super::WriteOptions;
use crate::clock::Time;
use crate::request::{Request, Response};
use crate::resource::Resource;
use crate::status::Status;

pub(super) fn document(_: &Request) -> Option<Response> {
    None
}
pub(super) fn track_update(
    _: Option<&Value>,
    _: &mut Value,
    _: &'static Resource,
    _: &WriteOptions,
    _: Option<&str>,
    _: Time,
) {
}
pub(super) fn apply(
    _: &'static Resource,
    live: Option<&Value>,
    applied: &Value,
    _: &WriteOptions,
    _: Option<&str>,
    _: bool,
    _: Time,
) -> Result<Value, Status> {
    let mut merged = live.cloned().unwrap_or_else(|| json!({}));
    json_patch::merge(&mut merged, applied);
    Ok(merged)
}
pub(super) fn strategic_merge_patch(
    _: &'static Resource,
    current: &Value,
    patch: &[u8],
) -> Result<Value, Status> {
    super::patch::merge(current, patch)
}
