//! The row of an Event, in its core form or in that of `events.k8s.io`.

use serde_json::{Value, json};

use super::{UNKNOWN, number, or, since};
use crate::clock::Time;
use crate::storage::text;

/// Last Seen, Type, Reason, Object, Subobject, Source, Message, First Seen, Count, Name.
pub(super) fn cells(event: &Value, now: Time) -> Value {
    let first = seen(
        event,
        &["firstTimestamp", "deprecatedFirstTimestamp", "eventTime"],
        now,
    );
    let series = event.get("series").filter(|series| !series.is_null());
    let last = match series {
        Some(series) => since(text(series, &["lastObservedTime"]), now),
        None => match seen(event, &["lastTimestamp", "deprecatedLastTimestamp"], now) {
            last if last == UNKNOWN => first.clone(),
            last => last,
        },
    };
    let message = or(text(event, &["message"]), text(event, &["note"]));
    json!([
        last,
        text(event, &["type"]),
        text(event, &["reason"]),
        object(regarding(event)),
        text(regarding(event), &["fieldPath"]),
        source(event),
        message.trim(),
        first,
        count(event, series),
        text(event, &["metadata", "name"]),
    ])
}

/// The first of the times that is set.
fn seen(event: &Value, keys: &[&str], now: Time) -> String {
    let times = keys.iter().map(|key| text(event, &[key]));
    times
        .filter(|time| !time.is_empty())
        .map(|time| since(time, now))
        .next()
        .unwrap_or_else(|| UNKNOWN.to_owned())
}

fn regarding(event: &Value) -> &Value {
    event
        .get("involvedObject")
        .or_else(|| event.get("regarding"))
        .unwrap_or(&Value::Null)
}

/// `pod/web`
fn object(reference: &Value) -> String {
    let kind = text(reference, &["kind"]).to_lowercase();
    match text(reference, &["name"]) {
        "" => kind,
        name => format!("{kind}/{name}"),
    }
}

/// `kubelet, node-1`
fn source(event: &Value) -> String {
    let source = ["source", "deprecatedSource"].map(|key| &event[key]);
    let named = |key: &str| or(text(source[0], &[key]), text(source[1], &[key]));
    let controller = or(
        text(event, &["reportingComponent"]),
        text(event, &["reportingController"]),
    );
    let parts = [
        or(named("component"), controller),
        or(named("host"), text(event, &["reportingInstance"])),
    ];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// An event without a count happened once.
fn count(event: &Value, series: Option<&Value>) -> i64 {
    match series {
        Some(series) => number(series, &["count"]),
        None => number(event, &["count"])
            .max(number(event, &["deprecatedCount"]))
            .max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ten_past(event: &Value) -> Value {
        cells(event, Time::parse("2026-01-01T00:10:00Z").unwrap())
    }

    #[test]
    fn a_core_event_shows_who_saw_what_and_when() {
        let event = json!({
            "metadata": {"name": "e1"}, "type": "Normal", "reason": "Pulled", "count": 3,
            "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{c}"},
            "source": {"component": "kubelet", "host": "n1"}, "message": "Container image pulled\n",
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:09:30Z", "eventTime": null,
        });
        assert_eq!(
            at_ten_past(&event),
            json!([
                "30s",
                "Normal",
                "Pulled",
                "pod/p",
                "spec.containers{c}",
                "kubelet, n1",
                "Container image pulled",
                "10m",
                3,
                "e1",
            ])
        );
    }

    #[test]
    fn an_event_of_the_new_form_has_its_time_elsewhere() {
        let mut event = json!({
            "metadata": {"name": "e2"}, "type": "Warning", "reason": "FailedScheduling", "note": "no nodes",
            "regarding": {"kind": "Pod", "name": "p"}, "eventTime": "2026-01-01T00:08:00.000000Z",
            "reportingController": "default-scheduler", "reportingInstance": "s-1",
            "deprecatedSource": {}, "deprecatedFirstTimestamp": null,
        });
        let cells = at_ten_past(&event);
        assert_eq!(
            [&cells[0], &cells[5], &cells[6], &cells[7], &cells[8]],
            [
                &json!("2m"),
                &json!("default-scheduler, s-1"),
                &json!("no nodes"),
                &json!("2m"),
                &json!(1)
            ]
        );
        event["series"] = json!({"count": 4, "lastObservedTime": "2026-01-01T00:09:59.000000Z"});
        let cells = at_ten_past(&event);
        assert_eq!([&cells[0], &cells[8]], [&json!("1s"), &json!(4)]);
    }
}
