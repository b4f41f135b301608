//! `spec.strategy` in numbers: how many pods more or fewer a rolling update may have.

use serde_json::Value;

use super::super::int_or_percent::{Round, scaled};

/// Whether the strategy is Recreate.
pub(super) fn is_recreate(deployment: &Value) -> bool {
    deployment["spec"]["strategy"]["type"] == "Recreate"
}

/// `spec.replicas`.
pub(super) fn replicas(deployment: &Value) -> i64 {
    deployment["spec"]["replicas"].as_i64().unwrap_or(1)
}

/// How many pods there may be above `spec.replicas`.
pub(super) fn max_surge(deployment: &Value) -> i64 {
    if is_recreate(deployment) {
        return 0;
    }
    fenceposts(deployment).0
}

/// How many of `spec.replicas` pods may be unavailable.
pub(super) fn max_unavailable(deployment: &Value) -> i64 {
    let replicas = replicas(deployment);
    if is_recreate(deployment) || replicas == 0 {
        return 0;
    }
    fenceposts(deployment).1.min(replicas)
}

/// Surge and unavailable as numbers of pods. A percentage of the surge is rounded up, of the unavailable down;
/// both zero would never move, so then one may be unavailable. Example: 25 % of 3 replicas are a surge of 1
/// (0.75 up) and 0 unavailable (0.75 down).
fn fenceposts(deployment: &Value) -> (i64, i64) {
    let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
    let replicas = replicas(deployment);
    let surge = scaled(&rolling["maxSurge"], replicas, Round::Up);
    let unavailable = scaled(&rolling["maxUnavailable"], replicas, Round::Down);
    match (surge, unavailable) {
        (0, 0) => (0, 1),
        numbers => numbers,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn percentages_round_in_favour_of_progress_and_availability() {
        let cases = [
            (json!("25%"), json!("25%"), 3, (1, 0)),
            (json!("25%"), json!("25%"), 10, (3, 2)),
            (json!(0), json!("10%"), 3, (0, 1)),
            (json!(0), json!("100%"), 4, (0, 4)),
            (json!(2), json!(9), 4, (2, 4)),
            (json!("25%"), json!("25%"), 0, (0, 0)),
        ];
        for (surge, unavailable, replicas, expected) in cases {
            let deployment = json!({"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}});
            let numbers = (max_surge(&deployment), max_unavailable(&deployment));
            assert_eq!(numbers, expected, "{deployment}");
        }
    }
}
