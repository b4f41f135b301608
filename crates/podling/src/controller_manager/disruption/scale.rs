//! The scale of whatever controls a Pod: the finders of the disruption controller.

use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::controller_manager::ownership::{controller_of, uid_of};
use crate::resource::{self, DEPLOYMENTS, REPLICA_SETS, Resource};
use crate::status::qualified;
use crate::storage::{Object, text};

/// A controller by its UID, with the number of Pods that it wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ControllerAndScale {
    pub(super) uid: String,
    pub(super) scale: i64,
}

/// The controller behind an owner reference; `None` if it is not there any more.
///
/// # Errors
/// When such a controller has no scale.
pub(super) fn of_controller(
    api: &ApiServer,
    namespace: &str,
    owner: &Value,
) -> Result<Option<ControllerAndScale>, String> {
    let (api_version, kind) = (text(owner, &["apiVersion"]), text(owner, &["kind"]));
    let resource = resource::by_kind(api_version, kind)
        .ok_or_else(|| format!("no matches for kind \"{kind}\" in version \"{api_version}\""))?;
    if resource.subresource("scale").is_none() {
        let name = qualified(resource.plural, resource.group);
        return Err(format!("{name} does not implement the scale subresource"));
    }
    let Some(found) = referenced(api, resource, namespace, owner) else {
        return Ok(None);
    };
    let deployment = (resource == &REPLICA_SETS)
        .then(|| controller_of(found).filter(|owner| owner["kind"] == DEPLOYMENTS.kind))
        .flatten()
        .and_then(|owner| referenced(api, &DEPLOYMENTS, namespace, owner));
    let controller = deployment.unwrap_or(found);
    Ok(Some(ControllerAndScale {
        uid: uid_of(controller).to_owned(),
        scale: controller["spec"]["replicas"].as_i64().unwrap_or_default(),
    }))
}

/// The very object that an owner reference means.
fn referenced<'a>(
    api: &'a ApiServer,
    resource: &Resource,
    namespace: &str,
    owner: &Value,
) -> Option<&'a Object> {
    let found = api.get(resource, namespace, text(owner, &["name"]))?;
    (uid_of(found) == text(owner, &["uid"])).then_some(found)
}
