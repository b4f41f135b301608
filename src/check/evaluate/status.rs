//! Conditions on an object's existence, status, events and logs.

use serde_json::Value;

use super::{Finding, Outcome};
use crate::check::object::{containers, list, name, number, text};
use crate::check::view::{Answer, Demand};
use crate::check::{EventSeen, Exists, LogContains, Message, Phase, StatusCondition, View};
use crate::lab::Target;

/// The object that a target names, or the finding that it isn't there.
pub(super) fn existing<'a>(view: &'a View, target: &Target) -> Result<Result<&'a Value, Finding>, Message> {
    let shown = target.to_string();
    Ok(match view.object(target)? {
        None => Err(Finding::fails(Message::NotFound { target: shown })),
        Some(object) if text(object, "/metadata/deletionTimestamp").is_some() => {
            Err(Finding::fails(Message::BeingDeleted { target: shown }))
        }
        Some(object) => Ok(object),
    })
}

pub(super) fn exists(view: &View, it: &Exists) -> Result<Finding, Message> {
    let message = Message::Exists {
        target: it.target.to_string(),
    };
    Ok(existing(view, &it.target)?.map_or_else(|missing| missing, |_| Finding::holds(message)))
}

pub(super) fn condition(view: &View, it: &StatusCondition) -> Result<Finding, Message> {
    let object = match existing(view, &it.target)? {
        Ok(object) => object,
        Err(missing) => return Ok(missing),
    };
    let found = list(object, "/status/conditions")
        .iter()
        .find(|condition| condition["type"] == it.kind.as_str());
    let get = |field: &str| {
        found
            .and_then(|condition| condition[field].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let (status, reason) = (get("status"), get("reason"));
    let holds = status == it.status && it.reason.as_ref().is_none_or(|wanted| *wanted == reason);
    let status = if status.is_empty() {
        "Unknown".to_owned()
    } else {
        status
    };
    let target = it.target.to_string();
    Ok(Finding::of(
        holds,
        Message::StatusCondition {
            target,
            condition: it.kind.clone(),
            status,
            reason,
        },
    ))
}

pub(super) fn phase(view: &View, it: &Phase) -> Result<Finding, Message> {
    Ok(match existing(view, &it.target)? {
        Err(missing) => missing,
        Ok(object) => {
            let phase = text(object, "/status/phase").unwrap_or("Unknown").to_owned();
            Finding::of(
                phase == it.is,
                Message::Phase {
                    target: it.target.to_string(),
                    phase,
                },
            )
        }
    })
}

/// Counts events by the uid of what they are about, so that those of an earlier object of the same name don't count.
pub(super) fn event_seen(view: &View, it: &EventSeen) -> Result<Finding, Message> {
    let uids: Vec<&str> = view
        .select(&it.target)?
        .iter()
        .filter_map(|object| text(object, "/metadata/uid"))
        .collect();
    let matches = |event: &&Value| {
        let about = text(event, "/involvedObject/uid").is_some_and(|uid| uids.contains(&uid));
        let says = |wanted: &String| text(event, "/message").is_some_and(|message| message.contains(wanted));
        about && event["reason"] == it.reason.as_str() && it.message.as_ref().is_none_or(says)
    };
    let seen = view.of_kind("Event")?.filter(matches).map(times).sum();
    let target = it.target.to_string();
    let message = Message::Events {
        target,
        reason: it.reason.clone(),
        seen,
        wanted: it.count,
    };
    Ok(Finding::of(seen >= it.count, message))
}

/// How often an event was recorded: `count`, or `series.count` of the newer form.
fn times(event: &Value) -> i64 {
    number(event, "/count")
        .or_else(|| number(event, "/series/count"))
        .unwrap_or(1)
}

pub(super) fn log_demands(view: &View, it: &LogContains) -> Vec<Demand> {
    let pods = view.live_pods(&it.target).unwrap_or_default();
    pods.iter().map(|pod| Demand::Log(log_path(pod, it))).collect()
}

fn log_path(pod: &Value, it: &LogContains) -> String {
    let namespace = text(pod, "/metadata/namespace").unwrap_or_default();
    let first = || {
        containers(pod)
            .first()
            .and_then(|container| text(container, "/name"))
            .unwrap_or_default()
    };
    let container = it.container.as_deref().unwrap_or_else(first);
    let previous = if it.previous { "&previous=true" } else { "" };
    format!(
        "/api/v1/namespaces/{namespace}/pods/{}/log?container={container}{previous}",
        name(pod)
    )
}

pub(super) fn log_contains(view: &View, it: &LogContains) -> Result<Finding, Message> {
    let target = it.target.to_string();
    let pods = view.live_pods(&it.target)?;
    let answers: Vec<Option<&Answer>> = pods
        .iter()
        .map(|pod| view.answer_to(&Demand::Log(log_path(pod, it))))
        .collect();
    let has = |answer: &Option<&Answer>| matches!(answer, Some(Answer::Http { body, .. }) if body.contains(&it.text));
    let text = it.text.clone();
    Ok(if answers.iter().any(has) {
        Finding::holds(Message::LogHolds { target, text })
    } else if answers.is_empty() || answers.iter().any(Option::is_some) {
        Finding::fails(Message::LogWithout { target, text })
    } else {
        Finding::new(Outcome::Coming, Message::LogWaiting { target })
    })
}
