//! Pods of different priorities on nodes that are too small for all of them. The kubelets are played by the test.

use std::collections::BTreeMap;
use std::time::Duration;

use podling::apiserver::Stream;
use podling::{Body, Components, Request};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::scene::{Scene, name, stays};

const PODS: &str = "/api/v1/namespaces/default/pods";
const EVENTS: &str = "/api/v1/namespaces/default/events";
const NODES: &str = "/api/v1/nodes";
const PRIORITIES: [i64; 4] = [-10, 0, 100, 1000];
/// How many pods a node takes.
const SLOTS: usize = 5;

/// What happens next in a cluster.
#[derive(Clone, Debug)]
enum Step {
    /// A pod comes: its CPU in tenths, which of [`PRIORITIES`] it has, and its manners.
    Create {
        tenths: i64,
        priority: usize,
        never_preempts: bool,
        is_graceful: bool,
    },
    /// One of the pods is deleted.
    Delete(usize),
    /// So many tenths of a second pass.
    Wait(u64),
    /// Pods that are terminating are gone.
    Finish,
}

fn step() -> impl Strategy<Value = Step> {
    let create = (1_i64..9, 0_usize..PRIORITIES.len(), 0_u8..8, any::<bool>());
    let create = create.prop_map(|(tenths, priority, manners, is_graceful)| Step::Create {
        tenths,
        priority,
        never_preempts: manners == 0,
        is_graceful,
    });
    prop_oneof![
        6 => create,
        1 => (0_usize..20).prop_map(Step::Delete),
        3 => (0_u64..20).prop_map(Step::Wait),
        1 => Just(Step::Finish),
    ]
}

/// A pod as the test sees it.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    priority: i64,
    tenths: i64,
    node: Option<String>,
    nominated: Option<String>,
    never_preempts: bool,
}

impl Seen {
    fn of(pod: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            name: name(pod).to_owned(),
            priority: pod["spec"]["priority"].as_i64().unwrap(),
            tenths: tenths(&pod["spec"]["containers"][0]["resources"]["requests"]["cpu"]),
            node: text(&pod["spec"]["nodeName"]),
            nominated: text(&pod["status"]["nominatedNodeName"]),
            never_preempts: pod["spec"]["preemptionPolicy"] == "Never",
        }
    }
}

/// A quantity such as `700m` or `1` in tenths.
fn tenths(quantity: &Value) -> i64 {
    let text = quantity.as_str().unwrap();
    match text.strip_suffix('m') {
        Some(thousandths) => thousandths.parse::<i64>().unwrap() / 100,
        None => text.parse::<i64>().unwrap() * 10,
    }
}

/// All pods by UID, and the size of each node in tenths of a CPU.
#[derive(Clone, Debug)]
struct Picture {
    pods: BTreeMap<String, Seen>,
    nodes: BTreeMap<String, i64>,
}

impl Picture {
    /// What is left of a node beside the pods for which `counts` holds: tenths of a CPU, and whether there are too
    /// many of them, or as many as may be.
    fn left(&self, node: &str, counts: impl Fn(&Seen) -> bool) -> (i64, std::cmp::Ordering) {
        let there: Vec<&Seen> = self.pods.values().filter(|pod| counts(pod)).collect();
        let taken: i64 = there.iter().map(|pod| pod.tenths).sum();
        (self.nodes[node] - taken, there.len().cmp(&SLOTS))
    }

    fn is_over_committed(&self, node: &str) -> bool {
        let (cpu, slots) = self.left(node, |pod| pod.node.as_deref() == Some(node));
        cpu < 0 || slots.is_gt()
    }

    /// Whether `pod` fits on the node once the pods for which `goes` holds are gone. Room for nominated pods of its
    /// priority or above is not its own.
    fn fits(&self, pod: &Seen, node: &str, goes: impl Fn(&Seen) -> bool) -> bool {
        let is_on = |place: &Option<String>| place.as_deref() == Some(node);
        let (cpu, slots) = self.left(node, |other| {
            let is_ahead = other.priority >= pod.priority && other.name != pod.name;
            (is_on(&other.node) && !goes(other)) || (is_on(&other.nominated) && is_ahead)
        });
        cpu >= pod.tenths && slots.is_lt()
    }
}

/// Nodes of these sizes in tenths of a CPU, and classes for the priorities.
fn scene(seed: u64, sizes: &[i64]) -> Scene {
    let components = Components {
        controllers: false,
        kubelets: false,
        ..Components::default()
    };
    let mut scene = Scene::new(seed, &[], components);
    let account = json!({"metadata": {"name": "default"}});
    scene.call("POST", "/api/v1/namespaces/default/serviceaccounts", &account);
    for (number, value) in PRIORITIES.iter().enumerate() {
        for (kind, policy) in [("eager", "PreemptLowerPriority"), ("never", "Never")] {
            let named = json!({"name": format!("{kind}-{number}")});
            let class = json!({"metadata": named, "value": value, "preemptionPolicy": policy});
            scene.call("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", &class);
        }
    }
    for (number, size) in sizes.iter().enumerate() {
        let named = json!({"name": format!("n{number}")});
        let allocatable = json!({"cpu": format!("{size}00m"), "memory": "8Gi", "pods": SLOTS.to_string()});
        let node = json!({"metadata": named, "status": {"allocatable": allocatable}});
        scene.call("POST", NODES, &node);
        // Admission taints a node until a controller has seen that it is ready.
        let path = format!("{NODES}/n{number}");
        scene.call("PATCH", &path, &json!({"spec": {"taints": null}}));
    }
    scene
}

impl Scene {
    fn watch(&mut self, path: &str) -> Stream {
        match self.cluster.handle(&Request::new("GET", path)).body {
            Body::Stream(stream) => stream,
            Body::Whole(_) | Body::Session(_) => panic!("no watch"),
        }
    }

    fn take(&mut self, number: usize, step: &Step) {
        match step {
            Step::Create {
                tenths,
                priority,
                never_preempts,
                is_graceful,
            } => {
                let kind = if *never_preempts { "never" } else { "eager" };
                let requests = json!({"cpu": format!("{tenths}00m")});
                let spec = json!({
                    "priorityClassName": format!("{kind}-{priority}"),
                    "terminationGracePeriodSeconds": if *is_graceful { 30 } else { 0 },
                    "containers": [{"name": "c", "image": "nginx", "resources": {"requests": requests}}],
                });
                let pod = json!({"metadata": {"name": format!("p{number}")}, "spec": spec});
                self.call("POST", PODS, &pod);
            }
            Step::Delete(which) => {
                let pods = self.items(PODS);
                if let Some(pod) = pods.get(which % pods.len().max(1)) {
                    self.call("DELETE", &format!("{PODS}/{}", name(pod)), &Value::Null);
                }
            }
            Step::Wait(_) => self.run_kubelets(false),
            Step::Finish => self.run_kubelets(true),
        }
    }

    /// What kubelets do: pods on nodes are running, and those that are terminating go if `finishes`.
    fn run_kubelets(&mut self, finishes: bool) {
        for pod in self.items(PODS) {
            let path = format!("{PODS}/{}", name(&pod));
            if !stays(&pod) && finishes {
                self.call("DELETE", &format!("{path}?gracePeriodSeconds=0"), &Value::Null);
            } else if pod["spec"]["nodeName"].is_string() && pod["status"]["phase"] == "Pending" {
                let status = json!({"phase": "Running", "startTime": self.cluster.now().rfc3339()});
                self.call("PATCH", &format!("{path}/status"), &json!({"status": status}));
            }
        }
    }
}

/// Somebody who looks at every change, and judges it.
#[derive(Debug)]
struct Judge {
    pods: Stream,
    preemptions: Stream,
    now: Picture,
    /// Every pod that there ever was, by UID.
    known: BTreeMap<String, Seen>,
    preempted: usize,
}

impl Judge {
    fn new(scene: &mut Scene) -> Self {
        let nodes = scene.items(NODES);
        let size = |node: &Value| tenths(&node["status"]["allocatable"]["cpu"]);
        let sizes = nodes.iter().map(|node| (name(node).to_owned(), size(node)));
        Self {
            pods: scene.watch(&format!("{PODS}?watch=true")),
            preemptions: scene.watch(&format!("{EVENTS}?watch=true&fieldSelector=reason%3DPreempted")),
            now: Picture {
                pods: BTreeMap::new(),
                nodes: sizes.collect(),
            },
            known: BTreeMap::new(),
            preempted: 0,
        }
    }

    /// Looks at what one piece of work changed.
    fn look(&mut self, scene: &mut Scene) -> Result<(), TestCaseError> {
        let before = self.now.clone();
        for change in read(scene, &mut self.pods) {
            let uid = change["object"]["metadata"]["uid"].as_str().unwrap().to_owned();
            let pod = Seen::of(&change["object"]);
            self.known.insert(uid.clone(), pod.clone());
            match change["type"] == "DELETED" {
                true => drop(self.now.pods.remove(&uid)),
                false => drop(self.now.pods.insert(uid, pod)),
            }
            for node in self.now.nodes.keys() {
                let is_over_committed = self.now.is_over_committed(node);
                prop_assert!(!is_over_committed, "{node}: {:?}", self.now);
            }
        }
        let events = read(scene, &mut self.preemptions);
        self.judge_preemption(&before, &events)
    }

    /// A cycle makes room for one pod at most.
    fn judge_preemption(&mut self, before: &Picture, events: &[Value]) -> Result<(), TestCaseError> {
        let Some(first) = events.first().map(|event| &event["object"]["message"]) else {
            return Ok(());
        };
        let is_about_one = events.iter().all(|event| event["object"]["message"] == *first);
        prop_assert!(is_about_one, "{events:?}");
        let said = first.as_str().unwrap().strip_prefix("Preempted by pod ");
        let (uid, node) = said.and_then(|said| said.split_once(" on node ")).unwrap();
        let victim = |event: &Value| {
            let uid = &event["object"]["involvedObject"]["uid"];
            self.known[uid.as_str().unwrap()].clone()
        };
        let victims: Vec<Seen> = events.iter().map(victim).collect();
        self.preempted += victims.len();
        judge(before, &self.known[uid], node, &victims)
    }
}

fn read(scene: &mut Scene, stream: &mut Stream) -> Vec<Value> {
    let mut changes = Vec::new();
    loop {
        let chunk = scene.cluster.read(stream);
        if chunk.bytes.is_empty() {
            return changes;
        }
        let lines = serde_json::Deserializer::from_slice(&chunk.bytes).into_iter::<Value>();
        changes.extend(lines.map(Result::unwrap));
    }
}

/// The victims had to go, each of them, and the pod had no place anywhere.
fn judge(before: &Picture, pod: &Seen, node: &str, victims: &[Seen]) -> Result<(), TestCaseError> {
    prop_assert!(!pod.never_preempts, "{pod:?}");
    for victim in victims {
        prop_assert!(victim.priority < pod.priority, "{victim:?} for {pod:?}");
        prop_assert_eq!(victim.node.as_deref(), Some(node));
        let goes = |other: &Seen| {
            other.name != victim.name && victims.iter().any(|another| another.name == other.name)
        };
        prop_assert!(
            !before.fits(pod, node, goes),
            "{victim:?} for {pod:?}: {before:?}"
        );
    }
    for node in before.nodes.keys() {
        prop_assert!(
            !before.fits(pod, node, |_| false),
            "{pod:?} on {node}: {before:?}"
        );
    }
    Ok(())
}

/// At rest, no pod waits that would fit somewhere, or for which room may be made.
fn nobody_waits_in_vain(picture: &Picture) -> Result<(), TestCaseError> {
    for pod in picture.pods.values().filter(|pod| pod.node.is_none()) {
        for node in picture.nodes.keys() {
            let goes = |other: &Seen| !pod.never_preempts && other.priority < pod.priority;
            prop_assert!(!picture.fits(pod, node, goes), "{pod:?} on {node}: {picture:?}");
        }
    }
    Ok(())
}

/// Lets time pass; the judge looks at every piece of work.
fn pass(scene: &mut Scene, judge: Option<&mut Judge>, tenths: u64) -> Result<(), TestCaseError> {
    let until = scene.cluster.now() + Duration::from_millis(100 * tenths);
    if let Some(judge) = judge {
        judge.look(scene)?;
        while let Some(due) = scene.cluster.next_deadline().filter(|due| *due <= until) {
            scene.cluster.advance_to(due);
            judge.look(scene)?;
        }
    }
    scene.cluster.advance_to(until);
    Ok(())
}

/// Takes the steps, and waits until all is at rest: what the cluster says of its pods then.
fn play(scene: &mut Scene, steps: &[Step], mut judge: Option<&mut Judge>) -> Result<String, TestCaseError> {
    for (number, step) in steps.iter().enumerate() {
        scene.take(number, step);
        let tenths = if let Step::Wait(tenths) = step { *tenths } else { 0 };
        pass(scene, judge.as_deref_mut(), tenths)?;
    }
    for _ in 0..40 {
        scene.run_kubelets(true);
        pass(scene, judge.as_deref_mut(), 100)?;
    }
    Ok(format!("{}{}", scene.get(PODS), scene.get(EVENTS)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5))]

    /// A victim has a lower priority than its preemptor and had to go; nobody goes where there was room; no node is
    /// ever over-committed; in the end nobody waits who need not; and the same steps give the same bytes.
    #[test]
    fn room_is_made_only_where_it_must_be(
        seed in any::<u64>(),
        sizes in proptest::collection::vec(5_i64..15, 1..4),
        steps in proptest::collection::vec(step(), 30..90),
    ) {
        let mut watched = scene(seed, &sizes);
        let mut judge = Judge::new(&mut watched);
        let said = play(&mut watched, &steps, Some(&mut judge))?;
        nobody_waits_in_vain(&judge.now)?;
        prop_assert_eq!(said, play(&mut scene(seed, &sizes), &steps, None)?);
    }
}
