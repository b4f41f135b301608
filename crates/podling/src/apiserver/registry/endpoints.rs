//! Endpoints: the old list of a Service's addresses.

use super::{PLAIN, Strategy};

pub(super) const STRATEGY: Strategy = Strategy { ..PLAIN };
