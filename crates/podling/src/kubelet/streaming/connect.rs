//! Opening a session: what the API server and the kubelet check first, in their words
//! (Kubernetes: `streamLocation` in `pkg/registry/core/pod/strategy.go`, `GetExec` in `pkg/kubelet/kubelet_pods.go`).

use serde_json::Value;

use super::channels::{PROTOCOLS, Streams};
use super::port_forward;
use crate::apiserver::ApiServer;
use crate::apiserver::endpoints::{SessionTarget, SessionVerb};
use crate::kubelet::Nodes;
use crate::kubelet::logs::choose;
use crate::request::{Request, Response};
use crate::resource::PODS;
use crate::status::Status;
use crate::storage::text;

/// Why a stream cannot be upgraded (Kubernetes: `k8s.io/apimachinery/pkg/util/httpstream`).
const NO_UPGRADE: &str = "Upgrade request required";

impl Nodes {
    /// Opens the session that a request asks for.
    pub(in crate::kubelet) fn open_session(
        &mut self,
        api: &mut ApiServer,
        request: &Request,
        target: &SessionTarget,
    ) -> Result<Response, Status> {
        let pod = api
            .get(&PODS, &target.namespace, &target.name)
            .cloned()
            .ok_or_else(|| Status::not_found("", "pods", &target.name))?;
        if target.verb == SessionVerb::PortForward {
            check_assigned(&pod)?;
            return self.open_port_forward(api, request, &pod);
        }
        let streams = Streams {
            stdin: request.flag("stdin"),
            stdout: request.flag("stdout"),
            stderr: request.flag("stderr"),
            tty: request.flag("tty"),
        };
        let wanted = request.parameter("container");
        let container = choose(&pod, wanted.as_deref())?.to_owned();
        check_assigned(&pod)?;
        let uid = text(&pod, &["metadata", "uid"]).to_owned();
        let running = self
            .workers
            .get(&uid)
            .is_some_and(|worker| worker.runs(&container));
        if !running {
            return Ok(Response::text(
                404,
                format!("container not found (\"{container}\")"),
            ));
        }
        if !(streams.stdin || streams.stdout || streams.stderr) {
            return Ok(Response::text(
                400,
                "you must specify at least 1 of stdin, stdout, stderr",
            ));
        }
        let protocol = negotiate(request, &PROTOCOLS)?;
        let number = match target.verb {
            SessionVerb::Attach => self.attach(&uid, &container, streams),
            _ => {
                let command: Vec<String> = request.parameters("command").collect();
                self.exec(api, &uid, &container, &command, streams)
            }
        };
        Ok(Response::session(number, protocol))
    }

    fn open_port_forward(
        &mut self,
        api: &mut ApiServer,
        request: &Request,
        pod: &Value,
    ) -> Result<Response, Status> {
        let uid = text(pod, &["metadata", "uid"]);
        let protocol = negotiate(request, &port_forward::PROTOCOLS)?;
        let ports = port_forward::ports(request)?;
        let number = self.port_forward(api, uid, protocol, &ports);
        Ok(Response::session(number, protocol))
    }
}

fn check_assigned(pod: &Value) -> Result<(), Status> {
    if text(pod, &["spec", "nodeName"]).is_empty() {
        let name = text(pod, &["metadata", "name"]);
        return Err(Status::bad_request(format!(
            "pod {name} does not have a host assigned"
        )));
    }
    Ok(())
}

/// The first of the client's subprotocols that is served.
fn negotiate(request: &Request, served: &[&'static str]) -> Result<&'static str, Status> {
    let offered = request
        .web_socket
        .as_deref()
        .ok_or_else(|| Status::bad_request(NO_UPGRADE))?;
    let offered: Vec<&str> = offered.split(',').map(str::trim).collect();
    let found = offered
        .iter()
        .find_map(|offer| served.iter().find(|one| *one == offer));
    found.copied().ok_or_else(|| {
        Status::bad_request(format!(
            "unable to upgrade: requested protocols [{}] are not supported: [{}]",
            offered.join(" "),
            served.join(" ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_subprotocol_that_both_speak_is_taken() {
        let offering = |offered: Option<&str>| {
            let request = Request {
                web_socket: offered.map(str::to_owned),
                ..Request::default()
            };
            negotiate(&request, &PROTOCOLS).map_err(|status| status.message)
        };
        assert_eq!(
            offering(Some("v9.channel.k8s.io, v4.channel.k8s.io")),
            Ok("v4.channel.k8s.io")
        );
        assert_eq!(
            offering(Some("v5.channel.k8s.io,v4.channel.k8s.io")),
            Ok("v5.channel.k8s.io")
        );
        assert_eq!(offering(None), Err(NO_UPGRADE.to_owned()));
        assert!(offering(Some("x")).is_err());
    }
}
