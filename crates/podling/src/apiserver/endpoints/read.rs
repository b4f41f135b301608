//! GET: one object, a list, a watch.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/get.go`. Differs from Kubernetes: a continued list shows the
//! objects as they are now, not as they were when its first page was read.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::presentation::{Presentation, stored_as};
use super::query;
use crate::apiserver::route::Route;
use crate::apiserver::selector::Selection;
use crate::apiserver::stream::watch::{Start, Watch};
use crate::apiserver::{ApiServer, Stream};
use crate::request::{Request, Response};
use crate::status::{Cause, Details, Status};
use crate::storage::{Object, text};

/// How long a watch lasts that asks for no limit: Kubernetes draws 30 to 60 minutes.
const DEFAULT_WATCH: Duration = Duration::from_secs(45 * 60);

pub(super) fn get(api: &ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let presentation = Presentation::of(request, false)?;
    check_not_in_future(api, query::resource_version(request)?)?;
    let resource = route.resource;
    let object = api
        .get(stored_as(resource), route.namespace(), route.name())
        .ok_or_else(|| Status::not_found(resource.group, resource.plural, route.name()))?;
    Ok(Response::json(
        200,
        &presentation.object(resource, object, api.now()),
    ))
}

pub(super) fn list_or_watch(api: &ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let watch = request.flag("watch");
    let presentation = Presentation::of(request, watch)?;
    let selection = Selection::parse(
        route.resource,
        &request.parameter("labelSelector").unwrap_or_default(),
        &request.parameter("fieldSelector").unwrap_or_default(),
    )?;
    query::check_list_options(request, watch)?;
    if watch {
        return start_watch(api, request, route, presentation, selection);
    }
    presentation.check_list(route.resource)?;
    list(api, request, route, &presentation, &selection)
}

fn list(
    api: &ApiServer,
    request: &Request,
    route: &Route,
    presentation: &Presentation,
    selection: &Selection,
) -> Result<Response, Status> {
    let limit = query::integer(request, "limit")?.unwrap_or(0);
    let version = query::resource_version(request)?;
    let from = match request.parameter("continue").filter(|token| !token.is_empty()) {
        Some(_) if version.is_some_and(|version| version > 0) => {
            return Err(Status::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        Some(token) => Some(continue_key(&token)?),
        None => None,
    };
    check_not_in_future(api, version)?;
    check_exact(api, request, version)?;
    let page = page(
        selected(api, route, selection),
        from.as_ref(),
        usize::try_from(limit).unwrap_or(0),
    );
    let mut metadata = json!({"resourceVersion": api.revision().to_string()});
    if let Some(last) = page.1 {
        metadata["continue"] = continue_token(&last).into();
        if request.parameter("labelSelector").is_none() && request.parameter("fieldSelector").is_none() {
            metadata["remainingItemCount"] = page.2.into();
        }
    }
    let items = page.0.iter().map(AsRef::as_ref);
    Ok(Response::json(
        200,
        &presentation.list(route.resource, items, &metadata, api.now()),
    ))
}

/// The selected objects of a route, ordered by namespace and name.
pub(super) fn selected(api: &ApiServer, route: &Route, selection: &Selection) -> Vec<Object> {
    let objects = api.list(stored_as(route.resource), route.namespace.as_deref());
    objects
        .filter(|object| selection.matches(object))
        .cloned()
        .collect()
}

type Place = (String, String);

fn place(object: &Value) -> Place {
    (
        text(object, &["metadata", "namespace"]).to_owned(),
        text(object, &["metadata", "name"]).to_owned(),
    )
}

/// The objects after `from`, `limit` of them (0 for all), where they end if there are more, and how many more.
fn page(objects: Vec<Object>, from: Option<&Place>, limit: usize) -> (Vec<Object>, Option<Place>, usize) {
    let mut rest: Vec<Object> = objects
        .into_iter()
        .filter(|object| from.is_none_or(|from| place(object) > *from))
        .collect();
    if limit == 0 || rest.len() <= limit {
        return (rest, None, 0);
    }
    let remaining = rest.len() - limit;
    rest.truncate(limit);
    let last = rest.last().map(|object| place(object));
    (rest, last, remaining)
}

fn continue_token((namespace, name): &Place) -> String {
    STANDARD.encode(json!({"v": "meta.k8s.io/v1", "start": [namespace, name]}).to_string())
}

fn continue_key(token: &str) -> Result<Place, Status> {
    let refuse = |why: &str| {
        Status::bad_request(format!(
            "invalid continue token: continue key is not valid: {why}"
        ))
    };
    let bytes = STANDARD.decode(token).map_err(|error| match error {
        base64::DecodeError::InvalidByte(at, _) => refuse(&format!("illegal base64 data at input byte {at}")),
        // Go reports the first byte of the group that is cut short.
        _ => refuse(&format!(
            "illegal base64 data at input byte {}",
            token.len() / 4 * 4
        )),
    })?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| refuse(&error.to_string()))?;
    let part = |at: usize| value["start"][at].as_str().map(str::to_owned);
    part(0).zip(part(1)).ok_or_else(|| refuse("it names no place"))
}

fn check_not_in_future(api: &ApiServer, version: Option<u64>) -> Result<(), Status> {
    let Some(version) = version.filter(|version| *version > api.revision()) else {
        return Ok(());
    };
    let message = format!(
        "Timeout: Too large resource version: {version}, current: {}",
        api.revision()
    );
    let cause = Cause {
        reason: "ResourceVersionTooLarge".to_owned(),
        message: "Too large resource version".to_owned(),
        field: String::new(),
    };
    let details = Details {
        causes: vec![cause],
        retry_after_seconds: 1,
        ..Details::default()
    };
    Err(Status {
        details: Some(Box::new(details)),
        ..Status::new(504, "Timeout", message)
    })
}

/// A list "exactly as it was" can only be had for the present.
fn check_exact(api: &ApiServer, request: &Request, version: Option<u64>) -> Result<(), Status> {
    let exact = request.parameter("resourceVersionMatch").as_deref() == Some("Exact");
    match version {
        Some(version) if exact && version < api.revision() => Err(Status::expired(
            "The resourceVersion for the provided list is too old.",
        )),
        _ => Ok(()),
    }
}

fn start_watch(
    api: &ApiServer,
    request: &Request,
    route: &Route,
    presentation: Presentation,
    selection: Selection,
) -> Result<Response, Status> {
    let version = query::resource_version(request)?.unwrap_or(0);
    let seconds = query::integer(request, "timeoutSeconds")?.and_then(|seconds| u64::try_from(seconds).ok());
    let lasts = seconds
        .filter(|seconds| *seconds > 0)
        .map_or(DEFAULT_WATCH, Duration::from_secs);
    let initial = request.flag("sendInitialEvents");
    let bookmarks = request.flag("allowWatchBookmarks");
    let start = match version {
        _ if initial => Start::Initial { bookmark: bookmarks },
        0 => Start::Initial { bookmark: false },
        version => Start::After(version),
    };
    let mut watch = Watch::new(api, route.resource, presentation);
    watch.namespace.clone_from(&route.namespace);
    // A watch on `/api/v1/.../pods/p`-like single objects is a list with a field selector on the name.
    watch.selection = selection;
    watch.start = start;
    watch.bookmarks = bookmarks;
    watch.ends = api.now() + lasts;
    Ok(Response::stream("application/json", Stream::watch(api, watch)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continue_token_names_the_place_where_the_page_ended() {
        let place = ("a".to_owned(), "x".to_owned());
        assert_eq!(continue_key(&continue_token(&place)).ok(), Some(place));
        assert_eq!(
            continue_key("hello").unwrap_err().message,
            "invalid continue token: continue key is not valid: illegal base64 data at input byte 4"
        );
    }

    #[test]
    fn pages_follow_each_other_without_gaps() {
        let object = |name: &str| Object::new(json!({"metadata": {"namespace": "a", "name": name}}));
        let objects: Vec<Object> = ["a", "b", "c"].into_iter().map(object).collect();
        let (first, last, remaining) = page(objects.clone(), None, 2);
        assert_eq!((first.len(), remaining), (2, 1));
        let (second, end, _) = page(objects, last.as_ref(), 2);
        assert_eq!((second.len(), end), (1, None));
    }
}
