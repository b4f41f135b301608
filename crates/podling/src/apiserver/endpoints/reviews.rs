//! Reviews: questions about users and what they may do. Nothing of them is stored.
//!
//! Source: `pkg/registry/authorization` and `pkg/registry/authentication`. Differs from Kubernetes: selectors in
//! `resourceAttributes` are not looked at, as RBAC does not look at them there.

use serde_json::{Value, json};

use super::mutate::body_of;
use super::query::field_validation;
use crate::apiserver::authentication::token::{self, ISSUER};
use crate::apiserver::authorization::rules::Rule;
use crate::apiserver::authorization::{self, Attributes, rbac};
use crate::apiserver::registry::read::{Fields as _, set_default_for_zero};
use crate::apiserver::route::Route;
use crate::apiserver::{ApiServer, decode};
use crate::request::{Request, Response};
use crate::resource::Resource;
use crate::status::{Status, field};
use crate::user::{AUTHENTICATED, MASTERS, UserInfo};

const AUTHORIZATION: &str = "authorization.k8s.io";

/// Whether a resource is only ever asked, never stored.
pub(super) fn is_review(resource: &Resource) -> bool {
    resource.kind.ends_with("Review")
}

/// POST: answers the question.
pub(super) fn create(
    api: &ApiServer,
    request: &Request,
    route: &Route,
    warnings: &mut Vec<String>,
) -> Result<Response, Status> {
    let resource = route.resource;
    let user = &api.user.clone().unwrap_or_default();
    let decoded = decode::decode(resource, body_of(request)?, field_validation(request)?)?;
    warnings.extend(decoded.warnings);
    let mut review = decoded.object;
    review["kind"] = resource.kind.into();
    review["apiVersion"] = resource.api_version().into();
    if !review["metadata"].is_object() {
        review["metadata"] = json!({});
    }
    let status = match resource.kind {
        "SelfSubjectReview" => {
            review["metadata"]["creationTimestamp"] = api.now().rfc3339().into();
            json!({"userInfo": user})
        }
        "SelfSubjectAccessReview" => self_access(api, &review["spec"], user)?,
        "SubjectAccessReview" => access(api, &review["spec"])?,
        "LocalSubjectAccessReview" => {
            set_default_for_zero(&mut review["metadata"], "namespace", route.namespace());
            local_access(api, &review, route.namespace())?
        }
        "SelfSubjectRulesReview" => self_rules(api, &review["spec"], user)?,
        _ => token_review(api, &review["spec"])?,
    };
    review["status"] = status;
    Ok(Response::json(201, &review))
}

fn invalid(errors: &[field::Error]) -> Result<(), Status> {
    match errors {
        [] => Ok(()),
        // Kubernetes names no kind here.
        errors => Err(Status::invalid(AUTHORIZATION, "", "", errors)),
    }
}

/// An error about the path of a question, which Kubernetes shows as its internal struct.
fn refuse_path(spec: &Value, why: &str) -> field::Error {
    let asked = &spec["nonResourceAttributes"];
    let shown = format!(
        "{{\"Path\":{:?},\"Verb\":{:?}}}",
        asked.text("path"),
        asked.text("verb")
    );
    field::Error::invalid("spec.nonResourceAttributes", asked.clone(), why).showing(shown)
}

/// A question is about a resource or about a path.
fn check_attributes(spec: &Value, errors: &mut Vec<field::Error>) {
    let of = |key: &str| spec.has(key);
    match (of("resourceAttributes"), of("nonResourceAttributes")) {
        (true, true) => errors.push(refuse_path(
            spec,
            "cannot be specified in combination with resourceAttributes",
        )),
        (false, false) => errors.push(field::Error::invalid(
            "spec.resourceAttributes",
            Value::Null,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
        _ => {}
    }
}

fn self_access(api: &ApiServer, spec: &Value, user: &UserInfo) -> Result<Value, Status> {
    let mut errors = Vec::new();
    check_attributes(spec, &mut errors);
    invalid(&errors)?;
    Ok(decide(api, spec, user))
}

fn access(api: &ApiServer, spec: &Value) -> Result<Value, Status> {
    let mut errors = Vec::new();
    check_attributes(spec, &mut errors);
    check_user(spec, &mut errors);
    invalid(&errors)?;
    Ok(decide(api, spec, &user_of(spec)))
}

fn check_user(spec: &Value, errors: &mut Vec<field::Error>) {
    if spec.text("user").is_empty() && spec.items("groups").is_empty() {
        let why = "at least one of user or group must be specified";
        errors.push(field::Error::invalid("spec.user", "", why));
    }
}

fn local_access(api: &ApiServer, review: &Value, namespace: &str) -> Result<Value, Status> {
    let (metadata, spec) = (&review["metadata"], &review["spec"]);
    if metadata.text("namespace") != namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let mut errors = Vec::new();
    check_attributes(spec, &mut errors);
    check_user(spec, &mut errors);
    let asked = spec["resourceAttributes"].text("namespace");
    if spec.has("resourceAttributes") && asked != namespace {
        let why = "must match metadata.namespace";
        errors.push(field::Error::invalid(
            "spec.resourceAttributes.namespace",
            asked,
            why,
        ));
    }
    if spec.has("nonResourceAttributes") {
        errors.push(refuse_path(spec, "disallowed on this kind of request"));
    }
    invalid(&errors)?;
    Ok(decide(api, spec, &user_of(spec)))
}

fn user_of(spec: &Value) -> UserInfo {
    let texts = |list: &Value| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        items
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect()
    };
    UserInfo {
        username: spec.text("user").to_owned(),
        uid: spec.text("uid").to_owned(),
        groups: texts(&spec["groups"]),
        extra: spec
            .entries("extra")
            .map(|(key, values)| (key.to_owned(), texts(values)))
            .collect(),
    }
}

fn decide(api: &ApiServer, spec: &Value, user: &UserInfo) -> Value {
    let (resource, other) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let attributes = match resource.is_null() {
        true => Attributes {
            user,
            verb: other.text("verb"),
            path: other.text("path"),
            ..Attributes::default()
        },
        false => Attributes {
            user,
            verb: resource.text("verb"),
            group: resource.text("group"),
            resource: resource.text("resource"),
            subresource: resource.text("subresource"),
            namespace: resource.text("namespace"),
            name: resource.text("name"),
            path: "",
        },
    };
    let decision = authorization::authorize(api, &attributes);
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.into();
    }
    status
}

fn self_rules(api: &ApiServer, spec: &Value, user: &UserInfo) -> Result<Value, Status> {
    let namespace = spec.text("namespace");
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let (mut rules, error) = rbac::rules_for(api, user, namespace);
    if user.is_in(MASTERS) {
        let all = || vec!["*".to_owned()];
        rules.insert(
            0,
            Rule {
                verbs: all(),
                groups: all(),
                resources: all(),
                ..Rule::default()
            },
        );
        rules.insert(
            1,
            Rule {
                verbs: all(),
                urls: all(),
                ..Rule::default()
            },
        );
    }
    let on_resources = rules.iter().filter(|rule| !rule.resources.is_empty());
    let on_paths = rules.iter().filter(|rule| !rule.urls.is_empty());
    let mut status = json!({
        "resourceRules": on_resources.map(shown).collect::<Vec<_>>(),
        "nonResourceRules": on_paths.map(shown).collect::<Vec<_>>(),
        "incomplete": false,
    });
    if let Some(error) = error {
        status["evaluationError"] = error.into();
    }
    Ok(status)
}

/// A rule as a review shows it; empty lists are left out.
fn shown(rule: &Rule) -> Value {
    let mut shown = json!({"verbs": rule.verbs});
    let lists = [
        ("apiGroups", &rule.groups),
        ("resources", &rule.resources),
        ("resourceNames", &rule.names),
        ("nonResourceURLs", &rule.urls),
    ];
    for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        shown[key] = json!(list);
    }
    shown
}

fn token_review(api: &ApiServer, spec: &Value) -> Result<Value, Status> {
    let token = spec.text("token");
    if token.is_empty() {
        let message = "token is required for TokenReview in authentication";
        return Err(Status::bad_request(message));
    }
    let asked: Vec<&str> = spec.items("audiences").iter().filter_map(Value::as_str).collect();
    let audiences = if asked.is_empty() { vec![ISSUER] } else { asked };
    Ok(match token::verify(api, token, &audiences) {
        Ok(mut verified) => {
            verified.user.groups.push(AUTHENTICATED.to_owned());
            json!({"authenticated": true, "user": verified.user, "audiences": verified.audiences})
        }
        Err("") => json!({"user": {}}),
        Err(why) => json!({"user": {}, "error": why}),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;

    fn api() -> ApiServer {
        let mut api = ApiServer::new(1, Time::default());
        api.bootstrap();
        api
    }

    #[test]
    fn a_question_is_about_a_resource_or_a_path_of_somebody() {
        let api = api();
        let asked = |spec: Value| access(&api, &spec).map_err(|status| status.message);
        let resource = json!({"verb": "get", "resource": "pods"});
        assert_eq!(
            asked(json!({"user": "jane", "resourceAttributes": resource})),
            Ok(json!({"allowed": false}))
        );
        assert_eq!(
            asked(json!({"groups": ["system:masters"], "resourceAttributes": resource})),
            Ok(json!({"allowed": true}))
        );
        assert_eq!(
            asked(json!({"resourceAttributes": resource})),
            Err(".authorization.k8s.io \"\" is invalid: spec.user: Invalid value: \"\": at least one of user or group must be specified".into())
        );
        let allowed = asked(json!({"groups": ["system:authenticated"],
            "nonResourceAttributes": {"verb": "get", "path": "/api/v1"}}));
        assert_eq!(
            allowed.unwrap()["reason"],
            "RBAC: allowed by ClusterRoleBinding \"system:discovery\" of ClusterRole \"system:discovery\" to Group \"system:authenticated\""
        );
    }

    #[test]
    fn a_local_question_is_about_resources_of_its_namespace() {
        let asked = |attributes: &Value| {
            let mut review = json!({"metadata": {"namespace": "shop"}, "spec": {"user": "jane"}});
            for (key, value) in attributes.as_object().unwrap() {
                review["spec"][key] = value.clone();
            }
            local_access(&api(), &review, "shop").map_err(|status| status.message)
        };
        let of = |namespace: &str| json!({"resourceAttributes": {"namespace": namespace, "verb": "get", "resource": "pods"}});
        assert_eq!(asked(&of("shop")), Ok(json!({"allowed": false})));
        assert_eq!(
            asked(&of("other")),
            Err(".authorization.k8s.io \"\" is invalid: spec.resourceAttributes.namespace: Invalid value: \"other\": must match metadata.namespace".into())
        );
        assert_eq!(
            asked(&json!({"nonResourceAttributes": {"path": "/x", "verb": "get"}})),
            Err(".authorization.k8s.io \"\" is invalid: spec.nonResourceAttributes: Invalid value: {\"Path\":\"/x\",\"Verb\":\"get\"}: disallowed on this kind of request".into())
        );
    }

    #[test]
    fn rules_are_told_resources_apart_from_paths() {
        let user = UserInfo::new("jane", &[AUTHENTICATED]);
        let status = self_rules(&api(), &json!({"namespace": "default"}), &user).unwrap();
        let resources = &status["resourceRules"][0];
        assert_eq!(resources["verbs"], json!(["create"]));
        assert!(status["nonResourceRules"][0]["nonResourceURLs"].is_array());
        let none = self_rules(&api(), &json!({}), &user).unwrap_err();
        assert_eq!(none.message, "no namespace on request");
    }

    #[test]
    fn a_token_from_elsewhere_is_nobodys() {
        let status = token_review(&api(), &json!({"token": "abc"})).unwrap();
        assert_eq!(status, json!({"user": {}}));
        assert!(token_review(&api(), &json!({})).is_err());
    }
}
