//! Which Pod of a StatefulSet is which: ordinals, names, labels, and what a new one looks like.
//!
//! Source: `kubernetes/pkg/controller/statefulset/stateful_set_utils.go`.

use serde_json::Value;

use crate::storage::text;

use super::super::history::REVISION_LABEL;
use super::super::template;
use super::claims;

const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// The name of the set that a Pod's name begins with, and the number at its end.
fn parent_and_ordinal(pod: &Value) -> Option<(&str, i64)> {
    let (parent, digits) = text(pod, &["metadata", "name"]).rsplit_once('-')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let ordinal: i32 = digits.parse().ok().filter(|_| is_number)?;
    Some((parent, ordinal.into()))
}

/// The number at the end of a Pod's name.
pub(super) fn ordinal(pod: &Value) -> Option<i64> {
    parent_and_ordinal(pod).map(|(_, ordinal)| ordinal)
}

/// Whether the Pod's name is one that the set gives.
pub(super) fn is_member(set: &Value, pod: &Value) -> bool {
    parent_and_ordinal(pod).is_some_and(|(parent, _)| parent == text(set, &["metadata", "name"]))
}

/// The ordinal of the set's first Pod.
pub(super) fn start(set: &Value) -> i64 {
    set["spec"]["ordinals"]["start"].as_i64().unwrap_or_default()
}

/// How many Pods the set wants.
pub(super) fn replicas(set: &Value) -> usize {
    usize::try_from(set["spec"]["replicas"].as_i64().unwrap_or(1)).unwrap_or_default()
}

/// Where among the set's Pods this one stands, counted from the first; `None` if the set has no such Pod.
pub(super) fn index(set: &Value, pod: &Value) -> Option<usize> {
    let index = usize::try_from(ordinal(pod)? - start(set)).ok()?;
    (index < replicas(set)).then_some(index)
}

/// The name of the revision that a Pod is of.
pub(super) fn revision(pod: &Value) -> &str {
    text(pod, &["metadata", "labels", REVISION_LABEL])
}

/// Whether the Pod says by its label which one it is.
pub(super) fn is_identified(pod: &Value) -> bool {
    let name = text(pod, &["metadata", "name"]);
    text(pod, &["metadata", "labels", POD_NAME_LABEL]) == name
}

/// The Pod with the labels of a member.
pub(super) fn identified(pod: &Value) -> Value {
    let mut pod = pod.clone();
    let name = text(&pod, &["metadata", "name"]).to_owned();
    let index = ordinal(&pod).unwrap_or_default().to_string();
    let labels = &mut pod["metadata"]["labels"];
    labels[POD_NAME_LABEL] = name.into();
    labels[POD_INDEX_LABEL] = index.into();
    pod
}

/// A new Pod with that ordinal, made from `pod_template` of the revision of that name.
pub(super) fn new_pod(set: &Value, pod_template: &Value, revision: &str, ordinal: i64) -> Value {
    let mut pod = template::pod(set, pod_template);
    let name = format!("{}-{ordinal}", text(set, &["metadata", "name"]));
    pod["metadata"]["name"] = name.as_str().into();
    pod["spec"]["hostname"] = name.into();
    pod["spec"]["subdomain"] = text(set, &["spec", "serviceName"]).into();
    let mut pod = identified(&pod);
    pod["metadata"]["labels"][REVISION_LABEL] = revision.into();
    claims::mount(set, &mut pod);
    pod
}

/// A Pod's labels and name as tests want them.
#[cfg(test)]
pub(super) fn example(name: &str, revision: &str) -> Value {
    serde_json::json!({"metadata": {"name": name, "labels": {POD_NAME_LABEL: name, REVISION_LABEL: revision}}})
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(name: &str) -> Value {
        json!({"metadata": {"name": name}})
    }

    #[test]
    fn the_number_at_the_end_tells_which_pod_it_is() {
        let set = json!({"metadata": {"name": "web"}, "spec": {"replicas": 2, "ordinals": {"start": 3}}});
        let cases = [
            ("web-3", true, Some(0)),
            ("web-4", true, Some(1)),
            ("web-5", true, None),
            ("web-0", true, None),
            ("web-a-3", false, Some(0)),
            ("web", false, None),
            ("web-", false, None),
            ("web-+3", false, None),
        ];
        for (name, member, at) in cases {
            let pod = named(name);
            assert_eq!((is_member(&set, &pod), index(&set, &pod)), (member, at), "{name}");
        }
    }

    #[test]
    fn a_new_pod_has_its_name_its_host_and_its_revision() {
        let set = json!({"metadata": {"name": "web", "uid": "u"}, "spec": {"serviceName": "svc"}});
        let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}});
        let pod = new_pod(&set, &template, "web-abc", 2);
        assert_eq!(
            pod["metadata"]["labels"],
            json!({"app": "web", POD_NAME_LABEL: "web-2", POD_INDEX_LABEL: "2", REVISION_LABEL: "web-abc"})
        );
        assert_eq!(
            (&pod["spec"]["hostname"], &pod["spec"]["subdomain"]),
            (&json!("web-2"), &json!("svc"))
        );
        assert!(is_identified(&pod) && revision(&pod) == "web-abc");
    }
}
