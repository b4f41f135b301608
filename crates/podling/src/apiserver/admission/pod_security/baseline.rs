//! The rules of the level `baseline`, which forbid known ways out of a container.
//!
//! Source: `k8s.io/pod-security-admission/policy/check_*.go`. The rules come in the order of their identifiers.

use std::collections::BTreeSet;

use serde_json::Value;

use super::violation::{Violation, bad, bad_values, containers, named, plural, quoted, setters};
use crate::apiserver::registry::read::Fields as _;

/// Which rules are asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scope {
    /// All.
    All,
    /// Those that the level `restricted` has no stricter form of.
    NotRestrictedToo,
}

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Kernel parameters that are safe to set, and since which minor version they may be.
const SYSCTLS: [(&str, u32); 12] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
];

const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// What a Pod breaks of the rules as they are in a minor version.
pub(super) fn violations(metadata: &Value, spec: &Value, minor: u32, scope: Scope) -> Vec<Violation> {
    let all = scope == Scope::All;
    let found = [
        app_armor(metadata, spec),
        all.then(|| capabilities(spec)).flatten(),
        host_namespaces(spec),
        all.then(|| host_paths(spec)).flatten(),
        host_ports(spec),
        (minor >= 34).then(|| probe_hosts(spec)).flatten(),
        privileged(spec),
        (!is_in_user_namespace(spec, minor))
            .then(|| proc_mounts(spec))
            .flatten(),
        selinux(spec, minor),
        match minor {
            _ if !all && minor >= 19 => None,
            19.. => seccomp(spec),
            _ => seccomp_annotations(metadata, spec),
        },
        sysctls(spec, minor),
        host_processes(spec),
    ];
    found.into_iter().flatten().collect()
}

/// A Pod with users of its own may do more inside.
pub(super) fn is_in_user_namespace(spec: &Value, minor: u32) -> bool {
    minor >= 35 && spec["hostUsers"] == false
}

fn app_armor(metadata: &Value, spec: &Value) -> Option<Violation> {
    let is_bad = |context: &Value| {
        let kind = context["appArmorProfile"].text("type");
        context.has("appArmorProfile") && !matches!(kind, "RuntimeDefault" | "Localhost")
    };
    let types = bad_values(spec, |context| {
        is_bad(context).then(|| context["appArmorProfile"].text("type"))
    });
    let is_allowed =
        |value: &str| value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
    let annotations: Vec<String> = metadata
        .entries("annotations")
        .map(|(key, value)| (key, value.as_str().unwrap_or_default()))
        .filter(|(key, value)| key.starts_with(APP_ARMOR) && !is_allowed(value))
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    let contexts = setters(
        is_bad(&spec["securityContext"]),
        &bad(spec, |container| is_bad(&container["securityContext"])),
    );
    let word =
        (!annotations.is_empty()).then(|| plural("annotation", "annotations", annotations.len()).to_owned());
    let setters: Vec<String> = contexts.into_iter().chain(word).collect();
    if setters.is_empty() {
        return None;
    }
    let count = types.len() + annotations.len();
    let values = types.into_iter().chain(annotations.iter().map(String::as_str));
    Some(Violation::new(
        plural("forbidden AppArmor profile", "forbidden AppArmor profiles", count),
        format!(
            "{} must not set AppArmor profile type to {}",
            setters.join(" and "),
            quoted(values)
        ),
    ))
}

/// The capabilities that containers add and may not, and those containers.
pub(super) fn added<'a>(spec: &'a Value, allowed: &[&str]) -> Option<String> {
    let added = |container: &'a Value| {
        let list = container["securityContext"]["capabilities"].items("add");
        list.iter()
            .filter_map(Value::as_str)
            .filter(|name| !allowed.contains(name))
            .collect::<Vec<&str>>()
    };
    let bad = bad(spec, |container| !added(container).is_empty());
    let names: BTreeSet<&str> = containers(spec).flat_map(added).collect();
    (!bad.is_empty()).then(|| {
        format!(
            "{} must not include {} in securityContext.capabilities.add",
            named(&bad),
            quoted(names)
        )
    })
}

fn capabilities(spec: &Value) -> Option<Violation> {
    added(spec, &CAPABILITIES).map(|detail| Violation::new("non-default capabilities", detail))
}

fn host_namespaces(spec: &Value) -> Option<Violation> {
    let keys = ["hostNetwork", "hostPID", "hostIPC"];
    let shared: Vec<String> = keys
        .into_iter()
        .filter(|key| spec.flag(key))
        .map(|key| format!("{key}=true"))
        .collect();
    (!shared.is_empty()).then(|| Violation::new("host namespaces", shared.join(", ")))
}

fn host_paths(spec: &Value) -> Option<Violation> {
    let volumes = spec.items("volumes").iter();
    let names: Vec<&str> = volumes
        .filter(|volume| volume.has("hostPath"))
        .map(|volume| volume.text("name"))
        .collect();
    (!names.is_empty()).then(|| {
        let word = plural("volume", "volumes", names.len());
        Violation::new("hostPath volumes", format!("{word} {}", quoted(names)))
    })
}

fn host_ports(spec: &Value) -> Option<Violation> {
    let ports = |container: &Value| -> Vec<i64> {
        let ports = container.items("ports").iter();
        ports
            .filter_map(|port| port.number("hostPort"))
            .filter(|number| *number != 0)
            .collect()
    };
    let bad = bad(spec, |container| !ports(container).is_empty());
    // Sorted as texts, as Kubernetes has them.
    let taken: BTreeSet<String> = containers(spec)
        .flat_map(ports)
        .map(|port| port.to_string())
        .collect();
    (!bad.is_empty()).then(|| {
        let detail = format!(
            "{} {} {} {}",
            named(&bad),
            plural("uses", "use", bad.len()),
            plural("hostPort", "hostPorts", taken.len()),
            taken.into_iter().collect::<Vec<_>>().join(", ")
        );
        Violation::new("hostPort", detail)
    })
}

fn probe_hosts(spec: &Value) -> Option<Violation> {
    fn hosts(container: &Value) -> Vec<&str> {
        let probes = ["livenessProbe", "readinessProbe", "startupProbe"].map(|key| &container[key]);
        let hooks = ["postStart", "preStop"].map(|key| &container["lifecycle"][key]);
        let handlers = probes.into_iter().chain(hooks);
        handlers
            .flat_map(|handler| ["httpGet", "tcpSocket"].map(|key| handler[key].text("host")))
            .filter(|host| !host.is_empty())
            .collect()
    }
    let bad: BTreeSet<&str> = bad(spec, |container| !hosts(container).is_empty())
        .into_iter()
        .collect();
    let named_hosts: BTreeSet<&str> = containers(spec).flat_map(hosts).collect();
    (!bad.is_empty()).then(|| {
        let bad: Vec<&str> = bad.into_iter().collect();
        let detail = format!(
            "{} {} {} {}",
            named(&bad),
            plural("uses", "use", bad.len()),
            plural(
                "probe or lifecycle host",
                "probe or lifecycle hosts",
                named_hosts.len()
            ),
            quoted(named_hosts)
        );
        Violation::new("probe or lifecycle host", detail)
    })
}

fn privileged(spec: &Value) -> Option<Violation> {
    let bad = bad(spec, |container| container["securityContext"].flag("privileged"));
    (!bad.is_empty()).then(|| {
        let detail = format!("{} must not set securityContext.privileged=true", named(&bad));
        Violation::new("privileged", detail)
    })
}

fn proc_mounts(spec: &Value) -> Option<Violation> {
    fn kind(container: &Value) -> Option<&str> {
        let kind = container["securityContext"]["procMount"].as_str();
        kind.filter(|kind| *kind != "Default")
    }
    let bad = bad(spec, |container| kind(container).is_some());
    let kinds: BTreeSet<&str> = containers(spec).filter_map(kind).collect();
    (!bad.is_empty()).then(|| {
        let detail = format!(
            "{} must not set securityContext.procMount to {}",
            named(&bad),
            quoted(kinds)
        );
        Violation::new("procMount", detail)
    })
}

fn selinux(spec: &Value, minor: u32) -> Option<Violation> {
    let is_bad_type = move |kind: &str| match kind {
        "" | "container_t" | "container_init_t" | "container_kvm_t" => false,
        "container_engine_t" => minor < 31,
        _ => true,
    };
    let is_bad = |context: &Value| {
        let options = &context["seLinuxOptions"];
        is_bad_type(options.text("type"))
            || !options.text("user").is_empty()
            || !options.text("role").is_empty()
    };
    let setters = setters(
        is_bad(&spec["securityContext"]),
        &bad(spec, |container| is_bad(&container["securityContext"])),
    )?;
    let types = bad_values(spec, |context| {
        let kind = context["seLinuxOptions"].text("type");
        is_bad_type(kind).then_some(kind)
    });
    let mut wrong = Vec::new();
    if !types.is_empty() {
        let word = plural("type", "types", types.len());
        wrong.push(format!("{word} {}", quoted(types)));
    }
    for key in ["user", "role"] {
        let set = bad_values(spec, |context| {
            let value = context["seLinuxOptions"].text(key);
            (!value.is_empty()).then_some(value)
        });
        if !set.is_empty() {
            wrong.push(format!("{key} may not be set"));
        }
    }
    let detail = format!(
        "{setters} set forbidden securityContext.seLinuxOptions: {}",
        wrong.join("; ")
    );
    Some(Violation::new("seLinuxOptions", detail))
}

/// Whether a security context asks for a profile that leaves system calls open.
pub(super) fn is_unconfined(context: &Value) -> bool {
    let kind = context["seccompProfile"].text("type");
    context.has("seccompProfile") && !matches!(kind, "RuntimeDefault" | "Localhost")
}

/// Profiles that leave system calls open.
pub(super) fn seccomp(spec: &Value) -> Option<Violation> {
    let setters = setters(
        is_unconfined(&spec["securityContext"]),
        &bad(spec, |container| is_unconfined(&container["securityContext"])),
    )?;
    let types = bad_values(spec, |context| {
        is_unconfined(context).then(|| context["seccompProfile"].text("type"))
    });
    let detail = format!(
        "{setters} must not set securityContext.seccompProfile.type to {}",
        quoted(types)
    );
    Some(Violation::new("seccompProfile", detail))
}

/// The same as it was said before there was a field.
fn seccomp_annotations(metadata: &Value, spec: &Value) -> Option<Violation> {
    let is_bad = |value: &str| {
        !matches!(value, "runtime/default" | "docker/default") && !value.starts_with("localhost/")
    };
    let of_containers = containers(spec).map(|c| format!("{SECCOMP_CONTAINER}{}", c.text("name")));
    let forbidden: BTreeSet<String> = std::iter::once(SECCOMP_POD.to_owned())
        .chain(of_containers)
        .filter_map(|key| {
            let value = metadata["annotations"][&key].as_str()?;
            is_bad(value).then(|| format!("{key}={value:?}"))
        })
        .collect();
    (!forbidden.is_empty()).then(|| {
        let word = plural("annotation", "annotations", forbidden.len());
        let list: Vec<String> = forbidden.into_iter().collect();
        Violation::new("seccompProfile", format!("forbidden {word} {}", list.join(", ")))
    })
}

fn sysctls(spec: &Value, minor: u32) -> Option<Violation> {
    let is_allowed = |name: &str| {
        SYSCTLS
            .iter()
            .any(|(safe, since)| *safe == name && *since <= minor)
    };
    let sysctls = spec["securityContext"].items("sysctls").iter();
    let forbidden: Vec<&str> = sysctls
        .map(|sysctl| sysctl.text("name"))
        .filter(|name| !is_allowed(name))
        .collect();
    (!forbidden.is_empty()).then(|| Violation::new("forbidden sysctls", forbidden.join(", ")))
}

fn host_processes(spec: &Value) -> Option<Violation> {
    let is_host = |context: &Value| context["windowsOptions"].flag("hostProcess");
    let setters = setters(
        is_host(&spec["securityContext"]),
        &bad(spec, |container| is_host(&container["securityContext"])),
    )?;
    let detail = format!("{setters} must not set securityContext.windowsOptions.hostProcess=true");
    Some(Violation::new("hostProcess", detail))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::violation::details;
    use super::*;

    #[track_caller]
    fn check(spec: &Value, minor: u32, expected: &str) {
        let found = violations(&json!({}), spec, minor, Scope::All);
        assert_eq!(details(&found), expected, "{spec}");
    }

    fn with_context(context: &Value) -> Value {
        json!({"containers": [{"name": "c", "securityContext": context}]})
    }

    #[test]
    fn each_rule_says_where_it_is_broken() {
        let latest = u32::MAX;
        check(
            &with_context(&json!({"capabilities": {"add": ["NET_ADMIN", "CHOWN", "BPF"]}})),
            latest,
            "non-default capabilities (container \"c\" must not include \"BPF\", \"NET_ADMIN\" in securityContext.capabilities.add)",
        );
        check(
            &json!({"hostPID": true, "hostIPC": true}),
            latest,
            "host namespaces (hostPID=true, hostIPC=true)",
        );
        check(
            &json!({"volumes": [{"name": "a", "hostPath": {}}, {"name": "b", "hostPath": {}}]}),
            latest,
            "hostPath volumes (volumes \"a\", \"b\")",
        );
        check(
            &json!({"containers": [{"name": "a", "ports": [{"hostPort": 80}]}, {"name": "b", "ports": [{"hostPort": 8080}]}]}),
            latest,
            "hostPort (containers \"a\", \"b\" use hostPorts 80, 8080)",
        );
        check(
            &json!({"containers": [{"name": "c", "livenessProbe": {"httpGet": {"host": "10.0.0.1"}}}]}),
            latest,
            "probe or lifecycle host (container \"c\" uses probe or lifecycle host \"10.0.0.1\")",
        );
        check(
            &with_context(&json!({"procMount": "Unmasked"})),
            latest,
            "procMount (container \"c\" must not set securityContext.procMount to \"Unmasked\")",
        );
        check(
            &json!({"securityContext": {"seLinuxOptions": {"type": "x", "user": "u"}}}),
            latest,
            "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type \"x\"; user may not be set)",
        );
        check(
            &with_context(&json!({"seccompProfile": {"type": "Unconfined"}})),
            latest,
            "seccompProfile (container \"c\" must not set securityContext.seccompProfile.type to \"Unconfined\")",
        );
        check(
            &with_context(&json!({"appArmorProfile": {"type": "Unconfined"}})),
            latest,
            "forbidden AppArmor profile (container \"c\" must not set AppArmor profile type to \"Unconfined\")",
        );
        check(
            &json!({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}),
            latest,
            "forbidden sysctls (kernel.msgmax)",
        );
        check(
            &json!({"securityContext": {"windowsOptions": {"hostProcess": true}}}),
            latest,
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        );
        check(&with_context(&json!({"runAsUser": 0})), latest, "");
    }

    #[test]
    fn rules_are_as_they_were_in_the_version_asked_for() {
        let sysctl = json!({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}});
        check(&sysctl, 31, "forbidden sysctls (net.ipv4.tcp_rmem)");
        check(&sysctl, 32, "");
        let engine = json!({"securityContext": {"seLinuxOptions": {"type": "container_engine_t"}}});
        check(
            &engine,
            30,
            "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type \"container_engine_t\")",
        );
        check(&engine, 31, "");
        check(
            &json!({"containers": [{"name": "c", "lifecycle": {"preStop": {"tcpSocket": {"host": "h"}}}}]}),
            33,
            "",
        );
        let mut own_users = with_context(&json!({"procMount": "Unmasked"}));
        own_users["hostUsers"] = false.into();
        check(&own_users, 36, "");
        let annotated = json!({"annotations": {SECCOMP_POD: "unconfined"}});
        let old = violations(&annotated, &json!({}), 18, Scope::All);
        assert_eq!(
            details(&old),
            "seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod=\"unconfined\")"
        );
    }
}
