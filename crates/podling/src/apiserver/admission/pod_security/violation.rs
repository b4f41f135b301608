//! What a Pod breaks, and how it is said.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::apiserver::registry::read::Fields as _;

/// A rule that a Pod breaks: its name, and where it does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Violation {
    reason: &'static str,
    detail: String,
}

impl Violation {
    pub(super) const fn new(reason: &'static str, detail: String) -> Self {
        Self { reason, detail }
    }
}

/// The rules alone: `host namespaces, privileged`.
pub(super) fn reasons(violations: &[Violation]) -> String {
    let reasons: Vec<&str> = violations.iter().map(|violation| violation.reason).collect();
    reasons.join(", ")
}

/// The rules and where they are broken: `host namespaces (hostNetwork=true)`.
pub(super) fn details(violations: &[Violation]) -> String {
    let details: Vec<String> = violations
        .iter()
        .map(|Violation { reason, detail }| format!("{reason} ({detail})"))
        .collect();
    details.join(", ")
}

/// All containers, in the order in which they are looked at.
pub(super) fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    lists.into_iter().flat_map(|list| spec.items(list))
}

/// The names of the containers that are bad.
pub(super) fn bad<'a>(spec: &'a Value, is_bad: impl Fn(&'a Value) -> bool) -> Vec<&'a str> {
    containers(spec)
        .filter(|container| is_bad(container))
        .map(|container| container.text("name"))
        .collect()
}

/// `"a", "b"`.
pub(super) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("\"{name}\"")).collect();
    names.join(", ")
}

/// `one` or `many`, as there are `count`.
pub(super) const fn plural<'a>(one: &'a str, many: &'a str, count: usize) -> &'a str {
    if count == 1 { one } else { many }
}

/// `container "a"`, `containers "a", "b"`.
pub(super) fn named(containers: &[&str]) -> String {
    let word = plural("container", "containers", containers.len());
    format!("{word} {}", quoted(containers.iter().copied()))
}

/// Who sets something bad: `pod and container "a"`; `None` if nobody does.
pub(super) fn setters(pod: bool, containers: &[&str]) -> Option<String> {
    let mut setters = Vec::new();
    if pod {
        setters.push("pod".to_owned());
    }
    if !containers.is_empty() {
        setters.push(named(containers));
    }
    (!setters.is_empty()).then(|| setters.join(" and "))
}

/// The values at a path of all security contexts, the Pod's first, that are bad, sorted.
pub(super) fn bad_values<'a>(
    spec: &'a Value,
    value: impl Fn(&'a Value) -> Option<&'a str>,
) -> BTreeSet<&'a str> {
    std::iter::once(&spec["securityContext"])
        .chain(containers(spec).map(|container| &container["securityContext"]))
        .filter_map(value)
        .collect()
}
