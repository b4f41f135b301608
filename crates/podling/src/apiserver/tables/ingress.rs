//! The rows of Ingresses and IngressClasses.

use serde_json::{Value, json};

use super::network::ingress_points;
use super::{NONE, age, items, or};
use crate::clock::Time;
use crate::storage::text;

/// Name, Class, Hosts, Address, Ports, Age.
pub(super) fn ingress(ingress: &Value, now: Time) -> Value {
    let ports = match items(ingress, &["spec", "tls"]).next() {
        Some(_) => "80, 443",
        None => "80",
    };
    json!([
        text(ingress, &["metadata", "name"]),
        or(text(ingress, &["spec", "ingressClassName"]), NONE),
        hosts(ingress),
        ingress_points(ingress),
        ports,
        age(ingress, now),
    ])
}

/// The first three hosts that are named, and how many rules there are beyond three.
fn hosts(ingress: &Value) -> String {
    const MOST: usize = 3;
    let rules = || items(ingress, &["spec", "rules"]).map(|rule| text(rule, &["host"]));
    let named: Vec<&str> = rules().filter(|host| !host.is_empty()).take(MOST).collect();
    let shown = named.join(",");
    match (named.len(), rules().count()) {
        (0, _) => "*".to_owned(),
        (MOST, count) if count > MOST => format!("{shown} + {} more...", count - MOST),
        _ => shown,
    }
}

/// Name, Controller, Parameters, Age.
pub(super) fn ingress_class(class: &Value, now: Time) -> Value {
    let parameters = &class["spec"]["parameters"];
    let part = |key: &str| text(parameters, &[key]);
    let group = match part("apiGroup") {
        "" => String::new(),
        group => format!(".{group}"),
    };
    let shown = match parameters.is_object() {
        true => format!("{}{group}/{}", part("kind"), part("name")),
        false => NONE.to_owned(),
    };
    json!([
        text(class, &["metadata", "name"]),
        text(class, &["spec", "controller"]),
        shown,
        age(class, now),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ingress_shows_whom_it_serves_and_where() {
        let rules = |hosts: &[&str]| -> Value { hosts.iter().map(|host| json!({"host": host})).collect() };
        let cases = [
            (rules(&[]), "*"),
            (rules(&["", ""]), "*"),
            (rules(&["a", "b"]), "a,b"),
            (rules(&["a", "b", "c", "d", "e"]), "a,b,c + 2 more..."),
        ];
        for (rules, expected) in cases {
            assert_eq!(hosts(&json!({"spec": {"rules": rules}})), expected);
        }
        let object = json!({
            "metadata": {"name": "i"}, "spec": {"tls": [{}]},
            "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}},
        });
        assert_eq!(
            ingress(&object, Time::default()),
            json!(["i", "<none>", "*", "10.0.0.1", "80, 443", "<unknown>"])
        );
    }

    #[test]
    fn a_class_shows_its_parameters() {
        let object = json!({"metadata": {"name": "c"}, "spec": {"controller": "e/x",
            "parameters": {"apiGroup": "e.io", "kind": "P", "name": "n"}}});
        assert_eq!(
            ingress_class(&object, Time::default()),
            json!(["c", "e/x", "P.e.io/n", "<unknown>"])
        );
    }
}
