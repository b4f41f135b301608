//! Reading containers' logs (Kubernetes: `validateContainerLogStatus` in `pkg/kubelet/kubelet_pods.go`,
//! `LogLocation` in `pkg/registry/core/pod/strategy.go`).

use std::time::Duration;

use serde_json::Value;

use super::runtime::{Instance, containers};
use super::{Nodes, texts};
use crate::clock::Time;
use crate::images::LogLine;
use crate::status::Status;
use crate::storage::text;

/// `PodLogOptions`, as far as they choose lines; time stamps are added by whoever prints them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct LogOptions {
    /// The container before the present one.
    pub(crate) previous: bool,
    /// Only that many lines at the end.
    pub(crate) tail_lines: Option<usize>,
    /// Only what is not older.
    pub(crate) since: Option<Duration>,
    /// Only what is not before.
    pub(crate) since_time: Option<Time>,
}

/// A place in a container's log, from which it can be followed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct LogPosition {
    uid: String,
    container: String,
    id: String,
    line: u64,
}

/// Lines of a log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct LogPage {
    /// The lines.
    pub(crate) lines: Vec<LogLine>,
    /// Where the next ones will be.
    pub(crate) next: LogPosition,
    /// Whether there are more already.
    pub(crate) more: bool,
    /// Whether none will come, because the container has ended.
    pub(crate) ended: bool,
}

impl LogPage {
    /// Where the page begins; `None` if its lines stand in no log.
    pub(super) fn beginning(&self) -> Option<LogPosition> {
        let lines = self.lines.len() as u64;
        (!self.next.id.is_empty()).then(|| LogPosition {
            line: self.next.line.saturating_sub(lines),
            ..self.next.clone()
        })
    }
}

impl Nodes {
    /// A container's log; the only container's where none is named.
    ///
    /// # Errors
    /// No such container, or it has not started, in the API server's and the kubelet's words.
    pub(crate) fn log(
        &self,
        pod: &Value,
        container: Option<&str>,
        options: &LogOptions,
        now: Time,
    ) -> Result<LogPage, Status> {
        let name = choose(pod, container)?;
        if text(pod, &["spec", "nodeName"]).is_empty() {
            return Ok(LogPage {
                ended: true,
                ..LogPage::default()
            });
        }
        let id = container_id(pod, name, options.previous)?;
        let uid = text(pod, &["metadata", "uid"]);
        let start = LogPosition {
            uid: uid.to_owned(),
            container: name.to_owned(),
            id: id.clone(),
            line: 0,
        };
        let mut page = self.follow_log(&start, usize::MAX);
        if page.next.id.is_empty() {
            let text = format!("unable to retrieve container logs for containerd://{id}");
            page.lines.push(LogLine { time: now, text });
            return Ok(page);
        }
        let oldest = options.since.map(|since| now - since).max(options.since_time);
        page.lines
            .retain(|line| oldest.is_none_or(|oldest| line.time >= oldest));
        let skipped = options
            .tail_lines
            .map_or(0, |tail| page.lines.len().saturating_sub(tail));
        page.lines.drain(..skipped);
        Ok(page)
    }

    /// What was written since a position, but no further line once there are `enough` bytes. The next position has no
    /// container if there is none any more.
    pub(crate) fn follow_log(&self, position: &LogPosition, enough: usize) -> LogPage {
        let gone = LogPage {
            ended: true,
            ..LogPage::default()
        };
        let Some(instance) = self.instance(position) else {
            return gone;
        };
        let (lines, end) = instance.log.since(position.line);
        let (mut first, mut bytes) = (Vec::new(), 0);
        let mut lines = lines.peekable();
        while let Some(line) = lines.next_if(|_| bytes < enough) {
            bytes += line.text.len() + 1;
            first.push(line.clone());
        }
        let left = lines.count() as u64;
        LogPage {
            lines: first,
            next: LogPosition {
                line: end - left,
                ..position.clone()
            },
            more: left > 0,
            ended: left == 0 && !instance.seen.is_running(),
        }
    }

    fn instance(&self, position: &LogPosition) -> Option<&Instance> {
        let container = self
            .workers
            .get(&position.uid)?
            .containers
            .get(&position.container)?;
        let instances = [&container.current, &container.previous];
        instances
            .into_iter()
            .flatten()
            .find(|instance| instance.seen.id == position.id && !instance.removed)
    }
}

/// The container that is meant.
pub(super) fn choose<'a>(pod: &'a Value, container: Option<&'a str>) -> Result<&'a str, Status> {
    let name = text(pod, &["metadata", "name"]);
    let names = |field: &str| -> Vec<&str> { containers(pod, field).map(|c| text(c, &["name"])).collect() };
    let (init, main) = (names("initContainers"), names("containers"));
    let is_ephemeral = |name: &str| names("ephemeralContainers").contains(&name);
    match (container.filter(|name| !name.is_empty()), main.as_slice()) {
        (Some(container), _)
            if main.contains(&container) || init.contains(&container) || is_ephemeral(container) =>
        {
            Ok(container)
        }
        (Some(container), _) => Err(Status::bad_request(format!(
            "container {container} is not valid for pod {name}"
        ))),
        (None, [only]) if init.is_empty() => Ok(only),
        (None, [only]) if !init.is_empty() => Ok(only),
        (None, _) => {
            let hint = match init.as_slice() {
                [] => String::new(),
                init => format!(" or one of the init containers: [{}]", init.join(" ")),
            };
            let all = main.join(" ");
            Err(Status::bad_request(format!(
                "a container name must be specified for pod {name}, choose one of: [{all}]{hint}"
            )))
        }
    }
}

/// The ID of the container whose log is wanted, from the pod's status.
fn container_id(pod: &Value, name: &str, previous: bool) -> Result<String, Status> {
    let lists = [
        "containerStatuses",
        "initContainerStatuses",
        "ephemeralContainerStatuses",
    ];
    let mut statuses = lists
        .into_iter()
        .filter_map(|list| pod["status"][list].as_array())
        .flatten();
    let of_pod = format!(
        "container \"{name}\" in pod \"{}\"",
        text(pod, &["metadata", "name"])
    );
    let Some(status) = statuses.find(|status| status["name"] == name) else {
        return Err(Status::bad_request(format!("{of_pod} is not available")));
    };
    let id_of = |state: &Value| {
        text(state, &["containerID"])
            .trim_start_matches("containerd://")
            .to_owned()
    };
    let last = id_of(&status["lastState"]["terminated"]);
    let state = &status["state"];
    if previous {
        let missing = || Status::bad_request(format!("previous terminated {of_pod} not found"));
        return Some(last).filter(|id| !id.is_empty()).ok_or_else(missing);
    }
    if state.get("running").is_some() {
        return Ok(id_of(status));
    }
    if let Some(terminated) = state.get("terminated") {
        let own = id_of(terminated);
        let found = if own.is_empty() { last } else { own };
        let ended = || Status::bad_request(format!("{of_pod} is terminated"));
        return Some(found).filter(|id| !id.is_empty()).ok_or_else(ended);
    }
    if !last.is_empty() {
        return Ok(last);
    }
    let why = match state["waiting"]["reason"].as_str() {
        Some(texts::ERR_IMAGE_PULL) => "is waiting to start: image can't be pulled".to_owned(),
        Some(texts::IMAGE_PULL_BACK_OFF) => {
            "is waiting to start: trying and failing to pull image".to_owned()
        }
        Some(reason) => format!("is waiting to start: {reason}"),
        None => "is waiting to start - no logs yet".to_owned(),
    };
    Err(Status::bad_request(format!("{of_pod} {why}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(result: Result<String, Status>) -> String {
        result.unwrap_or_else(|status| status.message)
    }

    #[test]
    fn a_container_that_has_not_started_says_why() {
        let pod = |state: Value, last: Value| {
            json!({"metadata": {"name": "p"}, "status": {"containerStatuses": [
                {"name": "app", "containerID": "containerd://now", "state": state, "lastState": last}
            ]}})
        };
        let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
        let ended = |id: &str| json!({"terminated": {"containerID": format!("containerd://{id}")}});
        for (state, last, previous, expected) in [
            (
                waiting("ErrImagePull"),
                json!({}),
                false,
                "container \"app\" in pod \"p\" is waiting to start: image can't be pulled",
            ),
            (
                waiting("ImagePullBackOff"),
                json!({}),
                false,
                "container \"app\" in pod \"p\" is waiting to start: trying and failing to pull image",
            ),
            (
                waiting("ContainerCreating"),
                json!({}),
                false,
                "container \"app\" in pod \"p\" is waiting to start: ContainerCreating",
            ),
            (
                json!({"running": {}}),
                json!({}),
                true,
                "previous terminated container \"app\" in pod \"p\" not found",
            ),
            (json!({"running": {}}), ended("before"), false, "now"),
            (json!({"running": {}}), ended("before"), true, "before"),
            (waiting("CrashLoopBackOff"), ended("before"), false, "before"),
            (ended("own"), ended("before"), false, "own"),
        ] {
            assert_eq!(
                message(container_id(&pod(state, last), "app", previous)),
                expected
            );
        }
    }

    #[test]
    fn one_of_several_containers_must_be_named() {
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}, {"name": "b"}]}});
        let several = "a container name must be specified for pod p, choose one of: [a b]";
        assert_eq!(choose(&pod, None).unwrap_err().message, several);
        assert_eq!(
            choose(&pod, Some("x")).unwrap_err().message,
            "container x is not valid for pod p"
        );
        assert_eq!(choose(&pod, Some("b")), Ok("b"));
    }
}
