//! NodeAffinity: `nodeSelector` and `affinity.nodeAffinity`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::label_selector;
use crate::storage::text;

use super::super::cache::{NodeInfo, PodInfo};
use super::super::framework::{Name, Verdict};

/// The plugin's name.
pub(crate) const NAME: Name = "NodeAffinity";
/// Said of nodes that the pod's `matchFields` leave out.
pub(crate) const NOT_NAMED: &str = "node(s) didn't satisfy plugin(s) [NodeAffinity]";
/// Said of a pod whose `matchFields` name no node at all.
pub(crate) const TERMS_CONFLICT: &str = "pod affinity terms conflict";

fn required(pod: &PodInfo) -> Option<&Vec<Value>> {
    let affinity = &pod.spec()["affinity"]["nodeAffinity"];
    affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"].as_array()
}

/// The only nodes the pod may run on, if each term of its required affinity names nodes by `matchFields`.
pub(crate) fn named_nodes(pod: &PodInfo) -> Option<BTreeSet<&str>> {
    let terms = required(pod)?;
    let mut names = BTreeSet::new();
    for term in terms {
        names.extend(named_by(term)?);
    }
    (!terms.is_empty()).then_some(names)
}

/// The nodes that all of the term's `metadata.name in (…)` fields name; `None` if it has no such field.
fn named_by(term: &Value) -> Option<BTreeSet<&str>> {
    let fields = term["matchFields"].as_array()?;
    let by_name = fields
        .iter()
        .filter(|field| field["key"] == "metadata.name" && field["operator"] == "In");
    let sets = by_name.map(|field| {
        let values = field["values"].as_array().into_iter().flatten();
        values.filter_map(Value::as_str).collect::<BTreeSet<_>>()
    });
    sets.reduce(|a, b| a.intersection(&b).copied().collect())
}

/// Rules out nodes that the node selector or the required affinity does not match.
pub(crate) fn filter(pod: &PodInfo, node: &NodeInfo) -> Verdict {
    let selected =
        label_selector::matches_map(&pod.spec()["nodeSelector"], &node.object["metadata"]["labels"]);
    let affine = required(pod).is_none_or(|terms| terms.iter().any(|term| matches(term, node)));
    match selected && affine {
        true => Verdict::Fits,
        false => Verdict::unresolvable("node(s) didn't match Pod's node affinity/selector"),
    }
}

/// Prefers nodes by the summed weights of the preferred terms that match.
pub(crate) fn score(pod: &PodInfo, nodes: &[&NodeInfo]) -> Vec<i64> {
    let affinity = &pod.spec()["affinity"]["nodeAffinity"];
    let preferred = affinity["preferredDuringSchedulingIgnoredDuringExecution"].as_array();
    let weights = |node: &&NodeInfo| {
        let terms = preferred.into_iter().flatten();
        let matching = terms.filter(|term| matches(&term["preference"], node));
        matching.filter_map(|term| term["weight"].as_i64()).sum()
    };
    super::normalised(&nodes.iter().map(weights).collect::<Vec<i64>>(), false)
}

/// Whether a node selector term matches; one without requirements matches nothing.
fn matches(term: &Value, node: &NodeInfo) -> bool {
    let list = |key: &str| term[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let (expressions, fields) = (list("matchExpressions"), list("matchFields"));
    if expressions.is_empty() && fields.is_empty() {
        return false;
    }
    let named = json!({"metadata.name": node.name()});
    let labels = &node.object["metadata"]["labels"];
    expressions.iter().all(|one| holds(one, labels)) && fields.iter().all(|one| holds(one, &named))
}

/// A label selector's operators, and `Gt` and `Lt` for numbers.
fn holds(requirement: &Value, labels: &Value) -> bool {
    let operator = text(requirement, &["operator"]);
    if !matches!(operator, "Gt" | "Lt") {
        return label_selector::holds(requirement, labels);
    }
    let number = |value: &Value| value.as_str()?.parse::<i64>().ok();
    let label = number(&labels[text(requirement, &["key"])]);
    let bound = number(&requirement["values"][0]);
    match (label, bound) {
        (Some(label), Some(bound)) if operator == "Gt" => label > bound,
        (Some(label), Some(bound)) => label < bound,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn node() -> NodeInfo {
        let object = json!({"metadata": {"name": "n1", "labels": {"disk": "ssd", "gen": "5"}}});
        NodeInfo::new(Arc::new(object))
    }

    fn requiring(terms: &Value) -> PodInfo {
        PodInfo::new(Arc::new(json!({"spec": {"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}}})))
    }

    #[test]
    fn a_term_is_met_by_all_of_its_requirements_and_one_term_is_enough() {
        let gen_above =
            |bound: &str| json!({"matchExpressions": [{"key": "gen", "operator": "Gt", "values": [bound]}]});
        let cases = [
            (json!([gen_above("4")]), true),
            (json!([gen_above("5")]), false),
            (json!([gen_above("5"), gen_above("1")]), true),
            (json!([{}]), false),
            (
                json!([{"matchExpressions": [{"key": "disk", "operator": "Exists"},
                    {"key": "disk", "operator": "NotIn", "values": ["ssd"]}]}]),
                false,
            ),
            (
                json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]),
                true,
            ),
        ];
        for (terms, expected) in cases {
            let fits = filter(&requiring(&terms), &node()) == Verdict::Fits;
            assert_eq!(fits, expected, "{terms}");
        }
    }

    #[test]
    fn fields_name_the_nodes_that_are_looked_at() {
        let named = |names: &[&str]| json!({"key": "metadata.name", "operator": "In", "values": names});
        let one = requiring(&json!([{"matchFields": [named(&["n1"])]}, {"matchFields": [named(&["n2"])]}]));
        assert_eq!(named_nodes(&one), Some(BTreeSet::from(["n1", "n2"])));
        let conflict = requiring(&json!([{"matchFields": [named(&["n1"]), named(&["n2"])]}]));
        assert_eq!(named_nodes(&conflict), Some(BTreeSet::new()));
        let open = requiring(&json!([{"matchFields": [named(&["n1"])]}, {"matchExpressions": []}]));
        assert_eq!(named_nodes(&open), None);
    }
}
