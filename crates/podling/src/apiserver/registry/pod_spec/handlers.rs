//! Probes and lifecycle hooks: exactly one handler each, with sensible numbers.

use serde_json::Value;

use super::super::names;
use super::super::numbers::{check_not_negative, check_port_or_name};
use super::super::read::Fields as _;
use crate::status::field::Error;

const SEVERAL: &str = "may not specify more than 1 handler type";
const NONE: &str = "must specify a handler type";
const HANDLERS: [&str; 5] = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];
const NUMBERS: [&str; 5] = [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
];

/// Checks the hooks and probes of the container at `path`.
pub(super) fn check_container(container: &Value, path: &str, grace_seconds: i64, errors: &mut Vec<Error>) {
    for hook in ["postStart", "preStop"] {
        let handler = &container["lifecycle"][hook];
        if !handler.is_null() {
            let path = format!("{path}.lifecycle.{hook}");
            check_handler(handler, &path, grace_seconds, errors);
        }
    }
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if container.has(key) {
            check_probe(&container[key], key, &format!("{path}.{key}"), errors);
        }
    }
}

fn check_probe(probe: &Value, kind: &str, path: &str, errors: &mut Vec<Error>) {
    check_handler(probe, path, 0, errors);
    for key in NUMBERS {
        check_not_negative(probe, path, key, errors);
    }
    let grace = probe.number("terminationGracePeriodSeconds");
    let field = format!("{path}.terminationGracePeriodSeconds");
    if kind == "readinessProbe" {
        if let Some(seconds) = grace {
            errors.push(Error::invalid(
                field,
                seconds,
                "must not be set for readinessProbes",
            ));
        }
        return;
    }
    if let Some(seconds) = grace.filter(|s| *s <= 0) {
        errors.push(Error::invalid(field, seconds, "must be greater than 0"));
    }
    let successes = probe.number("successThreshold").unwrap_or_default();
    if successes != 1 {
        errors.push(Error::invalid(
            format!("{path}.successThreshold"),
            successes,
            "must be 1",
        ));
    }
}

fn check_handler(handler: &Value, path: &str, grace_seconds: i64, errors: &mut Vec<Error>) {
    let mut given = HANDLERS.into_iter().filter(|key| handler.has(key));
    let Some(first) = given.next() else {
        errors.push(Error::required(path, NONE));
        return;
    };
    check_action(
        first,
        &handler[first],
        &format!("{path}.{first}"),
        grace_seconds,
        errors,
    );
    for other in given {
        errors.push(Error::forbidden(format!("{path}.{other}"), SEVERAL));
    }
}

fn check_action(kind: &str, action: &Value, path: &str, grace_seconds: i64, errors: &mut Vec<Error>) {
    match kind {
        "exec" if action.items("command").is_empty() => {
            errors.push(Error::required(format!("{path}.command"), ""));
        }
        "httpGet" => check_http_get(action, path, errors),
        "tcpSocket" => check_port_or_name(&action["port"], &format!("{path}.port"), errors),
        "grpc" => {
            let port = action.number("port").unwrap_or_default();
            let why = names::port_number(port);
            errors.extend(why.map(|why| Error::invalid(format!("{path}.port"), port, why)));
        }
        "sleep" => {
            let seconds = action.number("seconds").unwrap_or_default();
            if !(0..=grace_seconds).contains(&seconds) {
                let why = format!(
                    "must be non-negative and less than terminationGracePeriodSeconds ({grace_seconds})"
                );
                errors.push(Error::invalid(path, seconds, why));
            }
        }
        _ => {}
    }
}

fn check_http_get(action: &Value, path: &str, errors: &mut Vec<Error>) {
    if action.text("path").is_empty() {
        errors.push(Error::required(format!("{path}.path"), ""));
    }
    check_port_or_name(&action["port"], &format!("{path}.port"), errors);
    let scheme = action.text("scheme");
    if !matches!(scheme, "HTTP" | "HTTPS") {
        let field = format!("{path}.scheme");
        errors.push(Error::not_supported(field, scheme, &["HTTP", "HTTPS"]));
    }
}
