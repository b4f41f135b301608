//! The two faces of an Event: `v1` as it is stored, `events.k8s.io/v1` by renaming.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/events/v1/conversion.go`.

use serde_json::{Map, Value};

/// Names in `v1` and in `events.k8s.io/v1`; the rest have one name in both.
const RENAMED: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// A stored event as `events.k8s.io/v1` shows it.
pub(super) fn to_events_v1(event: &Value) -> Value {
    renamed(event, "events.k8s.io/v1", |name| {
        RENAMED
            .iter()
            .find(|(core, _)| *core == name)
            .map(|(_, other)| *other)
    })
}

/// An `events.k8s.io/v1` event as it is stored.
pub(super) fn from_events_v1(event: &Value) -> Value {
    renamed(event, "v1", |name| {
        RENAMED
            .iter()
            .find(|(_, other)| *other == name)
            .map(|(core, _)| *core)
    })
}

fn renamed(event: &Value, api_version: &str, name: impl Fn(&str) -> Option<&'static str>) -> Value {
    let fields = event.as_object().into_iter().flatten();
    let mut event: Map<String, Value> = fields
        .map(|(key, value)| (name(key).unwrap_or(key).to_owned(), value.clone()))
        .collect();
    event.insert("apiVersion".to_owned(), api_version.into());
    Value::Object(event)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_survives_both_ways() {
        let core = json!({"apiVersion": "v1", "kind": "Event", "message": "hi", "count": 2, "reason": "R",
            "involvedObject": {"name": "p"}, "metadata": {"name": "e"}});
        let shown = to_events_v1(&core);
        assert_eq!(shown["note"], "hi");
        assert_eq!(shown["regarding"]["name"], "p");
        assert_eq!(from_events_v1(&shown), core);
    }
}
