//! Requests and limits.

use serde_json::Value;

use super::super::read::Fields as _;
use super::super::resource_names::{self, is_extended, is_huge_page};
use crate::pod_resources;
use crate::quantity::Quantity;
use crate::resource_list::ResourceList;
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

/// What the Pod says of itself must have room for what its containers say.
pub(super) fn check_for_pod(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let own = |list: &str| ResourceList::from_json(&spec["resources"][list]);
    let of = |container: &Value, list: &str| ResourceList::from_json(&container["resources"][list]);
    let (requests, limits) = (own("requests"), own("limits"));
    for (name, sum) in pod_resources::total(spec, "", &|container| of(container, "requests")).iter() {
        if let Some(request) = requests.get(name).filter(|request| sum > *request) {
            let why = format!("must be greater than or equal to aggregate container requests of {sum}");
            errors.push(Error::invalid(
                format!("{path}.requests[{name}]"),
                request.to_string(),
                why,
            ));
        }
    }
    for (i, container) in spec.items("containers").iter().enumerate() {
        for (name, limit) in of(container, "limits").iter() {
            if let Some(most) = limits.get(name).filter(|most| limit > *most) {
                let why = format!("must be less than or equal to pod limits of {most}");
                let field = format!("{path}.containers[{i}][{name}].limits");
                errors.push(Error::invalid(field, limit.to_string(), why));
            }
        }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn containers_fit_into_their_pod() {
        let pod = |own: Value, containers: Value| json!({"resources": own, "containers": [{"resources": containers}]});
        let cases = [
            (
                pod(
                    json!({"requests": {"cpu": "1"}}),
                    json!({"requests": {"cpu": "1", "memory": "1Gi"}}),
                ),
                "",
            ),
            (
                pod(
                    json!({"requests": {"cpu": "1"}}),
                    json!({"requests": {"cpu": "2"}}),
                ),
                "r.requests[cpu]: Invalid value: \"1\": must be greater than or equal to aggregate container requests of 2",
            ),
            (
                pod(
                    json!({"limits": {"cpu": "1"}}),
                    json!({"limits": {"cpu": "1500m"}}),
                ),
                "r.containers[0][cpu].limits: Invalid value: \"1500m\": must be less than or equal to pod limits of 1",
            ),
        ];
        for (spec, expected) in cases {
            let mut errors = Vec::new();
            check_for_pod(&spec, "r", &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts.join("; "), expected, "{spec}");
        }
    }
}
