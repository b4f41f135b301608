//! VolumeRestrictions: a claim with ReadWriteOncePod has one Pod at a time.
//!
//! Source: `pkg/scheduler/framework/plugins/volumerestrictions`, v1.36.

use std::collections::BTreeSet;

use crate::volume::claims_of;

use super::super::PodKey;
use super::super::cache::PodInfo;
use super::super::cycle_state::CycleState;
use super::super::framework::{Name, Verdict};

/// The plugin's name.
pub(crate) const NAME: Name = "VolumeRestrictions";

const CONFLICT: &str =
    "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode";

/// The Pods on nodes that have a claim of the pod's which only one may have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Users(BTreeSet<PodKey>);

impl Users {
    /// As the pod's volumes were found.
    pub(crate) fn new(pod: &PodInfo) -> Self {
        Self(pod.volumes.users.clone())
    }

    /// As if `other` came to a node (1) or left it (−1).
    pub(crate) fn count(&mut self, pod: &PodInfo, other: &PodInfo, change: i64) {
        let exclusive = &pod.volumes.exclusive;
        if exclusive.is_empty() {
            return;
        }
        let key = other.key();
        if change < 0 {
            self.0.remove(&key);
        } else if claims_of(&other.object).any(|name| exclusive.contains(&(key.0.clone(), name))) {
            self.0.insert(key);
        }
    }
}

/// Rules out all nodes while another Pod has the claim; it could be preempted.
pub(crate) fn filter(state: &CycleState) -> Verdict {
    match state.claim_users.0.is_empty() {
        true => Verdict::Fits,
        false => Verdict::unschedulable(CONFLICT),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, name: &str, claim: &str) -> PodInfo {
        PodInfo::new(Arc::new(
            json!({"metadata": {"namespace": namespace, "name": name},
            "spec": {"volumes": [{"persistentVolumeClaim": {"claimName": claim}}]}}),
        ))
    }

    #[test]
    fn a_claim_is_free_once_its_pod_is_thought_away() {
        let mut wants = pod("a", "p", "data");
        wants.volumes.exclusive.insert(("a".into(), "data".into()));
        let user = pod("a", "user", "data");
        wants.volumes.users.insert(user.key());
        let mut state = CycleState::new(&wants, &[]);
        assert_eq!(filter(&state), Verdict::unschedulable(CONFLICT));
        state.claim_users.count(&wants, &user, -1);
        assert_eq!(filter(&state), Verdict::Fits);
        for (other, expected) in [
            (pod("b", "elsewhere", "data"), Verdict::Fits),
            (pod("a", "other", "logs"), Verdict::Fits),
            (user, Verdict::unschedulable(CONFLICT)),
        ] {
            state.claim_users.count(&wants, &other, 1);
            assert_eq!(filter(&state), expected);
        }
    }
}
