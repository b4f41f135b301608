//! What a Pod shares with its node, its name there, and the node's operating system.

use serde_json::Value;

use super::super::names;
use super::super::read::Fields as _;
use super::invalid_for_each;
use crate::status::field::Error;

/// The greatest length of a host's name on Linux.
const LONGEST_HOSTNAME: usize = 64;

/// Checks what a Pod with users of its own shares, and the name that it gives its host.
pub(super) fn check(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let shared = [
        ("hostNetwork", "hostNetwork"),
        ("hostPID", "HostPID"),
        ("hostIPC", "HostIPC"),
    ];
    if spec["hostUsers"] == false {
        for (_, field) in shared.into_iter().filter(|(key, _)| spec.flag(key)) {
            let why = "when `hostUsers` is false";
            errors.push(Error::forbidden(format!("{path}.{field}"), why));
        }
    }
    if spec.has("hostnameOverride") {
        check_override(spec, &format!("{path}.hostnameOverride"), errors);
    }
}

fn check_override(spec: &Value, field: &str, errors: &mut Vec<Error>) {
    for key in ["setHostnameAsFQDN", "hostNetwork"] {
        if spec.flag(key) {
            let why = format!("may not be specified when {key} is true");
            errors.push(Error::forbidden(field, why));
        }
    }
    let name = spec.text("hostnameOverride");
    if name.len() > LONGEST_HOSTNAME {
        errors.push(Error::too_long(field, LONGEST_HOSTNAME));
    }
    errors.extend(invalid_for_each(field, name, names::subdomain(name)));
}

/// Checks which system the Pod is made for.
pub(super) fn check_system(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    if !spec.has("os") {
        return;
    }
    match spec["os"].text("name") {
        "" => errors.push(Error::required(format!("{path}.os.name"), "")),
        "linux" | "windows" => {}
        other => {
            let supported = ["linux", "windows"];
            errors.push(Error::not_supported(format!("{path}.os"), other, &supported));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_goes_with_what() {
        let cases = [
            (
                json!({"hostUsers": true, "hostPID": true, "os": {"name": "linux"}}),
                "",
            ),
            (
                json!({"hostUsers": false, "hostPID": true}),
                "spec.HostPID: Forbidden: when `hostUsers` is false",
            ),
            (
                json!({"hostnameOverride": "web", "hostNetwork": true}),
                "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true",
            ),
            (
                json!({"os": {"name": "mac"}}),
                "spec.os: Unsupported value: \"mac\": supported values: \"linux\", \"windows\"",
            ),
            (json!({"os": {}}), "spec.os.name: Required value"),
        ];
        for (spec, expected) in cases {
            let mut errors = Vec::new();
            check(&spec, "spec", &mut errors);
            check_system(&spec, "spec", &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts.join("; "), expected, "{spec}");
        }
    }
}
