//! Leases: who holds a lock, and for how long.

use serde_json::Value;

use super::numbers::check_not_negative;
use super::read::Fields as _;
use super::{PLAIN, Strategy};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    validate,
    validate_update: |new, _| validate(new),
    checks_metadata_anew: false,
    ..PLAIN
};

fn validate(object: &Value) -> Vec<Error> {
    let (spec, mut errors) = (&object["spec"], Vec::new());
    if let Some(seconds) = spec.number("leaseDurationSeconds").filter(|s| *s <= 0) {
        errors.push(Error::invalid(
            "spec.leaseDurationSeconds",
            seconds,
            "must be greater than 0",
        ));
    }
    check_not_negative(spec, "spec", "leaseTransitions", &mut errors);
    errors
}
