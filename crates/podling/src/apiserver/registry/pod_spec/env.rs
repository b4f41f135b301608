//! Environment variables and where their values come from.

use serde_json::Value;

use super::super::names;
use super::super::read::Fields as _;
use super::invalid_for_each;
use crate::quantity::Quantity;
use crate::status::field::Error;

const SOURCES: [&str; 5] = [
    "fieldRef",
    "resourceFieldRef",
    "configMapKeyRef",
    "secretKeyRef",
    "fileKeyRef",
];
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// Paths that the downward API knows at all; some only make sense in volumes.
const CONVERTIBLE: [&str; 6] = [
    "metadata.annotations",
    "metadata.labels",
    "spec.host",
    "spec.restartPolicy",
    "spec.schedulerName",
    "status.phase",
];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const SEVERAL: &str = "may not have more than one field specified at a time";

/// Checks `env` and `envFrom` of the container at `path`.
pub(super) fn check(container: &Value, path: &str, errors: &mut Vec<Error>) {
    for (i, variable) in container.items("env").iter().enumerate() {
        let path = format!("{path}.env[{i}]");
        match variable.text("name") {
            "" => errors.push(Error::required(format!("{path}.name"), "")),
            name => errors.extend(invalid_for_each(
                &format!("{path}.name"),
                name,
                names::env_var_name(name),
            )),
        }
        if variable.has("valueFrom") {
            check_source(variable, &format!("{path}.valueFrom"), errors);
        }
    }
    for (i, source) in container.items("envFrom").iter().enumerate() {
        check_env_from(source, &format!("{path}.envFrom"), i, errors);
    }
}

fn check_source(variable: &Value, path: &str, errors: &mut Vec<Error>) {
    let source = &variable["valueFrom"];
    let count = SOURCES.iter().filter(|key| source.has(key)).count();
    if source.has("fieldRef") {
        check_field(&source["fieldRef"], &format!("{path}.fieldRef"), &FIELDS, errors);
    }
    if source.has("resourceFieldRef") {
        check_resource(
            &source["resourceFieldRef"],
            &format!("{path}.resourceFieldRef"),
            false,
            errors,
        );
    }
    for key in ["configMapKeyRef", "secretKeyRef"] {
        if source.has(key) {
            check_key_reference(&source[key], &format!("{path}.{key}"), errors);
        }
    }
    let why = match count {
        0 => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        }
        _ if !variable.text("value").is_empty() => "may not be specified when `value` is not empty",
        1 => return,
        _ => SEVERAL,
    };
    errors.push(Error::invalid(path, "", why));
}

/// A `fieldRef`: one of `fields`, or one label or annotation.
pub(super) fn check_field(reference: &Value, path: &str, fields: &[&str], errors: &mut Vec<Error>) {
    let field = format!("{path}.fieldPath");
    let wanted = reference.text("fieldPath");
    if wanted.is_empty() {
        errors.push(Error::required(field, ""));
        return;
    }
    if let Some((map, key)) = subscript(wanted) {
        if !matches!(map, "metadata.labels" | "metadata.annotations") {
            let why = format!("error converting fieldPath: field label does not support subscript: {wanted}");
            errors.push(Error::invalid(field, wanted, why));
            return;
        }
        let wrong = names::qualified_name(&key.to_lowercase());
        errors.extend(invalid_for_each(path, wanted, wrong));
    } else if !FIELDS.contains(&wanted) && !CONVERTIBLE.contains(&wanted) {
        let why = format!("error converting fieldPath: field label not supported: {wanted}");
        errors.push(Error::invalid(field, wanted, why));
    } else if !fields.contains(&wanted) {
        errors.push(Error::not_supported(field, wanted, fields));
    }
}

/// `metadata.labels['app']` is the map and the key.
fn subscript(path: &str) -> Option<(&str, &str)> {
    path.strip_suffix("']")?.split_once("['")
}

/// A `resourceFieldRef`; in volumes the container must be named.
pub(super) fn check_resource(reference: &Value, path: &str, in_volume: bool, errors: &mut Vec<Error>) {
    let wanted = reference.text("resource");
    if in_volume && reference.text("containerName").is_empty() {
        errors.push(Error::required(format!("{path}.containerName"), ""));
    } else if wanted.is_empty() {
        errors.push(Error::required(format!("{path}.resource"), ""));
    } else if !RESOURCES.contains(&wanted) && !is_of_huge_pages(wanted) {
        errors.push(Error::not_supported(
            format!("{path}.resource"),
            wanted,
            &RESOURCES,
        ));
    }
    check_divisor(reference, &format!("{path}.divisor"), errors);
}

fn is_of_huge_pages(resource: &str) -> bool {
    resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-")
}

/// An amount is only told in units that have a name.
fn check_divisor(reference: &Value, field: &str, errors: &mut Vec<Error>) {
    const FOR_BYTES: &str = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";
    let divisor = Quantity::from_json(&reference["divisor"]).unwrap_or_default();
    let resource = reference.text("resource");
    let (units, what) = match resource {
        "limits.cpu" | "requests.cpu" => ("1m and 1", "cpu"),
        "limits.memory" | "requests.memory" => (FOR_BYTES, "memory"),
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => (FOR_BYTES, "local ephemeral storage"),
        _ if is_of_huge_pages(resource) => (FOR_BYTES, "hugepages"),
        _ => return,
    };
    let written = divisor.to_string();
    let is_unit = units
        .split(", ")
        .flat_map(|unit| unit.split(" and "))
        .any(|unit| unit == written);
    if !divisor.is_zero() && !is_unit {
        let why = format!("only divisor's values {units} are supported with the {what} resource");
        errors.push(Error::invalid(field, resource, why));
    }
}

fn check_key_reference(reference: &Value, path: &str, errors: &mut Vec<Error>) {
    let (name, key) = (reference.text("name"), reference.text("key"));
    errors.extend(invalid_for_each(
        &format!("{path}.name"),
        name,
        names::subdomain(name),
    ));
    let field = format!("{path}.key");
    match key {
        "" => errors.push(Error::required(field, "")),
        key => errors.extend(invalid_for_each(&field, key, names::config_key(key))),
    }
}

/// Kubernetes leaves the index out where the source as a whole is wrong.
fn check_env_from(source: &Value, path: &str, index: usize, errors: &mut Vec<Error>) {
    let prefix = source.text("prefix");
    if !prefix.is_empty() {
        let field = format!("{path}[{index}].prefix");
        errors.extend(invalid_for_each(&field, prefix, names::env_var_name(prefix)));
    }
    let mut count = 0;
    for key in ["configMapRef", "secretRef"] {
        if source.has(key) {
            count += 1;
            let (field, name) = (format!("{path}[{index}].{key}.name"), source[key].text("name"));
            errors.extend(invalid_for_each(&field, name, names::subdomain(name)));
        }
    }
    match count {
        0 => {
            let why = "must specify one of: `configMapRef` or `secretRef`";
            errors.push(Error::invalid(path, "", why));
        }
        1 => {}
        _ => errors.push(Error::invalid(path, "", SEVERAL)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_told_in_units() {
        let cases = [
            ("limits.cpu", "1m", ""),
            (
                "limits.cpu",
                "2",
                "r.divisor: Invalid value: \"limits.cpu\": only divisor's values 1m and 1 are supported with the cpu resource",
            ),
            ("requests.memory", "1Mi", ""),
            (
                "requests.memory",
                "3",
                "r.divisor: Invalid value: \"requests.memory\": only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource",
            ),
        ];
        for (resource, divisor, expected) in cases {
            let mut errors = Vec::new();
            check_resource(
                &json!({"resource": resource, "divisor": divisor}),
                "r",
                false,
                &mut errors,
            );
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts.join("; "), expected, "{resource} {divisor}");
        }
    }
}
