//! How many Pods a budget counts on, and how many of them must be healthy (`getExpectedPodCount`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::scale::ControllerAndScale;
use crate::controller_manager::go_selector::printed;
use crate::controller_manager::int_or_percent::{Round, scaled};
use crate::controller_manager::ownership::controller_of;
use crate::storage::{Object, text};

/// What a budget asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Expected {
    /// The Pods that there should be.
    pub(super) count: i64,
    /// Those that must be healthy.
    pub(super) desired_healthy: i64,
    /// Whether Pods without a controller are among them, which cannot be counted.
    pub(super) has_unmanaged: bool,
}

/// What `budget` asks for about `pods`; `scale_of` finds the controller behind an owner reference.
///
/// Example: `maxUnavailable: 30%` of a Deployment of 4 is 1.2, so 2 may be missing and 2 must be healthy.
///
/// # Errors
/// When the controller of a Pod has no scale, or is gone.
pub(super) fn expected(
    budget: &Value,
    pods: &[Object],
    scale_of: impl Fn(&Value) -> Result<Option<ControllerAndScale>, String>,
) -> Result<Expected, String> {
    let spec = &budget["spec"];
    let (most_missing, least) = (&spec["maxUnavailable"], &spec["minAvailable"]);
    if !most_missing.is_null() {
        let (count, has_unmanaged) = expected_scale(pods, scale_of)?;
        return Ok(Expected {
            count,
            desired_healthy: (count - scaled(most_missing, count, Round::Up)).max(0),
            has_unmanaged,
        });
    }
    if least.is_string() {
        let (count, has_unmanaged) = expected_scale(pods, scale_of)?;
        return Ok(Expected {
            count,
            desired_healthy: scaled(least, count, Round::Up),
            has_unmanaged,
        });
    }
    Ok(least
        .as_i64()
        .map_or_else(Expected::default, |desired_healthy| Expected {
            count: i64::try_from(pods.len()).unwrap_or(i64::MAX),
            desired_healthy,
            has_unmanaged: false,
        }))
}

/// The sum of the scales of all controllers of the Pods, and whether some Pods have none.
fn expected_scale(
    pods: &[Object],
    scale_of: impl Fn(&Value) -> Result<Option<ControllerAndScale>, String>,
) -> Result<(i64, bool), String> {
    let mut scales = BTreeMap::new();
    let mut has_unmanaged = false;
    for pod in pods {
        let Some(owner) = controller_of(pod) else {
            has_unmanaged = true;
            continue;
        };
        if scales.contains_key(text(owner, &["uid"])) {
            continue;
        }
        let name = text(pod, &["metadata", "name"]);
        let found = scale_of(owner)?.ok_or_else(|| format!("found no controllers for pod \"{name}\""))?;
        scales.insert(found.uid, found.scale);
    }
    Ok((scales.values().sum(), has_unmanaged))
}

/// What people are told about Pods without a controller.
pub(super) fn unmanaged(selector: &Value) -> String {
    format!(
        "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status \
         of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods \
         please set \".spec.minAvailable\" field of the PDB to an integer value.",
        printed(selector)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owned(name: &str, uid: &str) -> Object {
        Object::new(
            json!({"metadata": {"name": name, "ownerReferences": [{"uid": uid, "controller": true}]}}),
        )
    }

    /// The set `rs` belongs to the Deployment `d` of four; `none` is gone; `ds` has no scale.
    fn scale_of(owner: &Value) -> Result<Option<ControllerAndScale>, String> {
        let found = |uid: &str, scale| {
            Ok(Some(ControllerAndScale {
                uid: uid.to_owned(),
                scale,
            }))
        };
        match text(owner, &["uid"]) {
            "rs" => found("d", 4),
            "other" => found("other", 1),
            "ds" => Err("daemonsets.apps does not implement the scale subresource".to_owned()),
            _ => Ok(None),
        }
    }

    #[test]
    fn a_budget_counts_pods_or_what_their_controllers_want() {
        let pods = [owned("a", "rs"), owned("b", "rs"), owned("c", "other")];
        let cases = [
            (json!({}), (0, 0)),
            (json!({"minAvailable": 5}), (3, 5)),
            (json!({"minAvailable": "50%"}), (5, 3)),
            (json!({"maxUnavailable": "30%"}), (5, 3)),
            (json!({"maxUnavailable": 1}), (5, 4)),
            (json!({"maxUnavailable": 9}), (5, 0)),
        ];
        for (spec, (count, desired_healthy)) in cases {
            let wanted = Expected {
                count,
                desired_healthy,
                has_unmanaged: false,
            };
            assert_eq!(
                expected(&json!({"spec": spec}), &pods, scale_of),
                Ok(wanted),
                "{spec}"
            );
        }
    }

    #[test]
    fn pods_without_a_scale_are_told_apart() {
        let budget = json!({"spec": {"maxUnavailable": 1}});
        let bare = Object::new(json!({"metadata": {"name": "bare"}}));
        let with_bare = expected(&budget, &[bare, owned("a", "rs")], scale_of).unwrap();
        assert_eq!((with_bare.count, with_bare.has_unmanaged), (4, true));
        assert_eq!(
            expected(&budget, &[owned("a", "none")], scale_of),
            Err("found no controllers for pod \"a\"".to_owned())
        );
        assert_eq!(
            expected(&budget, &[owned("a", "ds")], scale_of),
            Err("daemonsets.apps does not implement the scale subresource".to_owned())
        );
    }
}
