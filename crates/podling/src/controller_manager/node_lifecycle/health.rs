//! Whether a node is heard of (`tryUpdateNodeHealth`).

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Time;
use crate::storage::text;

/// How long a node may be silent.
const GRACE: Duration = Duration::from_secs(50);
/// How long a new node may take to say anything.
const STARTUP_GRACE: Duration = Duration::from_secs(60);
/// The conditions that become Unknown with a node's silence.
const CONDITIONS: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// What was last heard of a node.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Health {
    /// The heartbeat of its condition Ready.
    heartbeat: String,
    /// When its lease was last renewed, as the lease says.
    renewed: String,
    /// When either of them was last seen to change.
    pub(super) heard: Time,
}

/// The status of the condition Ready; a node that has none is Unknown.
pub(super) fn readiness(node: &Value) -> &str {
    ready(node).map_or("Unknown", |ready| text(ready, &["status"]))
}

fn ready(node: &Value) -> Option<&Value> {
    let conditions = node["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == "Ready")
}

/// Brings up to date what was heard of the node; `renewed` is its lease's time.
pub(super) fn listen(before: Option<&Health>, node: &Value, renewed: &str, now: Time) -> Health {
    let heartbeat = ready(node).map_or("", |ready| text(ready, &["lastHeartbeatTime"]));
    let is_new = before.is_none_or(|before| before.heartbeat != heartbeat || before.renewed != renewed);
    let created = Time::parse(text(node, &["metadata", "creationTimestamp"])).unwrap_or(now);
    let first = if ready(node).is_some() { now } else { created };
    Health {
        heartbeat: heartbeat.to_owned(),
        renewed: renewed.to_owned(),
        heard: match before {
            Some(before) if !is_new => before.heard,
            Some(_) => now,
            None => first,
        },
    }
}

/// Whether the node has been silent for too long.
pub(super) fn is_silent(health: &Health, node: &Value, now: Time) -> bool {
    let grace = if ready(node).is_some() {
        GRACE
    } else {
        STARTUP_GRACE
    };
    now > health.heard + grace
}

/// The node with the conditions of one that is not heard of; `None` if it has them.
pub(super) fn unheard(node: &Value, now: Time) -> Option<Value> {
    let mut new = node.clone();
    let mut conditions = node["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for kind in CONDITIONS {
        match conditions.iter_mut().find(|condition| condition["type"] == kind) {
            None => conditions.push(json!({
                "type": kind, "status": "Unknown", "reason": "NodeStatusNeverUpdated",
                "message": "Kubelet never posted node status.",
                "lastHeartbeatTime": node["metadata"]["creationTimestamp"],
                "lastTransitionTime": now.rfc3339(),
            })),
            Some(known) if known["status"] != "Unknown" => {
                known["status"] = "Unknown".into();
                known["reason"] = "NodeStatusUnknown".into();
                known["message"] = "Kubelet stopped posting node status.".into();
                known["lastTransitionTime"] = now.rfc3339().into();
            }
            Some(_) => {}
        }
    }
    new["status"]["conditions"] = conditions.into();
    (new != *node).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(heartbeat: &str) -> Value {
        json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}, "status": {"conditions": [
            {"type": "Ready", "status": "True", "lastHeartbeatTime": heartbeat}]}})
    }

    #[test]
    fn a_heartbeat_or_a_lease_keeps_a_node_alive() {
        let start = Time::parse("2026-01-01T00:00:00Z").unwrap();
        let at = |seconds| start + Duration::from_secs(seconds);
        let first = listen(None, &node("a"), "1", at(0));
        let same = listen(Some(&first), &node("a"), "1", at(50));
        assert!(!is_silent(&same, &node("a"), at(50)));
        assert!(is_silent(&same, &node("a"), at(51)));
        for (heartbeat, lease) in [("b", "1"), ("a", "2")] {
            let renewed = listen(Some(&first), &node(heartbeat), lease, at(51));
            assert!(!is_silent(&renewed, &node(heartbeat), at(51)));
        }
    }

    #[test]
    fn a_silent_nodes_conditions_are_unknown() {
        let now = Time::parse("2026-01-01T00:01:00Z").unwrap();
        let unknown = unheard(&node("a"), now).unwrap();
        let conditions = unknown["status"]["conditions"].as_array().unwrap();
        assert_eq!(conditions[0]["reason"], "NodeStatusUnknown");
        assert_eq!(conditions[1]["reason"], "NodeStatusNeverUpdated");
        assert_eq!(conditions.len(), 4);
        assert_eq!(readiness(&unknown), "Unknown");
        assert_eq!(unheard(&unknown, now), None);
    }
}
