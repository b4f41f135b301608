//! bbf: build, break, fix. Hands-on Kubernetes labs on the learner's own machine.

pub mod author;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod kinds;
pub mod lab;
pub mod manifest;
pub mod platform;
pub mod session;
pub mod ui;
