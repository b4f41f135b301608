//! Where bbf meets the operating system: the folders it may use, files that are never half-written, locks
//! between processes, and processes that outlive the command that started them.
//!
//! Everything that differs between Linux, macOS and Windows stands below this module, so that nothing above it
//! asks which system it is on.

pub mod files;
pub mod folders;
pub mod lock;
pub mod processes;
pub mod programs;
pub mod temporary;

#[cfg(test)]
pub(crate) mod scratch;
