//! VolumeRestrictions: a claim with ReadWriteOncePod has one Pod at a time.
//!
//! Source: `pkg/scheduler/framework/plugins/volumerestrictions`, v1.36.

use super::super::cache::{NodeInfo, PodInfo};
use super::super::framework::{Name, Verdict};

/// The plugin's name.
pub(crate) const NAME: Name = "VolumeRestrictions";

const CONFLICT: &str =
    "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode";

/// Rules out all nodes while another Pod has the claim; it could be preempted.
pub(crate) fn filter(pod: &PodInfo, _node: &NodeInfo) -> Verdict {
    match pod.volumes.is_contended {
        true => Verdict::Unschedulable(vec![CONFLICT.to_owned()]),
        false => Verdict::Fits,
    }
}
