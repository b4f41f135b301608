//! The rows of ResourceQuotas: what of each limit is used.

use serde_json::{Value, json};

use super::age;
use crate::clock::Time;
use crate::resource_list::ResourceList;
use crate::storage::text;

/// Name, Request, Limit, Age.
pub(super) fn resource_quota(quota: &Value, now: Time) -> Value {
    let hard = ResourceList::from_json(&quota["status"]["hard"]);
    let used = ResourceList::from_json(&quota["status"]["used"]);
    let column = |of_limits: bool| {
        let parts = hard
            .iter()
            .filter(|(name, _)| name.starts_with("limits.") == of_limits);
        let parts: Vec<String> = parts
            .map(|(name, most)| format!("{name}: {}/{most}", used.get(name).unwrap_or_default()))
            .collect();
        parts.join(", ")
    };
    json!([
        text(quota, &["metadata", "name"]),
        column(false),
        column(true),
        age(quota, now)
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_stand_in_a_column_of_their_own() {
        let quota = json!({"metadata": {"name": "q"}, "status": {
            "hard": {"pods": "3", "requests.cpu": "1", "limits.cpu": "2"}, "used": {"pods": "1", "limits.cpu": "500m"},
        }});
        let cells = json!([
            "q",
            "pods: 1/3, requests.cpu: 0/1",
            "limits.cpu: 500m/2",
            "<unknown>"
        ]);
        assert_eq!(resource_quota(&quota, Time::default()), cells);
    }
}
