//! Events: how components tell people what they did, with client-go's correlation.
//!
//! Three parts: [`Recorder`] writes core/v1 Events as controllers and kubelets do (`client-go/tools/record`),
//! [`SeriesRecorder`] those of the scheduler (`client-go/tools/events`), and [`Expiry`] removes each an hour
//! after its last write, as the API server's `--event-ttl` does. Differs from Kubernetes: an event is written
//! in the moment it is recorded, not by a goroutine a little later.

use serde_json::{Map, Value, json};

use crate::apiserver::{ApiServer, WriteOptions};
use crate::clock::Time;
use crate::resource::EVENTS;
use crate::storage::{Object, text};

mod correlation;
mod expiry;
mod series;

use correlation::{Correlator, Outcome};

pub(crate) use expiry::Expiry;
pub(crate) use series::{Note, SeriesRecorder};

/// `Normal` or `Warning`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum EventType {
    /// Information only.
    Normal,
    /// Something may be wrong.
    Warning,
}

impl EventType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// What is said about an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    kind: EventType,
    reason: &'a str,
    message: &'a str,
}

impl<'a> Event<'a> {
    /// For information: a `reason` in one word, and the sentence for people.
    pub(crate) const fn normal(reason: &'a str, message: &'a str) -> Self {
        Self {
            kind: EventType::Normal,
            reason,
            message,
        }
    }

    /// Something may be wrong: a `reason` in one word, and the sentence for people.
    pub(crate) const fn warning(reason: &'a str, message: &'a str) -> Self {
        Self {
            kind: EventType::Warning,
            reason,
            message,
        }
    }
}

/// What happened, to which object, before correlation.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Occurrence {
    /// `involvedObject` as a JSON object.
    involved: Value,
    kind: EventType,
    reason: String,
    message: String,
}

/// Writes core/v1 Events of one component (`source.component`), on one host for kubelets.
#[derive(Debug)]
pub(crate) struct Recorder {
    component: &'static str,
    host: Option<String>,
    correlator: Correlator,
}

impl Recorder {
    /// A recorder for `component`, such as `deployment-controller`; `host` is the node of a kubelet.
    pub(crate) fn new(component: &'static str, host: Option<String>) -> Self {
        Self {
            component,
            host,
            correlator: Correlator::default(),
        }
    }

    /// Records that `reason` happened to `about`, an object (or a part of one: `kind`, `apiVersion` and the
    /// metadata's name, namespace, uid and resourceVersion are read). `field_path` names a part of it, such as
    /// `spec.containers{web}`. A refusal by the API server (its namespace is being deleted) drops the event,
    /// as client-go does.
    pub(crate) fn record(
        &mut self,
        api: &mut ApiServer,
        about: &Value,
        field_path: Option<&str>,
        event: Event<'_>,
    ) {
        let occurrence = Occurrence {
            involved: reference(about, field_path),
            kind: event.kind,
            reason: event.reason.to_owned(),
            message: event.message.to_owned(),
        };
        let namespace = namespace_of(&occurrence.involved).to_owned();
        let fresh = free_name(api, &namespace, &occurrence.involved);
        match self.correlator.correlate(&occurrence, fresh, api.now()) {
            Outcome::Dropped => {}
            Outcome::First(entry) => self.create(api, &occurrence, &entry),
            Outcome::Repeated(entry) => match api.get(&EVENTS, &namespace, &entry.name).cloned() {
                Some(stored) => self.count_up(api, &stored, &entry),
                // It has expired meanwhile: it comes back under its old name with its old count.
                None => self.create(api, &occurrence, &entry),
            },
        }
    }

    fn create(&self, api: &mut ApiServer, occurrence: &Occurrence, entry: &correlation::Entry) {
        let namespace = namespace_of(&occurrence.involved).to_owned();
        let event = self.event(occurrence, entry, &namespace, api.now());
        let written = api.create(&EVENTS, &namespace, event, &self.options());
        drop(written);
    }

    fn count_up(&self, api: &mut ApiServer, stored: &Object, entry: &correlation::Entry) {
        let mut event = Value::clone(stored);
        event["count"] = entry.count.into();
        event["lastTimestamp"] = api.now().rfc3339().into();
        event["message"] = entry.message.as_str().into();
        let written = api.update(&EVENTS, None, event, &self.options());
        drop(written);
    }

    fn options(&self) -> WriteOptions {
        WriteOptions {
            field_manager: self.manager().to_owned(),
            ..WriteOptions::default()
        }
    }

    /// The binary's name, which is what its writes are managed under.
    fn manager(&self) -> &'static str {
        match self.component {
            "kubelet" => "kubelet",
            "default-scheduler" => "kube-scheduler",
            _ => "kube-controller-manager",
        }
    }

    fn event(
        &self,
        occurrence: &Occurrence,
        entry: &correlation::Entry,
        namespace: &str,
        now: Time,
    ) -> Value {
        let mut source = json!({"component": self.component});
        if let Some(host) = &self.host {
            source["host"] = host.as_str().into();
        }
        // An event that stands for several is built anew by client-go and says only its source.
        let (component, instance) = match (entry.combined, &self.host) {
            (true, _) => ("", ""),
            (false, host) => (self.component, host.as_deref().unwrap_or_default()),
        };
        json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": entry.name, "namespace": namespace},
            "involvedObject": occurrence.involved,
            "reason": occurrence.reason,
            "message": entry.message,
            "source": source,
            "firstTimestamp": entry.first.rfc3339(),
            "lastTimestamp": now.rfc3339(),
            "count": entry.count,
            "type": occurrence.kind.as_str(),
            "eventTime": null,
            "reportingComponent": component,
            "reportingInstance": instance,
        })
    }
}

/// The `ObjectReference` to `about` (`client-go/tools/reference.GetReference`); empty parts are left out.
pub(crate) fn reference(about: &Value, field_path: Option<&str>) -> Value {
    let parts = [
        ("kind", text(about, &["kind"])),
        ("namespace", text(about, &["metadata", "namespace"])),
        ("name", text(about, &["metadata", "name"])),
        ("uid", text(about, &["metadata", "uid"])),
        ("apiVersion", text(about, &["apiVersion"])),
        ("resourceVersion", text(about, &["metadata", "resourceVersion"])),
        ("fieldPath", field_path.unwrap_or_default()),
    ];
    let present = parts.into_iter().filter(|(_, value)| !value.is_empty());
    Value::Object(
        present
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .collect::<Map<_, _>>(),
    )
}

/// Where the event of an object lives: events of cluster-scoped objects are in `default`.
fn namespace_of(involved: &Value) -> &str {
    match text(involved, &["namespace"]) {
        "" => "default",
        namespace => namespace,
    }
}

/// `<object>.<nanoseconds since the epoch in hexadecimal>`, the first that is not taken.
fn free_name(api: &ApiServer, namespace: &str, involved: &Value) -> String {
    let object = text(involved, &["name"]);
    let from = api.now().as_micros().saturating_mul(1000);
    (from..)
        .map(|nanos| format!("{object}.{nanos:x}"))
        .find(|name| api.get(&EVENTS, namespace, name).is_none())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7"},
        })
    }

    #[test]
    fn an_event_refers_to_its_object_and_the_part_it_is_about() {
        assert_eq!(
            reference(&pod(), Some("spec.containers{web}")),
            json!({
                "kind": "Pod", "namespace": "shop", "name": "web", "uid": "u1", "apiVersion": "v1",
                "resourceVersion": "7", "fieldPath": "spec.containers{web}",
            })
        );
        assert_eq!(
            namespace_of(&reference(&json!({"kind": "Node"}), None)),
            "default"
        );
    }

    #[test]
    fn an_event_carries_what_clients_print() {
        let recorder = Recorder::new("kubelet", Some("node-1".into()));
        let occurrence = Occurrence {
            involved: reference(&pod(), None),
            kind: EventType::Normal,
            reason: "Killing".into(),
            message: "Stopping container web".into(),
        };
        let entry = correlation::Entry {
            name: "web.1".into(),
            message: occurrence.message.clone(),
            count: 1,
            first: Time::from_micros(0),
            combined: false,
        };
        let event = recorder.event(&occurrence, &entry, "shop", Time::from_micros(0));
        assert_eq!(event["source"], json!({"component": "kubelet", "host": "node-1"}));
        assert_eq!(event["reportingInstance"], "node-1");
        assert_eq!(event["firstTimestamp"], "1970-01-01T00:00:00Z");
        assert_eq!(event["eventTime"], Value::Null);
    }
}
