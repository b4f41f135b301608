//! NetworkPolicies: defaults, validation, generation.
//!
//! Source: `pkg/registry/networking/networkpolicy` and `ValidateNetworkPolicy…` in
//! `pkg/apis/networking/validation`, v1.36.

use serde_json::{Value, json};

use super::node::CIDR;
use super::read::{Fields as _, items_mut, object_at, set_default};
use super::{PLAIN, Strategy, generation, labels, names};
use crate::network::cidr::Cidr;
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| generation::start(object),
    prepare_for_update: generation::count_spec_change,
    validate,
    validate_update: |new, _| validate(new),
    warnings,
    ..PLAIN
};

/// Each direction with the key of its peers.
const DIRECTIONS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];
const POLICY_TYPES: [&str; 2] = ["Ingress", "Egress"];
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

fn default(object: &mut Value) {
    let spec = object_at(object, "spec");
    for (direction, _) in DIRECTIONS {
        for rule in items_mut(spec, direction) {
            for port in items_mut(rule, "ports") {
                set_default(port, "protocol", "TCP");
            }
        }
    }
    if spec.items("policyTypes").is_empty() {
        // Every policy is about what comes in; one with rules for what goes out is about that too.
        spec["policyTypes"] = match spec.items("egress").is_empty() {
            true => json!(["Ingress"]),
            false => json!(["Ingress", "Egress"]),
        };
    }
}

fn validate(object: &Value) -> Vec<Error> {
    let (spec, mut errors) = (&object["spec"], Vec::new());
    labels::check_selector(&spec["podSelector"], "spec.podSelector", &mut errors);
    for (direction, peers) in DIRECTIONS {
        for (i, rule) in spec.items(direction).iter().enumerate() {
            check_rule(rule, peers, &format!("spec.{direction}[{i}]"), &mut errors);
        }
    }
    check_types(spec, &mut errors);
    errors
}

fn check_rule(rule: &Value, peers: &str, path: &str, errors: &mut Vec<Error>) {
    for (i, port) in rule.items("ports").iter().enumerate() {
        check_port(port, &format!("{path}.ports[{i}]"), errors);
    }
    for (i, peer) in rule.items(peers).iter().enumerate() {
        check_peer(peer, &format!("{path}.{peers}[{i}]"), errors);
    }
}

fn check_types(spec: &Value, errors: &mut Vec<Error>) {
    let types = spec.items("policyTypes");
    if types.len() > POLICY_TYPES.len() {
        let why = "may not specify more than two policyTypes";
        errors.push(Error::invalid(
            "spec.policyTypes",
            spec["policyTypes"].clone(),
            why,
        ));
        return;
    }
    for (i, kind) in types.iter().enumerate() {
        let kind = kind.as_str().unwrap_or_default();
        if !POLICY_TYPES.contains(&kind) {
            let field = format!("spec.policyTypes[{i}]");
            errors.push(Error::not_supported(field, kind, &POLICY_TYPES));
        }
    }
}

fn check_port(port: &Value, path: &str, errors: &mut Vec<Error>) {
    let protocol = port.text("protocol");
    if !PROTOCOLS.contains(&protocol) {
        errors.push(Error::not_supported(
            format!("{path}.protocol"),
            protocol,
            &PROTOCOLS,
        ));
    }
    let (field, field_of_end) = (format!("{path}.port"), format!("{path}.endPort"));
    let end = port.number("endPort");
    match &port["port"] {
        Value::Null => {
            let why = "may not be specified when `port` is not specified";
            errors.extend(end.map(|end| Error::invalid(field_of_end, end, why)));
        }
        Value::String(name) => {
            let why = "may not be specified when `port` is non-numeric";
            errors.extend(end.map(|end| Error::invalid(field_of_end, end, why)));
            let wrong = names::port_name(name);
            errors.extend(super::metadata::invalid_for_each(&field, name, wrong));
        }
        number => check_port_range(number.as_i64().unwrap_or_default(), end, path, errors),
    }
}

fn check_port_range(first: i64, last: Option<i64>, path: &str, errors: &mut Vec<Error>) {
    let (field, field_of_end) = (format!("{path}.port"), format!("{path}.endPort"));
    errors.extend(names::port_number(first).map(|why| Error::invalid(field, first, why)));
    let Some(last) = last else {
        return;
    };
    if last < first {
        // Kubernetes shows the first port here.
        let why = "must be greater than or equal to `port`";
        errors.push(Error::invalid(field_of_end.as_str(), first, why));
    }
    errors.extend(names::port_number(last).map(|why| Error::invalid(field_of_end, last, why)));
}

fn check_peer(peer: &Value, path: &str, errors: &mut Vec<Error>) {
    let selectors = ["podSelector", "namespaceSelector"].map(|key| peer.has(key).then_some(key));
    for key in selectors.into_iter().flatten() {
        labels::check_selector(&peer[key], &format!("{path}.{key}"), errors);
    }
    if peer.has("ipBlock") {
        check_block(&peer["ipBlock"], &format!("{path}.ipBlock"), errors);
    }
    let has_selector = selectors.iter().any(Option::is_some);
    match (has_selector, peer.has("ipBlock")) {
        (false, false) => errors.push(Error::required(path, "must specify a peer")),
        (true, true) => {
            let why = "may not specify both ipBlock and another peer";
            errors.push(Error::forbidden(path, why));
        }
        _ => {}
    }
}

fn check_block(block: &Value, path: &str, errors: &mut Vec<Error>) {
    let (field, text) = (format!("{path}.cidr"), block.text("cidr"));
    if text.is_empty() {
        errors.push(Error::required(field, ""));
        return;
    }
    let Some(range) = Cidr::parse(text) else {
        errors.push(Error::invalid(field, text, CIDR));
        return;
    };
    for (i, except) in block.items("except").iter().enumerate() {
        let (field, text) = (format!("{path}.except[{i}]"), except.as_str().unwrap_or_default());
        let Some(except) = Cidr::parse(text) else {
            errors.push(Error::invalid(field, text, CIDR));
            return;
        };
        if !range.contains(except.address()) || range.bits() >= except.bits() {
            errors.push(Error::invalid(field, text, "must be a strict subset of `cidr`"));
        }
    }
}

fn warnings(object: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    for (direction, peers) in DIRECTIONS {
        for (i, rule) in object["spec"].items(direction).iter().enumerate() {
            for (j, peer) in rule.items(peers).iter().enumerate() {
                let path = format!("spec.{direction}[{i}].{peers}[{j}].ipBlock");
                let block = &peer["ipBlock"];
                warnings.extend(ambiguous(&block["cidr"], &format!("{path}.cidr")));
                for (k, except) in block.items("except").iter().enumerate() {
                    warnings.extend(ambiguous(except, &format!("{path}.except[{k}]")));
                }
            }
        }
    }
    warnings
}

/// A range that begins in its middle may have been meant as a single address.
fn ambiguous(range: &Value, field: &str) -> Option<String> {
    let text = range.as_str()?;
    let range = Cidr::parse(text)?;
    let (masked, address) = (range.masked()?, range.address());
    let all_bits = if address.is_ipv4() { 32 } else { 128 };
    Some(format!(
        "{field}: CIDR value \"{text}\" is ambiguous in this context (should be \"{masked}\" or \"{address}/{all_bits}\"?)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_the_rules_that_are_given() {
        let cases = [
            (json!({}), json!(["Ingress"])),
            (json!({"egress": [{}]}), json!(["Ingress", "Egress"])),
            (json!({"policyTypes": ["Egress"]}), json!(["Egress"])),
        ];
        for (spec, types) in cases {
            let mut object = json!({"spec": spec});
            default(&mut object);
            assert_eq!(object["spec"]["policyTypes"], types, "{spec}");
        }
    }

    #[test]
    fn rules_are_checked_in_kubernetes_words() {
        let from = |peer: Value| json!({"ingress": [{"from": [peer]}]});
        let port = |port: Value| json!({"egress": [{"ports": [port]}]});
        let cases = [
            (from(json!({"podSelector": {}})), None),
            (
                from(json!({})),
                Some("spec.ingress[0].from[0]: Required value: must specify a peer"),
            ),
            (
                from(json!({"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}})),
                Some("spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer"),
            ),
            (
                from(json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}})),
                Some(
                    "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"11.0.0.0/16\": must be a strict subset of `cidr`",
                ),
            ),
            (
                port(json!({"protocol": "TCP", "port": 80, "endPort": 79})),
                Some(
                    "spec.egress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`",
                ),
            ),
            (
                port(json!({"protocol": "TCP", "port": "http", "endPort": 79})),
                Some(
                    "spec.egress[0].ports[0].endPort: Invalid value: 79: may not be specified when `port` is non-numeric",
                ),
            ),
            (
                port(json!({"protocol": "HTTP"})),
                Some(
                    "spec.egress[0].ports[0].protocol: Unsupported value: \"HTTP\": supported values: \"TCP\", \"UDP\", \"SCTP\"",
                ),
            ),
            (
                json!({"policyTypes": ["In"]}),
                Some(
                    "spec.policyTypes[0]: Unsupported value: \"In\": supported values: \"Ingress\", \"Egress\"",
                ),
            ),
        ];
        for (spec, expected) in cases {
            let errors = validate(&json!({"spec": spec}));
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected.into_iter().collect::<Vec<_>>(), "{spec}");
        }
    }

    #[test]
    fn a_range_that_begins_in_its_middle_is_warned_about() {
        let object = json!({"spec": {"ingress": [{"from": [{"ipBlock": {"cidr": "10.1.2.3/8"}}]}]}});
        assert_eq!(
            warnings(&object),
            [
                "spec.ingress[0].from[0].ipBlock.cidr: CIDR value \"10.1.2.3/8\" is ambiguous in this context (should be \"10.0.0.0/8\" or \"10.1.2.3/32\"?)"
            ]
        );
    }
}
