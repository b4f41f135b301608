//! Whether a container is probed, and whether its probe would notice a failure.
//!
//! A probe can be made blind in more ways than by deleting it; each one that learners try has a [`ProbeFlaw`].

mod command;

use serde_json::Value;

use super::Finding;
use super::network::probe_port;
use super::pods::notice_time;
use super::status::existing;
use crate::check::object::{containers, list, name, named, number, text};
use crate::check::{Message, Probe, ProbeFlaw, ProbePort, View};

pub(super) fn probed(view: &View, it: &Probe) -> Result<Finding, Message> {
    let object = match existing(view, &it.target)? {
        Ok(object) => object,
        Err(missing) => return Ok(missing),
    };
    let target = it.target.to_string();
    let missing = Message::NotProbed {
        target: target.clone(),
        container: it.container.clone(),
        probe: it.probe,
    };
    let mut blind = None;
    for container in containers(object) {
        let wanted = it
            .container
            .as_ref()
            .is_none_or(|wanted| container["name"] == wanted.as_str());
        let probe = &container[it.probe.field()];
        if !wanted || !probe.is_object() {
            continue;
        }
        match flaw(
            object,
            container,
            probe,
            i64::try_from(it.notices_within.as_seconds()).unwrap_or(i64::MAX),
        ) {
            None => {
                return Ok(Finding::holds(Message::Probed {
                    target,
                    probe: it.probe,
                }));
            }
            Some(flaw) => {
                let container = container["name"].as_str().unwrap_or_default().to_owned();
                blind = Some(Message::ProbeBlind {
                    target: target.clone(),
                    container,
                    probe: it.probe,
                    flaw,
                });
            }
        }
    }
    Ok(Finding::fails(blind.unwrap_or(missing)))
}

/// Why a probe would not notice that its container fails.
fn flaw(object: &Value, container: &Value, probe: &Value, limit: i64) -> Option<ProbeFlaw> {
    let seconds = notice_time(probe);
    if seconds > limit {
        return Some(ProbeFlaw::TooSlow { seconds, limit });
    }
    if let Some(command) = probe.pointer("/exec/command") {
        let argv: Vec<&str> = command
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        return command::always_succeeds(&argv).then(|| ProbeFlaw::AlwaysSucceeds {
            command: argv.join(" "),
        });
    }
    if let Some(host) = ["/httpGet/host", "/tcpSocket/host"]
        .iter()
        .find_map(|pointer| text(probe, pointer))
    {
        return (!host.is_empty()).then(|| ProbeFlaw::OtherHost {
            host: host.to_owned(),
        });
    }
    if !["httpGet", "tcpSocket", "grpc"]
        .iter()
        .any(|handler| probe[*handler].is_object())
    {
        return Some(ProbeFlaw::NoHandler);
    }
    other_container(object, container, probe)
}

/// A port that another container of the Pod declares and this one doesn't: it would answer in this one's place.
fn other_container(object: &Value, container: &Value, probe: &Value) -> Option<ProbeFlaw> {
    let port = probe_port(container, probe)?;
    let declares = |container: &Value| {
        list(container, "/ports")
            .iter()
            .any(|declared| number(declared, "/containerPort") == Some(port))
    };
    if declares(container) {
        return None;
    }
    let other = containers(object)
        .iter()
        .find(|other| other["name"] != container["name"] && declares(other))?;
    let container = other["name"].as_str().unwrap_or_default().to_owned();
    Some(ProbeFlaw::OtherContainer {
        container,
        port: port.to_string(),
    })
}

pub(super) fn port(view: &View, it: &ProbePort) -> Result<Finding, Message> {
    let object = match existing(view, &it.target)? {
        Ok(object) => object,
        Err(missing) => return Ok(missing),
    };
    let missing = || Message::NotProbed {
        target: it.target.to_string(),
        container: Some(it.container.clone()),
        probe: it.probe,
    };
    let container = named(containers(object), &it.container);
    let Some((container, probe)) = container.map(|container| (container, &container[it.probe.field()]))
    else {
        return Ok(Finding::fails(missing()));
    };
    if !probe.is_object() {
        return Ok(Finding::fails(missing()));
    }
    let declared: Vec<String> = list(container, "/ports")
        .iter()
        .filter_map(|port| number(port, "/containerPort"))
        .map(|it| it.to_string())
        .collect();
    let port = probe_port(container, probe)
        .map(|port| port.to_string())
        .unwrap_or_default();
    let (name, probe) = (name_of(container), it.probe);
    Ok(if declared.contains(&port) {
        Finding::holds(Message::ProbePortDeclared {
            container: name,
            probe,
            port,
        })
    } else {
        Finding::fails(Message::ProbePortElsewhere {
            container: name,
            probe,
            port,
            declared: declared.join(", "),
        })
    })
}

fn name_of(container: &Value) -> String {
    container["name"]
        .as_str()
        .unwrap_or_else(|| name(container))
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(probe: &Value) -> Option<ProbeFlaw> {
        let container = json!({"name": "web", "ports": [{"name": "http", "containerPort": 8080}], "readinessProbe": probe});
        let other = json!({"name": "side", "ports": [{"containerPort": 80}]});
        let pod = json!({"kind": "Pod", "spec": {"containers": [container, other]}});
        flaw(&pod, &container, probe, 120)
    }

    #[test]
    fn a_probe_that_can_fail_is_accepted_whatever_its_kind() {
        for probe in [
            json!({"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5}),
            json!({"httpGet": {"path": "/healthz", "port": "http"}}),
            json!({"httpGet": {"path": "/healthz", "port": 9999}}),
            json!({"tcpSocket": {"port": 8080}}),
            json!({"grpc": {"port": 8080}}),
            json!({"exec": {"command": ["wget", "-q", "-O-", "localhost:8080/healthz"]}}),
        ] {
            assert_eq!(found(&probe), None, "{probe}");
        }
    }

    #[test]
    fn a_probe_that_would_notice_nothing_is_seen_through() {
        for (probe, flaw) in [
            (json!({}), ProbeFlaw::NoHandler),
            (
                json!({"exec": {"command": ["true"]}}),
                ProbeFlaw::AlwaysSucceeds {
                    command: "true".to_owned(),
                },
            ),
            (
                json!({"httpGet": {"port": 443, "host": "10.96.0.1"}}),
                ProbeFlaw::OtherHost {
                    host: "10.96.0.1".to_owned(),
                },
            ),
            (
                json!({"tcpSocket": {"port": 80}}),
                ProbeFlaw::OtherContainer {
                    container: "side".to_owned(),
                    port: "80".to_owned(),
                },
            ),
            (
                json!({"tcpSocket": {"port": 8080}, "periodSeconds": 10, "failureThreshold": 100}),
                ProbeFlaw::TooSlow {
                    seconds: 1000,
                    limit: 120,
                },
            ),
            (
                json!({"tcpSocket": {"port": 8080}, "initialDelaySeconds": 86400}),
                ProbeFlaw::TooSlow {
                    seconds: 86430,
                    limit: 120,
                },
            ),
        ] {
            assert_eq!(found(&probe), Some(flaw), "{probe}");
        }
    }
}
