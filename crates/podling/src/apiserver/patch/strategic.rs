//! Strategic merge patch: a merge patch that knows the type, so that lists of containers, volumes or ports
//! are merged by key, with directives for what a plain merge cannot say.
//!
//! Source of behaviour and texts: `k8s.io/apimachinery/pkg/util/strategicpatch`, v1.36. Differs from it in
//! one thing: directives inside a value that is new to the object are dropped, where Kubernetes keeps some of
//! them and then refuses them as unknown fields.

use serde_json::{Map, Value};

use crate::apiserver::go_print::{go_print, go_print_map};
use crate::apiserver::place::{Form, Place};
use crate::status::Status;

mod list;
mod restore;

pub(super) use restore::mismatch;

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";
const SET_ORDER: &str = "$setElementOrder";

type Fields = Map<String, Value>;

/// Merges `patch` into `original`, both of which stand at `place`.
pub(super) fn merge_map(mut original: Fields, mut patch: Fields, place: Place) -> Result<Fields, Status> {
    if let Some(directive) = patch.get(PATCH) {
        let directive = directive.clone();
        return whole_map(&directive, patch);
    }
    retain_keys(&mut original, &mut patch)?;
    merge_ordered_lists(&mut original, &mut patch, place)?;
    for (key, value) in patch {
        merge_entry(&mut original, &key, value, place)?;
    }
    Ok(original)
}

/// `$patch: replace` takes the rest of the patch as it is, `$patch: delete` leaves nothing.
fn whole_map(directive: &Value, mut patch: Fields) -> Result<Fields, Status> {
    match directive.as_str() {
        Some("replace") => {
            patch.remove(PATCH);
            Ok(patch)
        }
        Some("delete") => Ok(Fields::new()),
        _ => Err(unknown_directive(directive, &patch)),
    }
}

/// `$retainKeys` removes every key of the original that it does not name.
fn retain_keys(original: &mut Fields, patch: &mut Fields) -> Result<(), Status> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let malformed = || Status::bad_request("invalid patch format of retainKeys");
    let keys = keys.as_array().ok_or_else(malformed)?;
    let named = |key: &str| keys.iter().any(|retained| retained == key);
    let strays = patch
        .iter()
        .any(|(key, value)| !value.is_null() && !is_directive(key) && !named(key));
    if strays {
        return Err(malformed());
    }
    original.retain(|key, _| named(key));
    Ok(())
}

/// Merges each list whose order `$setElementOrder/…` gives, and takes it out of the patch.
fn merge_ordered_lists(original: &mut Fields, patch: &mut Fields, place: Place) -> Result<(), Status> {
    let keys: Vec<String> = patch
        .keys()
        .filter(|key| key.starts_with(SET_ORDER))
        .cloned()
        .collect();
    for key in keys {
        let Some(order) = patch.remove(&key) else { continue };
        let order = expect_list(order)?;
        let name = key
            .strip_prefix(SET_ORDER)
            .and_then(|rest| rest.strip_prefix('/'));
        let name = name.ok_or_else(|| Status::bad_request("invalid patch format of setElementOrder list"))?;
        let field = field(place, name)?;
        let old = original.get(name).cloned().map(expect_list).transpose()?;
        let new = patch.get(name).cloned().map(expect_list).transpose()?;
        if old.is_none() && new.is_none() {
            continue;
        }
        original.insert(
            name.to_owned(),
            list::merge_in_order(old, new, &order, field)?.into(),
        );
        patch.remove(name);
    }
    Ok(())
}

fn merge_entry(original: &mut Fields, key: &str, value: Value, place: Place) -> Result<(), Status> {
    let (name, deletes) = match key.strip_prefix(DELETE_FROM_LIST) {
        Some(rest) => (rest.strip_prefix('/').ok_or_else(malformed_deletion)?, true),
        None => (key, false),
    };
    if value.is_null() {
        original.remove(name);
        return Ok(());
    }
    match (original.get_mut(name), value) {
        (Some(Value::Object(old)), Value::Object(new)) if !deletes => {
            let field = field(place, name)?;
            *old = if field.patch().replace {
                new
            } else {
                merge_map(std::mem::take(old), new, field)?
            };
        }
        (Some(Value::Array(old)), Value::Array(new)) => {
            let field = field(place, name)?;
            *old = if deletes || field.patch().merge {
                list::merge(std::mem::take(old), new, field, deletes)?
            } else {
                cleaned_list(new)
            };
        }
        (_, _) if deletes => {}
        (_, value) => match cleaned(value) {
            Some(value) => {
                original.insert(name.to_owned(), value);
            }
            None => {
                original.remove(name);
            }
        },
    }
    Ok(())
}

/// A patch's value without nulls and directives, as a new value is stored; `None` if a directive says that it
/// is not to be.
fn cleaned(value: Value) -> Option<Value> {
    match value {
        Value::Object(fields) if fields.contains_key(PATCH) => None,
        Value::Object(fields) => {
            let kept = fields
                .into_iter()
                .filter(|(key, value)| !value.is_null() && !is_directive(key));
            Some(
                kept.filter_map(|(key, value)| Some((key, cleaned(value)?)))
                    .collect(),
            )
        }
        Value::Array(items) => Some(cleaned_list(items).into()),
        scalar => Some(scalar),
    }
}

fn cleaned_list(items: Vec<Value>) -> Vec<Value> {
    items.into_iter().filter_map(cleaned).collect()
}

/// Keys of a patch that are orders to the server. Only these four: a ConfigMap may have a key `$x`.
fn is_directive(key: &str) -> bool {
    let has_prefix = |prefix: &str| key.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
    key == PATCH || key == RETAIN_KEYS || has_prefix(DELETE_FROM_LIST) || has_prefix(SET_ORDER)
}

fn field(place: Place, name: &str) -> Result<Place, Status> {
    place.child(name).ok_or_else(|| {
        let of = match place.form() {
            Form::Struct(of) => of.name(),
            _ => "",
        };
        failed(format!(
            "unable to find api field in struct {of} for the json field {name:?}"
        ))
    })
}

fn expect_list(value: Value) -> Result<Vec<Value>, Status> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(failed(format!(
            "expected a []interface {{}}, but received a {}",
            go_type(&other)
        ))),
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// An error that Kubernetes does not expect: 500 without a reason.
fn failed(message: String) -> Status {
    Status::new(500, "", message)
}

fn unknown_directive(directive: &Value, patch: &Fields) -> Status {
    failed(format!(
        "unknown patch type: {} in map: {}",
        go_print(directive),
        go_print_map(patch)
    ))
}

fn malformed_deletion() -> Status {
    Status::bad_request("invalid patch format of primitive list")
}
