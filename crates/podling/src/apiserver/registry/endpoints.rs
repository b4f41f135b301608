//! Endpoints: the old list of a Service's addresses.

use serde_json::Value;

use super::read::{items_mut, set_default_for_zero};
use super::{PLAIN, Strategy};

pub(super) const STRATEGY: Strategy = Strategy { default, ..PLAIN };

fn default(object: &mut Value) {
    for subset in items_mut(object, "subsets") {
        for port in items_mut(subset, "ports") {
            set_default_for_zero(port, "protocol", "TCP");
        }
    }
}
