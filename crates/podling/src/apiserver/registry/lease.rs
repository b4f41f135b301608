//! Leases: who holds a lock, and for how long.

use super::{PLAIN, Strategy};

pub(super) const STRATEGY: Strategy = Strategy { ..PLAIN };
