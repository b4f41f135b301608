//! Endpoints: the old list of a Service's addresses.
//!
//! Source: `ValidateEndpoints` in `k8s.io/kubernetes/pkg/apis/core/validation`, v1.36.

use serde_json::Value;

use super::numbers::check_one_of;
use super::read::{Fields as _, items_mut, set_default_for_zero};
use super::service::validation::check_target;
use super::{PLAIN, Strategy, metadata, names};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    validate,
    validate_update: |new, _| validate(new),
    ..PLAIN
};

fn default(object: &mut Value) {
    for subset in items_mut(object, "subsets") {
        for port in items_mut(subset, "ports") {
            set_default_for_zero(port, "protocol", "TCP");
        }
    }
}

fn validate(object: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for (i, subset) in object.items("subsets").iter().enumerate() {
        check_subset(subset, &format!("subsets[{i}]"), &mut errors);
    }
    errors
}

fn check_subset(subset: &Value, path: &str, errors: &mut Vec<Error>) {
    const LISTS: [&str; 2] = ["addresses", "notReadyAddresses"];
    if LISTS.iter().all(|list| subset.items(list).is_empty()) {
        errors.push(Error::required(
            path,
            "must specify `addresses` or `notReadyAddresses`",
        ));
    }
    for list in LISTS {
        for (i, address) in subset.items(list).iter().enumerate() {
            check_target(address.text("ip"), &format!("{path}.{list}[{i}].ip"), errors);
        }
    }
    let ports = subset.items("ports");
    for (i, port) in ports.iter().enumerate() {
        check_port(port, &format!("{path}.ports[{i}]"), ports.len() > 1, errors);
    }
}

fn check_port(port: &Value, path: &str, needs_name: bool, errors: &mut Vec<Error>) {
    let (field, name) = (format!("{path}.name"), port.text("name"));
    match name {
        "" if needs_name => errors.push(Error::required(field, "")),
        "" => {}
        name => errors.extend(metadata::invalid_for_each(&field, name, names::label(name))),
    }
    let number = port.number("port").unwrap_or_default();
    let why = names::port_number(number);
    errors.extend(why.map(|why| Error::invalid(format!("{path}.port"), number, why)));
    check_one_of(port, path, "protocol", &["SCTP", "TCP", "UDP"], errors);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_subset_has_addresses_that_can_be_reached() {
        let cases = [
            (
                json!([]),
                "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
            ),
            (
                json!([{"ip": "127.0.0.1"}]),
                "subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)",
            ),
        ];
        for (addresses, text) in cases {
            let errors = validate(&json!({"subsets": [{"addresses": addresses}]}));
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, [text]);
        }
    }
}
