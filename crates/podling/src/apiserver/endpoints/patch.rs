//! PATCH: JSON, merge and strategic merge patches, and server-side apply.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`.

use serde_json::Value;

use super::mutate::{Change, check_name, media_type, stored, target};
use super::presentation::Presentation;
use super::query::{self, field_validation};
use crate::apiserver::decode::{self, FieldValidation, GroupVersionKind, Origin};
use crate::apiserver::patch::{self, Patch};
use crate::apiserver::place::Place;
use crate::apiserver::route::Route;
use crate::apiserver::versions;
use crate::apiserver::write::{Ownership, Target};
use crate::apiserver::{ApiServer, WriteOptions, managed_fields};
use crate::request::{Request, Response};
use crate::resource::Resource;
use crate::status::{Status, field};
use crate::storage::{Object, text};

/// The media type of a configuration that is applied.
pub(super) const APPLY: &str = "application/apply-patch+yaml";

pub(super) fn change(
    api: &mut ApiServer,
    request: &Request,
    route: &Route,
    warnings: &mut Vec<String>,
) -> Result<Response, Status> {
    let presentation = Presentation::of(request)?;
    let options = query::write_options(request)?;
    let old = stored(api, route);
    let new = match kind_of(request)? {
        Kind::Apply => apply(api, request, route, &options, warnings)?,
        Kind::Change(patch) => {
            let target = Target {
                patch: true,
                ..target(route)
            };
            let validation = field_validation(request)?;
            if old.is_none() {
                return Err(target.not_found());
            }
            let change = |old: &Value| {
                let new = patched(patch, route.resource, old, validation, warnings)?;
                check_place(&new, &target).map(|()| new)
            };
            api.update_with(&target, &options, Ownership::Tracked, change)?
        }
    };
    let change = Change { old, new };
    Ok(change.answer(api, &presentation, route, warnings))
}

/// What kind of patch a request brings.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<'a> {
    /// A configuration to be applied.
    Apply,
    /// A change to what there is.
    Change(Patch<'a>),
}

/// The kind that the media type names.
///
/// # Errors
/// 415 for other types; 422 if a change is to be forced, which only an apply can be, or an apply has no manager.
pub(super) fn kind_of(request: &Request) -> Result<Kind<'_>, Status> {
    let media_type = media_type(request);
    if media_type == APPLY {
        let named = request
            .parameter("fieldManager")
            .is_some_and(|manager| !manager.is_empty());
        return match named {
            true => Ok(Kind::Apply),
            false => Err(refused(field::Error::required(
                "fieldManager",
                "is required for apply patch",
            ))),
        };
    }
    let patch = Patch::of(media_type, &request.body).ok_or_else(unsupported)?;
    if request.parameter("force").is_some() {
        return Err(refused(field::Error::forbidden(
            "force",
            "may not be specified for non-apply patch",
        )));
    }
    Ok(Kind::Change(patch))
}

fn refused(error: field::Error) -> Status {
    query::refusal("PatchOptions", &[error])
}

fn unsupported() -> Status {
    let mut status = Status::new(415, "UnsupportedMediaType", "415: Unsupported Media Type");
    status.details = Some(Box::default());
    status
}

fn patched(
    patch: Patch<'_>,
    resource: &'static Resource,
    old: &Value,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, Status> {
    let shown = versions::shown_as(resource, old);
    let new = patched_kind(
        patch,
        GroupVersionKind::of(resource),
        &shown,
        validation,
        warnings,
    )?;
    Ok(versions::to_stored(resource, new))
}

/// The object of a kind that a patch makes of another, decoded again.
///
/// # Errors
/// What [`Patch::apply`] refuses, and 422 for a result that is no object of the kind.
pub(super) fn patched_kind(
    patch: Patch<'_>,
    kind: GroupVersionKind<'_>,
    old: &Value,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, Status> {
    let root = Place::root(kind);
    let patched = patch.apply(root, old)?;
    let decoded = decode::decode_patched(
        kind,
        &patched,
        patch.origin(),
        validation,
        patch.repeated_fields(),
    )
    .map_err(|why| patch.unfit(root, &patched, &why))?;
    warnings.extend(decoded.warnings);
    Ok(decoded.object)
}

/// A patch may not move an object.
fn check_place(object: &Value, target: &Target<'_>) -> Result<(), Status> {
    check_name(object, &target.name)?;
    let namespace = text(object, &["metadata", "namespace"]);
    if namespace.is_empty() || namespace == target.namespace {
        return Ok(());
    }
    Err(Status::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request",
    ))
}

fn apply(
    api: &mut ApiServer,
    request: &Request,
    route: &Route,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<Object, Status> {
    let validation = field_validation(request)?;
    let configuration = patch::configuration(&request.body)?;
    let force = request.flag("force");
    let target = target(route);
    let live = stored(api, route);
    let kind = GroupVersionKind::of(route.resource);
    let writer = options.writer(target.subresource, api.now());
    let shown = live
        .as_deref()
        .map(|live| versions::shown_as(route.resource, live));
    let merged = managed_fields::apply(kind, shown.as_deref(), &configuration, force, &writer)?;
    check_name(&merged, &target.name)?;
    let decoded = decode::decode_patched(kind, &merged, Origin::Map, validation, Vec::new())
        .map_err(|why| patch::unfit_configuration(&configuration, &why))?;
    warnings.extend(decoded.warnings);
    let merged = versions::to_stored(route.resource, decoded.object);
    match live {
        Some(_) => api.update_with(&target, options, Ownership::Applied, |_| Ok(merged)),
        None if target.subresource.is_some() => Err(target.not_found()),
        None if !text(&merged, &["metadata", "uid"]).is_empty() => Err(target.no_such_uid(&merged)),
        None => {
            api.require_creation(&target)?;
            api.create_with(
                target.resource,
                &target.namespace,
                merged,
                options,
                Ownership::Applied,
            )
        }
    }
}
