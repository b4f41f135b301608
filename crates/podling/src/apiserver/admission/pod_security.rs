//! Admission plugin PodSecurity: which Pods a namespace's labels forbid, and what they only warn about.
//!
//! Source: `k8s.io/pod-security-admission/{api,admission}`. Differs from Kubernetes: there are no audit annotations,
//! since there is no audit log; no namespaces, users or runtime classes are exempt, as is the default there.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::apiserver::registry::read::Fields as _;
use crate::status::{Status, field};

mod baseline;
mod policy;
mod restricted;
mod violation;

use policy::{Level, LevelVersion, Policy};
use violation::Violation;

/// How many Pods are looked at when a namespace's labels change.
const MOST_PODS: usize = 3000;

/// What a Pod of that metadata and spec breaks of a policy.
fn violations(metadata: &Value, spec: &Value, policy: LevelVersion) -> Vec<Violation> {
    match policy.level {
        Level::Privileged => Vec::new(),
        Level::Baseline => baseline::violations(metadata, spec, policy.minor(), baseline::Scope::All),
        Level::Restricted => {
            let own = restricted::violations(spec, policy.minor());
            let mut all =
                baseline::violations(metadata, spec, policy.minor(), baseline::Scope::NotRestrictedToo);
            all.extend(own);
            all
        }
    }
}

/// Refuses a Pod that its namespace forbids.
///
/// # Errors
/// What it breaks.
pub(super) fn enforce(namespace: &Value, pod: &Value, old: Option<&Value>) -> Result<(), String> {
    if old.is_some_and(|old| !is_significant(pod, old)) {
        return Ok(());
    }
    let policy = Policy::of(&namespace["metadata"]["labels"]).0;
    let broken = violations(&pod["metadata"], &pod["spec"], policy.enforce);
    if broken.is_empty() {
        return Ok(());
    }
    Err(format!(
        "violates PodSecurity \"{}\": {}",
        policy.enforce,
        violation::details(&broken)
    ))
}

/// What is worth a warning about a Pod or something that makes Pods (`kind`) that is not refused.
pub(super) fn warnings(namespace: &Value, kind: &str, object: &Value, old: Option<&Value>) -> Option<String> {
    if kind == "Pod" && old.is_some_and(|old| !is_significant(object, old)) {
        return None;
    }
    let pod = pod_of(kind, object).filter(|pod| pod.has("spec"))?;
    let policy = Policy::of(&namespace["metadata"]["labels"]).0;
    let broken = violations(&pod["metadata"], &pod["spec"], policy.warn);
    (!broken.is_empty()).then(|| {
        let details = violation::details(&broken);
        format!("would violate PodSecurity \"{}\": {details}", policy.warn)
    })
}

/// The Pod, or the template that Pods are made from.
fn pod_of<'a>(kind: &str, object: &'a Value) -> Option<&'a Value> {
    match kind {
        "Pod" => Some(object),
        "PodTemplate" => Some(&object["template"]),
        "CronJob" => Some(&object["spec"]["jobTemplate"]["spec"]["template"]),
        "DaemonSet" | "Deployment" | "Job" | "ReplicaSet" | "ReplicationController" | "StatefulSet" => {
            Some(&object["spec"]["template"])
        }
        _ => None,
    }
}

/// Whether an update changes what a policy could mind: an image, or a container more.
fn is_significant(new: &Value, old: &Value) -> bool {
    let images = |pod: &Value| {
        let lists = ["containers", "initContainers", "ephemeralContainers"];
        lists.map(|list| {
            let containers = pod["spec"].items(list).iter();
            let images = containers.map(|c| (c.text("name").to_owned(), c.text("image").to_owned()));
            images.collect::<Vec<_>>()
        })
    };
    images(new) != images(old)
}

/// Refuses labels on a namespace that mean nothing. On an update those that were there before may stay.
///
/// # Errors
/// What is wrong with them.
pub(super) fn check_labels(new: &Value, old: Option<&Value>) -> Result<(), Status> {
    let errors = |namespace: &Value| Policy::of(&namespace["metadata"]["labels"]).1;
    let wrong: Vec<field::Error> = errors(new);
    if wrong.is_empty() || old.is_some_and(|old| errors(old) == wrong) {
        return Ok(());
    }
    Err(Status::invalid(
        "",
        "Namespace",
        new["metadata"].text("name"),
        &wrong,
    ))
}

/// What the Pods in a namespace would break of its new policy.
pub(super) fn warnings_on_labels(new: &Value, old: &Value, pods: &[&Value]) -> Vec<String> {
    let enforced = |namespace: &Value| Policy::of(&namespace["metadata"]["labels"]).0.enforce;
    let (now, before) = (enforced(new), enforced(old));
    let is_relaxed = now.version == before.version && now.level <= before.level;
    if now == before || now.level == Level::Privileged || is_relaxed {
        return Vec::new();
    }
    // For each list of reasons the first Pod by name, and how many there are.
    let mut broken: BTreeMap<String, (&str, usize)> = BTreeMap::new();
    for pod in pods.iter().take(MOST_PODS) {
        let violations = violations(&pod["metadata"], &pod["spec"], now);
        if !violations.is_empty() {
            let name = pod["metadata"].text("name");
            let entry = broken.entry(violation::reasons(&violations)).or_insert((name, 0));
            entry.0 = entry.0.min(name);
            entry.1 += 1;
        }
    }
    let mut warnings = Vec::new();
    if pods.len() > MOST_PODS {
        warnings.push(format!(
            "new PodSecurity enforce level only checked against the first {MOST_PODS} of {} existing pods",
            pods.len()
        ));
    }
    if !broken.is_empty() {
        let name = new["metadata"].text("name");
        warnings.push(format!(
            "existing pods in namespace \"{name}\" violate the new PodSecurity enforce level \"{now}\""
        ));
    }
    let mut by_pod: Vec<String> = broken
        .into_iter()
        .map(|(reasons, (pod, count))| match count {
            1 => format!("{pod}: {reasons}"),
            2 => format!("{pod} (and 1 other pod): {reasons}"),
            _ => format!("{pod} (and {} other pods): {reasons}", count - 1),
        })
        .collect();
    by_pod.sort();
    warnings.extend(by_pod);
    warnings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LABEL: &str = "pod-security.kubernetes.io/enforce";

    fn namespace(level: &str) -> Value {
        json!({"metadata": {"name": "shop", "labels": {LABEL: level}}})
    }

    fn pod(name: &str, image: &str) -> Value {
        json!({"metadata": {"name": name}, "spec": {"hostNetwork": true, "containers": [
            {"name": "c", "image": image, "securityContext": {"privileged": true}}]}})
    }

    #[test]
    fn a_pod_is_refused_and_a_template_warned_about() {
        let details = "host namespaces (hostNetwork=true), privileged (container \"c\" must not set securityContext.privileged=true)";
        let baseline = namespace("baseline");
        assert_eq!(
            enforce(&baseline, &pod("p", "a"), None),
            Err(format!("violates PodSecurity \"baseline:latest\": {details}"))
        );
        assert_eq!(enforce(&namespace("privileged"), &pod("p", "a"), None), Ok(()));
        let deployment = json!({"spec": {"template": pod("", "a")}});
        assert_eq!(
            warnings(&baseline, "Deployment", &deployment, None),
            Some(format!(
                "would violate PodSecurity \"baseline:latest\": {details}"
            ))
        );
        assert_eq!(warnings(&baseline, "Service", &deployment, None), None);
    }

    #[test]
    fn a_pod_that_is_there_is_refused_only_a_new_image() {
        let baseline = namespace("baseline");
        let old = pod("p", "a");
        assert_eq!(enforce(&baseline, &old, Some(&old)), Ok(()));
        assert!(enforce(&baseline, &pod("p", "b"), Some(&old)).is_err());
    }

    #[test]
    fn a_namespace_says_which_of_its_pods_break_its_new_policy() {
        let (a, b, c) = (pod("a", "x"), pod("b", "x"), pod("c", "x"));
        let mut fine = json!({"metadata": {"name": "fine"}, "spec": {"containers": [{"name": "c"}]}});
        let pods = [&c, &b, &fine, &a];
        assert_eq!(
            warnings_on_labels(&namespace("baseline"), &namespace("privileged"), &pods),
            [
                "existing pods in namespace \"shop\" violate the new PodSecurity enforce level \"baseline:latest\"",
                "a (and 2 other pods): host namespaces, privileged",
            ]
        );
        assert!(warnings_on_labels(&namespace("baseline"), &namespace("restricted"), &pods).is_empty());
        fine["spec"]["hostPID"] = true.into();
        assert_eq!(
            warnings_on_labels(&namespace("baseline"), &namespace("privileged"), &[&fine])[1],
            "fine: host namespaces"
        );
    }

    #[test]
    fn labels_that_mean_nothing_are_refused_unless_they_were_there() {
        let wrong = namespace("strict");
        let message = check_labels(&wrong, None).map_err(|status| status.message);
        assert_eq!(
            message,
            Err("Namespace \"shop\" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"strict\": must be one of privileged, baseline, restricted".to_owned())
        );
        assert!(check_labels(&wrong, Some(&wrong)).is_ok());
        assert!(check_labels(&namespace("baseline"), Some(&wrong)).is_ok());
    }
}
