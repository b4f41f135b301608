//! Sequences in cluster time: what comes after what when an object is made, changed, broken and deleted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod autoscaler;
mod disruption;
mod jobs;
mod network_policy;
mod node_lifecycle;
mod placement;
mod preemption;
mod resize;
mod rollout;
mod scene;
mod volumes;
mod workloads;
