//! NodeResourcesBalancedAllocation: prefers nodes whose use of CPU and memory the pod makes more even.

use super::super::cache::{NodeInfo, PodInfo};
use super::super::framework::MAX_SCORE;
use super::super::requests::of;

/// Scores the change in balance: 50 if the pod changes nothing, more if it evens out. A pod that requests
/// nothing has no preference.
pub(crate) fn score(pod: &PodInfo, nodes: &[&NodeInfo]) -> Vec<i64> {
    let requests = [of(&pod.requests, "cpu"), of(&pod.requests, "memory")];
    if requests == [0, 0] {
        return vec![0; nodes.len()];
    }
    nodes.iter().map(|node| change(node, requests)).collect()
}

/// Half the distance between the shares of CPU and memory in use is their standard deviation. Example: from 10 %
/// and 40 % (0.15) to 40 % and 40 % (0) is a change of 0.15, which scores (1 + 0.15) ÷ 2 of 100: 57.
fn change(node: &NodeInfo, requests: [i64; 2]) -> i64 {
    let change = deviation(node, [0, 0]) - deviation(node, requests);
    ((1.0 + change) / 2.0 * MAX_SCORE as f64) as i64
}

fn deviation(node: &NodeInfo, requests: [i64; 2]) -> f64 {
    let share = |name: &str, more: i64| {
        let capacity = of(&node.allocatable, name);
        let used = of(&node.requested, name) + more;
        (capacity > 0).then(|| (used as f64 / capacity as f64).min(1.0))
    };
    match (share("cpu", requests[0]), share("memory", requests[1])) {
        (Some(cpu), Some(memory)) => (cpu - memory).abs() / 2.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    #[test]
    fn evening_out_scores_above_fifty() {
        let object = json!({"status": {"allocatable": {"cpu": "10", "memory": "10"}}});
        let mut node = NodeInfo::new(Arc::new(object));
        node.requested.insert("cpu".into(), 1000);
        node.requested.insert("memory".into(), 4);
        assert_eq!(change(&node, [3000, 0]), 57);
        assert_eq!(change(&node, [0, 3]), 42);
        assert_eq!(change(&node, [1000, 1]), 50);
    }
}
