//! Pods scheduled a second, in clusters of different sizes.
//!
//! Only the scheduler runs; the Pods are all there before it begins, and no kubelet runs them. Cluster time passes as
//! fast as it can, so that the figure is what the work costs.

use std::time::{Duration, Instant};

use podling::{Body, Cluster, Components, Config, Request};
use serde_json::{Value, json};

use crate::Outcome;
use crate::api::{PODS_PATH, config, done, rate, service_account};

/// How many nodes there are, in three zones.
const NODES: [usize; 2] = [100, 1_000];
/// Pods with requests only.
const PLAIN: usize = 2_000;
/// Pods with more wishes, each of which looks at the Pods that are there.
const DEMANDING: usize = 500;
/// The longest that all of them may take, in cluster time.
const PATIENCE: Duration = Duration::from_secs(600);

/// Measures and prints.
pub(crate) fn print_figures() -> Outcome<()> {
    println!("Pods scheduled a second:");
    for nodes in NODES {
        let figures = [
            ("with requests only", plain(nodes)?),
            ("evenly over zones and apart from each other", demanding(nodes)?),
            ("each in the place of a Pod of lower priority", preempting(nodes)?),
        ];
        for (what, figure) in figures {
            println!("on {nodes} nodes, {what}: {figure:.0}");
        }
    }
    Ok(())
}

fn plain(nodes: usize) -> Outcome<f64> {
    let mut cluster = cluster(nodes)?;
    scheduled_a_second(&mut cluster, PLAIN, &spec("100m"))
}

fn demanding(nodes: usize) -> Outcome<f64> {
    let mut cluster = cluster(nodes)?;
    let selector = json!({"matchLabels": {"app": "web"}});
    let mut spec = spec("100m");
    spec["topologySpreadConstraints"] = json!([{
        "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": selector,
    }]);
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": selector});
    spec["affinity"]["podAntiAffinity"] = json!({
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}],
    });
    scheduled_a_second(&mut cluster, DEMANDING, &spec)
}

/// Every node is full; room is made on each once.
fn preempting(nodes: usize) -> Outcome<f64> {
    let mut cluster = cluster(nodes)?;
    let class = json!({"metadata": {"name": "high"}, "value": 1000});
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    done(cluster.handle(&Request::new("POST", classes).with_json(&class)))?;
    for node in 0..nodes {
        let mut spec = spec("30");
        spec["nodeName"] = node_name(node).into();
        spec["terminationGracePeriodSeconds"] = 0.into();
        create(&mut cluster, &format!("low-{node}"), &spec)?;
    }
    let mut spec = spec("30");
    spec["priorityClassName"] = "high".into();
    scheduled_a_second(&mut cluster, nodes, &spec)
}

fn cluster(nodes: usize) -> Outcome<Cluster> {
    let bare = config();
    let mut cluster = Cluster::new(Config {
        components: Components {
            scheduler: true,
            ..bare.components
        },
        ..bare
    });
    done(cluster.handle(&service_account()))?;
    for number in 0..nodes {
        add_node(&mut cluster, number)?;
    }
    Ok(cluster)
}

fn node_name(number: usize) -> String {
    format!("node-{number}")
}

fn add_node(cluster: &mut Cluster, number: usize) -> Outcome<()> {
    let name = node_name(number);
    let zone = format!("zone-{}", number % 3);
    let labels = json!({"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone});
    let allocatable = json!({"cpu": "32", "memory": "128Gi", "pods": "110"});
    let node = json!({"metadata": {"name": name, "labels": labels}, "status": {"allocatable": allocatable}});
    done(cluster.handle(&Request::new("POST", "/api/v1/nodes").with_json(&node)))?;
    // Admission taints a node until a controller has seen that it is ready; none runs here.
    let patch = json!({"spec": {"taints": null}});
    let mut untaint = Request::new("PATCH", &format!("/api/v1/nodes/{name}")).with_json(&patch);
    "application/merge-patch+json".clone_into(&mut untaint.content_type);
    done(cluster.handle(&untaint))?;
    Ok(())
}

fn spec(cpu: &str) -> Value {
    json!({"containers": [{
        "name": "app", "image": "nginx:1.27", "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}},
    }]})
}

fn create(cluster: &mut Cluster, name: &str, spec: &Value) -> Outcome<()> {
    let pod = json!({"metadata": {"name": name, "labels": {"app": "web"}}, "spec": spec});
    done(cluster.handle(&Request::new("POST", PODS_PATH).with_json(&pod)))?;
    Ok(())
}

fn scheduled_a_second(cluster: &mut Cluster, count: usize, spec: &Value) -> Outcome<f64> {
    for number in 0..count {
        create(cluster, &format!("pod-{number}"), spec)?;
    }
    let latest = cluster.now() + PATIENCE;
    let start = Instant::now();
    while let Some(due) = cluster.next_deadline().filter(|due| *due < latest) {
        cluster.advance_to(due);
    }
    let taken = start.elapsed();
    match without_node(cluster)? {
        0 => Ok(rate(count, taken)),
        left => Err(format!("{left} of {count} Pods found no node").into()),
    }
}

fn without_node(cluster: &mut Cluster) -> Outcome<usize> {
    let path = format!("{PODS_PATH}?fieldSelector=spec.nodeName%3D");
    let Body::Whole(list) = done(cluster.handle(&Request::new("GET", &path)))? else {
        return Err("a list is no stream".into());
    };
    let list: Value = serde_json::from_slice(&list)?;
    Ok(list["items"].as_array().map_or(0, Vec::len))
}
