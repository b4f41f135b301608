//! A small POSIX shell: what `sh -c "…"` in a manifest, exec probes and hooks need.
//!
//! A script is parsed ([`parse`]), turned into a flat list of operations ([`compile`]) and run by a
//! [`machine`] that can stop in the middle: `sleep` takes cluster time, and a network call is made by whoever
//! runs the machine. The commands themselves are in [`applets`].
//!
//! Differs from a real shell: no functions, `case` or here-documents; the parts of a pipeline run one after
//! the other, so the left one must end; a loop that never sleeps is slowed down instead of burning CPU.

pub(crate) mod applets;
pub(crate) mod compile;
pub(crate) mod expand;
pub(crate) mod machine;
pub(crate) mod network_tools;
pub(crate) mod parse;
pub(crate) mod stdin;
pub(crate) mod terminal;
