//! podling: a faithful, deterministic Kubernetes (v1.36) in one process.

pub mod apiserver;
mod backoff;
pub mod clock;
mod cluster;
mod controller_manager;
mod cron;
mod events;
mod html_escape;
pub mod images;
mod kubelet;
mod label_selector;
mod local_path;
mod metrics;
pub mod network;
mod placement;
mod pod_condition;
mod pod_disruption_budget;
mod pod_resources;
pub mod quantity;
mod quota;
pub mod request;
pub mod resource;
mod resource_list;
pub mod rng;
mod scheduler;
pub mod schema;
pub mod status;
pub mod storage;
mod time_zone;
mod timers;
mod user;
mod volume;

pub use cluster::{Cluster, Components, Config, NodeConfig};
pub use request::{Body, Chunk, Messages, Request, Response};
pub use user::{Credentials, Impersonation, UserInfo};
