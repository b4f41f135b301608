//! Requests to containers, from probes, other containers and the API server's proxy.

use serde_json::{Value, json};

use super::Nodes;
use crate::apiserver::ApiServer;
use crate::images::shell::machine::{Call, Reply};
use crate::network::policy::{self, End, Port};
use crate::network::routes::{is_address, lookup, route};
use crate::network::{ConnectError, HttpRequest, HttpResponse, TlsError};
use crate::resource::{NAMESPACES, NETWORK_POLICIES};
use crate::storage::Object;

use super::Task;

/// Where cluster DNS would run.
const DNS_POD: &str = "10.244.0.253";

/// One end of a connection with what it is made of.
struct OwnedEnd {
    pod: Object,
    address: String,
    namespace: Value,
}

impl OwnedEnd {
    fn end(&self) -> End<'_> {
        End {
            pod: &self.pod,
            address: &self.address,
            namespace: &self.namespace,
        }
    }
}

fn policies(api: &ApiServer) -> Vec<&Value> {
    api.list(&NETWORK_POLICIES, None).map(AsRef::as_ref).collect()
}

fn labels_of(api: &ApiServer, namespace: &str) -> Value {
    let namespace = api.get(&NAMESPACES, "", namespace);
    namespace.map_or(Value::Null, |namespace| namespace["metadata"]["labels"].clone())
}

impl Nodes {
    /// Sends a request from a node to an address (a pod's, a Service's or a node's) and port.
    ///
    /// # Errors
    /// Nobody answers there.
    pub(crate) fn http(
        &mut self,
        api: &mut ApiServer,
        address: &str,
        port: u16,
        request: &HttpRequest,
    ) -> Result<HttpResponse, ConnectError> {
        self.http_from(api, None, (address, port), request)
    }

    /// The same from a pod, which policies may hold back: what is not let through is lost.
    fn http_from(
        &mut self,
        api: &mut ApiServer,
        from: Option<&str>,
        (address, port): (&str, u16),
        request: &HttpRequest,
    ) -> Result<HttpResponse, ConnectError> {
        let rng = &mut self.rng;
        let (address, port) = route(api, address, port, &mut |bound| rng.below(bound))?;
        let target = format!("{address}:{port}");
        if self.is_api_server(&address, port) {
            let door = Port {
                protocol: "TCP",
                number: port,
            };
            if from.is_some_and(|from| !self.may_leave(api, from, &self.api_server_end(), door)) {
                return Err(ConnectError::TimedOut(target));
            }
            return self.ask_api_server(api, request);
        }
        let Some(uid) = self.pod_with(&address) else {
            return Err(ConnectError::TimedOut(target));
        };
        if from.is_some_and(|from| !self.may_connect(api, from, &uid, port)) {
            return Err(ConnectError::TimedOut(target));
        }
        self.deliver(api, &uid, port, request)
            .map_err(|error| match error {
                ConnectError::Refused(_) => ConnectError::Refused(target),
                other => other,
            })
    }

    /// Whether the policies let one pod connect to another's port.
    fn may_connect(&self, api: &ApiServer, from: &str, to: &str, port: u16) -> bool {
        let (Some(from), Some(to)) = (self.end_of(api, from), self.end_of(api, to)) else {
            return true;
        };
        let protocol = "TCP";
        policy::allows(
            &policies(api),
            &from.end(),
            &to.end(),
            Port {
                protocol,
                number: port,
            },
        )
    }

    /// Whether the policies let a pod ask cluster DNS.
    fn may_resolve(&self, api: &ApiServer, from: &str) -> bool {
        let dns = OwnedEnd {
            pod: json!({"metadata": {"namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}}).into(),
            address: DNS_POD.to_owned(),
            namespace: labels_of(api, "kube-system"),
        };
        let (protocol, number) = ("UDP", 53);
        self.may_leave(api, from, &dns, Port { protocol, number })
    }

    /// The API server, which is no pod that a policy could select.
    fn api_server_end(&self) -> OwnedEnd {
        OwnedEnd {
            pod: Value::Null.into(),
            address: self.api_server.clone(),
            namespace: Value::Null,
        }
    }

    /// Whether the policies let a pod connect to what is no pod of theirs.
    fn may_leave(&self, api: &ApiServer, from: &str, to: &OwnedEnd, port: Port) -> bool {
        let Some(from) = self.end_of(api, from) else {
            return true;
        };
        policy::may_leave(&policies(api), &from.end(), &to.end(), port)
    }

    fn end_of(&self, api: &ApiServer, uid: &str) -> Option<OwnedEnd> {
        let worker = self.workers.get(uid)?;
        Some(OwnedEnd {
            pod: worker.pod.clone(),
            address: self.address_of(uid),
            namespace: labels_of(api, worker.namespace()),
        })
    }

    /// Sends a request to a port of a pod.
    pub(super) fn deliver(
        &mut self,
        api: &ApiServer,
        uid: &str,
        port: u16,
        request: &HttpRequest,
    ) -> Result<HttpResponse, ConnectError> {
        let now = api.now();
        let refused = || ConnectError::Refused(format!("127.0.0.1:{port}"));
        let worker = self.workers.get_mut(uid).ok_or_else(refused)?;
        let names: Vec<String> = worker.containers.keys().cloned().collect();
        for name in names {
            let answer = worker.with_process(&mut self.disks, &name, now, |process, world| {
                process.ports(now).contains(&port).then(|| match request.tls {
                    None => process.answer(request, port, world),
                    Some(_) => Err(ConnectError::Tls(TlsError::NotSpoken)),
                })
            });
            if let Some(answer) = answer.flatten() {
                // The request may have settled when the process ends.
                self.timers.at(now, Task::Process(uid.to_owned(), name));
                return answer;
            }
        }
        Err(refused())
    }

    /// Whether something of a pod listens on a port.
    pub(super) fn listens(&mut self, api: &ApiServer, uid: &str, port: u16) -> bool {
        let now = api.now();
        let Some(worker) = self.workers.get_mut(uid) else {
            return false;
        };
        worker.containers.values_mut().any(|container| {
            let process = container.running().and_then(|instance| instance.process.as_ref());
            process.is_some_and(|process| process.ports(now).contains(&port))
        })
    }

    /// What gRPC health says on a port of a pod; `None` if nothing answers there.
    pub(super) fn grpc_health(&mut self, api: &ApiServer, uid: &str, port: u16) -> Option<bool> {
        let now = api.now();
        let worker = self.workers.get_mut(uid)?;
        let mut running = worker
            .containers
            .values_mut()
            .filter_map(super::runtime::Container::running);
        running.find_map(|instance| instance.process.as_ref()?.grpc_serving(port, now))
    }

    /// Answers the call of a process in a pod's container.
    pub(super) fn call(&mut self, api: &mut ApiServer, (uid, container): (&str, &str), call: &Call) -> Reply {
        let namespace = self
            .workers
            .get(uid)
            .map(|worker| worker.namespace().to_owned())
            .unwrap_or_default();
        match call {
            Call::Signal(name) => {
                self.signal_first(api, uid, container, name);
                Reply::Signalled
            }
            Call::Lookup(name) => Reply::Lookup(self.resolve(api, uid, &namespace, name)),
            Call::Http { host, port, request } => {
                let Some(address) = self.resolve(api, uid, &namespace, host).into_iter().next() else {
                    return Reply::Http(String::new(), Err(ConnectError::NoSuchHost(host.clone())));
                };
                let answer = if address == "127.0.0.1" {
                    self.deliver(api, uid, *port, request)
                } else {
                    self.http_from(api, Some(uid), (&address, *port), request)
                };
                Reply::Http(address, answer)
            }
        }
    }

    /// The addresses of a name, unless the pod can't ask for them.
    fn resolve(&self, api: &ApiServer, uid: &str, namespace: &str, name: &str) -> Vec<String> {
        if !is_address(name) && name != "localhost" && !self.may_resolve(api, uid) {
            return Vec::new();
        }
        lookup(api, namespace, name)
    }

    /// The pod that has an address.
    fn pod_with(&self, address: &str) -> Option<String> {
        let has = |worker: &&super::Worker| {
            worker.sandbox && worker.address.as_ref().is_some_and(|(_, own)| own == address)
        };
        let on_host = |worker: &&super::Worker| {
            let node = self.nodes.get(&worker.node);
            worker.pod["spec"]["hostNetwork"] == true && node.is_some_and(|node| node.address == address)
        };
        let found = self
            .workers
            .values()
            .find(has)
            .or_else(|| self.workers.values().find(on_host));
        found.map(|worker| worker.uid.clone())
    }

    /// A pod's address, or that of its node on the host's network.
    pub(super) fn address_of(&self, uid: &str) -> String {
        let Some(worker) = self.workers.get(uid) else {
            return String::new();
        };
        match &worker.address {
            Some((_, address)) => address.clone(),
            None => self
                .nodes
                .get(&worker.node)
                .map(|node| node.address.clone())
                .unwrap_or_default(),
        }
    }
}
