//! The checks' observations in English.

use super::{Message, ProbeFlaw};
use crate::check::ProbeKind;

#[expect(clippy::too_many_lines, reason = "a flat table, one line a message")]
pub(super) fn say(message: &Message) -> String {
    match message {
        Message::Reading => "reading the cluster".to_owned(),
        Message::Unreachable { error } => format!("the cluster can't be reached: {error}"),
        Message::Unreadable { kind, error } => format!("objects of the kind {kind} can't be read: {error}"),
        Message::NotFound { target } => format!("{target} doesn't exist"),
        Message::BeingDeleted { target } => format!("{target} is being deleted"),
        Message::Exists { target } => format!("{target} exists"),
        Message::NotObserved { target } => {
            format!("{target}: its controller has not seen the newest change yet")
        }
        Message::RollingOut {
            target,
            updated,
            available,
            wanted,
        } => {
            format!("{target} is rolling out: {updated} of {wanted} updated, {available} available")
        }
        Message::RolloutStuck { target, reason } => format!("the rollout of {target} is stuck: {reason}"),
        Message::RolledOut { target, available } => format!("{target} is rolled out, {available} available"),
        Message::TooFewWanted {
            target,
            wanted,
            least,
        } => {
            format!(
                "{target} asks for {}; it should ask for at least {least}",
                counted(*wanted, "replica")
            )
        }
        Message::PodsReady { target, ready } => format!("{target}: {} ready", counted(*ready, "Pod")),
        Message::NoPods { target } => format!("{target} has no running Pod"),
        Message::TooFewPods {
            target,
            ready,
            wanted,
        } => format!("{target}: {ready} of {} ready", counted(*wanted, "Pod")),
        Message::PodStarting { pod } => format!("Pod {pod} is starting"),
        Message::PodUnschedulable { pod, why } => format!("Pod {pod} can't be scheduled: {why}"),
        Message::ContainerWaiting {
            pod,
            container,
            reason,
        } => {
            format!("Pod {pod}: container {container} is waiting ({reason})")
        }
        Message::ContainerNotReady { pod, container } => {
            format!("Pod {pod}: container {container} is running but not ready")
        }
        Message::ContainerEnded {
            pod,
            container,
            reason,
            exit_code,
        } => {
            format!("Pod {pod}: container {container} ended ({reason}, exit code {exit_code})")
        }
        Message::PodOver { pod, phase } => format!("Pod {pod} has ended ({phase})"),
        Message::Running { target, restarts } => format!("{target} is running; restarts so far: {restarts}"),
        Message::Endpoints {
            service,
            ready,
            wanted,
        } => {
            format!(
                "Service {service} has {}; it needs {wanted} or more",
                counted(*ready, "ready endpoint")
            )
        }
        Message::HttpWaiting { url } => format!("{url} is asked once everything else has passed"),
        Message::HttpAnswered { url, status } => format!("{url} answers {status}"),
        Message::HttpStatus { url, status } => format!("{url} answers {status}"),
        Message::HttpWithout { url, text } => format!("the answer of {url} lacks {text:?}"),
        Message::HttpFailed { url, error } => format!("{url} doesn't answer: {error}"),
        Message::LogWaiting { target } => format!("the log of {target} has not been read yet"),
        Message::LogHolds { target, text } => format!("the log of {target} has {text:?}"),
        Message::LogWithout { target, text } => format!("the log of {target} has no {text:?}"),
        Message::Events {
            target,
            reason,
            seen,
            wanted,
        } => {
            format!(
                "{target}: {reason} was recorded {}; it takes {wanted}",
                counted(*seen, "time")
            )
        }
        Message::StatusCondition {
            target,
            condition,
            status,
            reason,
        } if reason.is_empty() => {
            format!("{target}: {condition} is {status}")
        }
        Message::StatusCondition {
            target,
            condition,
            status,
            reason,
        } => {
            format!("{target}: {condition} is {status} ({reason})")
        }
        Message::Phase { target, phase } => format!("{target} is {phase}"),
        Message::ContainerSeen { target } => format!("a container of {target} is in that state"),
        Message::ContainerNotSeen { target } => format!("no container of {target} is in that state"),
        Message::Probed { target, probe } => format!("{target} has a working {}", name(*probe)),
        Message::NotProbed {
            target,
            container: Some(container),
            probe,
        } => {
            format!("{target}: container {container} has no {}", name(*probe))
        }
        Message::NotProbed {
            target,
            container: None,
            probe,
        } => format!("{target} has no {}", name(*probe)),
        Message::ProbeBlind {
            target,
            container,
            probe,
            flaw,
        } => {
            format!(
                "{target}: the {} of container {container} {}",
                name(*probe),
                fault(flaw)
            )
        }
        Message::ProbePortDeclared {
            container,
            probe,
            port,
        } => {
            format!(
                "the {} of container {container} asks port {port}, which the container declares",
                name(*probe)
            )
        }
        Message::ProbePortElsewhere {
            container,
            probe,
            port,
            declared,
        } => {
            format!(
                "the {} of container {container} asks port {port}; the container declares {declared}",
                name(*probe)
            )
        }
        Message::Field {
            target,
            path,
            value,
            expected,
        } => {
            format!("{target}: {path} is {value} (expected: {expected})")
        }
        Message::ReplicasKept { target, replicas } => {
            format!("{target} still asks for {}", counted(*replicas, "replica"))
        }
        Message::ImagesKept { target } => format!("{target} still runs the same images"),
        Message::ImageChanged {
            target,
            container,
            before,
            now,
        } => {
            format!("{target}: the image of container {container} was {before} and is now {now}")
        }
        Message::NothingElseChanged => "nothing else was touched".to_owned(),
        Message::OtherChanged { target } => format!("{target} was changed, which isn't part of this lab"),
        Message::OtherGone { target } => format!("{target} was deleted, which isn't part of this lab"),
        Message::Cel { expression, value } => format!("{expression} is {value}"),
        Message::CelError { expression, error } => format!("{expression} can't be evaluated: {error}"),
        Message::MustNot { observed } => format!("must not be so: {}", say(observed)),
        Message::AllHold => "all is as it should be".to_owned(),
    }
}

/// A number with its noun: `1 Pod`, `0 Pods`.
fn counted(number: impl Into<i64>, noun: &str) -> String {
    let number = number.into();
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

fn name(probe: ProbeKind) -> &'static str {
    match probe {
        ProbeKind::Readiness => "readiness probe",
        ProbeKind::Liveness => "liveness probe",
        ProbeKind::Startup => "startup probe",
    }
}

fn fault(flaw: &ProbeFlaw) -> String {
    match flaw {
        ProbeFlaw::NoHandler => "asks nothing".to_owned(),
        ProbeFlaw::AlwaysSucceeds { command } => format!("can't fail: {command} always succeeds"),
        ProbeFlaw::OtherHost { host } => format!("asks another host, {host}"),
        ProbeFlaw::OtherContainer { container, port } => {
            format!("asks port {port}, which belongs to container {container}")
        }
        ProbeFlaw::TooSlow { seconds, limit } => {
            format!("would notice a failure only after {seconds} s; it should within {limit} s")
        }
    }
}
