//! Events, in both their groups.

use super::{PLAIN, Strategy};

pub(super) const STRATEGY: Strategy = Strategy { ..PLAIN };
