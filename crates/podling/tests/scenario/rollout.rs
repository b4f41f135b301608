//! Deployments on a cluster whose kubelet is played by the test: pods become ready and go when it says so.

use std::time::Duration;

use podling::Components;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::scene::{Scene, is_ready, name, stays};

const PODS: &str = "/api/v1/namespaces/default/pods";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/web";

impl Scene {
    /// A cluster with one node and a Deployment `web`.
    fn with_deployment(replicas: i64, strategy: &Value) -> Self {
        let components = Components {
            kubelets: false,
            ..Components::default()
        };
        let mut scene = Self::new(7, &[], components);
        scene.call("POST", "/api/v1/nodes", &node());
        scene.wait(1.0);
        let deployment = deployment(replicas, strategy);
        scene.call(
            "POST",
            "/apis/apps/v1/namespaces/default/deployments",
            &deployment,
        );
        scene
    }

    fn pods(&mut self) -> Vec<Value> {
        self.items(PODS)
    }

    fn make_ready(&mut self, pod: &Value) {
        let status = json!({"status": {"phase": "Running", "podIP": "10.1.0.1", "podIPs": [{"ip": "10.1.0.1"}],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-05T09:00:00Z"}]}});
        self.call("PATCH", &format!("{PODS}/{}/status", name(pod)), &status);
    }

    fn finish(&mut self, pod: &Value) {
        self.call(
            "DELETE",
            &format!("{PODS}/{}?gracePeriodSeconds=0", name(pod)),
            &Value::Null,
        );
    }

    /// A kubelet's work: what is new becomes ready, what is deleted goes.
    fn run_kubelet(&mut self) {
        for _ in 0..20 {
            self.wait(0.5);
            for pod in self.pods() {
                match pod["metadata"]["deletionTimestamp"].is_string() {
                    true => self.finish(&pod),
                    false if !is_ready(&pod) => self.make_ready(&pod),
                    false => {}
                }
            }
        }
    }

    fn set_image(&mut self, image: &str) {
        let containers = json!([{"name": "c", "image": image}]);
        self.call(
            "PATCH",
            DEPLOYMENT,
            &json!({"spec": {"template": {"spec": {"containers": containers}}}}),
        );
    }

    /// The messages of the events with that reason, oldest first.
    fn messages(&mut self, reason: &str) -> Vec<String> {
        let mut events = self.items("/api/v1/namespaces/default/events");
        events.retain(|event| event["reason"] == reason);
        events.sort_by_key(nanoseconds);
        let messages = events
            .iter()
            .map(|event| event["message"].as_str().unwrap_or_default().to_owned());
        messages.collect()
    }

    /// Wanted replicas of the ReplicaSets, oldest first.
    fn sizes(&mut self) -> Vec<i64> {
        let mut sets = self.items("/apis/apps/v1/namespaces/default/replicasets");
        let revision = |set: &Value| -> i64 {
            let revision = &set["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
            revision
                .as_str()
                .and_then(|revision| revision.parse().ok())
                .unwrap_or_default()
        };
        sets.sort_by_key(revision);
        sets.iter()
            .filter_map(|set| set["spec"]["replicas"].as_i64())
            .collect()
    }
}

fn node() -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"},
        "status": {"allocatable": {"cpu": "8", "memory": "8Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn deployment(replicas: i64, strategy: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "replicas": replicas, "strategy": strategy, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}}})
}

fn rolling(surge: i64, unavailable: i64) -> Value {
    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}})
}

/// The moment in the name of an event.
fn nanoseconds(event: &Value) -> i64 {
    let suffix = name(event).rsplit('.').next().unwrap_or_default();
    i64::from_str_radix(suffix, 16).unwrap_or_default()
}

/// Words without the generated parts of names.
fn without_names(messages: &[String]) -> Vec<String> {
    let word = |word: &str| match word.strip_prefix("web-") {
        Some(_) => "web".to_owned(),
        None => word.to_owned(),
    };
    let plain = |message: &String| message.split(' ').map(word).collect::<Vec<_>>().join(" ");
    messages.iter().map(plain).collect()
}

#[test]
fn a_first_rollout_creates_schedules_and_completes() {
    let mut scene = Scene::with_deployment(2, &rolling(1, 0));
    scene.run_kubelet();
    let pods = scene.pods();
    assert!(pods.iter().all(|pod| pod["spec"]["nodeName"] == "n1"), "{pods:?}");
    assert_eq!(
        without_names(&scene.messages("ScalingReplicaSet")),
        ["Scaled up replica set web from 0 to 2"]
    );
    assert_eq!(scene.messages("SuccessfulCreate").len(), 2);
    assert_eq!(
        without_names(&scene.messages("Scheduled")).len(),
        2,
        "each pod is assigned once"
    );
    let status = scene.get(DEPLOYMENT)["status"].clone();
    assert_eq!(status["availableReplicas"], 2);
    assert_eq!(status["conditions"][1]["reason"], "NewReplicaSetAvailable");
}

#[test]
fn an_update_goes_pod_by_pod_and_undo_takes_the_old_set_again() {
    let mut scene = Scene::with_deployment(3, &rolling(1, 0));
    scene.run_kubelet();
    scene.set_image("nginx:2");
    scene.run_kubelet();
    assert_eq!(scene.sizes(), [0, 3]);
    let scaled = without_names(&scene.messages("ScalingReplicaSet"));
    assert_eq!(scaled.len(), 7, "{scaled:?}");
    scene.set_image("nginx:1");
    scene.run_kubelet();
    assert_eq!(
        scene.sizes(),
        [0, 3],
        "two sets as before, the old one is the newest revision"
    );
    let deployment = scene.get(DEPLOYMENT);
    let revision = &deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
    assert_eq!(revision, "3");
}

#[test]
fn recreate_starts_nothing_before_the_last_old_pod_is_gone() {
    let mut scene = Scene::with_deployment(2, &json!({"type": "Recreate"}));
    scene.run_kubelet();
    scene.set_image("nginx:2");
    scene.wait(5.0);
    let old = scene.pods();
    assert_eq!(old.len(), 2);
    assert!(old.iter().all(|pod| !stays(pod)), "both are being deleted");
    scene.finish(&old[0]);
    scene.wait(5.0);
    assert_eq!(scene.sizes(), [0], "one old pod is left");
    scene.finish(&old[1]);
    scene.wait(5.0);
    assert_eq!(scene.sizes(), [0, 2]);
}

#[test]
fn what_a_deployment_owns_goes_with_it() {
    let mut scene = Scene::with_deployment(2, &rolling(1, 0));
    scene.run_kubelet();
    scene.call("DELETE", DEPLOYMENT, &Value::Null);
    scene.run_kubelet();
    assert_eq!(scene.pods(), Vec::<Value>::new());
    assert_eq!(scene.sizes(), Vec::<i64>::new());
}

#[test]
fn the_endpoints_of_a_service_follow_its_pods() {
    let mut scene = Scene::with_deployment(1, &rolling(1, 0));
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    scene.call("POST", "/api/v1/namespaces/default/services", &service);
    scene.wait(1.0);
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=\
        kubernetes.io/service-name%3Dweb";
    assert!(scene.items(slices)[0]["endpoints"].is_null());
    scene.run_kubelet();
    let endpoint = scene.items(slices)[0]["endpoints"][0].clone();
    assert_eq!(
        endpoint["conditions"],
        json!({"ready": true, "serving": true, "terminating": false})
    );
    let pod = scene.pods().remove(0);
    assert_eq!(endpoint["targetRef"]["name"], pod["metadata"]["name"]);
}

#[test]
fn a_rollout_that_hangs_says_so_after_its_deadline() {
    let mut scene = Scene::with_deployment(1, &rolling(1, 0));
    scene.wait(599.0);
    let reason = |scene: &mut Scene| scene.get(DEPLOYMENT)["status"]["conditions"][1]["reason"].clone();
    assert_eq!(reason(&mut scene), "ReplicaSetUpdated");
    scene.wait(5.0);
    assert_eq!(reason(&mut scene), "ProgressDeadlineExceeded");
}

#[test]
fn events_are_forgotten_after_an_hour() {
    let mut scene = Scene::with_deployment(1, &rolling(1, 0));
    scene.run_kubelet();
    assert!(!scene.messages("Scheduled").is_empty());
    scene.wait(3600.0);
    // The node falls silent meanwhile, of which there is news; the old news is gone.
    assert!(scene.messages("Scheduled").is_empty());
}

#[test]
fn the_same_seed_gives_the_same_names() {
    let names = || {
        let mut scene = Scene::with_deployment(3, &rolling(1, 0));
        scene.run_kubelet();
        scene.pods().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(), names());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5))]

    /// At every change at most `replicas + maxSurge` pods are wanted, and at least `replicas − maxUnavailable`
    /// are available.
    #[test]
    fn a_rolling_update_keeps_its_limits_at_every_change(
        replicas in 1_i64..6, surge in 0_i64..3, unavailable in 0_i64..3, choices in proptest::collection::vec(0_usize..8, 30),
    ) {
        prop_assume!(surge + unavailable > 0);
        let mut scene = Scene::with_deployment(replicas, &rolling(surge, unavailable));
        scene.run_kubelet();
        scene.set_image("nginx:2");
        for choice in choices {
            let until = scene.cluster.now() + Duration::from_millis(200);
            while let Some(due) = scene.cluster.next_deadline().filter(|due| *due <= until) {
                scene.cluster.advance_to(due);
                let pods = scene.pods();
                let available = pods.iter().filter(|pod| stays(pod)).filter(|pod| is_ready(pod)).count() as i64;
                let wanted: i64 = scene.sizes().iter().sum();
                prop_assert!(wanted <= replicas + surge, "{wanted} pods");
                prop_assert!(available >= replicas - unavailable, "{available} available");
            }
            let pods = scene.pods();
            let Some(pod) = pods.get(choice % pods.len().max(1)) else { continue };
            if !stays(pod) {
                scene.finish(pod);
            } else if !is_ready(pod) {
                scene.make_ready(pod);
            }
        }
        scene.run_kubelet();
        prop_assert_eq!(scene.sizes(), vec![0, replicas]);
    }
}
