//! Lists in a strategic merge patch: merged by key or as a set, then put in order.

use serde_json::Value;

use super::super::rejected;
use super::{Fields, PATCH, SET_ORDER, cleaned, cleaned_list, failed, merge_map, unknown_directive};
use crate::apiserver::go_print::{go_print, go_print_map};
use crate::apiserver::place::Place;
use crate::status::Status;

/// Merges `patch` into `original`, the list that stands at `field`; with `deletes` it takes `patch`'s scalars
/// out instead.
pub(super) fn merge(
    original: Vec<Value>,
    patch: Vec<Value>,
    field: Place,
    deletes: bool,
) -> Result<Vec<Value>, Status> {
    if original.is_empty() && patch.is_empty() {
        return Ok(original);
    }
    if !of_objects(&original, &patch)? {
        return Ok(if deletes {
            without(original, &patch)
        } else {
            let merged = union(&original, &patch);
            in_order(merged, &patch, &original, None)
        });
    }
    let Some(key) = field.patch().merge_key else {
        return Err(failed("cannot merge lists without merge key".to_owned()));
    };
    let (original, patch) = obey_entries(original, patch, key)?;
    let merged = merge_objects(original.clone(), patch.clone(), key, field.entry())?;
    require_key(&merged, key)?;
    Ok(in_order(merged, &patch, &original, Some(key)))
}

/// Merges as [`merge`] does, then puts the entries that `order` names in that order.
pub(super) fn merge_in_order(
    original: Option<Vec<Value>>,
    patch: Option<Vec<Value>>,
    order: &[Value],
    field: Place,
) -> Result<Vec<Value>, Status> {
    let key = field.patch().merge_key;
    if let Some(patch) = &patch {
        require_same_order(patch, order, key)?;
    }
    let server_order = original.clone().unwrap_or_default();
    let merged = match (original, patch) {
        (Some(original), None) => original,
        (None, Some(patch)) => cleaned_list(patch),
        (Some(original), Some(patch)) if field.patch().merge => merge(original, patch, field, false)?,
        (Some(_), Some(patch)) => cleaned_list(patch),
        (None, None) => Vec::new(),
    };
    if let Some(key) = key {
        require_key(&merged, key)?;
    }
    Ok(in_order(merged, order, &server_order, key))
}

/// Whether the lists hold objects; lists of lists, or of several forms, cannot be merged.
fn of_objects(original: &[Value], patch: &[Value]) -> Result<bool, Status> {
    let mut all = original.iter().chain(patch);
    if all.clone().any(Value::is_array) {
        return Err(rejected());
    }
    let objects = all.clone().any(Value::is_object);
    if objects && !all.all(Value::is_object) {
        let lists = format!(
            "{} {}",
            go_print(&original.to_vec().into()),
            go_print(&patch.to_vec().into())
        );
        return Err(failed(format!("list element types are not identical: {lists}")));
    }
    Ok(objects)
}

fn union(original: &[Value], patch: &[Value]) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for item in original.iter().chain(patch) {
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
    all
}

fn without(original: Vec<Value>, removed: &[Value]) -> Vec<Value> {
    original
        .into_iter()
        .filter(|item| !removed.contains(item))
        .collect()
}

/// Carries out the entries that hold a `$patch` directive, and returns what is left of both lists.
fn obey_entries(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), Status> {
    let mut left = Vec::new();
    let mut replace = false;
    for item in patch {
        match item
            .as_object()
            .and_then(|fields| Some((fields, fields.get(PATCH)?)))
        {
            None => left.push(item),
            Some((fields, directive)) => match directive.as_str() {
                Some("delete") => {
                    let named = fields.get(key).ok_or_else(|| no_merge_key(fields, key))?;
                    original.retain(|old| old.get(key) != Some(named));
                }
                Some("replace") => replace = true,
                Some("merge") => {
                    return Err(failed(
                        "merging lists cannot yet be specified in the patch".to_owned(),
                    ));
                }
                _ => return Err(unknown_directive(directive, fields)),
            },
        }
    }
    Ok(if replace {
        (cleaned_list(left), Vec::new())
    } else {
        (original, left)
    })
}

fn merge_objects(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
    entry: Place,
) -> Result<Vec<Value>, Status> {
    for item in patch {
        let Value::Object(fields) = item else { continue };
        let Some(named) = fields.get(key) else {
            return Err(no_merge_key(&fields, key));
        };
        match original.iter_mut().find(|old| old.get(key) == Some(named)) {
            Some(Value::Object(old)) => *old = merge_map(std::mem::take(old), fields, entry)?,
            _ => original.extend(cleaned(fields.into())),
        }
    }
    Ok(original)
}

fn require_key(items: &[Value], key: &str) -> Result<(), Status> {
    let lacking = items
        .iter()
        .filter_map(Value::as_object)
        .find(|fields| !fields.contains_key(key));
    lacking.map_or(Ok(()), |fields| Err(no_merge_key(fields, key)))
}

/// The patch's entries must stand in the order that `$setElementOrder` gives.
fn require_same_order(patch: &[Value], order: &[Value], key: Option<&str>) -> Result<(), Status> {
    let mut rest = order.iter();
    let kept = patch.iter().filter(|item| item.get(PATCH).is_none());
    for item in kept {
        if !rest.any(|ordered| same(ordered, item, key)) {
            return Err(failed(format!(
                "The order in patch list:\n{}\n doesn't match {SET_ORDER} list:\n{}\n",
                go_print(&patch.to_vec().into()),
                go_print(&order.to_vec().into())
            )));
        }
    }
    Ok(())
}

/// Puts `merged` in order: entries that `patch_order` names as it says, the server's own where they stood in
/// `server_order` relative to those.
///
/// Live `[A, B]` with `[B, C]` patched gives `[A, B, C]`: A stood before B. Live `[a]` with `[b]` patched gives
/// `[b, a]`: nothing is known of their order, and the patch goes first.
fn in_order(
    merged: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    key: Option<&str>,
) -> Vec<Value> {
    let place = |list: &[Value], item: &Value| list.iter().position(|other| same(other, item, key));
    let (mut patched, mut own): (Vec<Value>, Vec<Value>) = merged
        .into_iter()
        .partition(|item| place(patch_order, item).is_some());
    patched.sort_by_key(|item| place(patch_order, item));
    own.sort_by_key(|item| place(server_order, item));

    let mut ordered = Vec::with_capacity(patched.len() + own.len());
    let mut own = own.into_iter().peekable();
    for item in patched {
        let at = place(server_order, &item);
        let stands_before =
            |mine: &Value| at.is_some() && place(server_order, mine).is_some_and(|mine| Some(mine) < at);
        while let Some(mine) = own.next_if(stands_before) {
            ordered.push(mine);
        }
        ordered.push(item);
    }
    ordered.extend(own);
    ordered
}

fn same(a: &Value, b: &Value, key: Option<&str>) -> bool {
    key.map_or_else(|| a == b, |key| a.get(key).is_some() && a.get(key) == b.get(key))
}

fn no_merge_key(fields: &Fields, key: &str) -> Status {
    failed(format!(
        "map: {} does not contain declared merge key: {key}",
        go_print_map(fields)
    ))
}
