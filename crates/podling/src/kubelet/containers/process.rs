//! A container's process from its start to its end, and what it leaves
//! (Kubernetes: `startContainer` in `pkg/kubelet/kuberuntime/kuberuntime_container.go`; containerd).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::events::Event;
use crate::images::files::{Disks, Mount, PodFiles};
use crate::images::process::{Launch, Process, command_line, start};
use crate::images::shell::machine::{Turn, World};
use crate::kubelet::environment::expand;
use crate::kubelet::network_files::network_files;
use crate::kubelet::runtime::{self, Finish};
use crate::kubelet::sync::Then;
use crate::kubelet::volumes::{root_key, volume_key};
use crate::kubelet::worker::{Action, Failure, Worker};
use crate::kubelet::{Nodes, Task, texts};
use crate::storage::text;

/// A busy process is looked at again after so long.
pub(in crate::kubelet) const NEXT_TURN: Duration = Duration::from_millis(1);

/// How many network calls a process makes at one moment.
pub(in crate::kubelet) const CALLS_A_TURN: usize = 100;

/// A process needs this to be loaded, so that even one that ends at once is seen running.
const FIRST_INSTRUCTION: Duration = Duration::from_millis(70);

/// A process on a terminal has greeted before its pod is seen running: kubectl shows the log before it attaches.
const GREETING: Duration = Duration::from_millis(2);

impl Nodes {
    /// Starts a created container's process.
    pub(in crate::kubelet) fn run_container(&mut self, api: &mut ApiServer, uid: &str, name: String) -> Then {
        let now = api.now();
        let taken = self.taken_ports(uid, &name, now);
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        worker.dirty = true;
        match launch(worker, &mut self.disks, &name, &taken, now) {
            Ok(()) => {
                worker.started = true;
                worker.reasons.remove(&name);
                let begins = now + begins_after(&worker.pod, &name);
                self.record(
                    api,
                    uid,
                    Some(&name),
                    Event::normal(texts::STARTED, "Container started"),
                );
                self.timers
                    .at(begins, Task::Process(uid.to_owned(), name.clone()));
                self.post_start(api, uid, name)
            }
            Err(reason) => {
                let message = format!("{}{reason}", texts::START_ERROR);
                finish(
                    worker,
                    &name,
                    Finish {
                        time: now,
                        code: 128,
                        reason: "StartError",
                        message: message.clone(),
                    },
                );
                let event = format!("Error: {message}");
                self.record(api, uid, Some(&name), Event::warning(texts::FAILED, &event));
                self.fail(uid, &name, texts::RUN_ERROR, &message, Failure::Other)
            }
        }
    }

    /// The ports that the pod's other containers listen on.
    fn taken_ports(&mut self, uid: &str, name: &str, now: Time) -> Vec<u16> {
        let Some(worker) = self.workers.get_mut(uid) else {
            return Vec::new();
        };
        let others = worker.containers.iter_mut().filter(|(other, _)| *other != name);
        others
            .filter_map(|(_, container)| {
                container
                    .running()?
                    .process
                    .as_ref()
                    .map(|process| process.ports(now))
            })
            .flatten()
            .collect()
    }

    fn post_start(&mut self, api: &mut ApiServer, uid: &str, name: String) -> Then {
        let hook = self.workers.get(uid).and_then(|worker| {
            let (spec, _) = runtime::container(&worker.pod, &name)?;
            spec["lifecycle"].get("postStart").cloned()
        });
        let Some(hook) = hook else { return Then::Next };
        // PLEG sees the container run before the sync that waits for the hook is over.
        self.runtime_changed(uid, api.now());
        let (well, takes) = self.run_hook(api, uid, &name, &hook);
        self.push(uid, Action::Hooked(name, well));
        Then::After(takes)
    }

    /// The postStart hook has ended; a failed one takes the container with it.
    pub(in crate::kubelet) fn hooked(
        &mut self,
        api: &mut ApiServer,
        uid: &str,
        name: &str,
        well: bool,
    ) -> Then {
        if well {
            return Then::Next;
        }
        self.record(
            api,
            uid,
            Some(name),
            Event::warning("FailedPostStartHook", "PostStartHook failed"),
        );
        self.push(uid, Action::Await(vec![name.to_owned()]));
        self.push(
            uid,
            Action::Kill(name.to_owned(), Some("FailedPostStartHook".to_owned())),
        );
        if let Some(worker) = self.workers.get_mut(uid) {
            worker.started = false;
        }
        self.fail(uid, name, texts::POST_START, "", Failure::Other)
    }

    /// Lets a container's process go on.
    pub(in crate::kubelet) fn run_process(&mut self, api: &mut ApiServer, uid: &str, name: &str) {
        let now = api.now();
        for _ in 0..CALLS_A_TURN {
            let Some(worker) = self.workers.get_mut(uid) else {
                return;
            };
            let turn = worker.with_process(&mut self.disks, name, now, Process::run);
            match turn {
                Some(Turn::Waits(Some(at))) => {
                    let at = at.max(now);
                    self.timers
                        .replace(at, Task::Process(uid.to_owned(), name.to_owned()));
                    return;
                }
                Some(Turn::Waits(None)) | None => return,
                Some(Turn::Exits(code)) => return self.exited(uid, name, code, now),
                Some(Turn::Calls(call)) => {
                    let reply = self.call(api, (uid, name), &call);
                    let Some(worker) = self.workers.get_mut(uid) else {
                        return;
                    };
                    worker.with_process(&mut self.disks, name, now, |process, world| {
                        process.resume(&reply, world);
                    });
                }
            }
        }
        self.timers
            .replace(now + NEXT_TURN, Task::Process(uid.to_owned(), name.to_owned()));
    }

    /// A container's process has ended.
    pub(in crate::kubelet) fn exited(&mut self, uid: &str, name: &str, code: i32, now: Time) {
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        let Some(instance) = worker
            .containers
            .get_mut(name)
            .and_then(runtime::Container::running)
        else {
            return;
        };
        let out_of_memory = instance.process.as_ref().is_some_and(Process::was_out_of_memory);
        let reason = match code {
            0 => "Completed",
            137 if out_of_memory => "OOMKilled",
            _ => "Error",
        };
        let message = termination_message(worker, &mut self.disks, name, code, now);
        finish(
            worker,
            name,
            Finish {
                time: now,
                code,
                reason,
                message,
            },
        );
        for task in [Task::Process, Task::Terminate, Task::Kill] {
            self.timers.cancel(&task(uid.to_owned(), name.to_owned()));
        }
        self.end_sessions(uid, name);
        self.expect_collection(uid, name, now);
        self.runtime_changed(uid, now);
        self.container_stopped(uid, now);
    }
}

/// How long after its start a container's process does something.
fn begins_after(pod: &Value, name: &str) -> Duration {
    match runtime::container(pod, name) {
        Some((spec, _)) if spec["tty"] == true => GREETING,
        _ => FIRST_INSTRUCTION,
    }
}

fn launch(
    worker: &mut Worker,
    disks: &mut Disks,
    name: &str,
    taken: &[u16],
    now: Time,
) -> Result<(), String> {
    let pod = worker.pod.clone();
    let spec = runtime::container(&pod, name).map_or(&Value::Null, |(spec, _)| spec);
    let Some(instance) = worker
        .containers
        .get_mut(name)
        .and_then(|container| container.current.as_mut())
    else {
        return Ok(());
    };
    let environment: &BTreeMap<String, String> = &instance.environment;
    let words = |field: &str| -> Vec<String> {
        let words = spec[field]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        words.map(|word| expand(word, environment)).collect()
    };
    freeze_sub_paths(&pod, name, &mut instance.mounts, &mut worker.files);
    find_disks(&mut instance.mounts, &worker.on_disk);
    let root = root_key(name);
    let hostname = environment.get("HOSTNAME").map_or("", String::as_str);
    let address = worker.address.as_ref().map(|(_, address)| address.as_str());
    worker.files.set(&root, network_files(&pod, hostname, address));
    let mut world = World {
        now,
        files: worker.files.view_with(disks, &root, &instance.mounts),
        log: &mut instance.log,
    };
    // The runtime makes a working directory that is not there.
    if !world.files.is_directory(&instance.directory) {
        world.files.make_directory(&instance.directory);
    }
    let (command, arguments) = (words("command"), words("args"));
    let launch = Launch {
        image: &instance.image,
        command: &command,
        arguments: &arguments,
        environment,
        directory: &instance.directory,
        limits: instance.limits,
        stdin: spec["stdin"] == true,
        terminal: spec["tty"] == true,
        user: instance.seen.user,
        taken_ports: taken,
    };
    let (process, command_line) = (start(&launch, &mut world)?, command_line(&launch));
    instance.process = Some(process);
    instance.command_line = command_line;
    instance.seen.started = Some(now);
    Ok(())
}

/// A `subPath` of a ConfigMap or the like keeps the content that it has at the start of the container.
fn freeze_sub_paths(pod: &Value, name: &str, mounts: &mut [Mount], files: &mut PodFiles) {
    for mount in mounts.iter_mut().filter(|mount| !mount.sub_path.is_empty()) {
        let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
        let has_content = volumes.into_iter().any(|volume| {
            let sources = ["configMap", "secret", "downwardAPI", "projected"];
            mount.tree == volume_key(text(volume, &["name"]))
                && sources.iter().any(|s| volume.get(s).is_some())
        });
        if has_content {
            let own = format!("part:{name}:{}", mount.path);
            files.copy_part(&mount.tree, &mount.sub_path, &own);
            mount.tree = own;
            mount.sub_path.clear();
        }
    }
}

/// Volumes that outlive the pod are seen where they are.
fn find_disks(mounts: &mut [Mount], on_disk: &BTreeMap<String, (String, bool)>) {
    for mount in mounts {
        if let Some((disk, read_only)) = on_disk.get(&mount.tree) {
            mount.tree.clone_from(disk);
            mount.read_only |= read_only;
        }
    }
}

/// Marks a container's last instance as ended.
fn finish(worker: &mut Worker, name: &str, finish: Finish) {
    if let Some(instance) = worker
        .containers
        .get_mut(name)
        .and_then(|container| container.current.as_mut())
    {
        instance.log.flush(finish.time);
        instance.process = None;
        instance.seen.finish = Some(finish);
    }
}

/// What the container left in its termination message file, or, if it asks for that and failed, the end of its
/// log.
fn termination_message(worker: &mut Worker, disks: &mut Disks, name: &str, code: i32, now: Time) -> String {
    let pod = worker.pod.clone();
    let spec = runtime::container(&pod, name).map_or(&Value::Null, |(spec, _)| spec);
    let path = spec["terminationMessagePath"]
        .as_str()
        .unwrap_or("/dev/termination-log");
    let message = worker.with_process(disks, name, now, |_, world| {
        world
            .files
            .read(path)
            .map(|content| String::from_utf8_lossy(content).into_owned())
            .unwrap_or_default()
    });
    let message = message.unwrap_or_default();
    if !message.is_empty() || code == 0 || spec["terminationMessagePolicy"] != "FallbackToLogsOnError" {
        return message;
    }
    let instance = worker
        .containers
        .get(name)
        .and_then(|container| container.current.as_ref());
    let lines: Vec<String> = instance
        .into_iter()
        .flat_map(|instance| instance.log.since(0).0)
        .map(|line| format!("{}\n", line.text))
        .collect();
    lines[lines.len().saturating_sub(80)..].concat()
}
