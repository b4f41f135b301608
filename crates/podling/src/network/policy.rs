//! NetworkPolicies: whether a connection between Pods is let through.
//!
//! Source: the definition in `k8s.io/api/networking/v1`, as kindnet's `sigs.k8s.io/kube-network-policies` reads it.
//! Differs from kind: what comes from a node (probes, the API server's proxy) is always let through.

use serde_json::Value;

use super::cidr::Cidr;
use crate::apiserver::registry::read::Fields as _;
use crate::label_selector;
use crate::storage::text;

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End<'a> {
    /// The Pod.
    pub(crate) pod: &'a Value,
    /// Its address.
    pub(crate) address: &'a str,
    /// The labels of its namespace.
    pub(crate) namespace: &'a Value,
}

/// What is asked of the other end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    pub(crate) protocol: &'static str,
    pub(crate) number: u16,
}

/// Whether the policies of both namespaces let a connection through.
pub(crate) fn allows(policies: &[&Value], from: &End<'_>, to: &End<'_>, port: Port) -> bool {
    // Nobody can be cut off from itself.
    from.pod["metadata"]["uid"] == to.pod["metadata"]["uid"]
        || may_leave(policies, from, to, port) && may_enter(policies, from, to, port)
}

/// Whether `from` may open the connection.
pub(crate) fn may_leave(policies: &[&Value], from: &End<'_>, to: &End<'_>, port: Port) -> bool {
    passes(policies, ("Egress", "egress", "to"), (from, to), to, port)
}

fn may_enter(policies: &[&Value], from: &End<'_>, to: &End<'_>, port: Port) -> bool {
    passes(policies, ("Ingress", "ingress", "from"), (to, from), to, port)
}

/// A Pod that no policy of this direction selects is open; else one of their rules must let the peer through.
fn passes(
    policies: &[&Value],
    (kind, rules, peers): (&str, &str, &str),
    (own, peer): (&End<'_>, &End<'_>),
    server: &End<'_>,
    port: Port,
) -> bool {
    let selecting: Vec<&&Value> = (policies.iter())
        .filter(|policy| has_type(policy, kind) && selects(policy, own.pod))
        .collect();
    let lets_through = |policy: &&&Value| {
        let mut rules = policy["spec"].items(rules).iter();
        rules.any(|rule| {
            has_port(rule.items("ports"), server.pod, port) && has_peer(rule.items(peers), policy, peer)
        })
    };
    selecting.is_empty() || selecting.iter().any(lets_through)
}

fn has_type(policy: &Value, kind: &str) -> bool {
    policy["spec"]
        .items("policyTypes")
        .iter()
        .any(|given| given == kind)
}

fn selects(policy: &Value, pod: &Value) -> bool {
    policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
        && pod["spec"]["hostNetwork"] != true
        && label_selector::matches(&policy["spec"]["podSelector"], &pod["metadata"]["labels"])
}

/// No ports are all ports. A name stands for the port that the server's containers give it.
fn has_port(ports: &[Value], server: &Value, asked: Port) -> bool {
    ports.is_empty() || ports.iter().any(|port| is_port(port, server, asked))
}

fn is_port(port: &Value, server: &Value, asked: Port) -> bool {
    if port.text("protocol") != asked.protocol {
        return false;
    }
    let number = i64::from(asked.number);
    match &port["port"] {
        Value::Null => true,
        Value::String(name) => named_port(server, name) == Some(number),
        first => {
            let first = first.as_i64().unwrap_or_default();
            (first..=port.number("endPort").unwrap_or(first)).contains(&number)
        }
    }
}

fn named_port(server: &Value, name: &str) -> Option<i64> {
    let containers = server["spec"].items("containers").iter();
    let mut ports = containers.flat_map(|container| container.items("ports"));
    ports
        .find(|port| port.text("name") == name)?
        .number("containerPort")
}

/// No peers are all peers.
fn has_peer(peers: &[Value], policy: &Value, end: &End<'_>) -> bool {
    peers.is_empty() || peers.iter().any(|peer| is_peer(peer, policy, end))
}

fn is_peer(peer: &Value, policy: &Value, end: &End<'_>) -> bool {
    if peer.has("ipBlock") {
        return is_in_block(&peer["ipBlock"], end.address);
    }
    // Selectors choose among Pods, and what is none has no manifest.
    if end.pod.is_null() {
        return false;
    }
    let is_near = match &peer["namespaceSelector"] {
        Value::Null => policy["metadata"]["namespace"] == end.pod["metadata"]["namespace"],
        selector => label_selector::matches(selector, end.namespace),
    };
    let selector = &peer["podSelector"];
    is_near && (selector.is_null() || label_selector::matches(selector, &end.pod["metadata"]["labels"]))
}

fn is_in_block(block: &Value, address: &str) -> bool {
    let Ok(address) = address.parse() else {
        return false;
    };
    let holds = |range: &str| Cidr::parse(range).is_some_and(|range| range.contains(address));
    let mut except = block.items("except").iter().filter_map(Value::as_str);
    holds(text(block, &["cidr"])) && !except.any(holds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HTTP: Port = Port {
        protocol: "TCP",
        number: 80,
    };

    fn policy(spec: &Value) -> Value {
        json!({"metadata": {"namespace": "shop", "name": "p"}, "spec": spec})
    }

    fn pod(namespace: &str, app: &str) -> Value {
        json!({"metadata": {"namespace": namespace, "uid": app, "labels": {"app": app}},
            "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 80}]}]}})
    }

    fn end<'a>(pod: &'a Value, address: &'a str, namespace: &'a Value) -> End<'a> {
        End {
            pod,
            address,
            namespace,
        }
    }

    /// Whether the Pod `web` of the namespace `shop` can be reached from `from` under one policy.
    fn reached(spec: &Value, from: (&str, &str)) -> bool {
        let (policy, source, web) = (policy(spec), pod(from.0, from.1), pod("shop", "web"));
        let (here, there) = (json!({"name": "shop"}), json!({"name": from.0}));
        let from = end(&source, "10.244.0.5", &there);
        allows(&[&policy], &from, &end(&web, "10.244.0.6", &here), HTTP)
    }

    #[test]
    fn ingress_rules_let_their_peers_in() {
        let only = |peer: Value| json!({"policyTypes": ["Ingress"], "podSelector": {}, "ingress": [{"from": [peer]}]});
        let cases = [
            (
                json!({"policyTypes": ["Ingress"], "podSelector": {}}),
                ("shop", "cart"),
                false,
            ),
            (
                json!({"policyTypes": ["Ingress"], "podSelector": {}}),
                ("shop", "web"),
                true,
            ),
            (
                json!({"policyTypes": ["Ingress"], "podSelector": {"matchLabels": {"app": "db"}}}),
                ("shop", "cart"),
                true,
            ),
            (
                json!({"policyTypes": ["Ingress"], "podSelector": {}, "ingress": [{}]}),
                ("x", "cart"),
                true,
            ),
            (
                only(json!({"podSelector": {"matchLabels": {"app": "cart"}}})),
                ("shop", "cart"),
                true,
            ),
            (
                only(json!({"podSelector": {"matchLabels": {"app": "cart"}}})),
                ("x", "cart"),
                false,
            ),
            (
                only(json!({"namespaceSelector": {"matchLabels": {"name": "x"}}})),
                ("x", "cart"),
                true,
            ),
            (
                only(json!({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "db"}}})),
                ("x", "cart"),
                false,
            ),
            (
                only(json!({"ipBlock": {"cidr": "10.244.0.0/16"}})),
                ("x", "cart"),
                true,
            ),
            (
                only(json!({"ipBlock": {"cidr": "10.244.0.0/16", "except": ["10.244.0.4/30"]}})),
                ("x", "cart"),
                false,
            ),
        ];
        for (spec, from, expected) in cases {
            assert_eq!(reached(&spec, from), expected, "{spec} {from:?}");
        }
    }

    #[test]
    fn a_rule_holds_for_its_ports() {
        let at = |port: Value| json!({"policyTypes": ["Ingress"], "podSelector": {}, "ingress": [{"ports": [port]}]});
        let cases = [
            (json!({"protocol": "TCP"}), true),
            (json!({"protocol": "UDP"}), false),
            (json!({"protocol": "TCP", "port": 81}), false),
            (json!({"protocol": "TCP", "port": 70, "endPort": 90}), true),
            (json!({"protocol": "TCP", "port": "http"}), true),
            (json!({"protocol": "TCP", "port": "admin"}), false),
        ];
        for (port, expected) in cases {
            assert_eq!(reached(&at(port.clone()), ("shop", "cart")), expected, "{port}");
        }
    }

    #[test]
    fn egress_rules_hold_back_what_goes_out() {
        let nothing = json!({"policyTypes": ["Egress"], "podSelector": {"matchLabels": {"app": "cart"}}});
        assert!(!reached(&nothing, ("shop", "cart")));
        assert!(reached(&nothing, ("shop", "other")));
        let to_web = json!({"policyTypes": ["Egress"], "podSelector": {},
            "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]});
        assert!(reached(&to_web, ("shop", "cart")));
    }
}
