//! Making and running a pod's volumes, sandbox and containers
//! (Kubernetes: `pkg/kubelet/kuberuntime`, `pkg/kubelet/volumemanager`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::environment::{Surroundings, environment, expand};
use super::runtime::{self, Finish, Instance, Seen};
use super::sync::Then;
use super::volumes::{mounts, root_key, tree, volume_key};
use super::worker::{Action, Failure, Worker};
use super::{Nodes, Task, texts};
use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::events::Event;
use crate::images::files::{Mount, PodFiles, Tree};
use crate::images::log::Log;
use crate::images::process::{Launch, Limits, Process, start};
use crate::images::reference::Reference;
use crate::images::shell::machine::{Turn, World};
use crate::images::{Image, User, find};
use crate::network::addresses::pod_address;
use crate::quantity::Quantity;
use crate::resource::NODES;
use crate::storage::text;

/// Volumes are looked for so often while a pod waits for them.
const MOUNT_POLL: Duration = Duration::from_millis(300);
/// The first pause of a volume that cannot be mounted, and the last.
const MOUNT_PAUSE: Duration = Duration::from_millis(500);
const MOUNT_PAUSE_MOST: Duration = Duration::from_secs(122);
/// A sync waits so long for volumes.
const MOUNT_TIMEOUT: Duration = Duration::from_secs(123);

/// A process needs this to be loaded, so that even one that ends at once is seen running.
const FIRST_INSTRUCTION: Duration = Duration::from_millis(70);

/// The pause after that many failures: 0.5, 1, 2, 4… s.
fn mount_pause(failures: u32) -> Duration {
    MOUNT_PAUSE
        .saturating_mul(1 << failures.min(10))
        .min(MOUNT_PAUSE_MOST)
}

impl Nodes {
    /// Mounts the volumes: the first time after a poll; later their content is brought up to date.
    pub(super) fn mount(&mut self, api: &mut ApiServer, uid: &str) -> Then {
        let now = api.now();
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        let has_volumes = worker.pod["spec"]["volumes"]
            .as_array()
            .is_some_and(|volumes| !volumes.is_empty());
        if worker.mounting_since.is_none() && !worker.mounted && has_volumes {
            worker.mounting_since = Some(now);
            worker.script.push_front(Action::Mount);
            return Then::After(MOUNT_POLL - Duration::from_millis(20));
        }
        match self.mount_all(api, uid) {
            Ok(()) => self.mounted(uid, now),
            Err(_) if self.workers.get(uid).is_some_and(|worker| worker.mounted) => Then::Next,
            Err((volume, error)) => self.mount_failed(api, uid, &volume, &error),
        }
    }

    fn mounted(&mut self, uid: &str, now: Time) -> Then {
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        worker.mounted = true;
        worker.mount_failures = 0;
        self.begin_probes(uid, now);
        Then::Next
    }

    fn mount_failed(&mut self, api: &mut ApiServer, uid: &str, volume: &str, error: &str) -> Then {
        let now = api.now();
        let text = format!("MountVolume.SetUp failed for volume \"{volume}\" : {error}");
        self.record(api, uid, None, Event::warning(texts::FAILED_MOUNT, &text));
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        let pause = mount_pause(worker.mount_failures);
        worker.mount_failures += 1;
        let since = worker.mounting_since.unwrap_or(now);
        if now.since(since) + pause > MOUNT_TIMEOUT {
            worker.mounting_since = None;
            worker.script.clear();
            worker.failure = Some(Failure::Other);
            let text = format!(
                "Unable to attach or mount volumes: unmounted volumes=[{volume}], unattached volumes=[], failed to \
                 process volumes=[]: context deadline exceeded"
            );
            self.record(api, uid, None, Event::warning(texts::FAILED_MOUNT, &text));
            return Then::Next;
        }
        worker.script.push_front(Action::Mount);
        Then::After(pause)
    }

    /// Mounts every volume, or names the first that cannot be mounted and why.
    fn mount_all(&mut self, api: &ApiServer, uid: &str) -> Result<(), (String, String)> {
        let Some(worker) = self.workers.get_mut(uid) else {
            return Ok(());
        };
        let Some(node) = self.nodes.get(&worker.node) else {
            return Ok(());
        };
        let pod = worker.pod.clone();
        let address = worker
            .address
            .as_ref()
            .map_or("", |(_, address)| address.as_str());
        let allocatable = allocatable(api, &worker.node);
        let around = Surroundings {
            pod: &pod,
            address,
            host: &node.address,
            allocatable: &allocatable,
        };
        for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
            let name = text(volume, &["name"]);
            let key = volume_key(name);
            match tree(api, &around, volume) {
                Ok(Some(tree)) => worker.files.set(&key, tree),
                Ok(None) if worker.files.contains(&key) => {}
                Ok(None) => worker.files.set(&key, Tree::new()),
                Err(error) => return Err((name.to_owned(), error)),
            }
        }
        Ok(())
    }

    /// How much longer something takes under a CPU limit; `work` is in milliseconds of CPU time.
    ///
    /// Example: 12 ms of work under 10m take 1.2 s.
    pub(super) fn throttled(&self, uid: &str, container: Option<&str>, work: u64) -> Duration {
        let Some(worker) = self.workers.get(uid) else {
            return Duration::ZERO;
        };
        let limits: Vec<u64> = runtime::containers(&worker.pod, "containers")
            .filter(|spec| container.is_none_or(|name| spec["name"] == name))
            .filter_map(cpu_limit)
            .collect();
        let all_limited =
            container.is_some() || limits.len() == runtime::containers(&worker.pod, "containers").count();
        match limits.iter().sum::<u64>() {
            total @ 1..500 if all_limited => Duration::from_millis(work * 1000 / total),
            _ => Duration::ZERO,
        }
    }

    pub(super) fn sandbox_up(&mut self, api: &mut ApiServer, uid: &str) -> Then {
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        let Some(node) = self.nodes.get_mut(&worker.node) else {
            return Then::Next;
        };
        if worker.address.is_none() && worker.pod["spec"]["hostNetwork"] != true {
            let host = node.addresses.take();
            worker.address = Some((host, pod_address(node.index, host)));
        }
        worker.sandbox = true;
        worker.dirty = true;
        self.write_status(api, uid, false);
        Then::After(self.jitter(5, 15))
    }

    /// Begins to start a container, unless its pause is not over.
    pub(super) fn start(&mut self, api: &mut ApiServer, uid: &str, name: String) -> Then {
        let now = api.now();
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        let Some((spec, _)) = runtime::container(&worker.pod, &name) else {
            return Then::Next;
        };
        let changed = worker
            .requested()
            .get(&name)
            .is_some_and(|requested| spec["image"] != requested.as_str());
        if changed {
            worker.restarts.remove(&name);
        }
        // The last end that PLEG has seen: for a container just killed by a probe, that of the one before it.
        let seen = worker.seen.get(&name);
        let ended = seen.and_then(|seen| {
            [&seen.current, &seen.previous]
                .into_iter()
                .flatten()
                .find_map(|s| s.finish.as_ref())
        });
        if let Some(end) = ended.map(|finish| finish.time).filter(|_| !changed) {
            let backoff = worker.restarts.entry(name.clone()).or_default();
            if let Some(until) = backoff.until(end, now) {
                return self.crash_loop(api, uid, &name, until);
            }
            backoff.next(end, now);
        }
        self.push(uid, Action::Pull(name));
        Then::Next
    }

    /// Creates a container.
    pub(super) fn create(&mut self, api: &mut ApiServer, uid: &str, name: String) -> Then {
        match self.prepare(api, uid, &name) {
            Err(message) => {
                let event = format!("Error: {message}");
                self.record(api, uid, Some(&name), Event::warning(texts::FAILED, &event));
                self.fail(uid, &name, texts::CONFIG_ERROR, &message, Failure::Other)
            }
            Ok(instance) => {
                if let Some(worker) = self.workers.get_mut(uid) {
                    let container = worker.containers.entry(name.clone()).or_default();
                    container.previous = container.current.replace(instance);
                }
                self.record(
                    api,
                    uid,
                    Some(&name),
                    Event::normal(texts::CREATED, "Container created"),
                );
                let delay = self.jitter(20, 60) + self.throttled(uid, Some(&name), 12);
                self.push(uid, Action::Run(name));
                Then::After(delay)
            }
        }
    }

    /// All that a container is made from.
    fn prepare(&mut self, api: &ApiServer, uid: &str, name: &str) -> Result<Instance, String> {
        let id = self.rng.hex(64);
        let lost = || "the pod is gone".to_owned();
        let worker = self.workers.get_mut(uid).ok_or_else(lost)?;
        let node = self.nodes.get(&worker.node).ok_or_else(lost)?;
        let (spec, _) = runtime::container(&worker.pod, name).ok_or_else(lost)?;
        let requested = text(spec, &["image"]).to_owned();
        let image = Reference::parse(&requested)
            .ok()
            .and_then(|reference| find(&reference))
            .ok_or_else(lost)?;
        let user = user(&worker.pod, spec, &image, &worker.formatted(), name)?;
        let allocatable = allocatable(api, &worker.node);
        let around = Surroundings {
            pod: &worker.pod,
            address: worker
                .address
                .as_ref()
                .map_or(&node.address, |(_, address)| address),
            host: &node.address,
            allocatable: &allocatable,
        };
        let environment = environment(api, &around, spec)?;
        let attempt = worker
            .containers
            .get(name)
            .and_then(|container| container.current.as_ref());
        Ok(Instance {
            seen: Seen {
                id,
                attempt: attempt.map_or(0, |last| last.seen.attempt + 1),
                image: image.name.clone(),
                image_id: image.id.clone(),
                user,
                started: None,
                finish: None,
            },
            process: None,
            log: Log::default(),
            requested,
            environment,
            directory: match text(spec, &["workingDir"]) {
                "" => "/".to_owned(),
                directory => directory.to_owned(),
            },
            mounts: mounts(spec),
            limits: Limits {
                memory: memory_limit(spec).unwrap_or(node.memory),
                cpu: cpu_limit(spec),
            },
            image,
        })
    }

    /// Starts a created container's process.
    pub(super) fn run_container(&mut self, api: &mut ApiServer, uid: &str, name: String) -> Then {
        let now = api.now();
        let taken = self.taken_ports(uid, &name, now);
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        worker.dirty = true;
        match launch(worker, &name, &taken, now) {
            Ok(()) => {
                worker.started = true;
                worker.reasons.remove(&name);
                self.record(
                    api,
                    uid,
                    Some(&name),
                    Event::normal(texts::STARTED, "Container started"),
                );
                self.timers.at(
                    now + FIRST_INSTRUCTION,
                    Task::Process(uid.to_owned(), name.clone()),
                );
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
        let (well, takes) = self.run_hook(api, uid, &name, &hook);
        self.push(uid, Action::Hooked(name, well));
        Then::After(takes)
    }

    /// The postStart hook has ended; a failed one takes the container with it.
    pub(super) fn hooked(&mut self, api: &mut ApiServer, uid: &str, name: &str, well: bool) -> Then {
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
    pub(super) fn run_process(&mut self, api: &mut ApiServer, uid: &str, name: &str) {
        let now = api.now();
        for _ in 0..100 {
            let Some(worker) = self.workers.get_mut(uid) else {
                return;
            };
            let turn = worker.with_process(name, now, Process::run);
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
                    let reply = self.call(api, uid, &call);
                    let Some(worker) = self.workers.get_mut(uid) else {
                        return;
                    };
                    worker.with_process(name, now, |process, world| process.resume(&reply, world));
                }
            }
        }
    }

    /// A container's process has ended.
    pub(super) fn exited(&mut self, uid: &str, name: &str, code: i32, now: Time) {
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
        let message = termination_message(worker, name, code, now);
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
        self.runtime_changed(uid, now);
        self.container_stopped(uid, now);
    }
}

fn launch(worker: &mut Worker, name: &str, taken: &[u16], now: Time) -> Result<(), String> {
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
    let root = root_key(name);
    worker.files.set(&root, Tree::new());
    let mut world = World {
        now,
        files: worker.files.view(&root, &instance.mounts),
        log: &mut instance.log,
    };
    // The runtime makes a working directory that is not there.
    if !world.files.is_directory(&instance.directory) {
        world.files.make_directory(&instance.directory);
    }
    let process = start(
        &Launch {
            image: &instance.image,
            command: &words("command"),
            arguments: &words("args"),
            environment,
            directory: &instance.directory,
            limits: instance.limits,
            stdin: spec["stdin"] == true,
            taken_ports: taken,
        },
        &mut world,
    )?;
    instance.process = Some(process);
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
fn termination_message(worker: &mut Worker, name: &str, code: i32, now: Time) -> String {
    let pod = worker.pod.clone();
    let spec = runtime::container(&pod, name).map_or(&Value::Null, |(spec, _)| spec);
    let path = spec["terminationMessagePath"]
        .as_str()
        .unwrap_or("/dev/termination-log");
    let message = worker.with_process(name, now, |_, world| {
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

/// The user a container runs as.
///
/// # Errors
/// `runAsNonRoot` forbids it, in the kubelet's words.
fn user(pod: &Value, spec: &Value, image: &Image, formatted: &str, name: &str) -> Result<i64, String> {
    let setting = |field: &str| {
        let own = &spec["securityContext"][field];
        if own.is_null() {
            pod["spec"]["securityContext"][field].clone()
        } else {
            own.clone()
        }
    };
    let wanted = setting("runAsUser").as_i64();
    let user = match (wanted, image.user) {
        (Some(id), _) | (None, User::Id(id)) => id,
        (None, User::Root | User::Named(_)) => 0,
    };
    if setting("runAsNonRoot") != true {
        return Ok(user);
    }
    let why = match (wanted, image.user) {
        (Some(0), _) => "container's runAsUser breaks non-root policy".to_owned(),
        (None, User::Named(user)) => {
            format!(
                "container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root"
            )
        }
        (None, User::Root | User::Id(0)) => {
            "container has runAsNonRoot and image will run as root".to_owned()
        }
        _ => return Ok(user),
    };
    Err(format!("{why} (pod: \"{formatted}\", container: {name})"))
}

fn allocatable(api: &ApiServer, node: &str) -> Value {
    let node = api.get(&NODES, "", node);
    node.map_or(Value::Null, |node| node["status"]["allocatable"].clone())
}

fn memory_limit(spec: &Value) -> Option<u64> {
    let quantity = Quantity::from_json(spec["resources"]["limits"].get("memory")?).ok()?;
    u64::try_from(quantity.value()).ok()
}

fn cpu_limit(spec: &Value) -> Option<u64> {
    let quantity = Quantity::from_json(spec["resources"]["limits"].get("cpu")?).ok()?;
    u64::try_from(quantity.milli_value()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mounting_is_tried_again_after_twice_as_long() {
        let seconds = [0, 1, 2, 3, 4, 20].map(|failures| mount_pause(failures).as_secs_f64());
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 122.0]);
    }

    #[test]
    fn run_as_non_root_is_held_against_the_image() {
        let image = |name: &str| find(&Reference::parse(name).unwrap()).unwrap();
        let (pod, spec) = (json!({}), json!({"securityContext": {"runAsNonRoot": true}}));
        for (name, message) in [
            (
                "busybox:1.36.1",
                "container has runAsNonRoot and image will run as root (pod: \"p_d(u)\", container: app)",
            ),
            (
                "example/lab:nameduser",
                "container has runAsNonRoot and image has non-numeric user (nobody), cannot verify user is non-root \
                 (pod: \"p_d(u)\", container: app)",
            ),
        ] {
            assert_eq!(
                user(&pod, &spec, &image(name), "p_d(u)", "app"),
                Err(message.to_owned())
            );
        }
        assert_eq!(
            user(&pod, &spec, &image("curlimages/curl:8.4.0"), "p_d(u)", "app"),
            Ok(100)
        );
        assert_eq!(
            user(&pod, &json!({}), &image("busybox:1.36.1"), "p_d(u)", "app"),
            Ok(0)
        );
    }
}
