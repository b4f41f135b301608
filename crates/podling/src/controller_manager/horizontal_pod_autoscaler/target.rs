//! What an autoscaler scales: anything with a scale.

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::apiserver::selector::line::label_selector;
use crate::controller_manager::write_options;
use crate::label_selector;
use crate::resource::{ALL, REPLICATION_CONTROLLERS, Resource};
use crate::status::Status;
use crate::storage::{Object, text};

/// The target with its scale.
#[derive(Clone, Debug)]
pub(super) struct Target {
    resource: &'static Resource,
    object: Object,
    /// `spec.replicas`.
    pub(super) replicas: i64,
    /// The Pods that it means, as a label selector; `None` if it has none.
    pub(super) selector: Option<Value>,
}

/// The scale of an autoscaler's target.
///
/// # Errors
/// Why there is none, in Kubernetes' words.
pub(super) fn find(api: &ApiServer, autoscaler: &Value) -> Result<Target, String> {
    let reference = &autoscaler["spec"]["scaleTargetRef"];
    let (kind, name) = (text(reference, &["kind"]), text(reference, &["name"]));
    let resource = resource_of(text(reference, &["apiVersion"]), kind)?;
    if resource.subresource("scale").is_none() {
        return Err(Status::no_such_path().message);
    }
    let namespace = text(autoscaler, &["metadata", "namespace"]);
    let found = api.get(resource, namespace, name);
    let object = found.ok_or_else(|| Status::not_found(resource.group, resource.plural, name).message)?;
    Ok(Target {
        resource,
        object: object.clone(),
        replicas: object["spec"]["replicas"].as_i64().unwrap_or_default(),
        selector: selector_of(resource, object),
    })
}

/// The resource of a group and kind, whichever version is named.
fn resource_of(api_version: &str, kind: &str) -> Result<&'static Resource, String> {
    let group = match api_version.split('/').collect::<Vec<_>>().as_slice() {
        [_] => "",
        [group, _] => group,
        _ => return Err(format!("unexpected GroupVersion string: {api_version}")),
    };
    let mut all = ALL.iter().copied();
    all.find(|resource| resource.group == group && resource.kind == kind)
        .ok_or_else(|| format!("no matches for kind \"{kind}\" in group \"{group}\""))
}

fn selector_of(resource: &Resource, object: &Value) -> Option<Value> {
    let selector = &object["spec"]["selector"];
    let selector = if resource == &REPLICATION_CONTROLLERS {
        json!({"matchLabels": selector})
    } else {
        selector.clone()
    };
    (!label_selector(&selector).is_empty()).then_some(selector)
}

/// Whether a target's selector means a Pod.
pub(super) fn selects(selector: &Value, pod: &Value) -> bool {
    label_selector::matches(selector, &pod["metadata"]["labels"])
}

impl Target {
    /// The selector in a line.
    pub(super) fn selector_line(&self) -> String {
        self.selector.as_ref().map(label_selector).unwrap_or_default()
    }

    /// Sets the number of replicas, as the subresource `scale` does.
    ///
    /// # Errors
    /// The target is gone, or another was faster.
    pub(super) fn scale(&self, api: &mut ApiServer, replicas: i64) -> Result<(), Status> {
        let mut object = Value::clone(&self.object);
        object["spec"]["replicas"] = replicas.into();
        api.update(self.resource, Some("scale"), object, &write_options())
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::DEPLOYMENTS;

    #[test]
    fn a_kind_is_found_by_its_group_in_any_version() {
        let found = |api_version, kind| resource_of(api_version, kind);
        assert_eq!(found("apps/v1", "Deployment"), Ok(&DEPLOYMENTS));
        assert_eq!(found("apps/v9", "Deployment"), Ok(&DEPLOYMENTS));
        assert_eq!(found("v1", "ReplicationController"), Ok(&REPLICATION_CONTROLLERS));
        assert_eq!(
            found("apps/v1", "Nope"),
            Err("no matches for kind \"Nope\" in group \"apps\"".to_owned())
        );
        assert_eq!(
            found("a/b/c", "X"),
            Err("unexpected GroupVersion string: a/b/c".to_owned())
        );
    }

    #[test]
    fn a_replication_controller_selects_by_a_plain_map() {
        let object = json!({"spec": {"selector": {"app": "web"}}});
        let selector = selector_of(&REPLICATION_CONTROLLERS, &object).unwrap();
        assert_eq!(selector, json!({"matchLabels": {"app": "web"}}));
        assert_eq!(
            selector_of(&DEPLOYMENTS, &json!({"spec": {"selector": {}}})),
            None
        );
    }
}
