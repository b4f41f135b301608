//! NodeAffinity: `nodeSelector` and `affinity.nodeAffinity`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::placement;

use super::super::cache::{NodeInfo, PodInfo};
use super::super::framework::{Name, Verdict};

/// The plugin's name.
pub(crate) const NAME: Name = "NodeAffinity";
/// Said of nodes that the pod's `matchFields` leave out.
pub(crate) const NOT_NAMED: &str = "node(s) didn't satisfy plugin(s) [NodeAffinity]";
/// Said of a pod whose `matchFields` name no node at all.
pub(crate) const TERMS_CONFLICT: &str = "pod affinity terms conflict";

/// The only nodes the pod may run on, if each term of its required affinity names nodes by `matchFields`.
pub(crate) fn named_nodes(pod: &PodInfo) -> Option<BTreeSet<&str>> {
    let terms = placement::required_terms(pod.spec())?;
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
    match placement::selects(pod.spec(), &node.object) {
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
        let matching = terms.filter(|term| placement::term_matches(&term["preference"], &node.object));
        matching.filter_map(|term| term["weight"].as_i64()).sum()
    };
    super::normalised(&nodes.iter().map(weights).collect::<Vec<i64>>(), false)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn requiring(terms: &Value) -> PodInfo {
        PodInfo::new(Arc::new(json!({"spec": {"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}}})))
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
