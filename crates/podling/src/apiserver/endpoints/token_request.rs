//! `serviceaccounts/token`: a new token for a ServiceAccount.
//!
//! Source: `pkg/registry/core/serviceaccount/storage/token.go` and `pkg/apis/authentication/validation`.

use std::time::Duration;

use serde_json::{Value, json};

use super::mutate::decode_as;
use crate::apiserver::ApiServer;
use crate::apiserver::authentication::token::{self, Claims, ISSUER};
use crate::apiserver::registry::read::{Fields as _, object_at, set_default_for_zero};
use crate::apiserver::route::Route;
use crate::request::{Request, Response};
use crate::resource::{NODES, PODS, Resource, SECRETS, SERVICE_ACCOUNTS};
use crate::status::{Status, field};
use crate::storage::Object;

const GROUP: &str = "authentication.k8s.io";
const KIND: &str = "TokenRequest";

const DEFAULT_SECONDS: i64 = 3600;
const LEAST_SECONDS: i64 = 10 * 60;
const MOST_SECONDS: i64 = 1 << 32;

/// POST.
pub(super) fn create(api: &mut ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let mut wanted = decode_as(request, (GROUP, "v1", KIND))?.object;
    check_place(&wanted["metadata"], route)?;
    let account = api
        .get(&SERVICE_ACCOUNTS, route.namespace(), route.name())
        .cloned();
    let account = account.ok_or_else(|| Status::not_found("", SERVICE_ACCOUNTS.plural, route.name()))?;
    let spec = object_at(&mut wanted, "spec");
    set_default_for_zero(spec, "expirationSeconds", DEFAULT_SECONDS);
    if spec.items("audiences").is_empty() {
        spec["audiences"] = json!([ISSUER]);
    }
    let seconds = spec.number("expirationSeconds").unwrap_or(DEFAULT_SECONDS);
    check_lifetime(seconds)?;
    let token = issue(api, &account, spec, route)?;
    Ok(Response::json(201, &answer(api, route, spec, &token)))
}

/// The token that a complete `spec` asks for.
fn issue(api: &ApiServer, account: &Value, spec: &Value, route: &Route) -> Result<String, Status> {
    let bound = bound_object(api, &spec["boundObjectRef"], route)?;
    let node = bound
        .as_ref()
        .and_then(|(kind, object)| node_of(api, kind, object));
    let audiences = spec.items("audiences").iter();
    let audiences: Vec<String> = audiences
        .filter_map(|audience| audience.as_str().map(str::to_owned))
        .collect();
    let claims = Claims {
        account,
        audiences: &audiences,
        seconds: spec.number("expirationSeconds").unwrap_or(DEFAULT_SECONDS),
        bound_to: bound.as_ref().map(|(kind, object)| (*kind, object.as_ref())),
        node: node.as_deref(),
        issued: api.now(),
    };
    Ok(token::issue(api.token_key(), &claims))
}

fn answer(api: &mut ApiServer, route: &Route, spec: &Value, token: &str) -> Value {
    let now = api.now();
    let seconds = spec.number("expirationSeconds").unwrap_or(DEFAULT_SECONDS);
    let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    json!({
        "kind": KIND, "apiVersion": format!("{GROUP}/v1"),
        "metadata": {
            "name": route.name(), "namespace": route.namespace(), "uid": api.rng.uuid(),
            "creationTimestamp": now.rfc3339(),
        },
        "spec": {
            "audiences": spec["audiences"], "expirationSeconds": seconds, "boundObjectRef": spec["boundObjectRef"],
        },
        "status": {"token": token, "expirationTimestamp": (now + lifetime).rfc3339()},
    })
}

fn invalid(error: field::Error) -> Status {
    Status::invalid(GROUP, KIND, "", &[error])
}

/// A request that names its ServiceAccount names the one of the path.
fn check_place(metadata: &Value, route: &Route) -> Result<(), Status> {
    for (key, place) in [("name", route.name()), ("namespace", route.namespace())] {
        let own = metadata.text(key);
        if !own.is_empty() && own != place {
            let why = format!("must match the service account {key} if specified");
            return Err(invalid(field::Error::invalid(
                format!("metadata.{key}"),
                own,
                why,
            )));
        }
    }
    Ok(())
}

fn check_lifetime(seconds: i64) -> Result<(), Status> {
    let why = match seconds {
        ..LEAST_SECONDS => "may not specify a duration less than 10 minutes",
        LEAST_SECONDS..=MOST_SECONDS => return Ok(()),
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    Err(invalid(field::Error::invalid(
        "spec.expirationSeconds",
        seconds,
        why,
    )))
}

/// The object that the token is to die with.
fn bound_object(
    api: &ApiServer,
    reference: &Value,
    route: &Route,
) -> Result<Option<(&'static str, Object)>, Status> {
    if reference.is_null() {
        return Ok(None);
    }
    let (kind, resource, namespace): (&'static str, &'static Resource, &str) =
        match (reference.text("apiVersion"), reference.text("kind")) {
            ("" | "v1", "Pod") => ("Pod", &PODS, route.namespace()),
            ("" | "v1", "Secret") => ("Secret", &SECRETS, route.namespace()),
            ("" | "v1", "Node") => ("Node", &NODES, ""),
            (version, kind) => {
                let message = format!("cannot bind token to object of type {version}, Kind={kind}");
                return Err(Status::bad_request(message));
            }
        };
    let (name, uid) = (reference.text("name"), reference.text("uid"));
    let found = api.get(resource, namespace, name).cloned();
    let object = found.ok_or_else(|| Status::not_found("", resource.plural, name))?;
    let account = route.name();
    if kind == "Pod" && object["spec"].text("serviceAccountName") != account {
        return Err(Status::bad_request(format!(
            "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
        )));
    }
    if !uid.is_empty() && uid != object["metadata"].text("uid") {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Status::conflict("", kind, name, &why));
    }
    Ok(Some((kind, object)))
}

fn node_of(api: &ApiServer, kind: &str, pod: &Value) -> Option<Object> {
    let node = pod["spec"].text("nodeName");
    (kind == "Pod")
        .then(|| api.get(&NODES, "", node).cloned())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lives_ten_minutes_at_least() {
        assert!(check_lifetime(600).is_ok());
        for (seconds, why) in [
            (599, "may not specify a duration less than 10 minutes"),
            (
                MOST_SECONDS + 1,
                "may not specify a duration larger than 2^32 seconds",
            ),
        ] {
            assert_eq!(
                check_lifetime(seconds).unwrap_err().message,
                format!(
                    "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: {seconds}: {why}"
                )
            );
        }
    }
}
