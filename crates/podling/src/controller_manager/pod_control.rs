//! Making and deleting Pods for the object that controls them, and saying so.
//!
//! Source: `RealPodControl` in `kubernetes/pkg/controller/controller_utils.go`.

use serde_json::Value;

use crate::apiserver::{ApiServer, DeleteOptions};
use crate::events::{Event, Recorder};
use crate::resource::PODS;
use crate::status::Status;
use crate::storage::text;

use super::write_options;

/// Creates `pod` for `owner`. In a namespace that is being deleted nothing is created, and nothing is to be tried again.
///
/// # Errors
/// The Pod is refused.
pub(crate) fn create(
    api: &mut ApiServer,
    events: &mut Recorder,
    owner: &Value,
    pod: Value,
) -> Result<(), Status> {
    let namespace = text(owner, &["metadata", "namespace"]);
    match api.create(&PODS, namespace, pod, &write_options()) {
        Ok(pod) => {
            let message = format!("Created pod: {}", text(&pod, &["metadata", "name"]));
            events.record(api, owner, None, Event::normal("SuccessfulCreate", &message));
            Ok(())
        }
        Err(refusal) if is_namespace_terminating(&refusal) => Ok(()),
        Err(refusal) => {
            let message = format!("Error creating: {}", refusal.message);
            events.record(api, owner, None, Event::warning("FailedCreate", &message));
            Err(refusal)
        }
    }
}

/// Deletes the Pod of that name for `owner`; one that is already gone is no failure.
///
/// # Errors
/// The deletion is refused.
pub(crate) fn delete(
    api: &mut ApiServer,
    events: &mut Recorder,
    owner: &Value,
    name: &str,
) -> Result<(), Status> {
    let namespace = text(owner, &["metadata", "namespace"]);
    match api.delete(&PODS, namespace, name, &DeleteOptions::default()) {
        Ok(_) => {
            let message = format!("Deleted pod: {name}");
            events.record(api, owner, None, Event::normal("SuccessfulDelete", &message));
            Ok(())
        }
        Err(refusal) if refusal.code == 404 => Ok(()),
        Err(refusal) => {
            let message = format!("Error deleting: {}", refusal.message);
            events.record(api, owner, None, Event::warning("FailedDelete", &message));
            Err(refusal)
        }
    }
}

/// Whether the refusal says that the namespace is being deleted.
pub(crate) fn is_namespace_terminating(refusal: &Status) -> bool {
    let causes = refusal.details.iter().flat_map(|details| &details.causes);
    causes
        .into_iter()
        .any(|cause| cause.reason == "NamespaceTerminating")
}
