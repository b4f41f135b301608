//! Kernel parameters of a Pod.
//!
//! Source: `validateSysctls` in `pkg/apis/core/validation`, `GetNamespace` in `k8s.io/component-helpers/node/util/sysctl`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::read::Fields as _;
use crate::status::field::Error;

const MALFORMED: &str = "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
const LONGEST_NAME: usize = 253;

/// Checks `securityContext.sysctls` of the Pod with this `spec` at `path`.
pub(super) fn check(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let mut seen = BTreeSet::new();
    for (i, sysctl) in spec["securityContext"].items("sysctls").iter().enumerate() {
        let (field, name) = (format!("{path}[{i}].name"), sysctl.text("name"));
        if name.is_empty() {
            errors.push(Error::required(field.as_str(), ""));
        } else if !is_name(name) {
            errors.push(Error::invalid(field.as_str(), name, MALFORMED));
        } else if seen.contains(name) {
            errors.push(Error::duplicate(field.as_str(), name));
        }
        if let Some(key) = shared_with_the_host(name).filter(|key| spec.flag(key)) {
            let why = format!("may not be specified when '{key}' is true");
            errors.push(Error::invalid(field, name, why));
        }
        seen.insert(name);
    }
}

fn is_name(name: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_segment = |segment: &str| {
        let is_inner = |c: char| is_end(c) || matches!(c, '-' | '_');
        segment.starts_with(is_end) && segment.ends_with(is_end) && segment.chars().all(is_inner)
    };
    name.len() <= LONGEST_NAME && name.split(['.', '/']).all(is_segment)
}

/// The field by which the parameter would be the host's own.
fn shared_with_the_host(name: &str) -> Option<&'static str> {
    let name = name.replace('/', ".");
    let is_of_ipc = |prefix: &&str| name.starts_with(*prefix);
    if name.starts_with("net.") {
        Some("hostNetwork")
    } else if name == "kernel.sem" || ["kernel.shm", "kernel.msg", "fs.mqueue."].iter().any(is_of_ipc) {
        Some("hostIPC")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_named_once_and_not_the_hosts() {
        let cases = [
            (json!([{"name": "net.ipv4.tcp_syncookies"}]), false, String::new()),
            (json!([{"name": ""}]), false, "s[0].name: Required value".to_owned()),
            (json!([{"name": "A"}]), false, format!("s[0].name: Invalid value: \"A\": {MALFORMED}")),
            (
                json!([{"name": "a.b"}, {"name": "a.b"}]),
                false,
                "s[1].name: Duplicate value: \"a.b\"".to_owned(),
            ),
            (
                json!([{"name": "net.core.somaxconn"}]),
                true,
                "s[0].name: Invalid value: \"net.core.somaxconn\": may not be specified when 'hostNetwork' is true".to_owned(),
            ),
        ];
        for (sysctls, host_network, expected) in cases {
            let spec = json!({"hostNetwork": host_network, "securityContext": {"sysctls": sysctls}});
            let mut errors = Vec::new();
            check(&spec, "s", &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts.join("; "), expected, "{sysctls}");
        }
    }
}
