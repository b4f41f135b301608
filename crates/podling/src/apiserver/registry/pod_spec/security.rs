//! Security contexts of Pods and containers.

use serde_json::Value;

use super::super::internal_form;
use super::super::read::Fields as _;
use crate::status::field::Error;

const IDS: &str = "must be between 0 and 2147483647, inclusive";
const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

/// Checks the Pod's own context.
pub(super) fn check_pod(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let (context, own) = (&spec["securityContext"], format!("{path}.securityContext"));
    check_ids(context, &own, &["runAsUser", "runAsGroup", "fsGroup"], errors);
    for (i, group) in context.items("supplementalGroups").iter().enumerate() {
        if !is_id(group.as_i64().unwrap_or_default()) {
            let field = format!("{own}.supplementalGroups[{i}]");
            errors.push(Error::invalid(field, group.clone(), IDS));
        }
    }
    if spec.flag("shareProcessNamespace") && spec.flag("hostPID") {
        let why = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(Error::invalid(format!("{own}.shareProcessNamespace"), true, why));
    }
    check_seccomp(context, &own, errors);
}

/// On the host's network a container's port is the host's. Templates may leave that to the Pods' defaults.
pub(super) fn check_host_network(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    if !spec.flag("hostNetwork") {
        return;
    }
    for (i, container) in spec.items("containers").iter().enumerate() {
        for (j, port) in container.items("ports").iter().enumerate() {
            let host_port = port.number("hostPort").unwrap_or_default();
            if host_port != 0 && port.number("containerPort") != Some(host_port) {
                let field = format!("{path}.containers[{i}].ports[{j}].hostPort");
                let why = "must match `containerPort` when `hostNetwork` is true";
                errors.push(Error::invalid(field, host_port, why));
            }
        }
    }
}

const fn is_id(id: i64) -> bool {
    0 <= id && id <= 2_147_483_647
}

fn check_ids(context: &Value, path: &str, keys: &[&str], errors: &mut Vec<Error>) {
    for key in keys {
        if let Some(id) = context.number(key).filter(|id| !is_id(*id)) {
            errors.push(Error::invalid(format!("{path}.{key}"), id, IDS));
        }
    }
}

/// Checks a container's context at `path`.
pub(super) fn check_container(context: &Value, path: &str, errors: &mut Vec<Error>) {
    if context.is_null() {
        return;
    }
    check_ids(context, path, &["runAsUser", "runAsGroup"], errors);
    if context["allowPrivilegeEscalation"] == false {
        let capabilities = context["capabilities"].items("add");
        let reasons = [
            (context.flag("privileged"), "`privileged` to true"),
            (
                capabilities.iter().any(|c| c == "CAP_SYS_ADMIN"),
                "`capabilities.Add` CAP_SYS_ADMIN",
            ),
        ];
        for (_, what) in reasons.into_iter().filter(|(broken, _)| *broken) {
            let why = format!("cannot set `allowPrivilegeEscalation` to false and {what}");
            let shown = internal_form::compact(context, internal_form::SECURITY_CONTEXT);
            errors.push(Error::invalid(path, context.clone(), why).showing(shown));
        }
    }
    check_seccomp(context, path, errors);
}

fn check_seccomp(context: &Value, path: &str, errors: &mut Vec<Error>) {
    let profile = &context["seccompProfile"];
    if profile.is_null() {
        return;
    }
    let path = format!("{path}.seccompProfile");
    let (kind, has_file) = (profile.text("type"), profile.has("localhostProfile"));
    let file = format!("{path}.localhostProfile");
    match kind {
        "Localhost" if !has_file => {
            errors.push(Error::required(
                file.clone(),
                "must be set when seccomp type is Localhost",
            ));
        }
        "" => errors.push(Error::required(
            format!("{path}.type"),
            "type is required when seccompProfile is set",
        )),
        kind if !PROFILES.contains(&kind) => {
            errors.push(Error::not_supported(format!("{path}.type"), kind, &PROFILES));
        }
        _ => {}
    }
    if kind != "Localhost" && has_file {
        let why = "can only be set when seccomp type is Localhost";
        errors.push(Error::invalid(file, profile["localhostProfile"].clone(), why));
    }
}
