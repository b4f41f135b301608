//! StatefulSets, DaemonSets and ReplicationControllers on live nodes: what a learner sees from the first Pod to the last.

use podling::{Body, Components, Request};
use serde_json::{Value, json};

use crate::scene::{Scene, is_ready, name, stays};

const PODS: &str = "/api/v1/namespaces/default/pods";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";
const EVENTS: &str = "/api/v1/namespaces/default/events";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const CONTROLLERS: &str = "/api/v1/namespaces/default/replicationcontrollers";
const STATEFUL_SETS: &str = "/apis/apps/v1/namespaces/default/statefulsets";
const DAEMON_SETS: &str = "/apis/apps/v1/namespaces/default/daemonsets";
const REVISIONS: &str = "/apis/apps/v1/namespaces/default/controllerrevisions";

impl Scene {
    /// A cluster with live nodes of these names, once they are ready.
    fn live(nodes: &[&str]) -> Self {
        let mut scene = Self::new(11, nodes, Components::default());
        scene.wait(30.0);
        scene
    }

    /// The names of the objects at `path`, sorted.
    fn names(&mut self, path: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .items(path)
            .iter()
            .map(|object| name(object).to_owned())
            .collect();
        names.sort();
        names
    }

    /// The messages of the events about the object of that name.
    fn messages_about(&mut self, about: &str) -> Vec<String> {
        let events = self.items(&format!("{EVENTS}?fieldSelector=involvedObject.name={about}"));
        events
            .iter()
            .map(|event| event["message"].as_str().unwrap().to_owned())
            .collect()
    }

    fn log(&mut self, pod: &str) -> String {
        let response = self
            .cluster
            .handle(&Request::new("GET", &format!("{PODS}/{pod}/log")));
        let Body::Whole(text) = response.body else {
            panic!("a whole log")
        };
        String::from_utf8(text).unwrap()
    }
}

fn image(pod: &Value) -> &str {
    pod["spec"]["containers"][0]["image"].as_str().unwrap()
}

fn serves(pod: &Value) -> bool {
    is_ready(pod) && stays(pod)
}

fn template(app: &str, image: &str) -> Value {
    json!({"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "c", "image": image}]}})
}

fn stateful_set(replicas: i64) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {
        "serviceName": "web", "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
        "template": template("web", "nginx:1.27"),
    }})
}

fn daemon_set() -> Value {
    json!({"metadata": {"name": "d"}, "spec": {
        "selector": {"matchLabels": {"app": "d"}}, "template": template("d", "nginx:1.27"),
    }})
}

fn new_image(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}})
}

fn ready_count(scene: &mut Scene) -> usize {
    scene.items(PODS).iter().filter(|pod| serves(pod)).count()
}

#[test]
fn the_pods_of_a_stateful_set_are_found_by_name() {
    let mut scene = Scene::live(&["n1"]);
    let service = json!({"metadata": {"name": "web"}, "spec": {
        "clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 80}]}});
    scene.call("POST", SERVICES, &service);
    scene.call("POST", STATEFUL_SETS, &stateful_set(2));
    scene.until(30.0, "two ready pods", |scene| ready_count(scene) == 2);
    scene.wait(2.0);
    let client = json!({"metadata": {"name": "client"}, "spec": {"restartPolicy": "Never", "containers": [{
        "name": "c", "image": "busybox:1.36", "command": ["nslookup", "web-1.web"]}]}});
    scene.call("POST", PODS, &client);
    scene.until(60.0, "an answer", |scene| {
        scene.get(&format!("{PODS}/client"))["status"]["phase"] == "Succeeded"
    });
    let address = scene.get(&format!("{PODS}/web-1"))["status"]["podIP"].clone();
    let expected = format!("Address: {}", address.as_str().unwrap());
    assert!(scene.log("client").contains(&expected), "{}", scene.log("client"));
}

#[test]
fn an_update_of_a_stateful_set_goes_from_the_last_pod_to_the_first_and_back() {
    let mut scene = Scene::live(&["n1"]);
    let path = format!("{STATEFUL_SETS}/web");
    scene.call("POST", STATEFUL_SETS, &stateful_set(3));
    scene.until(60.0, "three ready pods", |scene| ready_count(scene) == 3);
    scene.call("PATCH", &path, &new_image("nginx:1.28"));
    let mut order: Vec<String> = Vec::new();
    scene.until(120.0, "the update", |scene| {
        let pods = scene.items(PODS);
        let missing = pods.iter().filter(|pod| !serves(pod)).count() + 3 - pods.len();
        assert!(missing <= 1, "only one pod is replaced at a time");
        for pod in pods
            .iter()
            .filter(|pod| image(pod) == "nginx:1.28" && serves(pod))
        {
            if !order.iter().any(|one| one == name(pod)) {
                order.push(name(pod).to_owned());
            }
        }
        order.len() == 3
    });
    assert_eq!(order, ["web-2", "web-1", "web-0"]);
    scene.call("PATCH", &path, &new_image("nginx:1.27"));
    scene.until(120.0, "the old image", |scene| {
        let pods = scene.items(PODS);
        pods.iter().all(|pod| image(pod) == "nginx:1.27" && serves(pod))
    });
    scene.wait(1.0);
    let numbers: Vec<i64> = scene
        .items(REVISIONS)
        .iter()
        .map(|one| one["revision"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers.len(), 2, "the first revision came back");
    assert!(numbers.contains(&2) && numbers.contains(&3), "{numbers:?}");
    let status = scene.get(&path)["status"].clone();
    assert_eq!(status["currentRevision"], status["updateRevision"]);
}

#[test]
fn claims_are_made_from_templates_and_go_as_the_policy_says() {
    let mut scene = Scene::live(&["n1"]);
    let mut set = stateful_set(2);
    set["spec"]["podManagementPolicy"] = "Parallel".into();
    set["spec"]["persistentVolumeClaimRetentionPolicy"] =
        json!({"whenScaled": "Delete", "whenDeleted": "Retain"});
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": "none",
        "resources": {"requests": {"storage": "1Gi"}}}}]);
    scene.call("POST", STATEFUL_SETS, &set);
    scene.wait(2.0);
    assert_eq!(scene.names(CLAIMS), ["data-web-0", "data-web-1"]);
    let claim = scene.get(&format!("{CLAIMS}/data-web-0"));
    assert_eq!(claim["metadata"]["labels"], json!({"app": "web"}));
    assert_eq!(claim["metadata"]["ownerReferences"], Value::Null);
    let volumes = scene.get(&format!("{PODS}/web-0"))["spec"]["volumes"][0].clone();
    assert_eq!(
        volumes,
        json!({"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}})
    );
    let said = scene.messages_about("web");
    assert!(
        said.contains(&"Create Claim data-web-0 Pod web-0 in StatefulSet web success".to_owned()),
        "{said:?}"
    );
    scene.call(
        "PATCH",
        &format!("{STATEFUL_SETS}/web"),
        &json!({"spec": {"replicas": 1}}),
    );
    // A finalizer of its own may hold it until nothing uses it any more.
    scene.until(30.0, "the claim goes with its pod", |scene| {
        let claims = scene.items(CLAIMS);
        claims
            .iter()
            .filter(|claim| stays(claim))
            .map(name)
            .eq(["data-web-0"])
    });
    scene.call("DELETE", &format!("{STATEFUL_SETS}/web"), &Value::Null);
    scene.until(60.0, "the pods go", |scene| scene.items(PODS).is_empty());
    assert!(
        stays(&scene.get(&format!("{CLAIMS}/data-web-0"))),
        "kept when the set is deleted"
    );
}

#[test]
fn a_daemon_set_is_updated_node_by_node() {
    let mut scene = Scene::live(&["n1", "n2", "n3"]);
    scene.call("POST", DAEMON_SETS, &daemon_set());
    scene.until(30.0, "three ready pods", |scene| ready_count(scene) == 3);
    scene.call("PATCH", &format!("{DAEMON_SETS}/d"), &new_image("nginx:1.28"));
    scene.until(120.0, "the update", |scene| {
        let ready: Vec<Value> = scene.items(PODS).into_iter().filter(serves).collect();
        assert!(ready.len() >= 2, "two of three nodes are always served");
        ready.iter().filter(|pod| image(pod) == "nginx:1.28").count() == 3
    });
    scene.wait(1.0);
    let status = scene.get(&format!("{DAEMON_SETS}/d"))["status"].clone();
    assert_eq!(
        (&status["updatedNumberScheduled"], &status["numberUnavailable"]),
        (&json!(3), &Value::Null)
    );
    assert_eq!(scene.items(REVISIONS).len(), 2);
}

#[test]
fn with_a_surge_every_node_is_always_served() {
    let mut scene = Scene::live(&["n1", "n2"]);
    let mut set = daemon_set();
    set["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    scene.call("POST", DAEMON_SETS, &set);
    scene.until(30.0, "two ready pods", |scene| ready_count(scene) == 2);
    scene.call("PATCH", &format!("{DAEMON_SETS}/d"), &new_image("nginx:1.28"));
    scene.until(120.0, "the update", |scene| {
        let pods = scene.items(PODS);
        let served = |node: &str| {
            pods.iter()
                .any(|pod| pod["spec"]["nodeName"] == node && serves(pod))
        };
        assert!(served("n1") && served("n2"), "a node without a ready pod");
        pods.len() == 2 && pods.iter().all(|pod| image(pod) == "nginx:1.28" && serves(pod))
    });
}

#[test]
fn a_failed_daemon_is_replaced_and_told_of() {
    let mut scene = Scene::live(&["n1"]);
    scene.call("POST", DAEMON_SETS, &daemon_set());
    scene.until(30.0, "a ready pod", |scene| ready_count(scene) == 1);
    let first = name(&scene.items(PODS)[0]).to_owned();
    scene.call(
        "PATCH",
        &format!("{PODS}/{first}/status"),
        &json!({"status": {"phase": "Failed"}}),
    );
    scene.until(90.0, "another pod", |scene| {
        let pods = scene.items(PODS);
        pods.iter().any(|pod| name(pod) != first && serves(pod))
    });
    let expected = format!("Found failed daemon pod default/{first} on node n1, will try to kill it");
    let said = scene.messages_about("d");
    assert!(said.contains(&expected), "{said:?}");
}

#[test]
fn a_replication_controller_adopts_and_lets_go() {
    let mut scene = Scene::live(&["n1"]);
    let mut orphan = template("web", "nginx:1.27");
    orphan["metadata"]["name"] = "orphan".into();
    scene.call("POST", PODS, &orphan);
    let controller = json!({"metadata": {"name": "rc"}, "spec": {"replicas": 2, "template": template("web", "nginx:1.27")}});
    scene.call("POST", CONTROLLERS, &controller);
    scene.wait(2.0);
    let owner = |pod: &Value| pod["metadata"]["ownerReferences"][0]["name"].clone();
    assert_eq!(scene.items(PODS).len(), 2, "one is adopted, one is new");
    assert_eq!(owner(&scene.get(&format!("{PODS}/orphan"))), "rc");
    scene.call(
        "PATCH",
        &format!("{PODS}/orphan"),
        &json!({"metadata": {"labels": {"app": "other"}}}),
    );
    scene.wait(2.0);
    assert_eq!(owner(&scene.get(&format!("{PODS}/orphan"))), Value::Null);
    assert_eq!(scene.items(PODS).len(), 3, "its place is taken by another");
    scene.call("DELETE", &format!("{CONTROLLERS}/rc"), &Value::Null);
    scene.wait(2.0);
    let pods = scene.items(PODS);
    assert!(
        pods.len() == 3 && pods.iter().all(|pod| owner(pod).is_null()),
        "what it owned is let go by default"
    );
}

#[test]
fn a_pod_ends_as_its_containers_did_and_says_so() {
    let mut scene = Scene::live(&["n"]);
    let shell = |name: &str, script: &str| json!({"name": name, "image": "busybox:1.36.1", "command": ["sh", "-c", script]});
    let mut hooked = shell("c", "sleep 999");
    hooked["lifecycle"] = json!({"preStop": {"exec": {"command": ["sh", "-c", "exit 3"]}}});
    let spec = json!({"containers": [hooked]});
    scene.call(
        "POST",
        PODS,
        &json!({"metadata": {"name": "hooked"}, "spec": spec}),
    );
    let lifecycle = json!({"preStop": {"httpGet": {"path": "/missing", "port": 80}}});
    let spec = json!({"containers": [{"name": "c", "image": "nginx:1.25.3", "lifecycle": lifecycle}]});
    scene.call(
        "POST",
        PODS,
        &json!({"metadata": {"name": "asked"}, "spec": spec}),
    );
    let spec = json!({"restartPolicy": "Never", "initContainers": [shell("i", "exit 4"), shell("j", "true")],
        "containers": [shell("c", "sleep 9")]});
    scene.call(
        "POST",
        PODS,
        &json!({"metadata": {"name": "never"}, "spec": spec}),
    );
    scene.wait(10.0);
    scene.call(
        "DELETE",
        &format!("{PODS}/hooked"),
        &json!({"gracePeriodSeconds": 2}),
    );
    scene.wait(5.0);
    let said = scene.messages_about("hooked");
    assert!(said.contains(&"PreStopHook failed".to_owned()), "{said:?}");
    // What was never due is no failure of its own: the init container's is enough.
    let status = scene.get(&format!("{PODS}/never"))["status"].clone();
    assert_eq!(status["phase"], "Failed");
    assert_eq!(
        status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"],
        4
    );
    let waits = json!({"waiting": {"reason": "PodInitializing"}});
    assert_eq!(status["initContainerStatuses"][1]["state"], waits);
    assert_eq!(status["containerStatuses"][0]["state"], waits);
}
