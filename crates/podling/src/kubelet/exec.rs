//! Commands in running containers: exec probes and hooks.
//!
//! Differs from Kubernetes: such a command is run to its end at once and then said to have taken its time, so
//! what it changes is changed a little early.

use std::time::Duration;

use serde_json::Value;

use super::volumes::root_key;
use super::{Nodes, runtime};
use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::images::log::Log;
use crate::images::process::cannot_run;
use crate::images::shell::machine::{Machine, Turn, World};
use crate::network::HttpRequest;
use crate::storage::text;

/// No command is followed for longer than this.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How a command in a container ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ExecResult {
    /// What it wrote, standard output and error together.
    pub(super) output: String,
    /// Its exit code.
    pub(super) code: i32,
    /// How long it took.
    pub(super) took: Duration,
}

impl Nodes {
    /// Runs a command in a running container.
    ///
    /// # Errors
    /// Why it cannot be run, as the OCI runtime says.
    pub(super) fn run_command(
        &mut self,
        api: &mut ApiServer,
        uid: &str,
        name: &str,
        argv: &[String],
    ) -> Result<ExecResult, String> {
        let start = api.now();
        let mut machine = self.machine(uid, name, argv, start)?;
        let mut log = Log::default();
        let mut now = start;
        for _ in 0..100_000 {
            let Some(turn) = self.with_command(uid, name, now, &mut log, |world| machine.run(world)) else {
                break;
            };
            match turn {
                Turn::Exits(code) => {
                    return Ok(ExecResult {
                        output: log.into_text(),
                        code,
                        took: now.since(start),
                    });
                }
                Turn::Waits(Some(at)) if at.since(start) <= LONGEST => now = at.max(now),
                Turn::Waits(_) => break,
                Turn::Calls(call) => {
                    let reply = self.call(api, (uid, name), &call);
                    self.with_command(uid, name, now, &mut log, |world| machine.resume(&reply, world));
                }
            }
        }
        Ok(ExecResult {
            output: log.into_text(),
            code: 137,
            took: LONGEST,
        })
    }

    /// A command that is about to run in a running container.
    ///
    /// # Errors
    /// Why it cannot be run, as the OCI runtime says.
    pub(super) fn machine(
        &mut self,
        uid: &str,
        name: &str,
        argv: &[String],
        now: Time,
    ) -> Result<Machine, String> {
        let program = argv.first().map_or("", String::as_str);
        let worker = self.workers.get_mut(uid).ok_or("no such pod")?;
        let container = worker.containers.get_mut(name).ok_or("no such container")?;
        let instance = container.running().ok_or("the container does not run")?;
        let root = root_key(name);
        let world = World {
            now,
            files: worker.files.view_with(&mut self.disks, &root, &instance.mounts),
            log: &mut instance.log,
        };
        if let Some(reason) = cannot_run(&instance.image, program, &world) {
            return Err(reason);
        }
        let machine = Machine::new(argv, &instance.environment, &instance.directory);
        Ok(machine.beside(&instance.command_line))
    }

    /// Works on a container's files with a log of its own.
    fn with_command<R>(
        &mut self,
        uid: &str,
        name: &str,
        now: Time,
        log: &mut Log,
        work: impl FnOnce(&mut World<'_>) -> R,
    ) -> Option<R> {
        let worker = self.workers.get_mut(uid)?;
        worker.with_files(&mut self.disks, name, now, log, work)
    }

    /// Runs a `postStart` or `preStop` hook: whether it went well, and how long it took.
    pub(super) fn run_hook(
        &mut self,
        api: &mut ApiServer,
        uid: &str,
        name: &str,
        hook: &Value,
    ) -> (bool, Duration) {
        if let Some(seconds) = hook["sleep"]["seconds"].as_u64() {
            return (true, Duration::from_secs(seconds));
        }
        if let Some(command) = hook["exec"]["command"].as_array() {
            let argv: Vec<String> = command
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            return match self.run_command(api, uid, name, &argv) {
                Ok(result) => (result.code == 0, result.took),
                Err(_) => (false, Duration::ZERO),
            };
        }
        let http = &hook["httpGet"];
        let Some(port) = self.port_of(uid, name, &http["port"]) else {
            return (false, Duration::ZERO);
        };
        let host = match text(http, &["host"]) {
            "" => self.address_of(uid),
            host => host.to_owned(),
        };
        let path = http["path"].as_str().unwrap_or("/");
        match self.http(api, &host, port, &HttpRequest::get(path)) {
            // Any answer will do, also one that says no.
            Ok(response) => (true, response.took),
            Err(_) => (false, Duration::ZERO),
        }
    }

    /// A port by number or by name.
    pub(super) fn port_of(&self, uid: &str, name: &str, port: &Value) -> Option<u16> {
        if let Some(number) = port.as_u64() {
            return u16::try_from(number).ok();
        }
        let wanted = port.as_str()?;
        let worker = self.workers.get(uid)?;
        let (spec, _) = runtime::container(&worker.pod, name)?;
        let named = spec["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|p| p["name"] == wanted);
        let number = named
            .and_then(|p| p["containerPort"].as_u64())
            .and_then(|p| u16::try_from(p).ok());
        number.or_else(|| wanted.parse().ok())
    }
}
