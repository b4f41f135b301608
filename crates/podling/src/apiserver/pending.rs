//! What other rooms will provide, in its simplest form until they do.

use serde_json::{Value, json};

use super::endpoints::presentation::Include;
use super::{ApiServer, WriteOptions};
use crate::clock::Time;
use crate::request::{Request, Response};
use crate::resource::Resource;
use crate::status::{Status, field};

pub(super) struct Decoded {
    pub(super) object: Value,
    pub(super) warnings: Vec<String>,
}

fn parse(body: &[u8]) -> Result<Value, Status> {
    serde_json::from_slice(body).map_err(|error| Status::bad_request(error.to_string()))
}

pub(super) fn decode(resource: &'static Resource, body: &[u8], _: String) -> Result<Decoded, Status> {
    let mut object = parse(body)?;
    object["kind"] = resource.kind.into();
    object["apiVersion"] = resource.api_version().into();
    Ok(Decoded {
        object,
        warnings: Vec::new(),
    })
}
pub(super) fn decode_patched(_: &'static Resource, patched: &Value, _: String) -> Result<Decoded, Status> {
    Ok(Decoded {
        object: patched.clone(),
        warnings: Vec::new(),
    })
}
pub(super) fn decode_applied(resource: &'static Resource, body: &[u8], v: String) -> Result<Decoded, Status> {
    decode(resource, body, v)
}
pub(super) fn decode_binding(body: &[u8]) -> Result<Value, Status> {
    parse(body)
}
pub(super) fn decode_scale(body: &[u8]) -> Result<Value, Status> {
    parse(body)
}
pub(super) fn document(_: &Request) -> Option<Response> {
    None
}
pub(super) fn default(_: &'static Resource, _: &mut Value) {}
pub(super) fn admit_create(
    _: &mut ApiServer,
    _: &'static Resource,
    _: &str,
    _: &mut Value,
) -> Result<(), Status> {
    Ok(())
}
pub(super) fn prepare_for_create(_: &'static Resource, _: &mut Value) {}
pub(super) fn prepare_for_update(_: &'static Resource, _: Option<&str>, _: &mut Value, _: &Value) {}
pub(super) fn validate_create(_: &'static Resource, _: &Value) -> Vec<field::Error> {
    Vec::new()
}
pub(super) fn validate_update(
    _: &'static Resource,
    _: Option<&str>,
    _: &Value,
    _: &Value,
) -> Vec<field::Error> {
    Vec::new()
}
pub(super) fn warnings(_: &'static Resource, _: &Value) -> Vec<String> {
    Vec::new()
}
pub(super) fn allocate_for_create(
    _: &mut ApiServer,
    _: &'static Resource,
    _: &mut Value,
) -> Result<(), Status> {
    Ok(())
}
pub(super) fn allocate_for_update(
    _: &mut ApiServer,
    _: &'static Resource,
    _: &mut Value,
    _: &Value,
) -> Result<(), Status> {
    Ok(())
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
pub(super) fn json_patch(current: &Value, patch: &[u8]) -> Result<Value, Status> {
    let patch: json_patch::Patch =
        serde_json::from_slice(patch).map_err(|e| Status::bad_request(e.to_string()))?;
    let mut new = current.clone();
    json_patch::patch(&mut new, &patch).map_err(|e| Status::bad_request(e.to_string()))?;
    Ok(new)
}
pub(super) fn merge_patch(current: &Value, patch: &[u8]) -> Result<Value, Status> {
    let mut new = current.clone();
    json_patch::merge(&mut new, &parse(patch)?);
    Ok(new)
}
pub(super) fn strategic_merge_patch(
    _: &'static Resource,
    current: &Value,
    patch: &[u8],
) -> Result<Value, Status> {
    merge_patch(current, patch)
}
pub(super) fn table(_: &'static Resource, shown: &Value, _: Time, _: Include) -> Value {
    shown.clone()
}
