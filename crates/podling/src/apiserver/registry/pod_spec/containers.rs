//! Containers, init containers and ephemeral containers: names, images, ports, mounts.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::names;
use super::super::numbers::check_one_of;
use super::super::read::Fields as _;
use super::{Context, env, handlers, invalid_for_each, resources, security, volumes};
use crate::status::field::Error;

const ONLY_SIDECARS: &str = "may not be set for init containers without restartPolicy=Always";
const RESTART_POLICIES: [&str; 3] = ["Always", "Never", "OnFailure"];
/// What an ephemeral container may not have.
const NOT_EPHEMERAL: [&str; 8] = [
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
];
const EPHEMERAL: &str = "cannot be set for an Ephemeral Container";

/// Checks the containers of a Pod in all their lists.
pub(super) fn check(context: &Context<'_>, path: &str, errors: &mut Vec<Error>) {
    let mut names = BTreeSet::new();
    let containers = context.spec.items("containers");
    if containers.is_empty() {
        errors.push(Error::required(format!("{path}.containers"), ""));
    }
    for (i, container) in containers.iter().enumerate() {
        let path = format!("{path}.containers[{i}]");
        check_common(context, container, &path, errors);
        check_unique(&mut names, container, &path, errors);
        handlers::check_container(container, &path, context.grace_seconds, errors);
        check_restart_policy(container, &path, errors);
    }
    check_host_ports(containers, &format!("{path}.containers"), errors);
    for (i, container) in context.spec.items("initContainers").iter().enumerate() {
        check_init(
            context,
            container,
            &format!("{path}.initContainers[{i}]"),
            &mut names,
            errors,
        );
    }
    for (i, container) in context.spec.items("ephemeralContainers").iter().enumerate() {
        check_ephemeral(
            context,
            container,
            &format!("{path}.ephemeralContainers[{i}]"),
            &mut names,
            errors,
        );
    }
}

/// Images of Pods, other than those of templates, have no blanks around them.
pub(in super::super) fn check_image_blanks(containers: &[Value], path: &str, errors: &mut Vec<Error>) {
    for (i, container) in containers.iter().enumerate() {
        let image = container.text("image");
        if image.trim() != image {
            let why = "must not have leading or trailing whitespace";
            errors.push(Error::invalid(format!("{path}[{i}].image"), image, why));
        }
    }
}

fn check_unique<'a>(
    names: &mut BTreeSet<&'a str>,
    container: &'a Value,
    path: &str,
    errors: &mut Vec<Error>,
) {
    let name = container.text("name");
    if !names.insert(name) {
        errors.push(Error::duplicate(format!("{path}.name"), name));
    }
}

fn check_init<'a>(
    context: &Context<'_>,
    container: &'a Value,
    path: &str,
    names: &mut BTreeSet<&'a str>,
    errors: &mut Vec<Error>,
) {
    check_common(context, container, path, errors);
    check_restart_policy(container, path, errors);
    check_unique(names, container, path, errors);
    // Init containers run one by one; Kubernetes names the first whichever it is.
    let list = path.rsplit_once('[').map_or(path, |(list, _)| list);
    check_host_ports(std::slice::from_ref(container), list, errors);
    if container["restartPolicy"] == "Always" {
        handlers::check_container(container, path, context.grace_seconds, errors);
        return;
    }
    for key in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
        if container.has(key) {
            errors.push(Error::forbidden(format!("{path}.{key}"), ONLY_SIDECARS));
        }
    }
}

fn check_ephemeral<'a>(
    context: &Context<'a>,
    container: &'a Value,
    path: &str,
    names: &mut BTreeSet<&'a str>,
    errors: &mut Vec<Error>,
) {
    check_common(context, container, path, errors);
    check_unique(names, container, path, errors);
    let target = container.text("targetContainerName");
    let is_there = |list: &str| context.spec.items(list).iter().any(|c| c.text("name") == target);
    if !target.is_empty() && !is_there("containers") && !is_there("initContainers") {
        errors.push(Error::not_found(format!("{path}.targetContainerName"), target));
    }
    for key in NOT_EPHEMERAL {
        let is_set = match &container[key] {
            Value::Null => false,
            Value::Object(map) => !map.is_empty(),
            Value::Array(list) => !list.is_empty(),
            _ => true,
        };
        if is_set {
            errors.push(Error::forbidden(format!("{path}.{key}"), EPHEMERAL));
        }
    }
    for (i, mount) in container.items("volumeMounts").iter().enumerate() {
        for key in ["subPath", "subPathExpr"] {
            if !mount.text(key).is_empty() {
                errors.push(Error::forbidden(
                    format!("{path}.volumeMounts[{i}].{key}"),
                    EPHEMERAL,
                ));
            }
        }
    }
}

fn check_restart_policy(container: &Value, path: &str, errors: &mut Vec<Error>) {
    if container.has("restartPolicy") {
        check_one_of(container, path, "restartPolicy", &RESTART_POLICIES, errors);
    }
}

fn check_common(context: &Context<'_>, container: &Value, path: &str, errors: &mut Vec<Error>) {
    match container.text("name") {
        "" => errors.push(Error::required(format!("{path}.name"), "")),
        name => errors.extend(invalid_for_each(
            &format!("{path}.name"),
            name,
            names::label(name),
        )),
    }
    if container.text("image").is_empty() {
        errors.push(Error::required(format!("{path}.image"), ""));
    }
    let policies = ["File", "FallbackToLogsOnError"];
    check_one_of(container, path, "terminationMessagePolicy", &policies, errors);
    check_ports(container.items("ports"), &format!("{path}.ports"), errors);
    env::check(container, path, errors);
    volumes::check_mounts(context, container, &format!("{path}.volumeMounts"), errors);
    let policies = ["Always", "IfNotPresent", "Never"];
    check_one_of(container, path, "imagePullPolicy", &policies, errors);
    resources::check(&container["resources"], &format!("{path}.resources"), errors);
    let restart = context.spec.text("restartPolicy");
    resources::check_resize(
        container.items("resizePolicy"),
        &format!("{path}.resizePolicy"),
        restart,
        errors,
    );
    security::check_container(
        context.spec,
        &container["securityContext"],
        &format!("{path}.securityContext"),
        errors,
    );
}

fn check_ports(ports: &[Value], path: &str, errors: &mut Vec<Error>) {
    let mut seen = BTreeSet::new();
    for (i, port) in ports.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let name = port.text("name");
        if !name.is_empty() {
            let wrong = names::port_name(name);
            if wrong.is_empty() && !seen.insert(name) {
                errors.push(Error::duplicate(format!("{path}.name"), name));
            }
            errors.extend(invalid_for_each(&format!("{path}.name"), name, wrong));
        }
        check_numbers(port, &path, errors);
        check_one_of(port, &path, "protocol", &["SCTP", "TCP", "UDP"], errors);
    }
}

fn check_numbers(port: &Value, path: &str, errors: &mut Vec<Error>) {
    let number = |key| port.number(key).unwrap_or_default();
    let (container_port, host_port) = (number("containerPort"), number("hostPort"));
    if container_port == 0 {
        errors.push(Error::required(format!("{path}.containerPort"), ""));
    } else if let Some(why) = names::port_number(container_port) {
        errors.push(Error::invalid(
            format!("{path}.containerPort"),
            container_port,
            why,
        ));
    }
    if let Some(why) = names::port_number(host_port).filter(|_| host_port != 0) {
        errors.push(Error::invalid(format!("{path}.hostPort"), host_port, why));
    }
}

/// No two containers can have the same port of the node.
fn check_host_ports(containers: &[Value], path: &str, errors: &mut Vec<Error>) {
    let mut seen = BTreeSet::new();
    for (i, container) in containers.iter().enumerate() {
        for (j, port) in container.items("ports").iter().enumerate() {
            let Some(number) = port.number("hostPort").filter(|n| *n != 0) else {
                continue;
            };
            let key = format!("{}/{}/{number}", port.text("protocol"), port.text("hostIP"));
            if !seen.insert(key.clone()) {
                errors.push(Error::duplicate(format!("{path}[{i}].ports[{j}].hostPort"), key));
            }
        }
    }
}
