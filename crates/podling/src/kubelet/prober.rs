//! Running the probes against the containers (Kubernetes: `pkg/kubelet/prober/prober.go`, `pkg/probe`).

use std::time::Duration;

use serde_json::Value;

use super::probe::{Kind, Outcome, Step, Verdict};
use super::sync::put_status;
use super::worker::Stage;
use super::{Nodes, Task, texts};
use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::events::Event;
use crate::network::{ConnectError, HttpRequest};
use crate::storage::text;

impl Nodes {
    /// A probe's moment: a run that has ended is counted, or a new one begins.
    pub(super) fn run_probe(&mut self, api: &mut ApiServer, uid: &str, name: &str, kind: Kind) {
        let now = api.now();
        let key = (name.to_owned(), kind);
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        let view = worker.view(name);
        let Some(probe) = worker.probes.get_mut(&key) else {
            return;
        };
        match probe.running.take() {
            Some((at, outcome)) if at > now => {
                probe.running = Some((at, outcome));
                self.timers.at(at, Task::Probe(uid.to_owned(), key.0, kind));
                return;
            }
            Some((_, outcome)) => {
                self.probed(api, uid, name, kind, &outcome);
                return self.next_probe(uid, name, kind, now);
            }
            None => {}
        }
        let due = probe.next <= now;
        let wanted = std::mem::take(&mut probe.wanted);
        if wanted {
            // A run outside the ticker moves it.
            probe.next = now + probe.settings.period;
        } else if due {
            probe.next = probe.next + probe.settings.period;
        } else {
            return self.next_probe(uid, name, kind, now);
        }
        let step = probe.step(&view, now);
        if let Step::Begin(_) = step {
            self.verdict_changed(api, uid, kind, None);
        }
        if matches!(step, Step::Probe | Step::Begin(true)) {
            self.begin_probe(api, uid, name, kind);
        } else {
            self.next_probe(uid, name, kind, now);
        }
    }

    /// Runs the probe; what takes time ends later.
    fn begin_probe(&mut self, api: &mut ApiServer, uid: &str, name: &str, kind: Kind) {
        let now = api.now();
        let key = (name.to_owned(), kind);
        let Some(worker) = self.workers.get(uid) else {
            return;
        };
        // Of a container that was to stop and has stopped there is nothing more to be said.
        let has_stopped = worker.stage == Stage::Terminating && !worker.runs(name);
        let Some(probe) = worker.probes.get(&key).filter(|_| !has_stopped) else {
            return;
        };
        let (spec, timeout) = (probe.settings.spec.clone(), probe.settings.timeout);
        let (outcome, took) = self.probe(api, uid, name, &spec, timeout);
        if took.is_zero() {
            self.probed(api, uid, name, kind, &outcome);
            return self.next_probe(uid, name, kind, now);
        }
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        if let Some(probe) = worker.probes.get_mut(&key) {
            probe.running = Some((now + took, outcome));
            self.timers
                .replace(now + took, Task::Probe(uid.to_owned(), key.0, kind));
        }
    }

    /// Queues the next run: at once if one is wanted, else at the ticker.
    fn next_probe(&mut self, uid: &str, name: &str, kind: Kind, now: Time) {
        let key = (name.to_owned(), kind);
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        let Some(probe) = worker.probes.get_mut(&key) else {
            return;
        };
        let at = if probe.wanted { now } else { probe.next.max(now) };
        self.timers.replace(at, Task::Probe(uid.to_owned(), key.0, kind));
    }

    /// Counts an outcome, says it if it is no success, and acts on a new verdict.
    fn probed(&mut self, api: &mut ApiServer, uid: &str, name: &str, kind: Kind, outcome: &Outcome) {
        let what = kind.name();
        let event = match outcome {
            Outcome::Success => None,
            Outcome::Warning(text) => Some(("ProbeWarning", format!("{what} probe warning: {text}"))),
            Outcome::Failure(text) => Some((texts::UNHEALTHY, format!("{what} probe failed: {text}"))),
            Outcome::Errored(text) => {
                let text = format!("{what} probe errored and resulted in unknown state: {text}");
                Some((texts::UNHEALTHY, text))
            }
        };
        if let Some((reason, text)) = event {
            self.record(api, uid, Some(name), Event::warning(reason, &text));
        }
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        let Some(probe) = worker.probes.get_mut(&(name.to_owned(), kind)) else {
            return;
        };
        if let Some(verdict) = probe.record(outcome) {
            self.verdict_changed(api, uid, kind, Some(verdict));
        }
    }

    /// A new verdict shows in the status at once, and asks for a sync; a liveness success does neither.
    fn verdict_changed(&mut self, api: &mut ApiServer, uid: &str, kind: Kind, verdict: Option<Verdict>) {
        if kind == Kind::Liveness && verdict != Some(Verdict::Failure) {
            return;
        }
        if kind != Kind::Liveness && self.is_live(uid) {
            self.show_readiness(api, uid);
        }
        if self.is_live(uid) {
            self.request_sync(uid, api.now());
        }
    }

    /// Writes `ready` and `started` of the containers as the probes say now, leaving all else of the status.
    fn show_readiness(&mut self, api: &mut ApiServer, uid: &str) {
        let now = api.now();
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        let probed = worker.probed();
        let pod = worker.pod.clone();
        super::status::show_probes(&pod, &mut worker.status, &probed, now);
        put_status(api, worker);
    }

    /// What a probe finds, and how long it takes.
    fn probe(
        &mut self,
        api: &mut ApiServer,
        uid: &str,
        name: &str,
        spec: &Value,
        timeout: Duration,
    ) -> (Outcome, Duration) {
        if let Some(command) = spec["exec"]["command"].as_array() {
            let argv: Vec<String> = command
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            return self.probe_exec(api, uid, name, &argv, timeout);
        }
        if let Some(grpc) = spec.get("grpc") {
            return self.probe_grpc(api, uid, grpc, timeout);
        }
        let (http, target) = match spec.get("httpGet") {
            Some(http) => (true, http),
            None => (false, &spec["tcpSocket"]),
        };
        let host = match text(target, &["host"]) {
            "" => self.address_of(uid),
            host => host.to_owned(),
        };
        let Some(port) = self.port_of(uid, name, &target["port"]) else {
            let port = text(target, &["port"]);
            let error = format!("strconv.Atoi: parsing \"{port}\": invalid syntax");
            return (Outcome::Errored(error), Duration::ZERO);
        };
        if http {
            return self.probe_http(api, &host, port, target, timeout);
        }
        if self.listens(api, uid, port) {
            return (Outcome::Success, Duration::ZERO);
        }
        let text = format!("dial tcp {host}:{port}: connect: connection refused");
        (Outcome::Failure(text), Duration::ZERO)
    }

    fn probe_http(
        &mut self,
        api: &mut ApiServer,
        host: &str,
        port: u16,
        target: &Value,
        timeout: Duration,
    ) -> (Outcome, Duration) {
        let path = match target["path"].as_str() {
            Some(path) if path.starts_with('/') => path.to_owned(),
            Some(path) => format!("/{path}"),
            None => "/".to_owned(),
        };
        let scheme = target["scheme"].as_str().unwrap_or("HTTP").to_lowercase();
        let url = format!("{scheme}://{host}:{port}{path}");
        let late = || {
            let text = format!(
                "Get \"{url}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            );
            (Outcome::Failure(text), timeout)
        };
        let mut request = HttpRequest::get(path.clone());
        request
            .headers
            .push(("User-Agent".to_owned(), "kube-probe/1.36".to_owned()));
        match self.http(api, host, port, &request) {
            Ok(response) if response.took > timeout => late(),
            Ok(_) if scheme == "https" => {
                let text = format!("Get \"{url}\": http: server gave HTTP response to HTTPS client");
                (Outcome::Failure(text), Duration::ZERO)
            }
            Ok(response) => (judge(response.status), response.took),
            Err(ConnectError::TimedOut(_)) => late(),
            Err(ConnectError::Closed(after)) if after > timeout => late(),
            Err(error) => (
                Outcome::Failure(format!("Get \"{url}\": {error}")),
                Duration::ZERO,
            ),
        }
    }

    fn probe_exec(
        &mut self,
        api: &mut ApiServer,
        uid: &str,
        name: &str,
        argv: &[String],
        timeout: Duration,
    ) -> (Outcome, Duration) {
        match self.run_command(api, uid, name, argv) {
            Err(reason) => {
                let id = self.rng.hex(64);
                let error = format!(
                    "rpc error: code = Unknown desc = failed to exec in container: failed to start exec \"{id}\": {}{reason}",
                    texts::EXEC_ERROR
                );
                (Outcome::Errored(error), Duration::ZERO)
            }
            Ok(result) if result.took > timeout => {
                let text = format!(
                    "command timed out: \"{}\" timed out after {}s",
                    argv.join(" "),
                    timeout.as_secs()
                );
                (Outcome::Failure(text), timeout)
            }
            Ok(result) if result.code == 0 => (Outcome::Success, result.took),
            Ok(result) => (Outcome::Failure(result.output), result.took),
        }
    }

    fn probe_grpc(
        &mut self,
        api: &ApiServer,
        uid: &str,
        spec: &Value,
        timeout: Duration,
    ) -> (Outcome, Duration) {
        let port = spec["port"]
            .as_u64()
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or(0);
        match self.grpc_health(api, uid, port) {
            Some(true) => (Outcome::Success, Duration::ZERO),
            Some(false) => {
                let text = "service unhealthy (responded with \"NOT_SERVING\")".to_owned();
                (Outcome::Failure(text), Duration::ZERO)
            }
            None => {
                let text = format!(
                    "timeout: failed to connect service \"{}:{port}\" within {}s: context deadline exceeded",
                    self.address_of(uid),
                    timeout.as_secs()
                );
                (Outcome::Failure(text), timeout)
            }
        }
    }
}

/// What an HTTP status means for a probe.
fn judge(status: u16) -> Outcome {
    match status {
        200..300 => Outcome::Success,
        300..400 => Outcome::Warning("Probe terminated redirects, Response body: ".to_owned()),
        _ => Outcome::Failure(format!("HTTP probe failed with statuscode: {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_from_200_to_399_is_a_success() {
        assert_eq!(judge(200), Outcome::Success);
        assert!(matches!(judge(399), Outcome::Warning(_)));
        let text = "HTTP probe failed with statuscode: 503".to_owned();
        assert_eq!(judge(503), Outcome::Failure(text));
    }
}
