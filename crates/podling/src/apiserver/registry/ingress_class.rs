//! IngressClasses: the controller's name, which never changes, and its parameters.
//!
//! Source: `pkg/registry/networking/ingressclass` and `ValidateIngressClass…` in
//! `pkg/apis/networking/validation`, v1.36.

use serde_json::Value;

use super::read::{Fields as _, set_default};
use super::{PLAIN, Strategy, generation, metadata, names};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default: |object| {
        if object["spec"].has("parameters") {
            set_default(&mut object["spec"]["parameters"], "scope", "Cluster");
        }
    },
    prepare_for_create: |object, _| generation::start(object),
    prepare_for_update: generation::count_spec_change,
    validate,
    validate_update: |new, old| {
        let mut errors = Vec::new();
        let controller = &new["spec"]["controller"];
        if *controller != old["spec"]["controller"] {
            errors.push(Error::invalid(
                "spec.controller",
                controller.clone(),
                metadata::IMMUTABLE,
            ));
        }
        errors.extend(validate(new));
        errors
    },
    ..PLAIN
};

const MOST_CONTROLLER_BYTES: usize = 250;
const SCOPES: [&str; 2] = ["Cluster", "Namespace"];
const HTTP_PATH: &str = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

fn validate(object: &Value) -> Vec<Error> {
    let (spec, mut errors) = (&object["spec"], Vec::new());
    let controller = spec.text("controller");
    if controller.len() > MOST_CONTROLLER_BYTES {
        errors.push(Error::too_long("spec.controller", MOST_CONTROLLER_BYTES));
    }
    check_prefixed_path(controller, "spec.controller", &mut errors);
    if spec.has("parameters") {
        check_parameters(&spec["parameters"], "spec.parameters", &mut errors);
    }
    errors
}

/// `example.com/controller`: a DNS name, a slash and a path.
fn check_prefixed_path(text: &str, field: &str, errors: &mut Vec<Error>) {
    if text.is_empty() {
        errors.push(Error::required(field, ""));
        return;
    }
    let (host, path) = text.split_once('/').unwrap_or_default();
    if host.is_empty() || path.is_empty() {
        let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        errors.push(Error::invalid(field, text, why));
        return;
    }
    errors.extend(metadata::invalid_for_each(field, host, names::subdomain(host)));
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c);
    if !path.chars().all(is_allowed) {
        let why = format!("Invalid path (regex used for validation is '{HTTP_PATH}')");
        errors.push(Error::invalid(field, path, why));
    }
}

fn check_parameters(parameters: &Value, path: &str, errors: &mut Vec<Error>) {
    check_reference(parameters, path, errors);
    let (field, namespace) = (format!("{path}.namespace"), &parameters["namespace"]);
    match parameters.text("scope") {
        "Namespace" => match namespace.as_str() {
            Some(name) => errors.extend(metadata::invalid_for_each(&field, name, names::label(name))),
            None => errors.push(Error::required(field, "`parameters.scope` is set to 'Namespace'")),
        },
        "Cluster" if !namespace.is_null() => {
            errors.push(Error::forbidden(field, "`parameters.scope` is set to 'Cluster'"));
        }
        "Cluster" => {}
        other => errors.push(Error::not_supported(format!("{path}.scope"), other, &SCOPES)),
    }
}

/// A reference to any object of the same namespace: its group, kind and name.
pub(super) fn check_reference(reference: &Value, path: &str, errors: &mut Vec<Error>) {
    if let Some(group) = reference["apiGroup"].as_str() {
        let field = format!("{path}.apiGroup");
        errors.extend(metadata::invalid_for_each(&field, group, names::subdomain(group)));
    }
    for key in ["kind", "name"] {
        let (field, text) = (format!("{path}.{key}"), reference.text(key));
        if text.is_empty() {
            errors.push(Error::required(field, format!("{key} is required")));
        } else {
            errors.extend(metadata::invalid_for_each(
                &field,
                text,
                names::path_segment(text),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_class_names_its_controller_for_good() {
        let class = |controller: &str| json!({"spec": {"controller": controller}});
        let prefixed = "spec.controller: Invalid value: \"nginx\": must be a domain-prefixed path (such as \"acme.io/foo\")";
        let cases = [
            (class("example.com/x"), vec![]),
            (class(""), vec!["spec.controller: Required value"]),
            (class("nginx"), vec![prefixed]),
            (
                json!({"spec": {"controller": "e/x", "parameters": {"scope": "Namespace", "kind": "K", "name": "n"}}}),
                vec!["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
            ),
        ];
        for (object, expected) in cases {
            let texts: Vec<String> = validate(&object).iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{object}");
        }
        let errors = (STRATEGY.validate_update)(&class("e/y"), &class("e/x"));
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["spec.controller: Invalid value: \"e/y\": field is immutable"]
        );
    }
}
