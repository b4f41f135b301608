//! What the API server asks of kubelets: logs, and requests passed on to containers
//! (Kubernetes: `pkg/kubelet/server`, `pkg/registry/core/pod/rest`).

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::{FollowedLog, LogOptions, Nodes};
use crate::apiserver::endpoints::{ProxyTarget, Runtime, SessionTarget};
use crate::apiserver::{ApiServer, Stream};
use crate::clock::Time;
use crate::images::LogLine;
use crate::network::{ConnectError, HttpRequest};
use crate::request::{Request, Response};
use crate::resource::{PODS, SERVICES};
use crate::status::Status;
use crate::status::field::Error;
use crate::storage::text;

/// How log lines are printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct LogFormat {
    /// Each line begins with its time.
    pub(crate) timestamps: bool,
    /// No more bytes than these.
    pub(crate) limit: Option<usize>,
}

impl LogFormat {
    /// The lines as bytes.
    pub(crate) fn print(self, lines: &[LogLine]) -> Vec<u8> {
        let mut out = String::new();
        for line in lines {
            if self.timestamps {
                // Writing to a string cannot fail.
                let _ = write!(out, "{} ", line.time.rfc3339_nano());
            }
            out.push_str(&line.text);
            out.push('\n');
        }
        let mut bytes = out.into_bytes();
        bytes.truncate(self.limit.unwrap_or(usize::MAX));
        bytes
    }
}

impl Runtime for Nodes {
    fn log(
        &mut self,
        api: &mut ApiServer,
        request: &Request,
        namespace: &str,
        name: &str,
    ) -> Result<Response, Status> {
        let errors = wrong_log_options(request);
        if !errors.is_empty() {
            return Err(Status::invalid("", "PodLogOptions", name, &errors));
        }
        let pod = api
            .get(&PODS, namespace, name)
            .ok_or_else(|| Status::not_found("", "pods", name))?;
        let number = |name: &str| {
            request
                .parameter(name)
                .and_then(|value| value.parse::<u64>().ok())
        };
        let options = LogOptions {
            previous: request.flag("previous"),
            tail_lines: number("tailLines").and_then(|lines| usize::try_from(lines).ok()),
            since: number("sinceSeconds").map(Duration::from_secs),
            since_time: request.parameter("sinceTime").and_then(|time| Time::parse(&time)),
        };
        let format = LogFormat {
            timestamps: request.flag("timestamps"),
            limit: number("limitBytes").and_then(|bytes| usize::try_from(bytes).ok()),
        };
        let container = request.parameter("container");
        let page = Self::log(self, pod, container.as_deref(), &options, api.now())?;
        if request.flag("follow") {
            let log = FollowedLog::new(page, format);
            return Ok(Response::stream("text/plain", Stream::log(log)));
        }
        Ok(Response::whole(200, "text/plain", format.print(&page.lines)))
    }

    fn connect(
        &mut self,
        api: &mut ApiServer,
        request: &Request,
        target: &SessionTarget,
    ) -> Result<Response, Status> {
        self.open_session(api, request, target)
    }

    fn proxy(
        &mut self,
        api: &mut ApiServer,
        request: &Request,
        target: &ProxyTarget,
    ) -> Result<Response, Status> {
        if target.plural == "nodes" {
            return self.proxy_to_node(api, request, target);
        }
        let (address, port) = proxied(api, target)?;
        let path = match request.query.as_str() {
            "" => target.path.clone(),
            query => format!("{}?{query}", target.path),
        };
        let asked = HttpRequest {
            method: request.method.clone(),
            path,
            headers: vec![("User-Agent".to_owned(), request.user_agent.clone())],
            ..HttpRequest::default()
        };
        match self.http(api, &address, port, &asked) {
            Ok(response) => {
                let kind = response.headers.iter().find(|(name, _)| name == "Content-Type");
                let kind = kind.map_or("", |(_, kind)| kind).to_owned();
                Ok(Response::whole(response.status, &kind, response.body))
            }
            Err(error) => Err(unreachable(&error)),
        }
    }
}

/// What is wrong with the options of a log
/// (Kubernetes: `ValidatePodLogOptions` in `pkg/apis/core/validation/validation.go`).
fn wrong_log_options(request: &Request) -> Vec<Error> {
    let number = |name: &str| {
        request
            .parameter(name)
            .and_then(|value| value.parse::<i64>().ok())
    };
    let mut errors = Vec::new();
    if let Some(lines) = number("tailLines").filter(|lines| *lines < 0) {
        errors.push(Error::invalid(
            "tailLines",
            lines,
            "must be greater than or equal to 0",
        ));
    }
    if let Some(bytes) = number("limitBytes").filter(|bytes| *bytes < 1) {
        errors.push(Error::invalid("limitBytes", bytes, "must be greater than 0"));
    }
    match (number("sinceSeconds"), request.parameter("sinceTime")) {
        (Some(_), Some(_)) => {
            let why = "at most one of `sinceTime` or `sinceSeconds` may be specified";
            errors.push(Error::forbidden("", why));
        }
        (Some(seconds), None) if seconds < 1 => {
            errors.push(Error::invalid("sinceSeconds", seconds, "must be greater than 0"));
        }
        _ => {}
    }
    errors
}

/// Where a proxied request goes: a pod's address, or a Service's.
fn proxied(api: &ApiServer, target: &ProxyTarget) -> Result<(String, u16), Status> {
    let parts: Vec<&str> = target.name.split(':').collect();
    let (name, port) = match parts.as_slice() {
        [name] => (*name, ""),
        [name, port] | [_, name, port] => (*name, *port),
        _ => {
            return Err(Status::bad_request(format!(
                "invalid proxy request {:?}",
                target.name
            )));
        }
    };
    let resource = if target.plural == "services" {
        &SERVICES
    } else {
        &PODS
    };
    let not_found = || Status::not_found("", target.plural, name);
    let object = api.get(resource, &target.namespace, name).ok_or_else(not_found)?;
    if target.plural == "services" {
        return service_address(object, name, port);
    }
    let address = text(object, &["status", "podIP"]);
    if address.is_empty() {
        return Err(Status::bad_request(format!(
            "address not allowed: pod {name} has no address yet"
        )));
    }
    let first = &object["spec"]["containers"][0]["ports"][0]["containerPort"];
    let number = port
        .parse()
        .ok()
        .or_else(|| first.as_u64().and_then(|port| u16::try_from(port).ok()));
    Ok((address.to_owned(), number.unwrap_or(80)))
}

fn service_address(service: &Value, name: &str, port: &str) -> Result<(String, u16), Status> {
    let ports = service["spec"]["ports"].as_array().map_or(&[][..], Vec::as_slice);
    let is_meant = |p: &&Value| {
        port.is_empty() && ports.len() == 1 || p["name"] == port || p["port"].as_u64() == port.parse().ok()
    };
    let found = ports
        .iter()
        .find(is_meant)
        .and_then(|p| u16::try_from(p["port"].as_u64()?).ok());
    let number = found.ok_or_else(|| no_endpoints(name))?;
    match text(service, &["spec", "clusterIP"]) {
        "" | "None" => Err(no_endpoints(name)),
        address => Ok((address.to_owned(), number)),
    }
}

fn no_endpoints(name: &str) -> Status {
    Status::new(
        503,
        "ServiceUnavailable",
        format!("no endpoints available for service \"{name}\""),
    )
}

pub(super) fn unreachable(error: &ConnectError) -> Status {
    let message = format!("error trying to reach service: {error}");
    Status::new(503, "ServiceUnavailable", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_log_are_checked() {
        for (query, expected) in [
            ("tailLines=0&sinceSeconds=1&limitBytes=1", &[][..]),
            (
                "tailLines=-1",
                &["tailLines: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                "limitBytes=0",
                &["limitBytes: Invalid value: 0: must be greater than 0"],
            ),
            (
                "sinceSeconds=0",
                &["sinceSeconds: Invalid value: 0: must be greater than 0"],
            ),
        ] {
            let errors = wrong_log_options(&Request::new("GET", &format!("/log?{query}")));
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{query}");
        }
        let both = Request::new("GET", "/log?sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z");
        assert_eq!(wrong_log_options(&both).len(), 1);
    }
}
