//! The embedded cluster's door: HTTPS on loopback for kubectl, a client in the same process, real or virtual time,
//! recording and recovery.
//!
//! ```no_run
//! # async fn example(config: podling::Config) -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//!
//! use podling_server::{ClusterHandle, Identity, ServeOptions, TimeSource, write_private};
//!
//! let folder = Path::new("state");
//! let cluster = ClusterHandle::start(config, TimeSource::Wall, Some(&folder.join("journal")))?;
//! let identity = Identity::load_or_create(&folder.join("identity.json"))?;
//! let endpoint = cluster.serve(&identity, &ServeOptions::default()).await?;
//! write_private(&folder.join("kubeconfig"), &endpoint.kubeconfig)?;
//! # Ok(())
//! # }
//! ```
//!
//! Inside, [`podling`] is a state machine without I/O. Here it is put behind one lock; a driver task sleeps until its
//! next deadline; every request first brings it to the present; streams are told after each change and read on.

mod answer;
mod body;
mod cluster_handle;
mod https;
mod identity;
mod journal;
mod kubeconfig;
mod private_file;
mod recorded_cluster;
#[cfg(test)]
mod scratch;
mod shared;
mod time_source;
mod web_socket;

pub use cluster_handle::{ClusterHandle, StartError};
pub use https::{Endpoint, ServeError, ServeOptions};
pub use identity::{Identity, IdentityError};
pub use journal::{JournalError, Recovered};
pub use private_file::write_private;
pub use time_source::TimeSource;
