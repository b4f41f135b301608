//! The three kinds of patch that turn a stored object into a new one: JSON patch (RFC 6902), JSON merge patch
//! (RFC 7396) and Kubernetes' strategic merge patch. Each is a pure function on the object's JSON.
//!
//! The results are not checked here: defaulting, validation and strict decoding come after, as for an update.
//! Texts and status codes: `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`, v1.36.

use json_patch::PatchOperation;
use serde_json::{Map, Value};

use super::decode::{Origin, repeated_fields};
use super::go_json::{self, Touched};
use super::go_print::{go_print, go_print_map};
use super::json::{self, Tree};
use super::place::Place;
use super::yaml;
use crate::status::{Details, Status, field};

mod strategic;

/// The most operations that one JSON patch may have.
const MAX_JSON_OPERATIONS: usize = 10_000;

/// A patch's body, by the media type that it came with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Patch<'a> {
    /// `application/json-patch+json`
    Json(&'a [u8]),
    /// `application/merge-patch+json`
    Merge(&'a [u8]),
    /// `application/strategic-merge-patch+json`
    Strategic(&'a [u8]),
}

impl<'a> Patch<'a> {
    /// The patch of that media type; `None` for other types.
    pub(crate) fn of(media_type: &str, body: &'a [u8]) -> Option<Self> {
        match media_type {
            "application/json-patch+json" => Some(Self::Json(body)),
            "application/merge-patch+json" => Some(Self::Merge(body)),
            "application/strategic-merge-patch+json" => Some(Self::Strategic(body)),
            _ => None,
        }
    }

    /// The object that comes out when the patch is applied to one that stands at `root`.
    ///
    /// # Errors
    /// 400 for a body that is no such patch, 422 for what cannot be done, and, as Kubernetes does, 500 for a
    /// strategic directive or list entry that makes no sense.
    pub(crate) fn apply(self, root: Place, current: &Value) -> Result<Value, Status> {
        match self {
            Self::Json(body) => json(current, body),
            Self::Merge(body) => merge(current, body),
            Self::Strategic(body) => strategic(root, current, body),
        }
    }

    /// In which form the patched object is decoded again.
    pub(crate) fn origin(self) -> Origin {
        match self {
            Self::Json(_) | Self::Merge(_) => Origin::Text,
            Self::Strategic(_) => Origin::Map,
        }
    }

    /// What strict decoding has to say about the patch itself: fields that stand in it twice.
    pub(crate) fn repeated_fields(self) -> Vec<String> {
        match self {
            Self::Json(body) => repeated_fields(body)
                .into_iter()
                .map(|problem| format!("json patch {problem}"))
                .collect(),
            Self::Merge(body) | Self::Strategic(body) => repeated_fields(body),
        }
    }

    /// 422 for a result that is no object of the kind, `why` being what decoding it said. The patch is shown or,
    /// except for a strategic one, what it made of the object.
    pub(crate) fn unfit(self, root: Place, patched: &Value, why: &str) -> Status {
        let shown = match self {
            Self::Json(body) => {
                let operations = decode(body).unwrap_or_default();
                go_json::text(root, patched, Some(&Touched::by_operations(&operations)))
            }
            Self::Merge(body) => {
                let patch = decode(body).unwrap_or_default();
                go_json::text(root, patched, Some(&Touched::by_merge(&patch)))
            }
            Self::Strategic(body) => go_print(&decode(body).unwrap_or_default()),
        };
        invalid_patch(&shown, why)
    }
}

/// Applies a JSON patch (`application/json-patch+json`).
///
/// Unlike RFC 6902, and like Kubernetes, `replace` of a map key that is not there adds it, and a missing
/// `value` is null.
fn json(current: &Value, patch: &[u8]) -> Result<Value, Status> {
    let operations = match decode(patch).map_err(|why| undecodable(&why))? {
        Value::Array(operations) => operations,
        Value::Null => Vec::new(),
        other => return Err(undecodable(&cannot_unmarshal(&other, "[]handlers.jsonPatchOp"))),
    };
    if let Some(wrong) = operations.iter().find(|operation| !operation.is_object()) {
        return Err(undecodable(&cannot_unmarshal(wrong, "handlers.jsonPatchOp")));
    }
    if operations.len() > MAX_JSON_OPERATIONS {
        return Err(too_many_operations(operations.len()));
    }
    let mut document = current.clone();
    for operation in operations {
        apply_operation(&mut document, operation)?;
    }
    Ok(document)
}

/// Applies a JSON merge patch (`application/merge-patch+json`).
fn merge(current: &Value, patch: &[u8]) -> Result<Value, Status> {
    let patch = decode_object(patch).map_err(|why| undecodable(&why))?;
    let Some(patch) = patch else {
        return Err(Status::bad_request("Invalid JSON Patch"));
    };
    let mut document = current.clone();
    json_patch::merge(&mut document, &Value::Object(patch));
    Ok(document)
}

/// Applies a strategic merge patch (`application/strategic-merge-patch+json`) to an object that stands at `root`.
fn strategic(root: Place, current: &Value, patch: &[u8]) -> Result<Value, Status> {
    let patch = decode_object(patch)
        .map_err(Status::bad_request)?
        .unwrap_or_default();
    let Value::Object(original) = current.clone() else {
        return Err(Status::bad_request("invalid JSON document"));
    };
    let merged = Value::Object(strategic::merge_map(original, patch.clone(), root)?);
    match strategic::mismatch(root, &merged) {
        Some(why) => Err(invalid_patch(&go_print_map(&patch), &why)),
        None => Ok(merged),
    }
}

/// The configuration in an apply patch (`application/apply-patch+yaml`): YAML, or JSON as kubectl sends it.
///
/// # Errors
/// 400 for a body that is neither, or no object.
pub(crate) fn configuration(body: &[u8]) -> Result<Value, Status> {
    let configuration = match decode(body) {
        Ok(json) => json,
        Err(_) => {
            yaml::to_json(body).map_err(|why| Status::bad_request(format!("error decoding YAML: {why}")))?
        }
    };
    match configuration {
        Value::Object(_) => Ok(configuration),
        Value::Null => Ok(Value::Object(Map::new())),
        other => {
            let why = cannot_unmarshal(&other, "map[string]interface {}");
            Err(Status::bad_request(format!("error decoding YAML: {why}")))
        }
    }
}

/// 500, as Kubernetes answers, for an applied configuration that gave an object with a value of a wrong form: one that
/// its schema leaves open, such as a quantity.
pub(crate) fn unfit_configuration(configuration: &Value, why: &str) -> Status {
    let text = |pointer: &str| {
        configuration
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let version = text("/apiVersion");
    let group_version = match version.contains('/') {
        true => version.to_owned(),
        false => format!("/{version}"),
    };
    let kind = format!("{group_version}, Kind={}", text("/kind"));
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let message = format!(
        "failed to convert new object ({namespace}/{name}; {kind}) to proper version: unable to convert \
         unstructured object to {kind}: {why}"
    );
    Status::new(500, "", message)
}

/// 422 for a patch whose result is no object of the kind: `patch` is the text that is shown for it, `why`
/// what decoding the result said.
fn invalid_patch(patch: &str, why: &str) -> Status {
    let mut status = Status::invalid("", "", "", &[field::Error::invalid("patch", patch, why)]);
    if let Some(details) = status.details.as_mut() {
        details.kind.clear();
    }
    status
}

fn apply_operation(document: &mut Value, mut operation: Value) -> Result<(), Status> {
    let Some(fields) = operation.as_object_mut() else {
        return Err(rejected());
    };
    fields.entry("value").or_insert(Value::Null);
    if fields.get("op").is_some_and(|op| op == "replace") && names_map_key(document, fields) {
        fields.insert("op".to_owned(), "add".into());
    }
    let operation: PatchOperation = serde_json::from_value(operation).map_err(|_| rejected())?;
    json_patch::patch(document, &[operation]).map_err(|_| rejected())
}

/// Whether the operation's path ends in a key of a map that exists, be the key there or not.
fn names_map_key(document: &Value, operation: &Map<String, Value>) -> bool {
    let path = operation.get("path").and_then(Value::as_str);
    path.and_then(|path| path.rsplit_once('/'))
        .and_then(|(parent, _)| document.pointer(parent))
        .is_some_and(Value::is_object)
}

/// The body as JSON, or Go's sentence about why it is none.
fn decode(body: &[u8]) -> Result<Value, String> {
    json::parse(body).map(Tree::into_value)
}

/// The body as a JSON object; `None` for `null`, which Go reads as a map without entries.
fn decode_object(body: &[u8]) -> Result<Option<Map<String, Value>>, String> {
    match decode(body)? {
        Value::Object(fields) => Ok(Some(fields)),
        Value::Null => Ok(None),
        other => Err(cannot_unmarshal(&other, "map[string]interface {}")),
    }
}

fn cannot_unmarshal(value: &Value, target: &str) -> String {
    Tree::from(value).cannot_unmarshal(target)
}

fn undecodable(why: &str) -> Status {
    Status::bad_request(format!("error decoding patch: {why}"))
}

/// What a client sees for any operation that cannot be done; the server keeps the reason to itself.
fn rejected() -> Status {
    let message = "the server rejected our request due to an error in our request";
    let mut status = Status::new(422, "Invalid", message);
    status.details = Some(Box::<Details>::default());
    status
}

fn too_many_operations(count: usize) -> Status {
    Status::too_large(&format!(
        "The allowed maximum operations in a JSON patch is {MAX_JSON_OPERATIONS}, got {count}"
    ))
}

#[cfg(test)]
mod tests;
