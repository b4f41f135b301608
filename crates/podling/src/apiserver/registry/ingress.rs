//! Ingresses: validation, generation, status.
//!
//! Source: `pkg/registry/networking/ingress` and `ValidateIngress…` in `pkg/apis/networking/validation`, v1.36.

use serde_json::{Value, json};

use super::ingress_class::check_reference;
use super::names::wildcard_subdomain;
use super::read::{Fields as _, copy};
use super::{PLAIN, Strategy, generation, metadata, names};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    prepare_for_create: |object, _| {
        generation::start(object);
        object["status"] = json!({"loadBalancer": {}});
    },
    prepare_for_update: |new, old| {
        copy(old, new, "status");
        generation::count_spec_change(new, old);
    },
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    validate: |object| {
        let mut errors = Vec::new();
        check_spec(&object["spec"], &mut errors);
        check_annotation(object, &mut errors);
        errors
    },
    validate_update: |new, _| {
        let mut errors = Vec::new();
        check_spec(&new["spec"], &mut errors);
        errors
    },
    validate_status_update: |new, _| {
        let mut errors = Vec::new();
        check_status(&new["status"]["loadBalancer"], &mut errors);
        errors
    },
    warnings: |object| {
        let is_old_way =
            object["metadata"]["annotations"].has(CLASS) && !object["spec"].has("ingressClassName");
        let why = format!("annotation \"{CLASS}\" is deprecated, please use 'spec.ingressClassName' instead");
        is_old_way.then_some(why).into_iter().collect()
    },
    warnings_on_update: Some(|_, _| Vec::new()),
    ..PLAIN
};

/// The annotation that named a class before there was a field for it.
const CLASS: &str = "kubernetes.io/ingress.class";
const PATH_TYPES: [&str; 3] = ["Exact", "ImplementationSpecific", "Prefix"];
const INVALID_SEQUENCES: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
const INVALID_ENDS: [&str; 2] = ["/..", "/."];
const NOT_AN_IP: &str = "must be a DNS name, not an IP address";

/// Only a new Ingress must say the same in both places.
fn check_annotation(object: &Value, errors: &mut Vec<Error>) {
    let annotation = &object["metadata"]["annotations"][CLASS];
    let class = &object["spec"]["ingressClassName"];
    if !annotation.is_null() && !class.is_null() && annotation != class {
        let why = "must match `ingressClassName` when both are specified";
        errors.push(Error::invalid(
            format!("annotations.{CLASS}"),
            annotation.clone(),
            why,
        ));
    }
}

fn check_spec(spec: &Value, errors: &mut Vec<Error>) {
    let rules = spec.items("rules");
    if rules.is_empty() && !spec.has("defaultBackend") {
        let why = "either `defaultBackend` or `rules` must be specified";
        errors.push(Error::invalid("spec", spec["rules"].clone(), why));
    }
    if spec.has("defaultBackend") {
        check_backend(&spec["defaultBackend"], "spec.defaultBackend", errors);
    }
    for (i, rule) in rules.iter().enumerate() {
        check_rule(rule, &format!("spec.rules[{i}]"), errors);
    }
    for (i, tls) in spec.items("tls").iter().enumerate() {
        check_tls(tls, &format!("spec.tls[{i}]"), errors);
    }
    if let Some(class) = spec["ingressClassName"].as_str() {
        let field = "spec.ingressClassName";
        errors.extend(metadata::invalid_for_each(field, class, names::subdomain(class)));
    }
}

fn check_tls(tls: &Value, path: &str, errors: &mut Vec<Error>) {
    for (i, host) in tls.items("hosts").iter().enumerate() {
        let field = format!("{path}.hosts[{i}]");
        check_host_name(host.as_str().unwrap_or_default(), &field, errors);
    }
    let secret = tls.text("secretName");
    if !secret.is_empty() {
        let field = format!("{path}.secretName");
        errors.extend(metadata::invalid_for_each(
            &field,
            secret,
            names::subdomain(secret),
        ));
    }
}

fn check_host_name(host: &str, field: &str, errors: &mut Vec<Error>) {
    let wrong = match host.contains('*') {
        true => wildcard_subdomain(host),
        false => names::subdomain(host),
    };
    errors.extend(metadata::invalid_for_each(field, host, wrong));
}

fn check_rule(rule: &Value, path: &str, errors: &mut Vec<Error>) {
    let (field, host) = (format!("{path}.host"), rule.text("host"));
    if !host.is_empty() {
        if is_ip(host) {
            errors.push(Error::invalid(field.as_str(), host, NOT_AN_IP));
        }
        check_host_name(host, &field, errors);
    }
    if !rule.has("http") {
        return;
    }
    let (field, paths) = (format!("{path}.http.paths"), rule["http"].items("paths"));
    if paths.is_empty() {
        errors.push(Error::required(field.as_str(), ""));
    }
    for (i, rule) in paths.iter().enumerate() {
        check_path(rule, &format!("{field}[{i}]"), errors);
    }
}

fn is_ip(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

fn check_path(rule: &Value, path: &str, errors: &mut Vec<Error>) {
    let (field, text) = (format!("{path}.path"), rule.text("path"));
    let is_absolute = text.starts_with('/');
    let must_be_absolute = Error::invalid(field.as_str(), text, "must be an absolute path");
    match rule["pathType"].as_str() {
        None => {
            errors.push(Error::required(
                format!("{path}.pathType"),
                "pathType must be specified",
            ));
            return;
        }
        Some("Exact" | "Prefix") => {
            errors.extend((!is_absolute).then_some(must_be_absolute));
            check_parts(text, &field, errors);
        }
        Some("ImplementationSpecific") => {
            errors.extend((!text.is_empty() && !is_absolute).then_some(must_be_absolute));
        }
        Some(other) => errors.push(Error::not_supported(
            format!("{path}.pathType"),
            other,
            &PATH_TYPES,
        )),
    }
    check_backend(&rule["backend"], &format!("{path}.backend"), errors);
}

fn check_parts(text: &str, field: &str, errors: &mut Vec<Error>) {
    let within = INVALID_SEQUENCES.iter().filter(|part| text.contains(**part));
    errors.extend(within.map(|part| Error::invalid(field, text, format!("must not contain '{part}'"))));
    let at_end = INVALID_ENDS.iter().filter(|part| text.ends_with(**part));
    errors.extend(at_end.map(|part| Error::invalid(field, text, format!("cannot end with '{part}'"))));
}

fn check_backend(backend: &Value, path: &str, errors: &mut Vec<Error>) {
    match (backend.has("resource"), backend.has("service")) {
        (true, true) => {
            let why = "cannot set both resource and service backends";
            errors.push(Error::invalid(path, "", why));
        }
        (true, false) => check_reference(&backend["resource"], &format!("{path}.resource"), errors),
        (false, true) => check_service(&backend["service"], path, errors),
        (false, false) => {
            let why = "resource or service backend is required";
            errors.push(Error::invalid(path, "", why));
        }
    }
}

fn check_service(service: &Value, path: &str, errors: &mut Vec<Error>) {
    let (field, name) = (format!("{path}.service.name"), service.text("name"));
    if name.is_empty() {
        errors.push(Error::required(field, ""));
    } else {
        errors.extend(metadata::invalid_for_each(&field, name, names::label(name)));
    }
    let (port, path_of_port) = (&service["port"], format!("{path}.service.port"));
    let (name, number) = (port.text("name"), port.number("number").unwrap_or_default());
    match (name, number) {
        ("", 0) => errors.push(Error::required(path, "port name or number is required")),
        ("", number) => {
            let why = names::port_number(number);
            errors.extend(why.map(|why| Error::invalid(format!("{path_of_port}.number"), number, why)));
        }
        (name, 0) => {
            let field = format!("{path_of_port}.name");
            errors.extend(metadata::invalid_for_each(&field, name, names::port_name(name)));
        }
        _ => errors.push(Error::invalid(
            path,
            "",
            "cannot set both port name & port number",
        )),
    }
}

fn check_status(balancer: &Value, errors: &mut Vec<Error>) {
    for (i, point) in balancer.items("ingress").iter().enumerate() {
        let path = format!("status.loadBalancer.ingress[{i}]");
        let (ip, host) = (point.text("ip"), point.text("hostname"));
        if !ip.is_empty() {
            errors.extend(super::pod_spec::check_ip(ip, &format!("{path}.ip")));
        }
        if !host.is_empty() {
            let field = format!("{path}.hostname");
            errors.extend(metadata::invalid_for_each(&field, host, names::subdomain(host)));
            if is_ip(host) {
                errors.push(Error::invalid(field, host, NOT_AN_IP));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(spec: &Value) -> Vec<String> {
        let errors = (STRATEGY.validate)(&json!({"spec": spec}));
        errors.iter().map(ToString::to_string).collect()
    }

    fn with_path(path: &Value) -> Value {
        json!({"rules": [{"http": {"paths": [path]}}]})
    }

    #[test]
    fn rules_are_checked_in_kubernetes_words() {
        let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
        let path = "spec.rules[0].http.paths[0]";
        let cases = [
            (
                json!({}),
                vec![
                    "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"
                        .to_owned(),
                ],
            ),
            (json!({"defaultBackend": backend}), vec![]),
            (
                json!({"defaultBackend": {}}),
                vec![
                    "spec.defaultBackend: Invalid value: \"\": resource or service backend is required"
                        .to_owned(),
                ],
            ),
            (
                json!({"rules": [{"host": "10.0.0.1"}]}),
                vec![
                    "spec.rules[0].host: Invalid value: \"10.0.0.1\": must be a DNS name, not an IP address"
                        .to_owned(),
                ],
            ),
            (
                with_path(&json!({"path": "/", "backend": backend})),
                vec![format!(
                    "{path}.pathType: Required value: pathType must be specified"
                )],
            ),
            (
                with_path(&json!({"path": "x", "pathType": "Prefix", "backend": backend})),
                vec![format!(
                    "{path}.path: Invalid value: \"x\": must be an absolute path"
                )],
            ),
            (
                with_path(&json!({"path": "/a//b/..", "pathType": "Exact", "backend": backend})),
                vec![
                    format!("{path}.path: Invalid value: \"/a//b/..\": must not contain '//'"),
                    format!("{path}.path: Invalid value: \"/a//b/..\": cannot end with '/..'"),
                ],
            ),
            (
                with_path(&json!({"path": "/", "pathType": "Regex", "backend": backend})),
                vec![format!(
                    "{path}.pathType: Unsupported value: \"Regex\": supported values: \"Exact\", \"ImplementationSpecific\", \"Prefix\""
                )],
            ),
            (
                with_path(
                    &json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web"}}}),
                ),
                vec![format!(
                    "{path}.backend: Required value: port name or number is required"
                )],
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(wrong(&spec), expected, "{spec}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_the_first_label_only() {
        assert_eq!(wrong(&json!({"rules": [{"host": "*.example.com"}]})), [""; 0]);
        assert_eq!(wrong(&json!({"rules": [{"host": "a.*.com"}]})).len(), 1);
    }
}
