//! ControllerRevisions: what a StatefulSet or DaemonSet looked like once; its data never changes.
//!
//! Source: `ValidateControllerRevision` in `k8s.io/kubernetes/pkg/apis/apps/validation`, v1.36.

use serde_json::Value;

use super::numbers::NEGATIVE;
use super::read::Fields as _;
use super::{PLAIN, Strategy, metadata};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    validate,
    validate_update: |new, old| {
        let mut errors = validate(new);
        if new["data"] != old["data"] {
            let error = Error::invalid("data", new["data"].clone(), metadata::IMMUTABLE);
            errors.push(error);
        }
        errors
    },
    ..PLAIN
};

fn validate(revision: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    if !revision.has("data") {
        errors.push(Error::required("data", "data is mandatory"));
    }
    if let Some(number) = revision.number("revision").filter(|number| *number < 0) {
        errors.push(Error::invalid("revision", number, NEGATIVE));
    }
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_revision_has_data_and_a_number() {
        let cases = [
            (json!({"data": {"a": 1}, "revision": 3}), vec![]),
            (
                json!({"revision": 3}),
                vec!["data: Required value: data is mandatory"],
            ),
            (
                json!({"data": {}, "revision": -1}),
                vec!["revision: Invalid value: -1: must be greater than or equal to 0"],
            ),
        ];
        for (revision, expected) in cases {
            let texts: Vec<String> = validate(&revision).iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{revision}");
        }
    }

    #[test]
    fn data_never_changes() {
        let (old, new) = (json!({"data": {"a": 1}}), json!({"data": {"a": 2}}));
        assert!((STRATEGY.validate_update)(&old, &old).is_empty());
        assert_eq!(
            (STRATEGY.validate_update)(&new, &old)[0].detail,
            "field is immutable"
        );
    }
}
