//! `bbf lab …`.

pub(super) mod check;
pub(super) mod hint;
pub(super) mod list;
pub(super) mod play;
pub(super) mod reports;
pub(super) mod reset;
pub(super) mod show;
pub(super) mod solution;
pub(super) mod start;
pub(super) mod status;
pub(super) mod stop;
pub(super) mod task;
pub(super) mod test;
