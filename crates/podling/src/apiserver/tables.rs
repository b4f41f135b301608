//! Tables: what `kubectl get` shows, columns and cells by kind.
//!
//! Source: `k8s.io/kubernetes/pkg/printers/internalversion`, v1.36; the columns with their descriptions are
//! `data/table-columns-v1.36.json`, recorded from a server.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Value, json};

use self::duration::human;
use super::endpoints::presentation::Include;
use super::registry;
use super::selector::line::label_selector;
use super::versions;
use crate::clock::Time;
use crate::resource::Resource;
use crate::storage::text;

mod autoscaler;
mod batch;
mod disruption;
pub(crate) mod duration;
mod event;
mod ingress;
mod network;
mod node;
mod pod;
mod policy;
mod rbac;
mod storage;
mod workload;

/// What a cell says when there is nothing to say.
const NONE: &str = "<none>";
const UNKNOWN: &str = "<unknown>";

/// The recorded columns.
#[derive(Deserialize)]
struct Document {
    /// The description of every column `Name`.
    #[serde(borrow)]
    name: std::borrow::Cow<'static, str>,
    /// The description of every column `Age` or `Created At`.
    age: std::borrow::Cow<'static, str>,
    tables: BTreeMap<String, Vec<Column>>,
}

/// Name, type, format, priority, description.
#[derive(Deserialize)]
struct Column(String, String, String, u8, String);

/// Shows an object of `resource` as a `meta.k8s.io/v1` Table of one row.
pub(crate) fn render(resource: &'static Resource, object: &Value, now: Time, include: Include) -> Value {
    table(resource.plural, object, &[row(resource, object, now, include)])
}

/// Shows an `autoscaling/v1` Scale: Name, Desired, Available, Age.
pub(crate) fn render_scale(scale: &Value, now: Time, include: Include) -> Value {
    let cells = json!([
        text(scale, &["metadata", "name"]),
        number(scale, &["spec", "replicas"]),
        number(scale, &["status", "replicas"]),
        age(scale, now),
    ]);
    let rows = [json!({"cells": cells, "object": shown(scale, include)})];
    table("scales", scale, &rows)
}

fn table(plural: &str, object: &Value, rows: &[Value]) -> Value {
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata(&object["metadata"]),
        "columnDefinitions": columns(plural), "rows": rows,
    })
}

/// A table's metadata: what the object's or the list's says about the list.
pub(crate) fn metadata(of: &Value) -> Value {
    let mut metadata = json!({"resourceVersion": text(of, &["resourceVersion"])});
    for key in ["continue", "remainingItemCount"] {
        if let Some(value) = of.get(key) {
            metadata[key] = value.clone();
        }
    }
    metadata
}

/// An object's row, with the `meta.k8s.io/v1` form of what stands beside its cells.
pub(crate) fn row(resource: &Resource, object: &Value, now: Time, include: Include) -> Value {
    let mut object_shown = shown(object, include);
    if include == Include::Object {
        object_shown["kind"] = resource.kind.into();
        object_shown["apiVersion"] = resource.api_version().into();
    }
    let mut row = json!({"cells": cells(resource, object, now), "object": object_shown});
    if let Some(conditions) = (resource.kind == "Pod")
        .then(|| pod::conditions(object))
        .flatten()
    {
        row["conditions"] = conditions;
    }
    row
}

/// What a row holds beside its cells.
fn shown(object: &Value, include: Include) -> Value {
    match include {
        Include::None => Value::Null,
        Include::Metadata => json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": registry::internal_metadata(object),
        }),
        Include::Object => object.clone(),
    }
}

fn cells(resource: &Resource, object: &Value, now: Time) -> Value {
    let name = text(object, &["metadata", "name"]);
    let age = age(object, now);
    match resource.kind {
        "Pod" => pod::cells(object, now),
        "Deployment" => workload::deployment(object, now),
        "ReplicaSet" => workload::replica_set(object, now),
        "ReplicationController" => workload::replication_controller(object, now),
        "StatefulSet" => workload::stateful_set(object, now),
        "DaemonSet" => workload::daemon_set(object, now),
        "PodTemplate" => workload::pod_template(object),
        "ControllerRevision" => workload::controller_revision(object, now),
        "HorizontalPodAutoscaler" => autoscaler::cells(&versions::to_stored(resource, object.clone()), now),
        "PodDisruptionBudget" => disruption::pod_disruption_budget(object, now),
        "PriorityClass" => disruption::priority_class(object, now),
        "CronJob" => batch::cron_job(object, now),
        "Job" => batch::job(object, now),
        "Service" => network::service(object, now),
        "Endpoints" => json!([name, network::endpoints(object), age]),
        "EndpointSlice" => network::endpoint_slice(object, now),
        "Node" => node::cells(object, now),
        "Event" => event::cells(object, now),
        "ConfigMap" => json!([name, length(&object["data"]) + length(&object["binaryData"]), age]),
        "Secret" => json!([name, text(object, &["type"]), length(&object["data"]), age]),
        "ComponentStatus" => component_status(object),
        "Ingress" => ingress::ingress(object, now),
        "IngressClass" => ingress::ingress_class(object, now),
        "NetworkPolicy" => {
            let selector = label_selector(&object["spec"]["podSelector"]);
            json!([name, selector, age])
        }
        "RuntimeClass" => json!([name, text(object, &["handler"]), age]),
        "PersistentVolume" => storage::volume(object, now),
        "PersistentVolumeClaim" => storage::claim(object, now),
        "StorageClass" => storage::storage_class(object, now),
        "LimitRange" | "Role" | "ClusterRole" => json!([name, created(object)]),
        "RoleBinding" | "ClusterRoleBinding" => rbac::binding(object, now),
        "ResourceQuota" => policy::resource_quota(object, now),
        "Namespace" => json!([name, text(object, &["status", "phase"]), age]),
        "Lease" => json!([name, text(object, &["spec", "holderIdentity"]), age]),
        _ => json!([name, age]),
    }
}

/// Name, Status, Message, Error.
fn component_status(object: &Value) -> Value {
    let healthy = items(object, &["conditions"]).find(|condition| condition["type"] == "Healthy");
    let fact = |key: &str| {
        healthy
            .map(|condition| text(condition, &[key]))
            .unwrap_or_default()
    };
    let status = match fact("status") {
        "True" => "Healthy",
        "False" => "Unhealthy",
        _ => "Unknown",
    };
    json!([
        text(object, &["metadata", "name"]),
        status,
        fact("message"),
        fact("error")
    ])
}

/// The columns of a resource; those of a kind without any of its own are Name and Age.
pub(crate) fn columns(plural: &str) -> Value {
    static COLUMNS: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    let columns = COLUMNS.get_or_init(load);
    columns
        .get(plural)
        .or_else(|| columns.get("serviceaccounts"))
        .cloned()
        .unwrap_or_default()
}

fn load() -> BTreeMap<String, Value> {
    const DATA: &str = include_str!("../../data/table-columns-v1.36.json");
    let Ok(document) = serde_json::from_str::<Document>(DATA) else {
        return BTreeMap::new();
    };
    let defined = |Column(name, kind, format, priority, description): &Column| {
        let description = match name.as_str() {
            "Name" => document.name.as_ref(),
            "Age" | "Created At" => document.age.as_ref(),
            _ => description,
        };
        json!({"name": name, "type": kind, "format": format, "description": description, "priority": priority})
    };
    let tables = document.tables.iter();
    tables
        .map(|(plural, columns)| (plural.clone(), columns.iter().map(defined).collect()))
        .collect()
}

/// When the object was created.
fn created(object: &Value) -> Value {
    object["metadata"]["creationTimestamp"].clone()
}

/// How long ago the object was created.
fn age(object: &Value, now: Time) -> String {
    since(text(object, &["metadata", "creationTimestamp"]), now)
}

/// How long ago an RFC 3339 time was.
fn since(time: &str, now: Time) -> String {
    Time::parse(time).map_or_else(|| UNKNOWN.to_owned(), |time| human(now.since(time)))
}

/// The text, or `otherwise` if it is empty.
fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn length(collection: &Value) -> usize {
    match collection {
        Value::Object(entries) => entries.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    }
}

/// The items of a list in an object; none if it is not there.
fn items<'a>(object: &'a Value, path: &[&str]) -> impl DoubleEndedIterator<Item = &'a Value> + use<'a> {
    let list = path.iter().try_fold(object, |value, key| value.get(key));
    list.and_then(Value::as_array).into_iter().flatten()
}

/// A whole number in an object; zero if it is not there.
fn number(object: &Value, path: &[&str]) -> i64 {
    let found = path.iter().try_fold(object, |value, key| value.get(key));
    found.and_then(Value::as_i64).unwrap_or_default()
}

/// A map of labels in a line: `app=web,tier=front`, or `<none>` (`labels.FormatLabels`).
fn label_line(labels: &Value) -> String {
    let labels = labels.as_object().into_iter().flatten();
    let lines: Vec<String> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    or(&lines.join(","), NONE).to_owned()
}

/// At most three texts, and how many more there are: `a,b,c + 2 more...`.
fn first_three(texts: &[String]) -> String {
    const MOST: usize = 3;
    let shown = texts[..texts.len().min(MOST)].join(",");
    match texts.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} + {more} more..."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{ALL, CONFIG_MAPS, LEASES, NAMESPACES, SECRETS, SERVICE_ACCOUNTS, inert};

    /// The cells of one object, a minute after it was created.
    fn row_of(resource: &'static Resource, fields: &Value) -> Value {
        let mut object = json!({"metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"}});
        object
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let now = Time::parse("2026-01-01T00:01:00Z").unwrap();
        render(resource, &object, now, Include::None)["rows"][0]["cells"].clone()
    }

    #[test]
    fn every_served_kind_has_a_cell_for_each_of_its_columns() {
        // Of what cannot be made there are no rows.
        for resource in ALL.iter().filter(|resource| inert::why_not(resource).is_none()) {
            let object = json!({"metadata": {"name": "a"}});
            let table = render(resource, &object, Time::default(), Include::Metadata);
            let columns = table["columnDefinitions"].as_array().unwrap();
            let cells = table["rows"][0]["cells"].as_array().unwrap();
            assert_eq!(cells.len(), columns.len(), "{}", resource.plural);
            let named = columns
                .iter()
                .position(|column| column["format"] == "name")
                .unwrap();
            assert_eq!(cells[named], "a", "{}", resource.plural);
        }
    }

    #[test]
    fn plain_kinds_show_their_few_facts() {
        let cases = [
            (
                &CONFIG_MAPS,
                json!({"data": {"a": "", "b": ""}, "binaryData": {"c": ""}}),
                json!(["a", 3, "60s"]),
            ),
            (
                &SECRETS,
                json!({"type": "Opaque", "data": {"a": ""}}),
                json!(["a", "Opaque", 1, "60s"]),
            ),
            (
                &NAMESPACES,
                json!({"status": {"phase": "Active"}}),
                json!(["a", "Active", "60s"]),
            ),
            (
                &LEASES,
                json!({"spec": {"holderIdentity": "n1"}}),
                json!(["a", "n1", "60s"]),
            ),
            (&SERVICE_ACCOUNTS, json!({}), json!(["a", "60s"])),
        ];
        for (resource, fields, expected) in cases {
            assert_eq!(row_of(resource, &fields), expected);
        }
    }

    #[test]
    fn an_object_becomes_a_row_and_a_table_keeps_what_says_where_a_list_ends() {
        let object =
            json!({"metadata": {"name": "a", "labels": {"t": "x"}, "resourceVersion": "7"}, "data": {}});
        let rendered = |include| render(&CONFIG_MAPS, &object, Time::default(), include);
        let table = rendered(Include::Metadata);
        assert_eq!(table["metadata"], json!({"resourceVersion": "7"}));
        assert_eq!(
            table["rows"],
            json!([{"cells": ["a", 0, "<unknown>"], "object": {
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                "metadata": {"name": "a", "labels": {"t": "x"}, "resourceVersion": "7"},
            }}])
        );
        let of_list = json!({"resourceVersion": "7", "continue": "x", "selfLink": ""});
        assert_eq!(
            metadata(&of_list),
            json!({"resourceVersion": "7", "continue": "x"})
        );
        assert_eq!(rendered(Include::None)["rows"][0]["object"], Value::Null);
        assert_eq!(
            rendered(Include::Object)["rows"][0]["object"]["kind"],
            "ConfigMap"
        );
    }

    #[test]
    fn a_scale_has_a_table_of_its_own() {
        let scale = json!({"kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 3}, "status": {"replicas": 2}});
        let table = render_scale(&scale, Time::default(), Include::None);
        assert_eq!(table["rows"][0]["cells"], json!(["web", 3, 2, "<unknown>"]));
        assert_eq!(table["columnDefinitions"][1]["name"], "Desired");
    }

    #[test]
    fn a_long_list_of_texts_is_cut() {
        let texts = |count: usize| vec!["x".to_owned(); count];
        assert_eq!(
            [0, 3, 5].map(|count| first_three(&texts(count))),
            ["", "x,x,x", "x,x,x + 2 more..."]
        );
    }
}
