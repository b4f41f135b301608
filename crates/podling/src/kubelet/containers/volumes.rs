//! Mounting a pod's volumes and keeping their content up to date (Kubernetes: `pkg/kubelet/volumemanager`).

use std::time::Duration;

use super::allocatable;
use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::events::Event;
use crate::images::files::Tree;
use crate::kubelet::environment::Surroundings;
use crate::kubelet::sync::Then;
use crate::kubelet::volumes::{Content, MountError, content, volume_key};
use crate::kubelet::worker::{Action, Failure};
use crate::kubelet::{Nodes, texts};
use crate::storage::text;

/// Volumes are looked for so often while a pod waits for them.
const MOUNT_POLL: Duration = Duration::from_millis(300);
/// The first pause of a volume that cannot be mounted, and the last.
const MOUNT_PAUSE: Duration = Duration::from_millis(500);
const MOUNT_PAUSE_MOST: Duration = Duration::from_secs(122);
/// A sync waits so long for volumes.
const MOUNT_TIMEOUT: Duration = Duration::from_secs(123);

/// The pause after that many failures: 0.5, 1, 2, 4… s.
fn mount_pause(failures: u32) -> Duration {
    MOUNT_PAUSE
        .saturating_mul(1 << failures.min(10))
        .min(MOUNT_PAUSE_MOST)
}

impl Nodes {
    /// Mounts the volumes: the first time after a poll; later their content is brought up to date.
    pub(in crate::kubelet) fn mount(&mut self, api: &mut ApiServer, uid: &str) -> Then {
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
            Err((volume, MountError::SetUp(why))) => self.mount_failed(api, uid, &volume, &why),
            Err((volume, MountError::Unknown(why))) => {
                self.give_up_mounting(api, uid, (&volume, &volume), &why);
                Then::Next
            }
        }
    }

    fn mounted(&mut self, uid: &str, now: Time) -> Then {
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        if !std::mem::replace(&mut worker.mounted, true) {
            self.watch_storage(uid, now);
        }
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
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
            self.give_up_mounting(api, uid, (volume, ""), "context deadline exceeded");
            return Then::Next;
        }
        worker.script.push_front(Action::Mount);
        Then::After(pause)
    }

    /// Ends the sync; the pod is tried again later.
    fn give_up_mounting(
        &mut self,
        api: &mut ApiServer,
        uid: &str,
        (volume, unknown): (&str, &str),
        why: &str,
    ) {
        if let Some(worker) = self.workers.get_mut(uid) {
            worker.mounting_since = None;
            worker.script.clear();
            worker.failure = Some(Failure::Other);
        }
        let text = format!(
            "Unable to attach or mount volumes: unmounted volumes=[{volume}], unattached volumes=[], failed to \
             process volumes=[{unknown}]: {why}"
        );
        self.record(api, uid, None, Event::warning(texts::FAILED_MOUNT, &text));
    }

    /// Mounts every volume, or names the first that cannot be mounted and why.
    fn mount_all(&mut self, api: &ApiServer, uid: &str) -> Result<(), (String, MountError)> {
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
            match content(api, &around, volume) {
                Ok(Content::Files(tree)) => worker.files.set(&key, tree),
                Ok(Content::Own) if worker.files.contains(&key) => {}
                Ok(Content::Own) => worker.files.set(&key, Tree::new()),
                Ok(Content::Disk(disk)) => {
                    let read_only = volume["persistentVolumeClaim"]["readOnly"] == true;
                    worker.on_disk.insert(key, (disk, read_only));
                }
                Err(error) => return Err((name.to_owned(), error)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounting_is_tried_again_after_twice_as_long() {
        let seconds = [0, 1, 2, 3, 4, 20].map(|failures| mount_pause(failures).as_secs_f64());
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 122.0]);
    }
}
