//! The further rules of the level `restricted`, which ask for what is good practice.
//!
//! Source: `k8s.io/pod-security-admission/policy/check_*.go`. The rules come in the order of their identifiers.

use std::collections::BTreeSet;

use serde_json::Value;

use super::baseline::{added, is_in_user_namespace, is_unconfined, seccomp};
use super::violation::{Violation, bad, named, plural, quoted, setters};
use crate::apiserver::registry::read::Fields as _;

const ADDABLE: [&str; 1] = ["NET_BIND_SERVICE"];

const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// What a Pod breaks of the rules as they are in a minor version.
pub(super) fn violations(spec: &Value, minor: u32) -> Vec<Violation> {
    // Since 1.25 what only Linux has is not asked of a Pod for Windows.
    let is_windows = minor >= 25 && spec["os"]["name"] == "windows";
    let own_users = is_in_user_namespace(spec, minor);
    let found = [
        (minor >= 8 && !is_windows)
            .then(|| privilege_escalation(spec))
            .flatten(),
        (minor >= 22 && !is_windows).then(|| capabilities(spec)).flatten(),
        volumes(spec),
        (!own_users).then(|| run_as_non_root(spec)).flatten(),
        (minor >= 23 && !own_users).then(|| run_as_user(spec)).flatten(),
        (minor >= 19 && !is_windows)
            .then(|| seccomp_profiles(spec))
            .flatten(),
    ];
    found.into_iter().flatten().collect()
}

fn privilege_escalation(spec: &Value) -> Option<Violation> {
    let bad = bad(spec, |container| {
        container["securityContext"]["allowPrivilegeEscalation"] != false
    });
    (!bad.is_empty()).then(|| {
        let detail = format!(
            "{} must set securityContext.allowPrivilegeEscalation=false",
            named(&bad)
        );
        Violation::new("allowPrivilegeEscalation != false", detail)
    })
}

fn capabilities(spec: &Value) -> Option<Violation> {
    let keeping = bad(spec, |container| {
        let dropped = container["securityContext"]["capabilities"].items("drop");
        !dropped.iter().any(|name| name == "ALL")
    });
    let keeping = (!keeping.is_empty()).then(|| {
        format!(
            "{} must set securityContext.capabilities.drop=[\"ALL\"]",
            named(&keeping)
        )
    });
    let details: Vec<String> = keeping.into_iter().chain(added(spec, &ADDABLE)).collect();
    (!details.is_empty()).then(|| Violation::new("unrestricted capabilities", details.join("; ")))
}

fn volumes(spec: &Value) -> Option<Violation> {
    let is_allowed = |volume: &Value| VOLUMES.iter().any(|kind| volume.has(kind));
    let bad: Vec<&Value> = spec
        .items("volumes")
        .iter()
        .filter(|volume| !is_allowed(volume))
        .collect();
    let kinds: BTreeSet<&str> = bad.iter().map(|volume| kind_of(volume)).collect();
    (!bad.is_empty()).then(|| {
        let detail = format!(
            "{} {} {} {} {}",
            plural("volume", "volumes", bad.len()),
            quoted(bad.iter().map(|volume| volume.text("name"))),
            plural("uses", "use", bad.len()),
            plural("restricted volume type", "restricted volume types", kinds.len()),
            quoted(kinds)
        );
        Violation::new("restricted volume types", detail)
    })
}

fn kind_of(volume: &Value) -> &str {
    let keys = volume.as_object().into_iter().flatten();
    let mut kinds = keys.filter(|(key, value)| *key != "name" && !value.is_null());
    // Kinds that are newer than the rule have no name of their own there.
    kinds
        .next()
        .map(|(key, _)| key.as_str())
        .filter(|kind| *kind != "image")
        .unwrap_or("unknown")
}

fn run_as_non_root(spec: &Value) -> Option<Violation> {
    const REASON: &str = "runAsNonRoot != true";
    let of = |holder: &Value| holder["securityContext"]["runAsNonRoot"].as_bool();
    let explicit = bad(spec, |container| of(container) == Some(false));
    if let Some(setters) = setters(of(spec) == Some(false), &explicit) {
        let detail = format!("{setters} must not set securityContext.runAsNonRoot=false");
        return Some(Violation::new(REASON, detail));
    }
    let implicit = bad(spec, |container| of(container).or(of(spec)).is_none());
    (!implicit.is_empty()).then(|| {
        let detail = format!(
            "pod or {} must set securityContext.runAsNonRoot=true",
            named(&implicit)
        );
        Violation::new(REASON, detail)
    })
}

fn run_as_user(spec: &Value) -> Option<Violation> {
    let is_root = |holder: &Value| holder["securityContext"].number("runAsUser") == Some(0);
    let setters = setters(is_root(spec), &bad(spec, is_root))?;
    Some(Violation::new(
        "runAsUser=0",
        format!("{setters} must not set runAsUser=0"),
    ))
}

fn seccomp_profiles(spec: &Value) -> Option<Violation> {
    if let Some(explicit) = seccomp(spec) {
        return Some(explicit);
    }
    let pod = &spec["securityContext"];
    let is_set_for_all = pod.has("seccompProfile") && !is_unconfined(pod);
    let implicit = bad(spec, |container| {
        !is_set_for_all && !container["securityContext"].has("seccompProfile")
    });
    (!implicit.is_empty()).then(|| {
        let detail = format!(
            "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
            named(&implicit)
        );
        Violation::new("seccompProfile", detail)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::violation::{details, reasons};
    use super::*;

    fn good() -> Value {
        json!({
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "c", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
        })
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Value), expected: &str) {
        let mut spec = good();
        change(&mut spec);
        assert_eq!(details(&violations(&spec, u32::MAX)), expected, "{spec}");
    }

    #[test]
    fn each_rule_says_where_it_is_broken() {
        check(|_| {}, "");
        check(
            |spec| spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = true.into(),
            "allowPrivilegeEscalation != false (container \"c\" must set securityContext.allowPrivilegeEscalation=false)",
        );
        check(
            |spec| spec["containers"][0]["securityContext"]["capabilities"] = json!({"add": ["CHOWN"]}),
            "unrestricted capabilities (container \"c\" must set securityContext.capabilities.drop=[\"ALL\"]; container \"c\" must not include \"CHOWN\" in securityContext.capabilities.add)",
        );
        check(
            |spec| spec["volumes"] = json!([{"name": "h", "hostPath": {}}, {"name": "e", "emptyDir": {}}]),
            "restricted volume types (volume \"h\" uses restricted volume type \"hostPath\")",
        );
        check(
            |spec| spec["containers"][0]["securityContext"]["runAsNonRoot"] = false.into(),
            "runAsNonRoot != true (container \"c\" must not set securityContext.runAsNonRoot=false)",
        );
        check(
            |spec| spec["securityContext"]["runAsUser"] = 0.into(),
            "runAsUser=0 (pod must not set runAsUser=0)",
        );
        check(
            |spec| spec["securityContext"]["seccompProfile"]["type"] = "Unconfined".into(),
            "seccompProfile (pod must not set securityContext.seccompProfile.type to \"Unconfined\")",
        );
        check(
            |spec| spec["securityContext"] = json!({"runAsNonRoot": true}),
            "seccompProfile (pod or container \"c\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")",
        );
    }

    #[test]
    fn rules_are_as_they_were_in_the_version_asked_for() {
        let plain = json!({"containers": [{"name": "c"}]});
        let at = |minor| reasons(&violations(&plain, minor));
        assert_eq!(at(7), "runAsNonRoot != true");
        assert_eq!(at(18), "allowPrivilegeEscalation != false, runAsNonRoot != true");
        let mut windows = plain.clone();
        windows["os"] = json!({"name": "windows"});
        assert_eq!(reasons(&violations(&windows, 25)), "runAsNonRoot != true");
        let mut own_users = plain.clone();
        own_users["hostUsers"] = false.into();
        assert!(!reasons(&violations(&own_users, 36)).contains("runAsNonRoot"));
    }
}
