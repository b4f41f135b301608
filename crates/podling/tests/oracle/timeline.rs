//! Watching a case's pods and events while it is replayed, as the recorder did.

use std::time::Duration;

use podling::apiserver::Stream;
use podling::clock::Time;
use podling::{Body, Request};
use serde_json::Value;

use crate::door::Door;

/// A watch whose events are rows of a table, as `kubectl get --watch` asks for it.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// One change of a pod's row.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Seconds since the first step.
    pub(crate) t: f64,
    pub(crate) name: String,
    pub(crate) ready: String,
    pub(crate) status: String,
    pub(crate) restarts: u64,
    pub(crate) deleted: bool,
}

impl Sample {
    pub(crate) fn of(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Self {
            t: value["t"].as_f64().unwrap_or_default(),
            name: text("name"),
            ready: text("ready"),
            status: text("status"),
            restarts: value["restarts"].as_u64().unwrap_or_default(),
            deleted: value["deleted"] == true,
        }
    }

    /// Whether another sample shows the same.
    pub(crate) fn shows(&self, other: &Self) -> bool {
        self.ready == other.ready
            && self.status == other.status
            && self.restarts == other.restarts
            && self.deleted == other.deleted
    }
}

/// One writing of an event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Seconds since the first step.
    pub(crate) t: f64,
    pub(crate) kind: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    /// `<kind>/<name>`.
    pub(crate) object: String,
    pub(crate) from: String,
}

impl Event {
    pub(crate) fn of(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Self {
            t: value["t"].as_f64().unwrap_or_default(),
            kind: text("type"),
            reason: text("reason"),
            message: text("message"),
            object: text("object"),
            from: text("from"),
        }
    }
}

/// Two open watches and what came of them.
pub(crate) struct Timeline {
    namespace: String,
    pods: Stream,
    events: Stream,
    start: Option<Time>,
    generated: Vec<String>,
    samples: Vec<(Time, Sample)>,
    written: Vec<(Time, Event)>,
}

impl Timeline {
    /// Begins to watch; `None` where watches are refused.
    pub(crate) fn new(cluster: &Door, namespace: &str, selector: &str) -> Option<Self> {
        let path = format!("/api/v1/namespaces/{namespace}");
        let selector = selector.replace('=', "%3D").replace(',', "%2C");
        let pods = format!("{path}/pods?watch=true&labelSelector={selector}");
        Some(Self {
            pods: watch(cluster, &pods, TABLE)?,
            namespace: namespace.to_owned(),
            events: watch(cluster, "/api/v1/events?watch=true", "application/json")?,
            start: None,
            generated: Vec::new(),
            samples: Vec::new(),
            written: Vec::new(),
        })
    }

    /// Says that the first step has been answered; `then` is the moment it counts as.
    pub(crate) fn begin(&mut self, then: Time) {
        self.start.get_or_insert(then);
    }

    /// The moment that is `seconds` into the case, once it has begun.
    pub(crate) fn moment(&self, seconds: f64) -> Option<Time> {
        self.start
            .map(|start| start + Duration::from_secs_f64(seconds.max(0.0)))
    }

    /// Reads what the watches have to say.
    pub(crate) fn collect(&mut self, cluster: &Door) {
        let now = cluster.now();
        for event in parsed(&cluster.read(&mut self.pods)) {
            self.sample(now, &event);
        }
        for event in parsed(&cluster.read(&mut self.events)) {
            if event["type"] != "DELETED" && self.belongs(&event["object"]) {
                self.written.push((now, written(&event["object"])));
            }
        }
    }

    /// The case's own events, and what nodes say once it has begun; those stand in `default`.
    fn belongs(&self, event: &Value) -> bool {
        let is_of_node = event["involvedObject"]["kind"] == "Node";
        event["metadata"]["namespace"] == self.namespace.as_str() || is_of_node && self.start.is_some()
    }

    fn sample(&mut self, now: Time, event: &Value) {
        for row in event["object"]["rows"].as_array().into_iter().flatten() {
            let cell = |at: usize| match &row["cells"][at] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let restarts = cell(3);
            let sample = Sample {
                t: 0.0,
                name: cell(0),
                ready: cell(1),
                status: cell(2),
                restarts: restarts
                    .split(' ')
                    .next()
                    .and_then(|count| count.parse().ok())
                    .unwrap_or(0),
                deleted: event["type"] == "DELETED",
            };
            let is_generated = !row["object"]["metadata"]["generateName"].is_null();
            if is_generated && !self.generated.contains(&sample.name) {
                self.generated.push(sample.name.clone());
            }
            let last = self.samples.iter().rev().find(|(_, one)| one.name == sample.name);
            if last.is_none_or(|(_, last)| !last.shows(&sample)) {
                self.samples.push((now, sample));
            }
        }
    }

    /// The pods with generated names, in the order in which they appeared.
    pub(crate) fn generated(&self) -> &[String] {
        &self.generated
    }

    /// The samples so far, in seconds since the first step.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let timed = |(time, sample): &(Time, Sample)| Sample {
            t: self.seconds(*time),
            ..sample.clone()
        };
        self.samples.iter().map(timed).collect()
    }

    /// The events so far, in seconds since the first step.
    pub(crate) fn events(&self) -> Vec<Event> {
        let timed = |(time, event): &(Time, Event)| Event {
            t: self.seconds(*time),
            ..event.clone()
        };
        self.written.iter().map(timed).collect()
    }

    fn seconds(&self, time: Time) -> f64 {
        self.start.map_or(0.0, |start| time.since(start).as_secs_f64())
    }
}

fn watch(cluster: &Door, path: &str, accept: &str) -> Option<Stream> {
    let mut request = Request::new("GET", path);
    request.accept = accept.to_owned();
    match cluster.handle(&request).body {
        Body::Stream(stream) => Some(stream),
        Body::Whole(_) | Body::Session(_) => None,
    }
}

fn parsed(bytes: &[u8]) -> Vec<Value> {
    serde_json::Deserializer::from_slice(bytes)
        .into_iter()
        .flatten()
        .collect()
}

fn written(event: &Value) -> Event {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let about = &event["involvedObject"];
    let from = match text(&event["reportingComponent"]) {
        empty if empty.is_empty() => text(&event["source"]["component"]),
        from => from,
    };
    Event {
        t: 0.0,
        kind: text(&event["type"]),
        reason: text(&event["reason"]),
        message: text(&event["message"]),
        object: format!("{}/{}", text(&about["kind"]), text(&about["name"])),
        from,
    }
}
