//! ComponentStatuses: nothing that is stored, but what the control plane says of itself when it is asked.
//!
//! Source: `pkg/registry/core/componentstatus`, v1.36. Differs from Kubernetes: nobody is asked; a control plane
//! that can answer is well, and the answers come in the order of their names.

use serde_json::{Value, json};

use super::presentation::Presentation;
use crate::apiserver::ApiServer;
use crate::apiserver::route::Route;
use crate::apiserver::selector::Selection;
use crate::request::{Request, Response};
use crate::status::Status;
use crate::storage::Object;

const COMPONENTS: [&str; 3] = ["controller-manager", "etcd-0", "scheduler"];

/// GET of one or of all.
pub(super) fn read(api: &ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let (resource, now) = (route.resource, api.now());
    let presentation = Presentation::of(request)?;
    if request.flag("watch") {
        return Err(Status::method_not_allowed());
    }
    if let Some(name) = &route.name {
        if !COMPONENTS.contains(&name.as_str()) {
            return Err(Status::not_found(resource.group, resource.singular, name));
        }
        let shown = presentation.object(resource, &status_of(name), now);
        return Ok(Response::json(200, &shown));
    }
    presentation.check_list(resource)?;
    let selection = Selection::parse(
        resource,
        &request.parameter("labelSelector").unwrap_or_default(),
        &request.parameter("fieldSelector").unwrap_or_default(),
    )?;
    let all = COMPONENTS.map(|component| Object::new(status_of(component)));
    let selected: Vec<Object> = all
        .into_iter()
        .filter(|object| selection.matches(object))
        .collect();
    Ok(presentation.list(resource, &selected, &json!({}), now))
}

fn status_of(component: &str) -> Value {
    json!({
        "kind": "ComponentStatus", "apiVersion": "v1", "metadata": {"name": component},
        "conditions": [{"type": "Healthy", "status": "True", "message": "ok"}],
    })
}
