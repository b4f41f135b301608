//! The scheduler's word about some pods.

use std::time::Duration;

use serde_json::{Value, json};

use crate::replay::{Replay, Verdict};

const POLL: Duration = Duration::from_millis(100);

/// Waits until what the step waits for holds, and compares the picture then.
pub(crate) fn decide(replay: &mut Replay, wanted: &Value, step: &Value) -> Result<(), Verdict> {
    if wanted.get("group").is_some() {
        return group(replay, wanted, step);
    }
    let recorded = replay.own_value(&step["pods"]);
    let until = replay.cluster.now() + Duration::from_secs_f64(wanted["within"].as_f64().unwrap_or(10.0));
    if wanted["until"] == "nothing" {
        replay.settle(Duration::from_secs_f64(wanted["seconds"].as_f64().unwrap_or(0.0)));
        return pods_agree(replay, &recorded);
    }
    loop {
        let verdict = pods_agree(replay, &recorded);
        if verdict.is_ok() || replay.cluster.now() >= until {
            return verdict;
        }
        replay.settle(POLL);
    }
}

fn pods_agree(replay: &mut Replay, recorded: &Value) -> Result<(), Verdict> {
    for (name, expected) in recorded.as_object().into_iter().flatten() {
        let pod = pod(replay, name)?;
        if let Some(why) = pod_differs(replay, expected, &pod) {
            return Err(Verdict::Differs(format!("pod {name}: {why}")));
        }
    }
    Ok(())
}

fn pod(replay: &mut Replay, name: &str) -> Result<Value, Verdict> {
    let own = replay.namespace.clone();
    let (namespace, name) = name.split_once('/').unwrap_or((&own, name));
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
    let response = replay.send(&json!({"method": "GET", "path": path}))?;
    Ok(if response.status == 200 {
        response.body_json()
    } else {
        Value::Null
    })
}

fn pod_differs(replay: &mut Replay, expected: &Value, pod: &Value) -> Option<String> {
    if expected["deleted"] == true {
        return (!pod.is_null()).then(|| "is still there".to_owned());
    }
    let node = &pod["spec"]["nodeName"];
    let placements = expected["placements"].as_array().cloned().unwrap_or_default();
    let placed_well = if placements.is_empty() {
        node.is_null()
    } else {
        placements.contains(node)
    };
    if !placed_well {
        return Some(format!("on {node}, recorded {}", Value::Array(placements)));
    }
    let conditions = pod["status"]["conditions"].as_array();
    let scheduled = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "PodScheduled");
    let own = scheduled.map_or(Value::Null, |condition| {
        let mut own = json!({"status": condition["status"]});
        for key in ["reason", "message"] {
            own[key] = condition[key].clone();
        }
        own
    });
    let mut recorded = expected["condition"].clone();
    if !recorded.is_null() {
        for key in ["reason", "message"] {
            recorded[key] = recorded[key].clone();
        }
    }
    replay
        .comparer
        .difference(&recorded, &own)
        .map(|why| format!("condition{why}"))
}

fn group(replay: &mut Replay, wanted: &Value, step: &Value) -> Result<(), Verdict> {
    let until = replay.cluster.now() + Duration::from_secs_f64(wanted["within"].as_f64().unwrap_or(10.0));
    let spreads: Vec<Value> = step["spread"].as_array().cloned().unwrap_or_default();
    let total = wanted["total"].as_u64().unwrap_or(0);
    loop {
        let (spread, seen) = spread(replay, wanted)?;
        let agrees = seen == total
            && spreads.iter().any(|recorded| {
                recorded["perNode"] == spread["perNode"] && recorded["pending"] == spread["pending"]
            });
        if agrees {
            return Ok(());
        }
        if replay.cluster.now() >= until {
            return Err(Verdict::Differs(format!(
                "{seen} pods spread {spread}, recorded {}",
                Value::Array(spreads)
            )));
        }
        replay.settle(POLL);
    }
}

/// Pods per node, most first, zeros included; how many are unbound; and how many there are.
fn spread(replay: &mut Replay, wanted: &Value) -> Result<(Value, u64), Verdict> {
    let selector = wanted["group"]
        .as_str()
        .unwrap_or_default()
        .replace('=', "%3D")
        .replace(',', "%2C");
    let path = format!(
        "/api/v1/namespaces/{}/pods?labelSelector={selector}",
        replay.namespace
    );
    let pods = replay.send(&json!({"method": "GET", "path": path}))?.body_json();
    let nodes = replay
        .send(&json!({"method": "GET", "path": "/api/v1/nodes"}))?
        .body_json();
    let items = |list: &Value| list["items"].as_array().cloned().unwrap_or_default();
    let (pods, nodes) = (items(&pods), items(&nodes));
    let on = |node: &Value| {
        pods.iter()
            .filter(|pod| pod["spec"]["nodeName"] == node["metadata"]["name"])
            .count()
    };
    let mut per_node: Vec<usize> = nodes.iter().map(on).collect();
    per_node.sort_unstable_by(|a, b| b.cmp(a));
    let pending = pods
        .iter()
        .filter(|pod| pod["spec"]["nodeName"].is_null())
        .count();
    Ok((
        json!({"perNode": per_node, "pending": pending}),
        pods.len() as u64,
    ))
}
