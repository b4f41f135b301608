//! bbf: build, break, fix. Hands-on Kubernetes labs on the learner's own machine.

pub mod platform;
pub mod session;
