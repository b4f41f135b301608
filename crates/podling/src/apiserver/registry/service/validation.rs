//! What is wrong with a Service.
//!
//! Source: `ValidateService` in `k8s.io/kubernetes/pkg/apis/core/validation`, v1.36.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use super::super::metadata::invalid_for_each;
use super::super::node::{CIDR, is_cidr};
use super::super::numbers::{check_one_of, check_port_or_name};
use super::super::pod_spec::check_ip;
use super::super::read::Fields as _;
use super::super::{labels, names};
use crate::status::field::Error;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const POLICIES: [&str; 2] = ["Cluster", "Local"];
const DISTRIBUTIONS: [&str; 3] = ["PreferClose", "PreferSameZone", "PreferSameNode"];
/// One day.
const MOST_AFFINITY_SECONDS: i64 = 86_400;

/// Checks a Service as it would be stored.
pub(super) fn validate(object: &Value) -> Vec<Error> {
    let (spec, mut errors) = (&object["spec"], Vec::new());
    let is_headless = spec["clusterIP"] == "None";
    if spec.items("ports").is_empty() && !is_headless && spec["type"] != "ExternalName" {
        errors.push(Error::required("spec.ports", ""));
    }
    check_by_type(spec, &mut errors);
    check_ports(spec.items("ports"), &mut errors);
    labels::check(&spec["selector"], "spec.selector", &mut errors);
    check_affinity(spec, &mut errors);
    check_addresses(spec, &mut errors);
    check_one_of(spec, "spec", "type", &TYPES, &mut errors);
    check_node_ports(spec, &mut errors);
    check_duplicate_ports(spec.items("ports"), &mut errors);
    check_source_ranges(spec, &mut errors);
    check_policies(spec, &mut errors);
    errors
}

fn check_by_type(spec: &Value, errors: &mut Vec<Error>) {
    let kind = spec.text("type");
    match kind {
        "LoadBalancer" | "NodePort" if spec["clusterIP"] == "None" => {
            let why = format!("may not be set to 'None' for {kind} services");
            errors.push(Error::invalid("spec.clusterIPs[0]", "None", why));
        }
        "ExternalName" => check_external_name(spec, errors),
        _ => {}
    }
}

fn check_external_name(spec: &Value, errors: &mut Vec<Error>) {
    for key in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        if spec.has(key) {
            let why = "may not be set for ExternalName services";
            errors.push(Error::forbidden(format!("spec.{key}"), why));
        }
    }
    let (field, name) = ("spec.externalName", spec.text("externalName"));
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare.is_empty() {
        errors.push(Error::required(field, ""));
    } else {
        errors.extend(invalid_for_each(field, bare, names::subdomain(bare)));
    }
}

fn check_ports(ports: &[Value], errors: &mut Vec<Error>) {
    let mut seen = BTreeSet::new();
    for (i, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{i}]");
        let (field, name) = (format!("{path}.name"), port.text("name"));
        if name.is_empty() {
            if ports.len() > 1 {
                errors.push(Error::required(field, ""));
            }
        } else {
            errors.extend(invalid_for_each(&field, name, names::label(name)));
            if !seen.insert(name) {
                errors.push(Error::duplicate(field, name));
            }
        }
        let number = port.number("port").unwrap_or_default();
        let why = names::port_number(number);
        errors.extend(why.map(|why| Error::invalid(format!("{path}.port"), number, why)));
        check_one_of(port, &path, "protocol", &["SCTP", "TCP", "UDP"], errors);
        check_port_or_name(&port["targetPort"], &format!("{path}.targetPort"), errors);
        let protocol = port.text("appProtocol");
        if !protocol.is_empty() {
            let wrong = names::qualified_name(protocol);
            errors.extend(invalid_for_each(&format!("{path}.appProtocol"), protocol, wrong));
        }
    }
}

fn check_affinity(spec: &Value, errors: &mut Vec<Error>) {
    check_one_of(spec, "spec", "sessionAffinity", &["ClientIP", "None"], errors);
    if spec["sessionAffinity"] != "ClientIP" {
        return;
    }
    let seconds = spec["sessionAffinityConfig"]["clientIP"]
        .number("timeoutSeconds")
        .unwrap_or_default();
    if !(1..=MOST_AFFINITY_SECONDS).contains(&seconds) {
        let field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
        let why = format!("must be greater than 0 and less than {MOST_AFFINITY_SECONDS}");
        errors.push(Error::invalid(field, seconds, why));
    }
}

fn check_addresses(spec: &Value, errors: &mut Vec<Error>) {
    let ips = spec.items("clusterIPs");
    if !ips.is_empty() && spec["type"] != "ExternalName" {
        if ips[0] != spec["clusterIP"] {
            let why = "first value must match `clusterIP`";
            errors.push(Error::invalid("spec.clusterIPs", spec["clusterIPs"].clone(), why));
        }
        for (i, ip) in ips.iter().enumerate() {
            let text = ip.as_str().unwrap_or_default();
            if text != "None" {
                errors.extend(check_ip(text, &format!("spec.clusterIPs[{i}]")));
            }
        }
    }
    for (i, ip) in spec.items("externalIPs").iter().enumerate() {
        check_target(
            ip.as_str().unwrap_or_default(),
            &format!("spec.externalIPs[{i}]"),
            errors,
        );
    }
}

/// An address that traffic can be sent to: none that means this machine, this link or nobody.
pub(in super::super) fn check_target(text: &str, field: &str, errors: &mut Vec<Error>) {
    if let Some(error) = check_ip(text, field) {
        errors.push(error);
        return;
    }
    let Ok(ip) = text.parse::<IpAddr>() else {
        return;
    };
    let (link_local, link_multicast) = match ip {
        IpAddr::V4(ip) => (ip.is_link_local(), ip.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(ip) => (
            ip.segments()[0] & 0xFFC0 == 0xFE80,
            ip.segments()[0] & 0xFF0F == 0xFF02,
        ),
    };
    let unspecified = format!("may not be unspecified ({text})");
    let reasons = [
        (ip.is_unspecified(), unspecified.as_str()),
        (
            ip.is_loopback(),
            "may not be in the loopback range (127.0.0.0/8, ::1/128)",
        ),
        (
            link_local,
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
        ),
        (
            link_multicast,
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    ];
    let broken = reasons.into_iter().filter(|(broken, _)| *broken);
    errors.extend(broken.map(|(_, why)| Error::invalid(field, text, why)));
}

/// Kubernetes writes this one field with a capital letter.
fn check_source_ranges(spec: &Value, errors: &mut Vec<Error>) {
    let (field, ranges) = (
        "spec.LoadBalancerSourceRanges",
        spec.items("loadBalancerSourceRanges"),
    );
    if !ranges.is_empty() && spec["type"] != "LoadBalancer" {
        let why = "may only be used when `type` is 'LoadBalancer'";
        errors.push(Error::forbidden(field, why));
    }
    for (i, range) in ranges.iter().enumerate() {
        let range = range.as_str().unwrap_or_default().trim();
        if !is_cidr(range) {
            errors.push(Error::invalid(format!("{field}[{i}]"), range, CIDR));
        }
    }
}

fn check_node_ports(spec: &Value, errors: &mut Vec<Error>) {
    let mut seen = BTreeSet::new();
    for (i, port) in spec.items("ports").iter().enumerate() {
        let Some(number) = port.number("nodePort").filter(|n| *n != 0) else {
            continue;
        };
        let field = format!("spec.ports[{i}].nodePort");
        if spec["type"] == "ClusterIP" {
            let why = "may not be used when `type` is 'ClusterIP'";
            errors.push(Error::forbidden(field.as_str(), why));
        }
        if !seen.insert((port.text("protocol"), number)) {
            errors.push(Error::duplicate(field, number));
        }
    }
}

fn check_duplicate_ports(ports: &[Value], errors: &mut Vec<Error>) {
    let mut seen = BTreeSet::new();
    for (i, port) in ports.iter().enumerate() {
        let (protocol, number) = (port.text("protocol"), port.number("port").unwrap_or_default());
        if !seen.insert((protocol, number)) {
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":\"{protocol}\",\"AppProtocol\":null,\"Port\":{number},\"TargetPort\":0,\"NodePort\":0}}"
            );
            let error = Error::duplicate(format!("spec.ports[{i}]"), port.clone());
            errors.push(error.showing(shown));
        }
    }
}

fn check_policies(spec: &Value, errors: &mut Vec<Error>) {
    if spec.has("allocateLoadBalancerNodePorts") && spec["type"] != "LoadBalancer" {
        let why = "may only be used when `type` is 'LoadBalancer'";
        errors.push(Error::forbidden("spec.allocateLoadBalancerNodePorts", why));
    }
    check_external_policy(spec, errors);
    for (key, supported) in [
        ("internalTrafficPolicy", &POLICIES[..]),
        ("trafficDistribution", &DISTRIBUTIONS),
    ] {
        if spec.has(key) {
            check_one_of(spec, "spec", key, supported, errors);
        }
    }
}

fn check_external_policy(spec: &Value, errors: &mut Vec<Error>) {
    let (field, policy) = ("spec.externalTrafficPolicy", spec.text("externalTrafficPolicy"));
    let is_external = matches!(spec.text("type"), "NodePort" | "LoadBalancer")
        || spec["type"] == "ClusterIP" && !spec.items("externalIPs").is_empty();
    if !policy.is_empty() && !is_external {
        let why = "may only be set for externally-accessible services";
        errors.push(Error::invalid(field, policy, why));
    } else if !policy.is_empty() && !POLICIES.contains(&policy) {
        errors.push(Error::not_supported(field, policy, &POLICIES));
    }
    let needs_check = spec["type"] == "LoadBalancer" && policy == "Local";
    if let Some(port) = spec.number("healthCheckNodePort").filter(|_| !needs_check) {
        let why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.push(Error::invalid("spec.healthCheckNodePort", port, why));
    }
}

/// The first address and family of a Service stay as long as it has any.
pub(super) fn validate_change(new: &Value, old: &Value) -> Vec<Error> {
    let (new, old) = (&new["spec"], &old["spec"]);
    let mut errors = Vec::new();
    if new["type"] == "ExternalName" || old["type"] == "ExternalName" {
        return errors;
    }
    for key in ["clusterIPs", "ipFamilies"] {
        let (after, before) = (new.items(key).first(), old.items(key).first());
        if before.is_some() && after.is_some() && after != before {
            let why = "may not change once set";
            errors.push(Error::invalid(format!("spec.{key}[0]"), new[key].clone(), why));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_kubernetes_words() {
        let base = json!({"type": "ClusterIP", "sessionAffinity": "None",
            "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}]});
        let cases = [
            (json!({}), None),
            (json!({"ports": []}), Some("spec.ports: Required value")),
            (
                json!({"type": "ExternalName"}),
                Some("spec.externalName: Required value"),
            ),
            (
                json!({"externalTrafficPolicy": "Local"}),
                Some(
                    "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for externally-accessible services",
                ),
            ),
            (
                json!({"externalIPs": ["127.0.0.1"]}),
                Some(
                    "spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)",
                ),
            ),
            (
                json!({"loadBalancerSourceRanges": ["10.0.0.0/8"]}),
                Some(
                    "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
                ),
            ),
        ];
        for (change, expected) in cases {
            let mut spec = base.clone();
            for (key, value) in change.as_object().unwrap() {
                spec[key] = value.clone();
            }
            let errors = validate(&json!({"spec": spec}));
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected.into_iter().collect::<Vec<_>>(), "{change}");
        }
    }
}
