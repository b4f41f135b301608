//! The scheduler's events: series instead of counts, times to the microsecond.
//!
//! Source: `client-go/tools/events/event_broadcaster.go`. An event that happens again about the same version
//! of the same object, with the same action and reason, turns into a series; the series is written when it
//! begins and when it ends, six minutes after its last event. Differs from Kubernetes: a running series is
//! not written every 30 minutes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::apiserver::{ApiServer, WriteOptions};
use crate::clock::Time;
use crate::resource::EVENTS;
use crate::storage::text;

use super::{EventType, free_name, namespace_of, reference};

/// When an event that has not happened again stops being remembered.
const FINISH_AFTER: Duration = Duration::from_secs(360);
/// The longest `note` that the API takes, in characters.
const NOTE_LIMIT: usize = 1024;

/// One event of the scheduler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note<'a> {
    /// `Normal` or `Warning`.
    pub(crate) kind: EventType,
    /// Why, in one word: `Scheduled`.
    pub(crate) reason: &'static str,
    /// What was done: `Binding`.
    pub(crate) action: &'static str,
    /// The sentence for people; more than 1,024 characters are cut, as the scheduler cuts them.
    pub(crate) message: &'a str,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct SeriesKey {
    regarding: String,
    kind: EventType,
    reason: &'static str,
    action: &'static str,
}

#[derive(Clone, Debug)]
struct Series {
    namespace: String,
    name: String,
    count: u32,
    last: Time,
}

/// Writes events as the scheduler does.
#[derive(Debug)]
pub(crate) struct SeriesRecorder {
    component: &'static str,
    instance: String,
    running: BTreeMap<SeriesKey, Series>,
}

impl SeriesRecorder {
    /// A recorder for `component` (`default-scheduler`) that runs on `host`.
    pub(crate) fn new(component: &'static str, host: &str) -> Self {
        Self {
            component,
            instance: format!("{component}-{host}"),
            running: BTreeMap::new(),
        }
    }

    /// Records `note` about `regarding`, an object. A refusal by the API server drops the event.
    pub(crate) fn record(&mut self, api: &mut ApiServer, regarding: &Value, note: Note<'_>) {
        self.finish(api);
        let involved = reference(regarding, None);
        let key = SeriesKey {
            regarding: involved.to_string(),
            kind: note.kind,
            reason: note.reason,
            action: note.action,
        };
        let now = api.now();
        match self.running.get_mut(&key) {
            Some(series) => {
                series.count += 1;
                series.last = now;
                if series.count == 2 {
                    write_series(api, series);
                }
            }
            None => self.begin(api, key, &involved, note),
        }
    }

    fn begin(&mut self, api: &mut ApiServer, key: SeriesKey, involved: &Value, note: Note<'_>) {
        let namespace = namespace_of(involved).to_owned();
        let name = free_name(api, &namespace, involved);
        let event = self.event(involved, &namespace, &name, note, api.now());
        drop(api.create(&EVENTS, &namespace, event, &options()));
        let series = Series {
            namespace,
            name,
            count: 1,
            last: api.now(),
        };
        self.running.insert(key, series);
    }

    /// Ends the series that have had no event for six minutes.
    fn finish(&mut self, api: &mut ApiServer) {
        let now = api.now();
        for series in self.running.values().filter(|series| ended(series, now)) {
            if series.count > 1 {
                write_series(api, series);
            }
        }
        self.running.retain(|_, series| !ended(series, now));
    }

    fn event(&self, involved: &Value, namespace: &str, name: &str, note: Note<'_>, now: Time) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "reason": note.reason,
            "message": cut(note.message),
            "source": {},
            "firstTimestamp": null,
            "lastTimestamp": null,
            "type": note.kind.as_str(),
            "eventTime": now.rfc3339_micro(),
            "action": note.action,
            "reportingComponent": self.component,
            "reportingInstance": self.instance,
        })
    }
}

fn options() -> WriteOptions {
    WriteOptions {
        field_manager: "kube-scheduler".to_owned(),
        ..WriteOptions::default()
    }
}

fn ended(series: &Series, now: Time) -> bool {
    now.since(series.last) > FINISH_AFTER
}

fn write_series(api: &mut ApiServer, series: &Series) {
    let Some(stored) = api.get(&EVENTS, &series.namespace, &series.name) else {
        return;
    };
    let mut event = Value::clone(stored);
    let written = text(&event, &["series", "lastObservedTime"]);
    if written == series.last.rfc3339_micro() {
        return;
    }
    event["series"] = json!({"count": series.count, "lastObservedTime": series.last.rfc3339_micro()});
    drop(api.update(&EVENTS, None, event, &options()));
}

/// A message of at most 1,024 characters; a longer one ends in ` ...` (`scheduler.truncateMessage`).
fn cut(message: &str) -> String {
    const SUFFIX: &str = " ...";
    if message.len() <= NOTE_LIMIT {
        return message.to_owned();
    }
    let mut end = NOTE_LIMIT - SUFFIX.len();
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{SUFFIX}", &message[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_to_1024_characters() {
        assert_eq!(cut("short"), "short");
        let long = cut(&"x".repeat(2000));
        assert_eq!((long.len(), &long[1018..]), (1024, "xx ..."));
        assert!(cut(&"é".repeat(1000)).len() <= 1024);
    }

    #[test]
    fn an_event_of_the_scheduler_has_null_times_and_no_count() {
        let recorder = SeriesRecorder::new("default-scheduler", "bbf");
        let note = Note {
            kind: EventType::Normal,
            reason: "Scheduled",
            action: "Binding",
            message: "Successfully assigned shop/web to n1",
        };
        let involved = json!({"kind": "Pod", "name": "web"});
        let event = recorder.event(&involved, "shop", "web.1", note, Time::from_micros(1));
        assert_eq!(event["eventTime"], "1970-01-01T00:00:00.000001Z");
        assert_eq!(event["reportingInstance"], "default-scheduler-bbf");
        assert!(event["lastTimestamp"].is_null() && event.get("count").is_none());
    }
}
