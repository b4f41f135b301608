//! Seeing to a container's image (Kubernetes: `pkg/kubelet/images/image_manager.go`).

use std::time::Duration;

use super::sync::Then;
use super::worker::{Action, Failure};
use super::{Nodes, runtime, texts};
use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::events::Event;
use crate::images::reference::Reference;
use crate::images::{Image, find};
use crate::storage::text;

impl Nodes {
    /// Looks whether the image is there, and begins to pull it if it must.
    pub(super) fn pull(&mut self, api: &mut ApiServer, uid: &str, name: String) -> Then {
        let now = api.now();
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        let Some((container, _)) = runtime::container(&worker.pod, &name) else {
            return Then::Next;
        };
        let requested = text(container, &["image"]).to_owned();
        let policy = text(container, &["imagePullPolicy"]).to_owned();
        let reference = match Reference::parse(&requested) {
            Ok(reference) => reference,
            Err(error) => return self.invalid_name(api, uid, &name, &requested, &error),
        };
        let node = self.nodes.get(&worker.node);
        let there = find(&reference).is_some_and(|image| {
            image.preloaded || node.is_some_and(|node| node.images.contains(&image.name))
        });
        if there && policy != "Always" {
            let text = format!(
                "Container image \"{requested}\" already present on machine and can be accessed by the pod"
            );
            self.record(api, uid, Some(&name), Event::normal(texts::PULLED, &text));
            return self.then_create(uid, name);
        }
        if policy == "Never" {
            let text = format!("Container image \"{requested}\" is not present with pull policy of Never");
            self.record(api, uid, Some(&name), Event::warning(texts::NEVER_PULL, &text));
            return self.cannot_start(api, uid, &name, texts::NEVER_PULL, &text);
        }
        let pause = worker
            .pulls
            .get(&requested)
            .and_then(|backoff| backoff.until_since_update(now));
        if pause.is_some() {
            return self.pull_backs_off(api, uid, &name, &requested);
        }
        let text = format!("Pulling image \"{requested}\"");
        self.record(api, uid, Some(&name), Event::normal(texts::PULLING, &text));
        let takes = self.pull_time(find(&reference).as_ref());
        self.push(uid, Action::Pulled(name, now));
        Then::After(takes)
    }

    /// A registry answers within some tenths of a second; about 20 MB come in a second.
    fn pull_time(&mut self, image: Option<&Image>) -> Duration {
        let answer = self.jitter(200, 500);
        match image {
            Some(image) if !image.preloaded => answer + Duration::from_millis(image.size / 20_000),
            _ => answer,
        }
    }

    /// The pull has ended.
    pub(super) fn pulled(&mut self, api: &mut ApiServer, uid: &str, name: String, since: Time) -> Then {
        let now = api.now();
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        let Some((container, _)) = runtime::container(&worker.pod, &name) else {
            return Then::Next;
        };
        let requested = text(container, &["image"]).to_owned();
        let Ok(reference) = Reference::parse(&requested) else {
            return Then::Next;
        };
        let Some(image) = find(&reference) else {
            let error = texts::no_such_image(&reference.to_string());
            worker.pulls.entry(requested.clone()).or_default().next(now, now);
            worker.pull_errors.insert(requested.clone(), error.clone());
            let event = format!("Failed to pull image \"{requested}\": {error}");
            self.record(api, uid, Some(&name), Event::warning(texts::FAILED, &event));
            return self.cannot_start(api, uid, &name, texts::ERR_IMAGE_PULL, &error);
        };
        if let Some(node) = self.nodes.get_mut(&worker.node) {
            node.images.insert(image.name.clone());
        }
        let took = format!("{}ms", now.since(since).as_millis());
        let event = format!(
            "Successfully pulled image \"{requested}\" in {took} ({took} including waiting). Image size: {} bytes.",
            image.size
        );
        self.record(api, uid, Some(&name), Event::normal(texts::PULLED, &event));
        self.then_create(uid, name)
    }

    fn then_create(&mut self, uid: &str, name: String) -> Then {
        self.push(uid, Action::Create(name));
        Then::After(self.jitter(10, 30))
    }

    fn invalid_name(
        &mut self,
        api: &mut ApiServer,
        uid: &str,
        name: &str,
        requested: &str,
        error: &str,
    ) -> Then {
        let text = format!(
            "Failed to apply default image tag \"{requested}\": couldn't parse image name \"{requested}\": {error}"
        );
        self.record(api, uid, Some(name), Event::warning("InspectFailed", &text));
        self.cannot_start(api, uid, name, texts::INVALID_IMAGE, &text)
    }

    fn pull_backs_off(&mut self, api: &mut ApiServer, uid: &str, name: &str, requested: &str) -> Then {
        let text = format!("Back-off pulling image \"{requested}\"");
        self.record(api, uid, Some(name), Event::normal(texts::BACK_OFF, &text));
        let error = self
            .workers
            .get(uid)
            .and_then(|worker| worker.pull_errors.get(requested));
        let message = match error {
            Some(error) => format!("{text}: {}: {error}", texts::ERR_IMAGE_PULL),
            None => text,
        };
        self.cannot_start(api, uid, name, texts::IMAGE_PULL_BACK_OFF, &message)
    }

    /// Records `Error: {reason}` and notes why the container does not start.
    fn cannot_start(
        &mut self,
        api: &mut ApiServer,
        uid: &str,
        name: &str,
        reason: &str,
        message: &str,
    ) -> Then {
        let event = format!("Error: {reason}");
        self.record(api, uid, Some(name), Event::warning(texts::FAILED, &event));
        self.fail(uid, name, reason, message, Failure::Other)
    }
}
