//! The embedded cluster's door: HTTPS on loopback, real time, recording and recovery.

mod identity;
mod private_file;
#[cfg(test)]
mod scratch;

pub use identity::{Identity, IdentityError};
pub use private_file::write_private;
