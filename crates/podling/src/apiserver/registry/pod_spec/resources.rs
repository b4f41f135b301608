//! Requests and limits.

use serde_json::Value;

use super::super::read::Fields as _;
use super::super::resource_names::{self, is_extended, is_huge_page};
use crate::quantity::Quantity;
use crate::status::field::Error;

/// Checks `resources` at `path`.
pub(in super::super) fn check(resources: &Value, path: &str, errors: &mut Vec<Error>) {
    let (limits, requests) = (format!("{path}.limits"), format!("{path}.requests"));
    for (name, amount) in resources.entries("limits") {
        check_entry(name, amount, &format!("{limits}[{name}]"), errors);
    }
    for (name, amount) in resources.entries("requests") {
        check_entry(name, amount, &format!("{requests}[{name}]"), errors);
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

fn check_entry(name: &str, amount: &Value, field: &str, errors: &mut Vec<Error>) {
    resource_names::check_for_container(name, field, errors);
    resource_names::check_amount(name, amount, field, errors);
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
