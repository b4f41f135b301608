//! Events, in the form of the core group, in which those of both groups are stored.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/core/validation/events.go`, v1.36. What differs: the stricter rules for
//! Events that come in through `events.k8s.io` are not applied.

use serde_json::{Value, json};

use super::read::{Fields as _, set_default};
use super::{PLAIN, Strategy};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    validate,
    ..PLAIN
};

/// Namespaces where Events about objects without a namespace may stand.
const CLUSTER_NAMESPACES: [&str; 2] = ["default", "kube-system"];

/// Fields that are written even when they are empty.
fn default(object: &mut Value) {
    set_default(object, "source", json!({}));
    for key in ["firstTimestamp", "lastTimestamp", "eventTime"] {
        set_default(object, key, Value::Null);
    }
    set_default(object, "reportingComponent", "");
    set_default(object, "reportingInstance", "");
}

fn validate(object: &Value) -> Vec<Error> {
    let own = object["metadata"].text("namespace");
    let namespace = object["involvedObject"].text("namespace");
    let fits = match namespace {
        "" => CLUSTER_NAMESPACES.contains(&own),
        namespace => namespace == own,
    };
    if fits {
        return Vec::new();
    }
    let why = "does not match event.namespace";
    vec![Error::invalid("involvedObject.namespace", namespace, why)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stands_in_the_namespace_of_what_it_is_about() {
        let cases = [
            ("shop", "shop", true),
            ("shop", "default", false),
            ("shop", "", false),
            ("default", "", true),
        ];
        for (own, involved, fits) in cases {
            let event = json!({"metadata": {"namespace": own}, "involvedObject": {"namespace": involved}});
            assert_eq!(validate(&event).is_empty(), fits, "{event}");
        }
    }
}
