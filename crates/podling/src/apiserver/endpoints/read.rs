//! GET: one object, a list, a watch.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/get.go`.

use std::time::Duration;

use super::presentation::Presentation;
use super::{list, query};
use crate::apiserver::negotiation::Endpoint;
use crate::apiserver::route::Route;
use crate::apiserver::selector::Selection;
use crate::apiserver::stream::watch::{Start, Watch};
use crate::apiserver::versions::stored_as;
use crate::apiserver::{ApiServer, Stream};
use crate::request::{Request, Response};
use crate::status::Status;
use crate::storage::Object;

/// How long a watch lasts that asks for no limit: Kubernetes draws 30 to 60 minutes.
const DEFAULT_WATCH: Duration = Duration::from_secs(45 * 60);

pub(super) fn get(api: &ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let presentation = Presentation::of(request)?;
    presentation.check_object(route.resource)?;
    query::check_not_in_future(api, query::resource_version(request)?)?;
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
    let endpoint = if watch { Endpoint::Watch } else { Endpoint::List };
    let presentation = Presentation::at(request, endpoint)?;
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
    list::list(api, request, route, &presentation, &selection)
}

/// The selected objects of a route, ordered by namespace and name.
pub(super) fn selected(api: &ApiServer, route: &Route, selection: &Selection) -> Vec<Object> {
    let objects = api.list(stored_as(route.resource), route.namespace.as_deref());
    objects
        .filter(|object| selection.matches(object))
        .cloned()
        .collect()
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
    watch.bookmarks = bookmarks;
    watch.ends = api.now() + lasts;
    watch.begin(api, start);
    Ok(Response::stream("application/json", Stream::watch(watch)))
}
