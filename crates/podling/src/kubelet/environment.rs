//! A container's environment: `env`, `envFrom`, the Services' addresses, and `$(NAME)` in commands
//! (Kubernetes: `makeEnvironmentVariables` in `pkg/kubelet/kubelet_pods.go`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::quantity::Quantity;
use crate::resource::{CONFIG_MAPS, SECRETS, SERVICES};
use crate::storage::text;

/// What a pod is to its containers.
pub(super) struct Surroundings<'a> {
    /// The pod.
    pub(super) pod: &'a Value,
    /// Its address.
    pub(super) address: &'a str,
    /// The node's address.
    pub(super) host: &'a str,
    /// The node's allocatable resources, for containers without limits.
    pub(super) allocatable: &'a Value,
}

/// The environment of a container.
///
/// # Errors
/// The message of `CreateContainerConfigError`.
pub(super) fn environment(
    api: &ApiServer,
    around: &Surroundings<'_>,
    container: &Value,
) -> Result<BTreeMap<String, String>, String> {
    let namespace = text(around.pod, &["metadata", "namespace"]);
    let mut variables = services(api, around.pod, namespace);
    variables.insert(
        "PATH".into(),
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
    );
    variables.insert(
        "HOSTNAME".into(),
        text(around.pod, &["metadata", "name"]).to_owned(),
    );
    variables.insert("HOME".into(), "/root".into());
    for source in container["envFrom"].as_array().into_iter().flatten() {
        from_source(api, namespace, source, &mut variables)?;
    }
    for entry in container["env"].as_array().into_iter().flatten() {
        let name = text(entry, &["name"]).to_owned();
        let value = match entry.get("valueFrom") {
            Some(from) => from_reference(api, around, container, from)?,
            None => Some(expand(text(entry, &["value"]), &variables)),
        };
        if let Some(value) = value {
            variables.insert(name, value);
        }
    }
    Ok(variables)
}

/// Exchanges `$(NAME)` for the variable; an unknown one stays, `$$` gives `$`.
pub(super) fn expand(template: &str, variables: &BTreeMap<String, String>) -> String {
    let (mut out, mut rest) = (String::new(), template);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        if let Some(after) = behind.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = behind.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match variables.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&rest[at..=at + name.len() + 2]),
            }
            rest = after;
        } else {
            out.push('$');
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}

/// The data of a ConfigMap or a Secret, decoded; `None` if there is none of that name.
pub(super) fn data(
    api: &ApiServer,
    secret: bool,
    namespace: &str,
    name: &str,
) -> Option<BTreeMap<String, Vec<u8>>> {
    use base64::Engine as _;
    let resource = if secret { &SECRETS } else { &CONFIG_MAPS };
    let object = api.get(resource, namespace, name)?;
    let decode = |text: &str| {
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap_or_default()
    };
    let mut data = BTreeMap::new();
    for (key, value) in object["data"].as_object().into_iter().flatten() {
        let plain = value.as_str().unwrap_or_default();
        data.insert(
            key.clone(),
            if secret {
                decode(plain)
            } else {
                plain.as_bytes().to_vec()
            },
        );
    }
    for (key, value) in object["binaryData"].as_object().into_iter().flatten() {
        data.insert(key.clone(), decode(value.as_str().unwrap_or_default()));
    }
    Some(data)
}

fn from_source(
    api: &ApiServer,
    namespace: &str,
    source: &Value,
    variables: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    let (secret, reference) = match source.get("secretRef") {
        Some(reference) => (true, reference),
        None => (false, &source["configMapRef"]),
    };
    let name = text(reference, &["name"]);
    let Some(data) = data(api, secret, namespace, name) else {
        return if reference["optional"] == true {
            Ok(())
        } else {
            Err(not_found(secret, name))
        };
    };
    let prefix = text(source, &["prefix"]);
    for (key, value) in data {
        let name = format!("{prefix}{key}");
        variables.insert(name, String::from_utf8_lossy(&value).into_owned());
    }
    Ok(())
}

/// `configmap "conf" not found`
pub(super) fn not_found(secret: bool, name: &str) -> String {
    let kind = if secret { "secret" } else { "configmap" };
    format!("{kind} \"{name}\" not found")
}

fn from_reference(
    api: &ApiServer,
    around: &Surroundings<'_>,
    container: &Value,
    from: &Value,
) -> Result<Option<String>, String> {
    if let Some(field) = from.get("fieldRef") {
        return Ok(Some(field_value(around, text(field, &["fieldPath"]))));
    }
    if let Some(resource) = from.get("resourceFieldRef") {
        return Ok(Some(resource_value(around, container, resource)));
    }
    let (secret, reference) = match from.get("secretKeyRef") {
        Some(reference) => (true, reference),
        None => (false, &from["configMapKeyRef"]),
    };
    let namespace = text(around.pod, &["metadata", "namespace"]);
    let (name, key) = (text(reference, &["name"]), text(reference, &["key"]));
    let optional = reference["optional"] == true;
    let Some(data) = data(api, secret, namespace, name) else {
        return if optional {
            Ok(None)
        } else {
            Err(not_found(secret, name))
        };
    };
    match data.get(key) {
        Some(value) => Ok(Some(String::from_utf8_lossy(value).into_owned())),
        None if optional => Ok(None),
        None => {
            let kind = if secret { "Secret" } else { "ConfigMap" };
            Err(format!("couldn't find key {key} in {kind} {namespace}/{name}"))
        }
    }
}

/// What `fieldRef` gives.
pub(super) fn field_value(around: &Surroundings<'_>, path: &str) -> String {
    let metadata = &around.pod["metadata"];
    if let Some((map, key)) = path.split_once('[') {
        let key = key.trim_end_matches(']').trim_matches('\'').trim_matches('"');
        let map = map.trim_start_matches("metadata.");
        return text(metadata, &[map, key]).to_owned();
    }
    match path {
        "metadata.name" | "metadata.namespace" | "metadata.uid" => {
            text(metadata, &[&path["metadata.".len()..]]).to_owned()
        }
        "metadata.labels" | "metadata.annotations" => {
            let map = metadata[&path["metadata.".len()..]]
                .as_object()
                .into_iter()
                .flatten();
            let lines =
                map.map(|(key, value)| format!("{key}={}", Value::from(value.as_str().unwrap_or_default())));
            lines.collect::<Vec<_>>().join("\n")
        }
        "spec.nodeName" => text(around.pod, &["spec", "nodeName"]).to_owned(),
        "spec.serviceAccountName" => text(around.pod, &["spec", "serviceAccountName"]).to_owned(),
        "status.hostIP" | "status.hostIPs" => around.host.to_owned(),
        "status.podIP" | "status.podIPs" => around.address.to_owned(),
        _ => String::new(),
    }
}

/// What `resourceFieldRef` gives: the amount divided by `divisor`, rounded up.
///
/// Example: `limits.cpu` of 250m gives 1 with the usual divisor 1 and 250 with 1m.
pub(super) fn resource_value(around: &Surroundings<'_>, container: &Value, reference: &Value) -> String {
    let path = text(reference, &["resource"]);
    let (field, resource) = path.split_once('.').unwrap_or(("limits", path));
    let own = container["resources"][field].get(resource);
    let amount = own.unwrap_or(&around.allocatable[resource]);
    let milli = Quantity::from_json(amount).map_or(0, Quantity::milli_value);
    let divisor = reference
        .get("divisor")
        .and_then(|divisor| Quantity::from_json(divisor).ok());
    // The API server fills in a divisor of 0, which stands for 1.
    let divisor = divisor
        .map(Quantity::milli_value)
        .filter(|divisor| *divisor > 0)
        .unwrap_or(1000);
    ((milli + divisor - 1) / divisor).to_string()
}

/// `{NAME}_SERVICE_HOST` and its kin for each Service of the namespace, and for `kubernetes`.
fn services(api: &ApiServer, pod: &Value, namespace: &str) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let links = pod["spec"]["enableServiceLinks"] != false;
    let own = api.list(&SERVICES, Some(namespace)).filter(|_| links);
    let kubernetes = api.get(&SERVICES, "default", "kubernetes");
    for service in kubernetes.into_iter().chain(own) {
        let address = text(service, &["spec", "clusterIP"]);
        if address.is_empty() || address == "None" {
            continue;
        }
        let name = variable_name(text(service, &["metadata", "name"]));
        variables.insert(format!("{name}_SERVICE_HOST"), address.to_owned());
        let ports = service["spec"]["ports"].as_array().map_or(&[][..], Vec::as_slice);
        for (index, port) in ports.iter().enumerate() {
            let number = port["port"].as_u64().unwrap_or(0);
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            let url = format!("{}://{address}:{number}", protocol.to_lowercase());
            if index == 0 {
                variables.insert(format!("{name}_SERVICE_PORT"), number.to_string());
                variables.insert(format!("{name}_PORT"), url.clone());
            }
            if let Some(port_name) = port["name"].as_str().filter(|name| !name.is_empty()) {
                let key = format!("{name}_SERVICE_PORT_{}", variable_name(port_name));
                variables.insert(key, number.to_string());
            }
            let prefix = format!("{name}_PORT_{number}_{protocol}");
            variables.insert(format!("{prefix}_PROTO"), protocol.to_lowercase());
            variables.insert(format!("{prefix}_PORT"), number.to_string());
            variables.insert(format!("{prefix}_ADDR"), address.to_owned());
            variables.insert(prefix, url);
        }
    }
    variables
}

fn variable_name(name: &str) -> String {
    name.to_uppercase().replace(['-', '.'], "_")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_are_exchanged_and_unknown_ones_stay() {
        let variables = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        for (template, expanded) in [
            ("$(A)-$(B)-$$(A)", "1-$(B)-$(A)"),
            ("cost: 5$", "cost: 5$"),
            ("$(A", "$(A"),
        ] {
            assert_eq!(expand(template, &variables), expanded, "{template}");
        }
    }

    #[test]
    fn fields_and_resources_of_the_pod_are_found() {
        let pod = json!({"metadata": {"name": "p", "labels": {"app": "p"}}, "spec": {"nodeName": "node-1"}});
        let around = Surroundings {
            pod: &pod,
            address: "10.244.0.2",
            host: "172.18.0.2",
            allocatable: &json!({"cpu": "2", "memory": "4Gi"}),
        };
        for (path, value) in [
            ("metadata.name", "p"),
            ("metadata.labels['app']", "p"),
            ("metadata.labels", "app=\"p\""),
            ("status.podIP", "10.244.0.2"),
        ] {
            assert_eq!(field_value(&around, path), value, "{path}");
        }
        let container = json!({"resources": {"limits": {"cpu": "250m", "memory": "64Mi"}}});
        for (reference, value) in [
            (json!({"resource": "limits.memory"}), "67108864"),
            (json!({"resource": "limits.memory", "divisor": "0"}), "67108864"),
            (json!({"resource": "limits.cpu"}), "1"),
            (json!({"resource": "limits.cpu", "divisor": "1m"}), "250"),
            (json!({"resource": "requests.cpu"}), "2"),
        ] {
            assert_eq!(
                resource_value(&around, &container, &reference),
                value,
                "{reference}"
            );
        }
    }
}
