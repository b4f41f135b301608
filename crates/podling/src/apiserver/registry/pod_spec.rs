//! What is wrong with a Pod's spec, in a Pod or in a template, in Kubernetes' order.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/core/validation`, v1.36. What differs: fields of volume types and
//! features that the cluster does not play (iSCSI, Windows, resource claims…) are taken as they are.

use std::collections::BTreeSet;

use serde_json::Value;

use super::read::Fields as _;
use super::{labels, names};
use crate::status::field::Error;

pub(super) mod affinity;
pub(super) mod containers;
mod env;
mod handlers;
mod host;
mod projected;
pub(super) mod resources;
pub(super) mod scheduling;
mod security;
mod sysctls;
pub(super) mod volumes;

const MOST_SECONDS: i64 = 2_147_483_647;
const DNS_POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

/// What the parts of a Pod that refer to each other need to know.
struct Context<'a> {
    spec: &'a Value,
    volumes: BTreeSet<&'a str>,
    grace_seconds: i64,
}

/// Checks the spec at `path`.
pub(super) fn check(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let context = Context {
        spec,
        volumes: volumes::check(spec.items("volumes"), &format!("{path}.volumes"), errors),
        grace_seconds: spec.number("terminationGracePeriodSeconds").unwrap_or_default(),
    };
    containers::check(&context, path, errors);
    if spec.has("resources") {
        resources::check(&spec["resources"], &format!("{path}.resources"), errors);
        resources::check_for_pod(spec, &format!("{path}.resources"), errors);
    }
    security::check_host_network(spec, path, errors);
    check_policies(spec, path, errors);
    labels::check(&spec["nodeSelector"], &format!("{path}.nodeSelector"), errors);
    security::check_pod(spec, path, errors);
    affinity::check(&spec["affinity"], &format!("{path}.affinity"), errors);
    check_dns_config(spec, path, errors);
    check_gates(spec, path, errors);
    scheduling::check_spread(
        spec.items("topologySpreadConstraints"),
        &format!("{path}.topologySpreadConstraints"),
        errors,
    );
    host::check(spec, path, errors);
    check_names(spec, path, errors);
    check_deadline(spec, path, errors);
    scheduling::check_tolerations(spec.items("tolerations"), &format!("{path}.tolerations"), errors);
    check_host_aliases(spec, path, errors);
    host::check_system(spec, path, errors);
}

fn check_policies(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let restart = spec.text("restartPolicy");
    let policies = ["Always", "OnFailure", "Never"];
    if !policies.contains(&restart) {
        errors.push(Error::not_supported(
            format!("{path}.restartPolicy"),
            restart,
            &policies,
        ));
    }
    let dns = spec.text("dnsPolicy");
    if !DNS_POLICIES.contains(&dns) {
        errors.push(Error::not_supported(
            format!("{path}.dnsPolicy"),
            dns,
            &DNS_POLICIES,
        ));
    }
}

fn check_dns_config(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let field = format!("{path}.dnsConfig");
    let (config, servers) = (&spec["dnsConfig"], spec["dnsConfig"].items("nameservers"));
    if spec["dnsPolicy"] == "None" {
        if config.is_null() {
            let why = "must provide `dnsConfig` when `dnsPolicy` is None";
            errors.push(Error::required(field, why));
            return;
        }
        if servers.is_empty() {
            let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            errors.push(Error::required(format!("{field}.nameservers"), why));
            return;
        }
    }
    if servers.len() > 3 {
        let why = "must not have more than 3 nameservers";
        errors.push(Error::invalid(
            format!("{field}.nameservers"),
            config["nameservers"].clone(),
            why,
        ));
    }
    for (i, server) in servers.iter().enumerate() {
        let text = server.as_str().unwrap_or_default();
        errors.extend(check_ip(text, &format!("{field}.nameservers[{i}]")));
    }
    check_search_list(config, &format!("{field}.searches"), errors);
    for (i, search) in config.items("searches").iter().enumerate() {
        let search = search.as_str().unwrap_or_default();
        let bare = search.strip_suffix('.').unwrap_or(search);
        // Underscores are fine here.
        let wrong = names::subdomain(&bare.replace('_', "x"));
        if search != "." && !wrong.is_empty() {
            errors.extend(invalid_for_each(&format!("{field}.searches[{i}]"), bare, wrong));
        }
    }
    for (i, option) in config.items("options").iter().enumerate() {
        if option.text("name").is_empty() {
            errors.push(Error::required(
                format!("{field}.options[{i}]"),
                "must not be empty",
            ));
        }
    }
}

/// What the resolver of a container can take.
fn check_search_list(config: &Value, field: &str, errors: &mut Vec<Error>) {
    let searches: Vec<&str> = config
        .items("searches")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let rules = [
        (searches.len() > 32, "must not have more than 32 search paths"),
        (
            searches.join(" ").len() > 2048,
            "must not have more than 2048 characters (including spaces) in the search list",
        ),
    ];
    for (_, why) in rules.into_iter().filter(|(broken, _)| *broken) {
        errors.push(Error::invalid(field, config["searches"].clone(), why));
    }
}

/// An IPv4 or IPv6 address.
pub(super) fn check_ip(text: &str, field: &str) -> Option<Error> {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return None;
    }
    let stripped: Vec<&str> = text
        .split('.')
        .map(|part| part.trim_start_matches('0'))
        .map(|part| if part.is_empty() { "0" } else { part })
        .collect();
    let has_leading_zeros = stripped.join(".").parse::<std::net::Ipv4Addr>().is_ok();
    let why = if has_leading_zeros {
        "must not have leading 0s"
    } else {
        IP
    };
    Some(Error::invalid(field, text, why))
}

fn check_gates(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    for (i, gate) in spec.items("readinessGates").iter().enumerate() {
        let (field, name) = (
            format!("{path}.readinessGates[{i}].conditionType"),
            gate.text("conditionType"),
        );
        errors.extend(invalid_for_each(&field, name, names::qualified_name(name)));
    }
    let mut seen = BTreeSet::new();
    for (i, gate) in spec.items("schedulingGates").iter().enumerate() {
        let (field, name) = (format!("{path}.schedulingGates[{i}]"), gate.text("name"));
        errors.extend(invalid_for_each(&field, name, names::qualified_name(name)));
        if !seen.insert(name) {
            errors.push(Error::duplicate(field, name));
        }
    }
}

/// Answers what is wrong with a name.
type NameRule = fn(&str) -> Vec<String>;

fn check_names(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let rules: [(&str, NameRule); 5] = [
        ("serviceAccountName", names::subdomain),
        ("nodeName", names::subdomain),
        ("hostname", names::label),
        ("subdomain", names::label),
        ("priorityClassName", names::subdomain),
    ];
    for (key, rule) in rules {
        let name = spec.text(key);
        if !name.is_empty() {
            errors.extend(invalid_for_each(&format!("{path}.{key}"), name, rule(name)));
        }
    }
}

/// One `Invalid` error for each reason.
fn invalid_for_each(field: &str, value: &str, wrong: Vec<String>) -> impl Iterator<Item = Error> {
    wrong
        .into_iter()
        .map(move |why| Error::invalid(field, value, why))
}

fn check_deadline(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let field = format!("{path}.activeDeadlineSeconds");
    let deadline = spec.number("activeDeadlineSeconds");
    if let Some(seconds) = deadline.filter(|s| !(1..=MOST_SECONDS).contains(s)) {
        let why = format!("must be between 1 and {MOST_SECONDS}, inclusive");
        errors.push(Error::invalid(field, seconds, why));
    }
}

fn check_host_aliases(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    for (i, alias) in spec.items("hostAliases").iter().enumerate() {
        let field = format!("{path}.hostAliases[{i}]");
        errors.extend(check_ip(alias.text("ip"), &format!("{field}.ip")));
        for (j, name) in alias.items("hostnames").iter().enumerate() {
            let name = name.as_str().unwrap_or_default();
            errors.extend(invalid_for_each(
                &format!("{field}.hostnames[{j}]"),
                name,
                names::subdomain(name),
            ));
        }
    }
}
