//! All that a container is made from: image, user, environment, mounts and limits
//! (Kubernetes: `generateContainerConfig` in `pkg/kubelet/kuberuntime/kuberuntime_container.go`).

use serde_json::Value;

use super::allocatable;
use crate::apiserver::ApiServer;
use crate::images::log::Log;
use crate::images::process::Limits;
use crate::images::reference::Reference;
use crate::images::{Image, User, find};
use crate::kubelet::Nodes;
use crate::kubelet::environment::{Surroundings, environment};
use crate::kubelet::runtime::{self, Instance, Seen};
use crate::kubelet::volumes::mounts;
use crate::quantity::Quantity;
use crate::storage::text;

impl Nodes {
    /// All that a container is made from.
    pub(super) fn prepare(&mut self, api: &ApiServer, uid: &str, name: &str) -> Result<Instance, String> {
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
                resources: spec["resources"].clone(),
                started: None,
                finish: None,
            },
            process: None,
            log: Log::default().with_terminal(spec["tty"] == true),
            requested,
            command_line: String::new(),
            environment,
            directory: match text(spec, &["workingDir"]) {
                "" => "/".to_owned(),
                directory => directory.to_owned(),
            },
            mounts: mounts(spec),
            limits: limits_of(spec, node.memory),
            removed: false,
            image,
        })
    }
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

/// What a container may use on a node with so much memory.
pub(in crate::kubelet) fn limits_of(spec: &Value, memory: u64) -> Limits {
    Limits {
        memory: memory_limit(spec).unwrap_or(memory),
        cpu: cpu_limit(spec),
    }
}

fn memory_limit(spec: &Value) -> Option<u64> {
    let quantity = Quantity::from_json(spec["resources"]["limits"].get("memory")?).ok()?;
    u64::try_from(quantity.value()).ok()
}

pub(super) fn cpu_limit(spec: &Value) -> Option<u64> {
    let quantity = Quantity::from_json(spec["resources"]["limits"].get("cpu")?).ok()?;
    u64::try_from(quantity.milli_value()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
