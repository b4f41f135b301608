//! ConfigMaps: their keys, and what `immutable` means.

use super::{PLAIN, Strategy};

pub(super) const STRATEGY: Strategy = Strategy { ..PLAIN };
