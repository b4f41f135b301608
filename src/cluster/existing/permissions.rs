//! What the learner must be allowed to do for a lab, asked before anything is made: `kubectl auth can-i`, by
//! SelfSubjectAccessReviews.

use super::{Refusal, refused};
use crate::check::Condition;
use crate::cluster::Error;
use crate::kinds::Kind;
use crate::lab::{Lab, LabError};
use crate::manifest;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::json;
use std::collections::BTreeSet;

/// How many questions are asked at a time: there are some fifty, and a server may be far away.
const AT_ONCE: usize = 8;

/// What must be possible with the objects of a lab, and with the others that it looks at.
const CHANGE: [&str; 6] = ["get", "list", "watch", "create", "patch", "delete"];
const LOOK: [&str; 3] = ["get", "list", "watch"];

/// Kinds that every lab looks at, or whose inventory is taken.
const LOOKED_AT: [&str; 8] = [
    "ConfigMap",
    "DaemonSet",
    "Deployment",
    "Event",
    "Pod",
    "ReplicaSet",
    "Service",
    "StatefulSet",
];

/// Something that must be allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Right {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: Option<&'static str>,
    namespaced: bool,
}

impl Right {
    fn new(verb: &'static str, kind: Kind) -> Self {
        Self {
            verb,
            group: kind.group,
            resource: kind.plural,
            subresource: None,
            namespaced: kind.namespaced,
        }
    }

    fn sub(self, subresource: &'static str) -> Self {
        Self {
            subresource: Some(subresource),
            ..self
        }
    }

    /// In the words of `kubectl auth can-i`.
    fn shown(&self) -> String {
        let group = if self.group.is_empty() {
            String::new()
        } else {
            format!(".{}", self.group)
        };
        let sub = self.subresource.map(|sub| format!("/{sub}")).unwrap_or_default();
        format!("{} {}{group}{sub}", self.verb, self.resource)
    }

    fn review(&self, namespace: &str) -> serde_json::Value {
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "metadata": {}, "spec": {
            "resourceAttributes": {"verb": self.verb, "group": self.group, "resource": self.resource,
                "subresource": self.subresource.unwrap_or_default(),
                "namespace": if self.namespaced { namespace } else { "" }}}})
    }
}

/// What is needed to make and remove a namespace.
pub(super) fn to_begin() -> Vec<Right> {
    let namespace = Kind::of("Namespace");
    let right = |verb| namespace.map(|kind| Right::new(verb, kind));
    ["get", "create", "delete"]
        .into_iter()
        .filter_map(right)
        .collect()
}

/// What a lab needs inside its namespace.
pub(super) fn of_the_lab(lab: &Lab) -> Result<Vec<Right>, LabError> {
    let mut rights = BTreeSet::new();
    for file in &lab.manifests {
        for document in manifest::parse(&file.path, &file.text)? {
            let kind = document.object["kind"].as_str().and_then(Kind::of);
            rights.extend(
                kind.into_iter()
                    .flat_map(|kind| CHANGE.map(|verb| Right::new(verb, kind))),
            );
        }
    }
    for kind in LOOKED_AT.into_iter().filter_map(Kind::of) {
        rights.extend(LOOK.map(|verb| Right::new(verb, kind)));
    }
    for (_, condition) in lab.definition.conditions() {
        condition.walk(&mut |part| rights.extend(of_condition(part)));
    }
    Ok(rights.into_iter().collect())
}

fn of_condition(condition: &Condition) -> Vec<Right> {
    let mut rights = vec![];
    for target in condition.targets() {
        if let Some(kind) = Kind::of(&target.kind) {
            rights.extend(LOOK.map(|verb| Right::new(verb, kind)));
        }
    }
    let pods = Kind::of("Pod").into_iter();
    match condition {
        Condition::LogContains(_) => rights.extend(pods.map(|kind| Right::new("get", kind).sub("log"))),
        Condition::Http(http) => {
            let asked = if http.target.kind == "Service" {
                "Service"
            } else {
                "Pod"
            };
            rights.extend(Kind::of(asked).map(|kind| Right::new("get", kind).sub("proxy")));
        }
        Condition::Endpoints(_) => {
            let slices = Kind::of("EndpointSlice").into_iter();
            rights.extend(slices.flat_map(|kind| LOOK.map(|verb| Right::new(verb, kind))));
        }
        _ => {}
    }
    rights
}

/// Asks for each right; an error that names all that are missing. A server without reviews is taken at its deeds.
pub(super) async fn check(client: &Client, rights: &[Right], namespace: &str) -> Result<(), Error> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let asked = stream::iter(rights)
        .map(|right| allowed(&reviews, right, namespace))
        .buffered(AT_ONCE);
    let allowed: Vec<bool> = asked.try_collect().await?;
    let missing = rights.iter().zip(allowed).filter(|(_, allowed)| !allowed);
    let missing: Vec<String> = missing.map(|(right, _)| right.shown()).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Denied(missing).into())
    }
}

async fn allowed(
    reviews: &Api<SelfSubjectAccessReview>,
    right: &Right,
    namespace: &str,
) -> Result<bool, Error> {
    let review = serde_json::from_value(right.review(namespace));
    let review = review.map_err(|error| refused(kube::Error::SerdeError(error)))?;
    match reviews.create(&PostParams::default(), &review).await {
        Ok(answer) => Ok(answer.status.is_some_and(|status| status.allowed)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(true),
        Err(error) => Err(refused(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Catalogue;
    use http::{Request, Response};
    use http_body_util::BodyExt as _;
    use kube::client::Body;

    #[test]
    fn a_lab_needs_to_change_its_own_objects_and_to_look_at_the_rest() {
        let lab = Catalogue::builtin().find("ch07-readiness").unwrap().clone();
        let rights: Vec<String> = of_the_lab(&lab).unwrap().iter().map(Right::shown).collect();
        for needed in [
            "create pods",
            "delete services",
            "get services/proxy",
            "list endpointslices.discovery.k8s.io",
            "watch events",
        ] {
            assert!(rights.iter().any(|right| right == needed), "{needed}: {rights:?}");
        }
        assert!(
            !rights.iter().any(|right| right == "create deployments.apps"),
            "{rights:?}"
        );
        assert_eq!(
            to_begin().iter().map(Right::shown).collect::<Vec<_>>(),
            ["get namespaces", "create namespaces", "delete namespaces"]
        );
    }

    /// A client of a server that allows every verb but one.
    fn denying(verb: &'static str) -> Client {
        let service = tower::service_fn(move |request: Request<Body>| async move {
            let bytes = request.into_body().collect().await?.to_bytes();
            let mut review: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let allowed = review["spec"]["resourceAttributes"]["verb"] != verb;
            review["status"] = json!({ "allowed": allowed });
            Ok::<_, kube::Error>(Response::new(Body::from(review.to_string().into_bytes())))
        });
        Client::new(service, "default")
    }

    #[tokio::test]
    async fn what_is_not_allowed_is_named() {
        check(&denying("nothing"), &to_begin(), "x").await.unwrap();
        let error = check(&denying("create"), &to_begin(), "x").await.unwrap_err();
        let Error::Existing(Refusal::Denied(missing)) = error else {
            panic!("{error}")
        };
        assert_eq!(missing, ["create namespaces"]);
    }
}
