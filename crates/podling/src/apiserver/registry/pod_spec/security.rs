//! Security contexts of Pods and containers.

use serde_json::Value;

use super::super::internal_form;
use super::super::read::Fields as _;
use super::sysctls;
use super::volumes::check_descending;
use crate::status::field::Error;

const IDS: &str = "must be between 0 and 2147483647, inclusive";
const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

/// Checks the Pod's own context.
pub(super) fn check_pod(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let (context, own) = (&spec["securityContext"], format!("{path}.securityContext"));
    check_ids(context, &own, &["fsGroup", "runAsUser", "runAsGroup"], errors);
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
    sysctls::check(spec, &format!("{own}.sysctls"), errors);
    check_choice(
        context,
        &own,
        ("fsGroupChangePolicy", &["Always", "OnRootMismatch"]),
        errors,
    );
    check_seccomp(context, &own, errors);
    check_app_armor(context, &own, errors);
    check_choice(
        context,
        &own,
        ("supplementalGroupsPolicy", &["Merge", "Strict"]),
        errors,
    );
    check_choice(
        context,
        &own,
        ("seLinuxChangePolicy", &["MountOption", "Recursive"]),
        errors,
    );
}

/// What stands at a key, if anything does, must be one of its values; empty is none of them.
fn check_choice(context: &Value, path: &str, (key, supported): (&str, &[&str]), errors: &mut Vec<Error>) {
    let value = context.text(key);
    if context.has(key) && !supported.contains(&value) {
        errors.push(Error::not_supported(format!("{path}.{key}"), value, supported));
    }
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

/// Checks a container's context at `path`; the `spec` is that of its Pod.
pub(super) fn check_container(spec: &Value, context: &Value, path: &str, errors: &mut Vec<Error>) {
    if context.is_null() {
        return;
    }
    check_ids(context, path, &["runAsUser", "runAsGroup"], errors);
    check_choice(context, path, ("procMount", &["Default", "Unmasked"]), errors);
    if context["procMount"] == "Unmasked" && spec["hostUsers"] != false {
        let why = "`hostUsers` must be false to use `Unmasked`";
        errors.push(Error::invalid(format!("{path}.procMount"), "Unmasked", why));
    }
    check_seccomp(context, path, errors);
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
    check_app_armor(context, path, errors);
}

fn check_seccomp(context: &Value, path: &str, errors: &mut Vec<Error>) {
    let profile = &context["seccompProfile"];
    if profile.is_null() {
        return;
    }
    let path = format!("{path}.seccompProfile");
    check_profile_type(
        profile,
        &path,
        "type is required when seccompProfile is set",
        errors,
    );
    let (field, file) = (format!("{path}.localhostProfile"), &profile["localhostProfile"]);
    match (profile.text("type"), file.as_str()) {
        ("Localhost", None) => {
            let why = "must be set when seccomp type is Localhost";
            errors.push(Error::required(field, why));
        }
        ("Localhost", Some(file)) => check_descending(file, &field, errors),
        (_, Some(_)) => {
            let why = "can only be set when seccomp type is Localhost";
            let shown = internal_form::compact(profile, internal_form::LOCAL_PROFILE);
            errors.push(Error::invalid(field, profile.clone(), why).showing(shown));
        }
        (_, None) => {}
    }
}

fn check_profile_type(profile: &Value, path: &str, when_missing: &str, errors: &mut Vec<Error>) {
    let field = format!("{path}.type");
    match profile.text("type") {
        "" => errors.push(Error::required(field, when_missing)),
        kind if !PROFILES.contains(&kind) => errors.push(Error::not_supported(field, kind, &PROFILES)),
        _ => {}
    }
}

fn check_app_armor(context: &Value, path: &str, errors: &mut Vec<Error>) {
    const NEEDED: &str = "must be set when AppArmor type is Localhost";
    let profile = &context["appArmorProfile"];
    if profile.is_null() {
        return;
    }
    let path = format!("{path}.appArmorProfile");
    check_profile_type(
        profile,
        &path,
        "type is required when appArmorProfile is set",
        errors,
    );
    let field = format!("{path}.localhostProfile");
    match (profile.text("type"), profile["localhostProfile"].as_str()) {
        ("Localhost", None | Some("")) => errors.push(Error::required(field, NEEDED)),
        ("Localhost", Some(name)) if name.trim() != name => {
            errors.push(Error::invalid(field, name, "must not be padded with whitespace"));
        }
        ("RuntimeDefault" | "Unconfined", Some(name)) => {
            let why = "can only be set when AppArmor type is Localhost";
            errors.push(Error::invalid(field, name, why));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_containers_context_is_one_that_can_be_had() {
        let cases = [
            (json!({"procMount": "Default"}), ""),
            (
                json!({"procMount": "Half"}),
                "c.procMount: Unsupported value: \"Half\": supported values: \"Default\", \"Unmasked\"",
            ),
            (
                json!({"procMount": "Unmasked"}),
                "c.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`",
            ),
            (
                json!({"seccompProfile": {"type": "Localhost", "localhostProfile": "/p"}}),
                "c.seccompProfile.localhostProfile: Invalid value: \"/p\": must be a relative path",
            ),
            (
                json!({"seccompProfile": {"type": "Unconfined", "localhostProfile": "p"}}),
                "c.seccompProfile.localhostProfile: Invalid value: {\"Type\":\"Unconfined\",\"LocalhostProfile\":\"p\"}: can only be set when seccomp type is Localhost",
            ),
            (
                json!({"appArmorProfile": {"type": "Localhost"}}),
                "c.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost",
            ),
            (
                json!({"appArmorProfile": {"type": "RuntimeDefault", "localhostProfile": "p"}}),
                "c.appArmorProfile.localhostProfile: Invalid value: \"p\": can only be set when AppArmor type is Localhost",
            ),
        ];
        for (context, expected) in cases {
            let mut errors = Vec::new();
            check_container(&json!({}), &context, "c", &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts.join("; "), expected, "{context}");
        }
    }

    #[test]
    fn a_pods_context_is_one_that_can_be_had() {
        let context = json!({"fsGroupChangePolicy": "Never", "supplementalGroupsPolicy": "All", "seLinuxChangePolicy": ""});
        let mut errors = Vec::new();
        check_pod(&json!({"securityContext": context}), "spec", &mut errors);
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "spec.securityContext.fsGroupChangePolicy: Unsupported value: \"Never\": supported values: \"Always\", \"OnRootMismatch\"",
                "spec.securityContext.supplementalGroupsPolicy: Unsupported value: \"All\": supported values: \"Merge\", \"Strict\"",
                "spec.securityContext.seLinuxChangePolicy: Unsupported value: \"\": supported values: \"MountOption\", \"Recursive\"",
            ]
        );
    }
}
