//! The endpoints: a request in, an answer out.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/installer.go` and `.../handlers`.

mod component_status;
mod encoding;
mod eviction;
mod list;
mod mutate;
mod patch;
pub(crate) mod presentation;
mod query;
mod read;
mod resource_metrics;
mod reviews;
mod scale;
mod token_request;

use super::authorization::RequestInfo;
use super::route::{self, Destination, Route};
use super::{ApiServer, authentication, authorization, discovery, registry};
use crate::request::{MAX_BODY_BYTES, Request, Response};
use crate::resource::{self, BINDINGS, COMPONENT_STATUSES, Resource, inert};
use crate::status::Status;
use crate::user::UserInfo;

/// Answers one API call, if its sender may make it; what concerns nodes (logs, proxy) comes in through `runtime`.
pub(crate) fn handle(api: &mut ApiServer, request: &Request, runtime: &mut dyn Runtime) -> Response {
    let response = match admitted(api, request) {
        Ok(user) => {
            // A request can make a container send another.
            let outer = api.user.replace(user);
            let response = answer(api, request, runtime);
            api.user = outer;
            response
        }
        Err(refusal) => refusal.into(),
    };
    encoding::encode(request, response)
}

/// Who sends the request, if they may.
fn admitted(api: &ApiServer, request: &Request) -> Result<UserInfo, Status> {
    let user = authentication::authenticate(api, request)?;
    authorization::require(api, &RequestInfo::of(request).attributes(&user))?;
    Ok(user)
}

fn answer(api: &mut ApiServer, request: &Request, runtime: &mut dyn Runtime) -> Response {
    if request.body.len() > MAX_BODY_BYTES {
        return Status::too_large(&format!("limit is {MAX_BODY_BYTES}")).into();
    }
    let served = resource::served(api.metrics().is_some());
    if let Some(response) = discovery::document(request, served) {
        return response;
    }
    if let Some(response) = resource_metrics::answer(api, request) {
        return response;
    }
    match route::parse(&request.path) {
        Destination::Resource(route) => of_resource(api, request, &route, runtime),
        Destination::UnknownResource => Status::no_such_path().into(),
        Destination::Nothing => Response::text(404, "404 page not found\n"),
    }
}

/// What the API server asks of the nodes: the kubelets' own endpoints.
pub(crate) trait Runtime {
    /// `pods/log`.
    fn log(
        &mut self,
        api: &mut ApiServer,
        request: &Request,
        namespace: &str,
        name: &str,
    ) -> Result<Response, Status>;

    /// `pods/exec`, `pods/attach` and `pods/portforward`: opens a session.
    fn connect(
        &mut self,
        api: &mut ApiServer,
        request: &Request,
        target: &SessionTarget,
    ) -> Result<Response, Status>;

    /// `pods/proxy` and `services/proxy`, one HTTP exchange with a container, and `nodes/proxy`, one with a kubelet.
    fn proxy(
        &mut self,
        api: &mut ApiServer,
        request: &Request,
        target: &ProxyTarget,
    ) -> Result<Response, Status>;
}

/// What a session is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SessionTarget {
    /// What it does.
    pub(crate) verb: SessionVerb,
    pub(crate) namespace: String,
    /// The pod's name.
    pub(crate) name: String,
}

/// What a session does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SessionVerb {
    /// Runs a command in a container.
    Exec,
    /// Joins a container's first process.
    Attach,
    /// Carries connections to a pod's ports.
    PortForward,
}

/// What a proxied request is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ProxyTarget {
    /// `nodes`, `pods` or `services`.
    pub(crate) plural: &'static str,
    pub(crate) namespace: String,
    /// `name`, `name:port` or `scheme:name:port`.
    pub(crate) name: String,
    /// The path behind `proxy`, with its leading slash.
    pub(crate) path: String,
}

/// Answers a request about a resource; a refusal carries the warnings that came before it.
fn of_resource(api: &mut ApiServer, request: &Request, route: &Route, runtime: &mut dyn Runtime) -> Response {
    let mut warnings: Vec<String> = registry::deprecation(route.resource)
        .map(str::to_owned)
        .into_iter()
        .collect();
    let response = dispatch(api, request, route, runtime, &mut warnings);
    response.unwrap_or_else(Response::from).with_warnings(&warnings)
}

fn dispatch(
    api: &mut ApiServer,
    request: &Request,
    route: &Route,
    runtime: &mut dyn Runtime,
    warnings: &mut Vec<String>,
) -> Result<Response, Status> {
    let subresource = route.subresource.map(|subresource| subresource.name);
    refuse_inert(request, route)?;
    if is_unstored(route.resource) {
        return unstored(api, request, route, warnings);
    }
    match (request.method.as_str(), subresource) {
        ("GET", Some("log")) => runtime.log(api, request, route.namespace(), route.name()),
        ("GET" | "POST", Some("exec")) => connect(api, request, route, runtime, SessionVerb::Exec),
        ("GET" | "POST", Some("attach")) => connect(api, request, route, runtime, SessionVerb::Attach),
        ("GET" | "POST", Some("portforward")) => {
            connect(api, request, route, runtime, SessionVerb::PortForward)
        }
        (_, Some("exec" | "attach" | "portforward")) => Err(Status::method_not_allowed()),
        (_, Some("proxy")) => runtime.proxy(api, request, &proxy_target(route)),
        (_, Some("scale")) => scale::handle(api, request, route, warnings),
        (_, Some("log")) => Err(Status::method_not_allowed()),
        ("POST", Some("binding")) => mutate::bind(api, request, route),
        ("POST", Some("eviction")) => eviction::evict(api, request, route),
        (_, Some("binding" | "eviction")) => Err(Status::method_not_allowed()),
        ("POST", Some("token")) => token_request::create(api, request, route),
        (_, Some("token")) => Err(Status::method_not_allowed()),
        ("GET" | "HEAD", _) if route.name.is_some() => read::get(api, request, route),
        ("GET" | "HEAD", None) => read::list_or_watch(api, request, route),
        ("POST", None) if route.name.is_none() => mutate::create(api, request, route, warnings),
        ("PUT", _) if route.name.is_some() => mutate::update(api, request, route, warnings),
        ("PATCH", _) if route.name.is_some() => patch::change(api, request, route, warnings),
        ("DELETE", None) if route.name.is_some() => mutate::delete(api, request, route, warnings),
        ("DELETE", None) => mutate::delete_collection(api, request, route, warnings),
        _ => Err(Status::method_not_allowed()),
    }
}

/// Whether there are no objects of a resource: they are only asked, or only made.
fn is_unstored(resource: &Resource) -> bool {
    [&COMPONENT_STATUSES, &BINDINGS].contains(&resource) || reviews::is_review(resource)
}

fn unstored(
    api: &mut ApiServer,
    request: &Request,
    route: &Route,
    warnings: &mut Vec<String>,
) -> Result<Response, Status> {
    let reads = matches!(request.method.as_str(), "GET" | "HEAD");
    let creates = request.method == "POST" && route.name.is_none();
    if route.resource == &COMPONENT_STATUSES && reads {
        component_status::read(api, request, route)
    } else if route.resource == &BINDINGS && creates {
        mutate::bind_named(api, request, route)
    } else if reviews::is_review(route.resource) && creates {
        reviews::create(api, request, route, warnings)
    } else {
        Err(Status::method_not_allowed())
    }
}

fn connect(
    api: &mut ApiServer,
    request: &Request,
    route: &Route,
    runtime: &mut dyn Runtime,
    verb: SessionVerb,
) -> Result<Response, Status> {
    let target = SessionTarget {
        verb,
        namespace: route.namespace().to_owned(),
        name: route.name().to_owned(),
    };
    runtime.connect(api, request, &target)
}

/// Refuses to make what nothing in this cluster would act upon.
fn refuse_inert(request: &Request, route: &Route) -> Result<(), Status> {
    let resource = route.resource;
    let writes = matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
    match inert::why_not(resource).filter(|_| writes) {
        Some(why) => Err(Status::forbidden(
            resource.group,
            resource.plural,
            route.name(),
            why,
        )),
        None => Ok(()),
    }
}

fn proxy_target(route: &Route) -> ProxyTarget {
    ProxyTarget {
        plural: route.resource.plural,
        namespace: route.namespace().to_owned(),
        name: route.name().to_owned(),
        path: if route.rest.is_empty() {
            "/".to_owned()
        } else {
            route.rest.clone()
        },
    }
}
