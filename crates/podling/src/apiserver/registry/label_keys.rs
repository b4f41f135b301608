//! `matchLabelKeys` and `mismatchLabelKeys` of Pod affinity terms and topology spread constraints: labels whose values are
//! the Pod's own. They are written into the selectors when the Pod is made.
//!
//! Source: `pkg/registry/core/pod/strategy.go` (`mutatePodAffinity`, `mutateTopologySpreadConstraints`) and
//! `validateMatchLabelKeysAndMismatchLabelKeys` in `pkg/apis/core/validation`, v1.36.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::names;
use super::read::{Fields as _, items_mut, object_at};
use crate::status::field::Error;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Writes the Pod's own values of the labels into the selectors of its terms and constraints. Where there is no selector,
/// which selects nothing, or no such label there is nothing to write.
pub(super) fn merge(pod: &mut Value) {
    let labels = pod["metadata"]["labels"].clone();
    let Some(spec) = pod.get_mut("spec") else {
        return;
    };
    for constraint in items_mut(spec, "topologySpreadConstraints") {
        merge_into(constraint, &labels);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(affinity) = spec.get_mut("affinity").and_then(|all| all.get_mut(kind)) else {
            continue;
        };
        for term in items_mut(affinity, REQUIRED) {
            merge_into(term, &labels);
        }
        for preference in items_mut(affinity, PREFERRED) {
            if let Some(term) = preference.get_mut("podAffinityTerm") {
                merge_into(term, &labels);
            }
        }
    }
}

fn merge_into(term: &mut Value, labels: &Value) {
    if !term["labelSelector"].is_object() {
        return;
    }
    let requirements = |operator: &str, keys: &str| -> Vec<Value> {
        let keys = term.items(keys).iter().filter_map(Value::as_str);
        let known = keys.filter_map(|key| Some((key, labels.get(key)?)));
        known
            .map(|(key, value)| json!({"key": key, "operator": operator, "values": [value]}))
            .collect()
    };
    let mut more = requirements("In", "matchLabelKeys");
    more.extend(requirements("NotIn", "mismatchLabelKeys"));
    if more.is_empty() {
        return;
    }
    let selector = object_at(term, "labelSelector");
    match selector["matchExpressions"].as_array_mut() {
        Some(expressions) => expressions.extend(more),
        None => selector["matchExpressions"] = more.into(),
    }
}

/// Checks the keys of a term or constraint at `path`, whose selector has their values already if it is a Pod's.
pub(super) fn check(term: &Value, path: &str, errors: &mut Vec<Error>) {
    let selector = &term["labelSelector"];
    for list in ["matchLabelKeys", "mismatchLabelKeys"] {
        check_names(term.items(list), selector, &format!("{path}.{list}"), errors);
    }
    let keys = term.items("matchLabelKeys");
    let mut seen: BTreeSet<&str> = selector.entries("matchLabels").map(|(key, _)| key).collect();
    for requirement in selector.items("matchExpressions") {
        let key = requirement.text("key");
        let place = keys.iter().rposition(|one| one == key);
        if let (false, Some(place)) = (seen.insert(key), place) {
            let why = "exists in both matchLabelKeys and labelSelector";
            errors.push(Error::invalid(format!("{path}[{place}]"), key, why));
        }
    }
    let mismatch = term.items("mismatchLabelKeys");
    for (i, key) in keys.iter().enumerate().filter(|(_, key)| mismatch.contains(key)) {
        let why = "exists in both matchLabelKeys and mismatchLabelKeys";
        let field = format!("{path}.matchLabelKeys[{i}]");
        errors.push(Error::invalid(field, key.as_str().unwrap_or_default(), why));
    }
}

fn check_names(keys: &[Value], selector: &Value, path: &str, errors: &mut Vec<Error>) {
    if !keys.is_empty() && !selector.is_object() {
        let why = "must not be specified when labelSelector is not set";
        errors.push(Error::forbidden(path, why));
        return;
    }
    for (i, key) in keys.iter().enumerate() {
        let key = key.as_str().unwrap_or_default();
        let wrong = names::qualified_name(key).into_iter();
        errors.extend(wrong.map(|why| Error::invalid(format!("{path}[{i}]"), key, why)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selectors_of_a_new_pod_get_its_own_values() {
        let term =
            || json!({"labelSelector": {}, "matchLabelKeys": ["v", "none"], "mismatchLabelKeys": ["t"]});
        let mut pod = json!({"metadata": {"labels": {"v": "1", "t": "a"}}, "spec": {
            "topologySpreadConstraints": [{"labelSelector": {"matchExpressions": [{"key": "x"}]}, "matchLabelKeys": ["v"]},
                {"matchLabelKeys": ["v"]}],
            "affinity": {"podAffinity": {PREFERRED: [{"podAffinityTerm": term()}]}, "podAntiAffinity": {REQUIRED: [term()]}},
        }});
        merge(&mut pod);
        let own = json!({"key": "v", "operator": "In", "values": ["1"]});
        let both = json!([own, {"key": "t", "operator": "NotIn", "values": ["a"]}]);
        let spec = &pod["spec"];
        let constraints = &spec["topologySpreadConstraints"];
        assert_eq!(
            constraints[0]["labelSelector"]["matchExpressions"],
            json!([{"key": "x"}, own])
        );
        assert!(constraints[1].get("labelSelector").is_none());
        let affinity = &spec["affinity"];
        let preferred = &affinity["podAffinity"][PREFERRED][0]["podAffinityTerm"];
        let required = &affinity["podAntiAffinity"][REQUIRED][0];
        for term in [preferred, required] {
            assert_eq!(term["labelSelector"]["matchExpressions"], both);
        }
    }

    #[test]
    fn a_key_stands_in_one_place_only() {
        let merged = json!({"key": "v", "operator": "In", "values": ["1"]});
        let cases = [
            (
                json!({"labelSelector": {"matchExpressions": [merged]}, "matchLabelKeys": ["v"]}),
                "",
            ),
            (
                json!({"labelSelector": {"matchLabels": {"v": "2"}, "matchExpressions": [merged]}, "matchLabelKeys": ["u", "v"]}),
                "p[1]: Invalid value: \"v\": exists in both matchLabelKeys and labelSelector",
            ),
            (
                json!({"labelSelector": {}, "matchLabelKeys": ["v"], "mismatchLabelKeys": ["v"]}),
                "p.matchLabelKeys[0]: Invalid value: \"v\": exists in both matchLabelKeys and mismatchLabelKeys",
            ),
            (
                json!({"matchLabelKeys": ["v"]}),
                "p.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
            ),
            (
                json!({"labelSelector": {}, "mismatchLabelKeys": ["/v"]}),
                "p.mismatchLabelKeys[0]: Invalid value: \"/v\": prefix part must be non-empty",
            ),
        ];
        for (term, expected) in cases {
            let mut errors = Vec::new();
            check(&term, "p", &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts.join("; "), expected);
        }
    }
}
