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
    let recorded = Picture {
        pods: replay.own_value(&step["pods"]),
        events: replay.own_value(&step["events"]),
    };
    let until = replay.cluster.now() + Duration::from_secs_f64(wanted["within"].as_f64().unwrap_or(10.0));
    if wanted["until"] == "nothing" {
        replay.settle(Duration::from_secs_f64(wanted["seconds"].as_f64().unwrap_or(0.0)));
        return agrees(replay, &recorded);
    }
    loop {
        let verdict = agrees(replay, &recorded);
        if verdict.is_ok() || replay.cluster.now() >= until {
            return verdict;
        }
        replay.settle(POLL);
    }
}

/// What was recorded of some pods.
struct Picture {
    pods: Value,
    events: Value,
}

fn agrees(replay: &mut Replay, recorded: &Picture) -> Result<(), Verdict> {
    for (name, expected) in recorded.pods.as_object().into_iter().flatten() {
        let pod = pod(replay, name)?;
        if let Some(why) = pod_differs(replay, expected, &pod) {
            return Err(Verdict::Differs(format!("pod {name}: {why}")));
        }
        events_agree(replay, name, &recorded.events)?;
    }
    Ok(())
}

/// What the scheduler said of a pod, each sentence once and in order.
fn events_agree(replay: &mut Replay, name: &str, recorded: &Value) -> Result<(), Verdict> {
    let about = format!("pod/{name}");
    let recorded: Vec<&Value> = (recorded.as_array().into_iter().flatten())
        .filter(|event| event["object"] == *about)
        .collect();
    let own = replay.namespace.clone();
    let (namespace, name) = name.split_once('/').unwrap_or((&own, name));
    let path = format!("/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.name%3D{name}");
    let list = replay.send(&json!({"method": "GET", "path": path}))?.body_json();
    let mut events: Vec<Value> = list["items"].as_array().cloned().unwrap_or_default();
    events.retain(|event| event["reportingComponent"] == "default-scheduler");
    events.sort_by_key(|event| event["eventTime"].to_string());
    let mut said: Vec<Value> = Vec::new();
    for event in events {
        let sentence = json!({
            "type": event["type"], "reason": event["reason"], "message": event["message"],
            "object": about, "action": event["action"], "from": event["reportingComponent"],
        });
        if !said.contains(&sentence) {
            said.push(sentence);
        }
    }
    match replay.comparer.difference(&json!(recorded), &json!(said)) {
        Some(why) => Err(Verdict::Differs(format!("events of {about}: {why}"))),
        None => Ok(()),
    }
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
    if expected["terminating"] == true && pod["metadata"]["deletionTimestamp"].is_null() {
        return Some("is not terminating".to_owned());
    }
    nomination_differs(expected, pod).or_else(|| {
        let conditions = [
            ("condition", "PodScheduled"),
            ("disruptionTarget", "DisruptionTarget"),
        ];
        conditions.into_iter().find_map(|(field, kind)| {
            condition_differs(replay, &expected[field], pod, kind).map(|why| format!("{field}{why}"))
        })
    })
}

fn nomination_differs(expected: &Value, pod: &Value) -> Option<String> {
    let nominated = &pod["status"]["nominatedNodeName"];
    let recorded = expected["nominatedNodes"].as_array().cloned().unwrap_or_default();
    let agrees = match nominated {
        Value::Null => recorded.is_empty(),
        _ => recorded.contains(nominated),
    };
    (!agrees).then(|| format!("nominated for {nominated}, recorded {}", Value::Array(recorded)))
}

fn condition_differs(replay: &mut Replay, expected: &Value, pod: &Value, kind: &str) -> Option<String> {
    let conditions = pod["status"]["conditions"].as_array();
    let found = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind);
    let with_texts = |condition: &Value| {
        let mut told = json!({"status": condition["status"]});
        for key in ["reason", "message"] {
            told[key] = condition[key].clone();
        }
        told
    };
    let own = found.map_or(Value::Null, with_texts);
    let recorded = if expected.is_null() {
        Value::Null
    } else {
        with_texts(expected)
    };
    replay.comparer.difference(&recorded, &own)
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
