//! Replaying one recording, step by step.

mod requests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use podling::clock::Time;
use podling::{Cluster, Components, Config, NodeConfig, Request, Response};
use serde_json::{Value, json};

use crate::attempt::When;
use crate::case::Case;
use crate::compare::Comparer;
use crate::decide;
use crate::door::Door;
use crate::events_table::Known;
use crate::jitter::{self, Course};
use crate::kubectl::{self, Kubectl, Program};
use crate::names;
use crate::tidy::{drop_managed_fields, drop_the_machines};
use crate::timeline::{Sample, Timeline};

/// What a replay comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Every step answered as recorded.
    Agrees,
    /// The first step that did not, and how.
    Differs(String),
    /// The same of a case in which cluster time passed beside a running kubectl. What such a kubectl sees hangs on
    /// how fast it is on this machine, so it is printed, and not held against anybody.
    Unsteady(String),
    /// It could not be replayed here.
    Skipped(&'static str),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agrees => f.write_str("agrees"),
            Self::Differs(why) => f.write_str(why),
            Self::Unsteady(why) => write!(f, "{why} (time passed beside kubectl)"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
        }
    }
}

/// How far apart an `eventually` step looks again.
const POLL: Duration = Duration::from_millis(100);

/// How long the recorder took from one answer to its next request; controllers act meanwhile.
const BETWEEN_REQUESTS: Duration = Duration::from_millis(20);

/// A command that took no longer than this waited for nothing but its own start, in seconds.
const SHORT_COMMAND: f64 = 0.2;

/// 2026-01-05T09:00:00Z.
const START: Time = Time::from_micros(1_767_603_600_000_000);

/// A case while it is replayed.
pub(crate) struct Replay {
    /// The cluster that answers.
    pub(crate) cluster: Door,
    /// How answers are compared.
    pub(crate) comparer: Comparer,
    /// The case's own namespace.
    pub(crate) namespace: String,
    variables: BTreeMap<String, String>,
    /// How many streams belong to commands that run beside the others.
    pub(crate) background_streams: usize,
    /// Whether cluster time passed while a kubectl was running.
    pub(crate) time_passed_beside_kubectl: bool,
    timeline: Option<Timeline>,
    /// The recorded timeline.
    recorded: Course,
    /// What the recordings say about events.
    pub(crate) known_events: Known,
    /// What each command said so far, where the first difference does not end the replay.
    pub(crate) every_command: Option<Vec<Said>>,
    keep_managed_fields: bool,
    fill_namespaces: bool,
    untaint_nodes: bool,
}

/// What one kubectl command said, as far as it is not what was recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Said {
    /// The place of the command in its case, from 0.
    pub(crate) command: usize,
    /// The first difference.
    pub(crate) difference: Option<String>,
    /// Cluster time passed while a kubectl was running: what it says hangs on how fast it is.
    pub(crate) unsteady: bool,
}

impl Replay {
    /// The cluster of a case, before its first step.
    pub(crate) fn new(case: &Case) -> Self {
        let components = Components {
            controllers: case.needs("controllers"),
            // The scheduler's recordings were made with nodes that nobody looked after.
            node_lifecycle: case.area() != "scheduler",
            scheduler: case.needs("scheduler"),
            kubelets: case.needs("kubelet"),
            metrics_server: case.needs("metrics-server"),
            // The recorded clusters had no provisioner.
            ..Components::NONE
        };
        let nodes = if components.kubelets {
            vec![recorded_node()]
        } else {
            Vec::new()
        };
        let cluster = Cluster::new(Config {
            seed: seed(),
            start: start(case),
            nodes,
            components,
        });
        let slug: String = case
            .name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(20)
            .collect();
        let mut replay = Self {
            cluster: Door::new(cluster),
            comparer: Comparer::default(),
            namespace: format!("t-{}", slug.to_lowercase()),
            variables: BTreeMap::new(),
            background_streams: 0,
            time_passed_beside_kubectl: false,
            timeline: None,
            recorded: case.steps.last().map(Course::recorded).unwrap_or_default(),
            known_events: Known::default(),
            every_command: None,
            keep_managed_fields: case.name.starts_with("api/ssa-"),
            fill_namespaces: false,
            untaint_nodes: case.area() == "scheduler",
        };
        replay.known_events = replay.events_of(case);
        replay.prepare(case, components);
        replay.timeline = case
            .steps
            .iter()
            .find_map(|step| step["timeline"]["pods"].as_str())
            .and_then(|selector| Timeline::new(&replay.cluster, &replay.namespace, selector));
        replay
    }

    /// A kubectl for the cluster.
    pub(crate) fn kubectl(&self, program: &Program, case: &str) -> io::Result<Kubectl> {
        Kubectl::new(program, case, &self.cluster.serve()?)
    }

    /// Takes down what a command said that was not recorded; ends the replay there, unless every command counts.
    pub(crate) fn said(&mut self, difference: Option<String>) -> Result<(), Verdict> {
        let unsteady = self.time_passed_beside_kubectl;
        match (&mut self.every_command, difference) {
            (Some(commands), difference) => {
                let command = commands.len();
                commands.push(Said {
                    command,
                    difference,
                    unsteady,
                });
                Ok(())
            }
            (None, Some(why)) => Err(Verdict::Differs(why)),
            (None, None) => Ok(()),
        }
    }

    /// The namespace with what controllers put into each, and the nodes.
    fn prepare(&mut self, case: &Case, components: Components) {
        let namespace = self.namespace.clone();
        self.post("/api/v1/namespaces", &json!({"metadata": {"name": namespace}}));
        self.settle(Duration::from_secs(3));
        if !components.controllers {
            let path = format!("/api/v1/namespaces/{namespace}");
            self.post(
                &format!("{path}/serviceaccounts"),
                &json!({"metadata": {"name": "default"}}),
            );
            self.post(
                &format!("{path}/configmaps"),
                &json!({"metadata": {"name": "kube-root-ca.crt"}}),
            );
        }
        for node in &case.nodes {
            self.post("/api/v1/nodes", node);
            self.untaint(node);
        }
        if case.area() == "api" && !case.nodes.is_empty() {
            // The recorded nodes had been there for a moment: controllers had seen them.
            self.settle(Duration::from_millis(100));
        }
    }

    /// Every recording was made while controllers filled new namespaces, also where none is needed otherwise.
    fn fill_namespace(&mut self, namespace: &str) {
        if self.fill_namespaces {
            let path = format!("/api/v1/namespaces/{namespace}");
            self.post(
                &format!("{path}/serviceaccounts"),
                &json!({"metadata": {"name": "default"}}),
            );
            self.post(
                &format!("{path}/configmaps"),
                &json!({"metadata": {"name": "kube-root-ca.crt"}}),
            );
        }
    }

    /// The scheduler's recordings were made without the admission that taints new nodes.
    fn untaint(&mut self, node: &Value) {
        if !self.untaint_nodes {
            return;
        }
        let path = format!(
            "/api/v1/nodes/{}",
            node["metadata"]["name"].as_str().unwrap_or_default()
        );
        let patch = json!({"spec": {"taints": node["spec"]["taints"]}});
        let mut request = Request::new("PATCH", &path).with_json(&patch);
        request.content_type = "application/merge-patch+json".to_owned();
        self.cluster.handle(&request);
    }

    fn post(&mut self, path: &str, body: &Value) -> Response {
        self.cluster.handle(&Request::new("POST", path).with_json(body))
    }

    /// Lets cluster time pass.
    pub(crate) fn settle(&mut self, duration: Duration) {
        self.settle_until(self.cluster.now() + duration);
    }

    fn settle_until(&mut self, until: Time) {
        let until = until.max(self.cluster.now());
        if let Some(timeline) = &mut self.timeline {
            while let Some(due) = self.cluster.next_deadline().filter(|due| *due < until) {
                timeline.collect(&self.cluster);
                self.cluster.advance_to(due);
            }
            timeline.collect(&self.cluster);
            self.cluster.advance_to(until);
            timeline.collect(&self.cluster);
        } else {
            self.cluster.advance_to(until);
        }
    }

    /// `$POD1`, `$POD2` … are the pods with generated names.
    fn name_pods(&mut self, t: f64) {
        let Some(timeline) = &self.timeline else { return };
        let names = names::assign(
            &self.recorded.samples,
            t,
            &timeline.samples(),
            timeline.generated(),
        );
        for (at, name) in names.into_iter().enumerate() {
            self.variables.insert(format!("POD{}", at + 1), name);
        }
    }

    /// Does one step near the time at which it was recorded, if that has not passed.
    pub(crate) fn step(
        &mut self,
        kubectl: Option<&mut Kubectl>,
        step: &Value,
        when: When,
    ) -> Result<(), Verdict> {
        let at = step["at"].as_f64().unwrap_or(0.0);
        let (later, patience) = match when {
            When::Later(seconds) => (seconds, 0.0),
            When::Shown(patience) => (0.0, patience),
        };
        if let Some(then) = self
            .timeline
            .as_ref()
            .and_then(|timeline| timeline.moment(at + later + asks_after(step)))
        {
            self.settle_until(then);
            self.wait_until_shown(at, then + Duration::from_secs_f64(patience));
        }
        self.name_pods(at);
        let done = self.act(kubectl, step);
        if let Some(timeline) = &mut self.timeline
            && step["kubectl"]["background"] != true
        {
            timeline.begin(self.cluster.now());
        }
        done
    }

    /// Waits until the pods show what they did at the recording.
    fn wait_until_shown(&mut self, at: f64, until: Time) {
        while self.cluster.now() < until
            && jitter::shown(&self.recorded.samples, at) != jitter::shown(&self.samples(), f64::MAX)
        {
            self.settle(POLL);
        }
    }

    /// What pods have shown so far.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.timeline.as_ref().map(Timeline::samples).unwrap_or_default()
    }

    fn act(&mut self, kubectl: Option<&mut Kubectl>, step: &Value) -> Result<(), Verdict> {
        if let Some(kubectl) = kubectl {
            if step.get("kubectl").is_some() {
                return kubectl::step(self, kubectl, step);
            }
            if step.get("portForward").is_some() {
                return kubectl::port_forward::step(self, kubectl, step);
            }
        }
        if let Some(timeline) = step.get("timeline") {
            return self.compare_timeline(timeline, step);
        }
        if let Some(watch) = step.get("watch") {
            return self.watch(watch, step);
        }
        if let Some(eventually) = step.get("eventually") {
            return self.eventually(eventually, step);
        }
        if let Some(pods) = step.get("pods").filter(|_| step.get("decide").is_none()) {
            return self.patch_pods(pods);
        }
        if let Some(settle) = step.get("settle") {
            // Where every step has its time, the next one lets the time pass.
            if settle.get("until").is_some() || step.get("at").is_none() {
                self.settle(Duration::from_secs_f64(settle["seconds"].as_f64().unwrap_or(0.0)));
                self.wait_as_recorded(settle);
            }
            return Ok(());
        }
        if let Some(request) = step.get("request") {
            return self.exchange(request, step);
        }
        if let Some(wanted) = step.get("decide") {
            return decide::decide(self, wanted, step);
        }
        Err(Verdict::Skipped("there are steps of an unknown kind"))
    }

    /// Waits a moment longer for what the recorder waited for: it may come a little later here.
    fn wait_as_recorded(&mut self, settle: &Value) {
        let words = settle["until"].as_str().filter(|_| settle["came"] == true);
        let until = self.cluster.now() + Duration::from_millis(1500);
        while words.is_some_and(|words| !self.has_come(words)) && self.cluster.now() < until {
            self.settle(POLL);
        }
    }

    /// Whether what the words describe is there; words that are not known are taken as true.
    fn has_come(&mut self, words: &str) -> bool {
        let path = format!("/api/v1/namespaces/{}/pods", self.namespace);
        let pods = self.cluster.handle(&Request::new("GET", &path)).body_json();
        let pods = pods["items"].as_array().into_iter().flatten();
        let statuses = pods.filter_map(|pod| pod["status"]["containerStatuses"].as_array());
        let mut containers = statuses.flatten();
        match words {
            "the first job's pod has completed" => {
                containers.any(|container| container["state"]["terminated"]["exitCode"] == 0)
            }
            "a pod has restarted" => containers.any(|container| container["restartCount"] != 0),
            _ => true,
        }
    }

    /// Agrees with either of two recordings of the same case.
    fn compare_timeline(&mut self, timeline: &Value, step: &Value) -> Result<(), Verdict> {
        let seconds = timeline["seconds"].as_f64().unwrap_or(0.0);
        let Some(own) = &mut self.timeline else {
            return Err(Verdict::Differs("pods and events can't be watched".to_owned()));
        };
        if let Some(end) = own.moment(seconds) {
            self.settle_until(end);
        }
        let Some(own) = &self.timeline else { return Ok(()) };
        let own = Course {
            samples: own.samples(),
            events: own.events(),
        };
        let step = self.own_names_of(step);
        let recorded = Course::recorded(&step);
        let again = step.get("again").map(Course::recorded);
        let comparer = &mut self.comparer;
        let Some(why) = jitter::difference(comparer, seconds, &recorded, again.as_ref(), &own) else {
            return Ok(());
        };
        let agrees_with_second = again.as_ref().is_some_and(|again| {
            jitter::difference(comparer, seconds, again, Some(&recorded), &own).is_none()
        });
        if agrees_with_second {
            return Ok(());
        }
        Err(Verdict::Differs(format!("timeline: {why}")))
    }

    /// The events of a case's recordings.
    fn events_of(&self, case: &Case) -> Known {
        let timeline = case.steps.iter().find(|step| step.get("timeline").is_some());
        let recordings: Vec<Course> = timeline
            .into_iter()
            .flat_map(|step| [Some(step), step.get("again")])
            .flatten()
            .map(|recording| Course::recorded(&self.own_names_of(recording)))
            .collect();
        Known::of(&recordings)
    }

    /// Puts the case's namespace into a recorded text that is printed.
    pub(crate) fn own_names(&self, text: &str) -> String {
        text.replace("$NS", &self.namespace)
    }

    fn own_names_of(&self, value: &Value) -> Value {
        serde_json::from_str(&self.own_names(&value.to_string())).unwrap_or_default()
    }

    /// Waits for `count` pods, unready ones if it says so, and gives each the status of a kubelet.
    fn patch_pods(&mut self, wanted: &Value) -> Result<(), Verdict> {
        let count = wanted["count"]
            .as_u64()
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(0);
        let until = self.cluster.now() + Duration::from_secs_f64(wanted["within"].as_f64().unwrap_or(0.0));
        let mut names = self.pods_for(wanted);
        while names.len() < count {
            if self.cluster.now() >= until {
                return Err(Verdict::Differs(format!("{} pods, wanted {count}", names.len())));
            }
            self.settle(POLL);
            names = self.pods_for(wanted);
        }
        for name in names.iter().take(count) {
            let path = format!("/api/v1/namespaces/{}/pods/{name}/status", self.namespace);
            let mut request = Request::new("PATCH", &path).with_json(&wanted["patch"]);
            request.content_type = "application/strategic-merge-patch+json".to_owned();
            self.cluster.handle(&request);
            self.settle(BETWEEN_REQUESTS);
        }
        Ok(())
    }

    fn pods_for(&mut self, wanted: &Value) -> Vec<String> {
        let selector = wanted["selector"]
            .as_str()
            .unwrap_or_default()
            .replace('=', "%3D");
        let path = format!(
            "/api/v1/namespaces/{}/pods?labelSelector={selector}",
            self.namespace
        );
        let pods = self.cluster.handle(&Request::new("GET", &path)).body_json();
        let is_ready = |pod: &Value| {
            let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
            conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
        };
        let has_ended =
            |pod: &Value| pod["status"]["phase"] == "Succeeded" || pod["status"]["phase"] == "Failed";
        let items = pods["items"].as_array().into_iter().flatten();
        items
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
            .filter(|pod| wanted["which"] != "unready" || !(is_ready(pod) || has_ended(pod)))
            .filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned))
            .collect()
    }

    /// Puts the case's own values into a recorded text.
    pub(crate) fn own(&self, text: &str) -> String {
        let mut text = text.replace("$NS", &self.namespace);
        // The longest first: `$POD12` is not `$POD1` and a 2.
        let mut variables: Vec<_> = self.variables.iter().collect();
        variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in variables {
            text = text.replace(&format!("${name}"), value);
        }
        text
    }

    /// The same for every text in a value.
    pub(crate) fn own_value(&self, value: &Value) -> Value {
        serde_json::from_str(&self.own(&value.to_string())).unwrap_or_default()
    }

    /// Leaves out what does not count.
    pub(crate) fn tidy(&self, mut value: Value) -> Value {
        if !self.keep_managed_fields {
            drop_managed_fields(&mut value);
        }
        drop_the_machines(&mut value);
        value
    }
}

/// How long after its start a command asks the server, in seconds: a short one near its end.
fn asks_after(step: &Value) -> f64 {
    let took = step["took"].as_f64().filter(|_| step.get("kubectl").is_some());
    took.filter(|took| *took <= SHORT_COMMAND).unwrap_or(0.0)
}

/// When the cluster begins: for cases with a CronJob so that a minute begins when one did at the recording.
///
/// Example: its first Job came after 41.5 s; the case begins 3 s after the cluster; so it begins at 15.5 s of a minute.
fn start(case: &Case) -> Time {
    let events = case.steps.iter().filter_map(|step| step["events"].as_array());
    let first_job = events
        .flatten()
        .find(|event| event["reason"] == "SuccessfulCreate" && event["from"] == "cronjob-controller");
    match first_job.and_then(|event| event["t"].as_f64()) {
        Some(t) => START + Duration::from_secs_f64((117.0 - t).rem_euclid(60.0)),
        None => START,
    }
}

/// The seed of the cluster, 1 unless another is asked for.
fn seed() -> u64 {
    let named = std::env::var("ORACLE_SEED").ok();
    named.and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// The node that the recordings under `node/` were made on.
fn recorded_node() -> NodeConfig {
    NodeConfig::worker("node-1", "2", "6065108Ki")
}
