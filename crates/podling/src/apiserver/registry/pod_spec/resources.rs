//! Requests and limits.

use serde_json::Value;

use super::super::names;
use super::super::numbers::NEGATIVE;
use super::super::read::Fields as _;
use super::invalid_for_each;
use crate::quantity::Quantity;
use crate::status::field::Error;

const FOR_CONTAINERS: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
/// Names that mean something elsewhere, in quotas, and need no prefix.
const STANDARD: [&str; 16] = [
    "configmaps",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];

/// Checks `resources` at `path`.
pub(in super::super) fn check(resources: &Value, path: &str, errors: &mut Vec<Error>) {
    let (limits, requests) = (format!("{path}.limits"), format!("{path}.requests"));
    for (name, amount) in resources.entries("limits") {
        check_amount(name, amount, &format!("{limits}[{name}]"), errors);
    }
    for (name, amount) in resources.entries("requests") {
        check_amount(name, amount, &format!("{requests}[{name}]"), errors);
        check_against_limit(resources, name, amount, (&limits, &requests), errors);
    }
    let names = || {
        resources
            .entries("limits")
            .chain(resources.entries("requests"))
            .map(|(name, _)| name)
    };
    let has_base = names().any(|name| matches!(name, "cpu" | "memory"));
    if names().any(is_huge_page) && !has_base {
        errors.push(Error::forbidden(path, "HugePages require cpu or memory"));
    }
}

fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// A device such as `example.com/gpu`: whole numbers only, and requests equal limits.
fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/")
}

fn check_amount(name: &str, amount: &Value, field: &str, errors: &mut Vec<Error>) {
    errors.extend(invalid_for_each(field, name, names::qualified_name(name)));
    if !name.contains('/') {
        let is_known = FOR_CONTAINERS.contains(&name) || is_huge_page(name);
        if !is_known && !STANDARD.contains(&name) && name != "storage" {
            let why = "must be a standard resource type or fully qualified";
            errors.push(Error::invalid(field, name, why));
        }
        if !is_known {
            errors.push(Error::invalid(
                field,
                name,
                "must be a standard resource for containers",
            ));
        }
    }
    let Ok(quantity) = Quantity::from_json(amount) else {
        return;
    };
    if quantity.is_negative() {
        errors.push(Error::invalid(field, quantity.to_string(), NEGATIVE));
    }
    if is_extended(name) && !quantity.is_whole() {
        errors.push(Error::invalid(field, quantity.to_string(), "must be an integer"));
    }
}

fn check_against_limit(
    resources: &Value,
    name: &str,
    amount: &Value,
    (limits, requests): (&str, &str),
    errors: &mut Vec<Error>,
) {
    let is_strict = is_extended(name) || is_huge_page(name);
    let limit = &resources["limits"][name];
    if limit.is_null() {
        if is_strict {
            let why = "Limit must be set for non overcommitable resources";
            errors.push(Error::required(limits, why));
        }
        return;
    }
    let (Ok(request), Ok(limit)) = (Quantity::from_json(amount), Quantity::from_json(limit)) else {
        return;
    };
    let relation = if is_strict && request != limit {
        "equal to"
    } else if request > limit {
        "less than or equal to"
    } else {
        return;
    };
    let why = format!("must be {relation} {name} limit of {limit}");
    errors.push(Error::invalid(requests, request.to_string(), why));
}

/// Checks what happens to a container whose resources change.
pub(super) fn check_resize(policies: &[Value], path: &str, restart: &str, errors: &mut Vec<Error>) {
    for (i, policy) in policies.iter().enumerate() {
        let (name, action) = (policy.text("resourceName"), policy.text("restartPolicy"));
        if policies
            .iter()
            .take(i)
            .any(|other| other.text("resourceName") == name)
        {
            errors.push(Error::duplicate(format!("{path}[{i}]"), name));
        }
        let choices: [(&str, &[&str]); 2] = [
            (name, &["cpu", "memory"]),
            (action, &["NotRequired", "RestartContainer"]),
        ];
        for (value, supported) in choices
            .into_iter()
            .filter(|(value, supported)| !supported.contains(value))
        {
            errors.push(match value {
                "" => Error::required(path, ""),
                value => Error::not_supported(path, value, supported),
            });
        }
        if restart == "Never" && action != "NotRequired" {
            let why = "must be 'NotRequired' when `restartPolicy` is 'Never'";
            errors.push(Error::invalid(path, action, why));
        }
    }
}
