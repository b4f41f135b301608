//! Kinds that are served under several groups or versions: one object is stored, and shown as each.
//!
//! Source: `k8s.io/apimachinery/pkg/runtime` (`Scheme.Convert`). Differs from Kubernetes: it converts from the stored
//! version and not by way of an internal one.

use std::borrow::Cow;

use serde_json::Value;

use super::{autoscaler_conversion, event_conversion};
use crate::resource::{
    EVENTS, EVENTS_V1, HORIZONTAL_POD_AUTOSCALERS, HORIZONTAL_POD_AUTOSCALERS_V1, Resource,
};

/// The resource under which objects of `resource` are stored.
pub(crate) fn stored_as(resource: &'static Resource) -> &'static Resource {
    if resource == &EVENTS_V1 {
        &EVENTS
    } else if resource == &HORIZONTAL_POD_AUTOSCALERS_V1 {
        &HORIZONTAL_POD_AUTOSCALERS
    } else {
        resource
    }
}

/// A stored object as `resource` shows it.
pub(crate) fn shown_as<'a>(resource: &Resource, object: &'a Value) -> Cow<'a, Value> {
    if resource == &EVENTS_V1 {
        Cow::Owned(event_conversion::to_events_v1(object))
    } else if resource == &HORIZONTAL_POD_AUTOSCALERS_V1 {
        Cow::Owned(autoscaler_conversion::to_v1(object))
    } else {
        Cow::Borrowed(object)
    }
}

/// An object of `resource` as it is stored.
pub(crate) fn to_stored(resource: &Resource, object: Value) -> Value {
    if resource == &EVENTS_V1 {
        event_conversion::from_events_v1(&object)
    } else if resource == &HORIZONTAL_POD_AUTOSCALERS_V1 {
        autoscaler_conversion::from_v1(&object)
    } else {
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ALL;

    #[test]
    fn what_is_stored_is_stored_as_itself() {
        for resource in ALL {
            let stored = stored_as(resource);
            assert_eq!(stored_as(stored), stored);
            assert_eq!(stored.kind, resource.kind);
        }
    }
}
