//! On which nodes a DaemonSet runs.
//!
//! Source: `NodeShouldRunDaemonPod` in `kubernetes/pkg/controller/daemon`.

use serde_json::Value;

use crate::placement;
use crate::storage::text;

use super::pods;

/// What a node is to a set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Verdict {
    /// A Pod belongs there.
    pub(super) should_run: bool,
    /// A Pod that is there may stay.
    pub(super) may_stay: bool,
}

const NEVER: Verdict = Verdict {
    should_run: false,
    may_stay: false,
};

/// Holds the node against the set's template. A taint `NoSchedule` keeps new Pods away, and lets those stay that are there.
pub(super) fn verdict(set: &Value, node: &Value) -> Verdict {
    let mut spec = set["spec"]["template"]["spec"].clone();
    pods::tolerate(&mut spec);
    let wanted = text(&spec, &["nodeName"]);
    let is_named = wanted.is_empty() || wanted == text(node, &["metadata", "name"]);
    if !is_named || !placement::selects(&spec, node) {
        return NEVER;
    }
    Verdict {
        should_run: placement::untolerated(&spec, node, &["NoExecute", "NoSchedule"]).is_none(),
        may_stay: placement::untolerated(&spec, node, &["NoExecute"]).is_none(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_and_taints_choose_the_nodes() {
        let node = |taints: Value| json!({"metadata": {"name": "n1", "labels": {"disk": "ssd"}}, "spec": {"taints": taints}});
        let taint = |key: &str, effect: &str| json!([{"key": key, "effect": effect}]);
        let runs = (true, true);
        let stays = (false, true);
        let never = (false, false);
        let cases = [
            ("plain", json!({}), node(json!([])), runs),
            (
                "selected",
                json!({"nodeSelector": {"disk": "ssd"}}),
                node(json!([])),
                runs,
            ),
            (
                "not selected",
                json!({"nodeSelector": {"disk": "hdd"}}),
                node(json!([])),
                never,
            ),
            ("named", json!({"nodeName": "n2"}), node(json!([])), never),
            ("tainted", json!({}), node(taint("gpu", "NoSchedule")), stays),
            ("tainted hard", json!({}), node(taint("gpu", "NoExecute")), never),
            (
                "tolerant",
                json!({"tolerations": [{"key": "gpu", "operator": "Exists"}]}),
                node(taint("gpu", "NoExecute")),
                runs,
            ),
            (
                "cordoned",
                json!({}),
                node(taint("node.kubernetes.io/unschedulable", "NoSchedule")),
                runs,
            ),
            (
                "lost",
                json!({}),
                node(taint("node.kubernetes.io/not-ready", "NoExecute")),
                runs,
            ),
            (
                "not ready",
                json!({}),
                node(taint("node.kubernetes.io/not-ready", "NoSchedule")),
                stays,
            ),
        ];
        for (case, spec, node, expected) in cases {
            let set = json!({"spec": {"template": {"spec": spec}}});
            let verdict = verdict(&set, &node);
            assert_eq!((verdict.should_run, verdict.may_stay), expected, "{case}");
        }
    }
}
