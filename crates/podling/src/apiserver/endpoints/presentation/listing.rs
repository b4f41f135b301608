//! A list as JSON, written item by item: a list of very many objects is never built as a whole beside the store.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::apiserver::tables;
use crate::resource::Resource;

/// A list of objects. The fields stand in the order of JSON objects here, by name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a, T> {
    api_version: &'a str,
    items: T,
    kind: &'a str,
    metadata: &'a Value,
}

/// A list as a Table.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Table<'a, T> {
    api_version: &'a str,
    column_definitions: Value,
    kind: &'a str,
    metadata: Value,
    rows: T,
}

/// What comes out of an iterator, as a JSON array.
struct Each<I>(I);

impl<I: Iterator<Item: Serialize> + Clone> Serialize for Each<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

/// An object in a list, which leaves kind and version to the list.
pub(super) struct Item<'a>(pub(super) Cow<'a, Value>);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_object() {
            Some(fields) => {
                let own = |(key, _): &(&String, &Value)| !matches!(key.as_str(), "kind" | "apiVersion");
                serializer.collect_map(fields.iter().filter(own))
            }
            None => self.0.serialize(serializer),
        }
    }
}

/// A list of `items`, such as a `v1` `PodList`; without them, one whose items are `null`.
pub(super) fn objects(
    api_version: &str,
    kind: &str,
    metadata: &Value,
    items: Option<impl Iterator<Item: Serialize> + Clone>,
) -> Vec<u8> {
    write(&List {
        api_version,
        items: items.map(Each),
        kind,
        metadata,
    })
}

/// A `meta.k8s.io` Table of `rows`.
pub(super) fn table(
    api_version: &str,
    resource: &Resource,
    metadata: &Value,
    rows: impl Iterator<Item: Serialize> + Clone,
) -> Vec<u8> {
    write(&Table {
        api_version,
        column_definitions: tables::columns(resource.plural),
        kind: "Table",
        metadata: tables::metadata(metadata),
        rows: Each(rows),
    })
}

/// With the line break that Go's encoder ends with.
fn write(list: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = serde_json::to_writer(&mut bytes, list);
    debug_assert!(
        written.is_ok(),
        "JSON values can be written to memory: {written:?}"
    );
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_written_as_the_object_that_it_is() {
        let pods = [
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b", "kind": "kept"}}),
        ];
        let items = pods.iter().map(|pod| Item(Cow::Borrowed(pod)));
        let bytes = objects("v1", "PodList", &json!({"resourceVersion": "7"}), Some(items));
        let expected = json!({
            "apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "7"},
            "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b", "kind": "kept"}}],
        });
        assert_eq!(String::from_utf8(bytes).unwrap(), format!("{expected}\n"));
    }
}
