//! The cluster as kubectl shows it: tables that the server lays out, and recent events.

use http::Request;
use http::header::ACCEPT;
use serde_json::Value;

/// What kubectl asks for when it wants a table.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/// A table as the server lays it out: the columns that kubectl shows without `-o wide`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The headings, in capitals.
    pub headings: Vec<String>,
    /// The cells of each row.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a `meta.k8s.io/v1` Table.
    pub fn parse(table: &Value) -> Self {
        let columns: Vec<(usize, &str)> = items(table, "columnDefinitions")
            .enumerate()
            .filter(|(_, column)| column["priority"].as_i64().unwrap_or(0) == 0)
            .filter_map(|(index, column)| Some((index, column["name"].as_str()?)))
            .collect();
        let row = |row: &Value| {
            columns
                .iter()
                .map(|(index, _)| cell(&row["cells"][*index]))
                .collect()
        };
        Self {
            headings: columns.iter().map(|(_, name)| name.to_uppercase()).collect(),
            rows: items(table, "rows").map(row).collect(),
        }
    }

    /// The cells of a row under all headings but `without`.
    pub fn row_without(&self, row: usize, without: &str) -> Vec<&str> {
        let cells = self.headings.iter().zip(self.rows.get(row).into_iter().flatten());
        cells
            .filter(|(heading, _)| *heading != without)
            .map(|(_, cell)| cell.as_str())
            .collect()
    }
}

fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<none>".to_owned(),
        other => other.to_string(),
    }
}

/// `kubectl get pods`.
///
/// # Errors
/// When the cluster does not answer or refuses.
pub async fn pods(client: &kube::Client, namespace: &str) -> Result<Table, kube::Error> {
    let answer = get(client, &format!("/api/v1/namespaces/{namespace}/pods"), TABLE).await?;
    Ok(Table::parse(&answer))
}

/// The latest `count` events, newest last: type, reason, object, message.
///
/// # Errors
/// When the cluster does not answer or refuses.
pub async fn events(
    client: &kube::Client,
    namespace: &str,
    count: usize,
) -> Result<Vec<[String; 4]>, kube::Error> {
    let path = format!("/api/v1/namespaces/{namespace}/events");
    let answer = get(client, &path, "application/json").await?;
    let mut events: Vec<&Value> = items(&answer, "items").collect();
    events.sort_by_key(|event| last_seen(event).to_owned());
    Ok(events[events.len().saturating_sub(count)..]
        .iter()
        .map(|event| shown(event))
        .collect())
}

fn last_seen(event: &Value) -> &str {
    let fields = [
        &event["lastTimestamp"],
        &event["series"]["lastObservedTime"],
        &event["eventTime"],
    ];
    fields.into_iter().find_map(Value::as_str).unwrap_or_default()
}

fn shown(event: &Value) -> [String; 4] {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &event["involvedObject"];
    let name = format!(
        "{}/{}",
        text(&object["kind"]).to_lowercase(),
        text(&object["name"])
    );
    let count = event["count"].as_i64().filter(|count| *count > 1);
    let times = count.map(|count| format!(" (x{count})")).unwrap_or_default();
    let message = text(&event["message"]).replace('\n', " ");
    [
        text(&event["type"]),
        text(&event["reason"]),
        name,
        format!("{}{times}", message.trim()),
    ]
}

async fn get(client: &kube::Client, path: &str, accept: &str) -> Result<Value, kube::Error> {
    let request = Request::get(path)
        .header(ACCEPT, accept)
        .body(vec![])
        .map_err(kube::Error::HttpError)?;
    client.request(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_keeps_the_columns_that_kubectl_shows() {
        let table = json!({
            "columnDefinitions": [
                {"name": "Name", "priority": 0}, {"name": "Restarts", "priority": 0},
                {"name": "Age"}, {"name": "IP", "priority": 1},
            ],
            "rows": [{"cells": ["web", 0, "5s", "10.0.0.1"]}, {"cells": ["db", 3, null, "10.0.0.2"]}],
        });
        let table = Table::parse(&table);
        assert_eq!(table.headings, ["NAME", "RESTARTS", "AGE"]);
        assert_eq!(table.rows, [["web", "0", "5s"], ["db", "3", "<none>"]]);
        assert_eq!(table.row_without(0, "AGE"), ["web", "0"]);
        assert_eq!(Table::parse(&json!({})), Table::default());
    }
}
