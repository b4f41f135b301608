//! ServiceAccounts: who a Pod is to the API server.

use super::{PLAIN, Strategy};

pub(super) const STRATEGY: Strategy = Strategy { ..PLAIN };
