//! Back to what a cluster was when it was new, and the proof that it is: everything in it is held against the inventory of
//! that time. What can't be put back is told, and then the cluster has to be made anew.

use super::Error;
use super::inventory::{Inventory, NodeState, Seen, is_rewritten, look};
use k8s_openapi::api::core::v1::{Event, Node};
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// How long it may take until everything is gone.
const LIMIT: Duration = Duration::from_secs(180);

/// After how long an object that only its finalizers hold is let go.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the cluster's own controllers may take to put back what was changed or removed.
const CONTROLLERS: Duration = Duration::from_secs(10);

/// A new cluster is quiet when two looks this far apart find the same; it is looked at so often at most.
const QUIET: (Duration, u32) = (Duration::from_secs(2), 15);

/// How long to wait between looks: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// What has to be done to be back at an inventory.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    /// What was not there. What belongs to a living object comes after it, by the garbage collector.
    pub(super) extra: Vec<&'a Seen>,
    /// What is set otherwise on nodes: the node, and the merge patch that puts it back.
    pub(super) nodes: Vec<(String, Value)>,
    /// What can't be put back: it is gone, or holds something else.
    pub(super) beyond: Vec<String>,
}

impl Plan<'_> {
    /// Whether the cluster is as it was.
    pub(super) fn is_clean(&self) -> bool {
        self.extra.is_empty() && self.nodes.is_empty() && self.beyond.is_empty()
    }
}

/// What leads from what was seen back to the inventory.
pub(super) fn plan<'a>(before: &Inventory, seen: &'a [Seen]) -> Plan<'a> {
    let known = |it: &Seen| {
        before.objects.contains_key(&it.key) || before.nodes.contains_key(&it.name) && it.node.is_some()
    };
    let rooted = rooted(seen, known);
    let extra = seen
        .iter()
        .filter(|it| !rooted.contains(it.uid.as_str()) && !it.is_by_the_cluster() && !it.is_rewritten());
    let nodes = seen.iter().filter_map(|it| {
        let patch = node_patch(before.nodes.get(&it.name)?, it.node.as_ref()?)?;
        Some((it.name.clone(), patch))
    });
    Plan {
        extra: extra.collect(),
        nodes: nodes.collect(),
        beyond: beyond(before, seen),
    }
}

/// The uids of what was there, and of all that belongs to it.
fn rooted(seen: &[Seen], known: impl Fn(&Seen) -> bool) -> BTreeSet<&str> {
    let mut rooted: BTreeSet<&str> = seen
        .iter()
        .filter(|it| known(it))
        .map(|it| it.uid.as_str())
        .collect();
    loop {
        let belongs = |it: &&Seen| it.owners.iter().any(|owner| rooted.contains(owner.as_str()));
        let more: Vec<&str> = seen
            .iter()
            .filter(|it| !rooted.contains(it.uid.as_str()))
            .filter(belongs)
            .map(|it| it.uid.as_str())
            .collect();
        if more.is_empty() {
            return rooted;
        }
        rooted.extend(more);
    }
}

fn beyond(before: &Inventory, seen: &[Seen]) -> Vec<String> {
    let now: BTreeMap<&str, &Seen> = seen.iter().map(|it| (it.key.as_str(), it)).collect();
    let objects = before.objects.iter().filter(|(key, digest)| {
        !is_rewritten(key)
            && now
                .get(key.as_str())
                .is_none_or(|it| it.digest != **digest || it.leaving)
    });
    let nodes = before.nodes.keys().map(|name| format!("Node/{name}"));
    let nodes = nodes.filter(|key| !now.contains_key(key.as_str()));
    objects.map(|(key, _)| key.clone()).chain(nodes).collect()
}

/// The merge patch that puts a node back, if anything has to be: labels that were added are nulls in it.
fn node_patch(before: &NodeState, now: &NodeState) -> Option<Value> {
    if before == now {
        return None;
    }
    let added = now.labels.keys().filter(|key| !before.labels.contains_key(*key));
    let mut labels: BTreeMap<&str, Value> = added.map(|key| (key.as_str(), Value::Null)).collect();
    let changed = before
        .labels
        .iter()
        .filter(|(key, value)| now.labels.get(*key) != Some(value));
    labels.extend(changed.map(|(key, value)| (key.as_str(), json!(value))));
    let mut spec = json!({});
    if before.taints != now.taints {
        // What controllers add besides, they add again.
        spec["taints"] = json!(before.taints);
    }
    if before.cordoned != now.cordoned {
        spec["unschedulable"] = if before.cordoned { json!(true) } else { Value::Null };
    }
    Some(json!({ "metadata": { "labels": labels }, "spec": spec }))
}

/// Takes the inventory of a new cluster, once its controllers have made what they make by themselves.
pub(super) async fn inventory(client: &Client) -> Result<Inventory, Error> {
    let mut inventory = Inventory::of(&look(client).await?);
    for _ in 0..QUIET.1 {
        tokio::time::sleep(QUIET.0).await;
        let now = Inventory::of(&look(client).await?);
        if now == inventory {
            break;
        }
        inventory = now;
    }
    Ok(inventory)
}

/// Sweeps a cluster and proves that it is clean; or else says what is not as it was.
pub(super) async fn sweep(client: &Client, before: &Inventory) -> Result<Result<(), Vec<String>>, Error> {
    let begin = Instant::now();
    let mut broom = Broom::default();
    let mut pause = PAUSES.0;
    loop {
        let seen = look(client).await?;
        let plan = plan(before, &seen);
        match plan.verdict(begin.elapsed(), broom.idle_for()) {
            Verdict::Clean => {
                forget_events(client).await?;
                return Ok(Ok(()));
            }
            Verdict::Beyond(left) => return Ok(Err(left)),
            Verdict::GoOn => broom.sweep(client, &plan, begin.elapsed()).await?,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// How a sweep stands.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Clean,
    GoOn,
    /// This can't be put back.
    Beyond(Vec<String>),
}

impl Plan<'_> {
    /// How the sweep stands after it has taken so long, and after there has been nothing to do but to wait for so long.
    fn verdict(&self, taken: Duration, idle: Duration) -> Verdict {
        let nothing_to_do = self.extra.is_empty() && self.nodes.is_empty();
        if self.is_clean() {
            Verdict::Clean
        } else if nothing_to_do && idle > CONTROLLERS {
            Verdict::Beyond(self.beyond.clone())
        } else if taken > LIMIT {
            let extra = self.extra.iter().map(|it| it.key.clone());
            Verdict::Beyond(self.beyond.iter().cloned().chain(extra).collect())
        } else {
            Verdict::GoOn
        }
    }
}

/// What a sweep has done so far.
#[derive(Debug, Default)]
struct Broom {
    /// The uids of what was asked to go.
    asked: BTreeSet<String>,
    /// Since when there is nothing to do but to wait for the controllers.
    idle_since: Option<Instant>,
}

impl Broom {
    fn idle_for(&self) -> Duration {
        self.idle_since.map(|since| since.elapsed()).unwrap_or_default()
    }

    async fn sweep(&mut self, client: &Client, plan: &Plan<'_>, taken: Duration) -> Result<(), Error> {
        for (name, patch) in &plan.nodes {
            let nodes: Api<Node> = Api::all(client.clone());
            let patched = nodes
                .patch(name, &PatchParams::default(), &Patch::Merge(patch))
                .await;
            tolerate(patched.map(drop))?;
        }
        for it in removable(&plan.extra) {
            if self.asked.insert(it.uid.clone()) {
                remove(client, it).await?;
            } else if it.leaving && it.finalizers && taken > PATIENCE {
                let_go(client, it).await?;
            }
        }
        self.idle_since = (plan.extra.is_empty() && plan.nodes.is_empty())
            .then(|| self.idle_since.unwrap_or_else(Instant::now));
        Ok(())
    }
}

/// What can be asked to go now: not what goes with its namespace, nor what a living owner would only make again.
fn removable<'a>(extra: &[&'a Seen]) -> Vec<&'a Seen> {
    let namespaces: BTreeSet<&str> = extra
        .iter()
        .filter(|it| it.resource.kind == "Namespace" && !it.leaving)
        .map(|it| it.name.as_str())
        .collect();
    let staying: BTreeSet<&str> = extra
        .iter()
        .filter(|it| !it.leaving)
        .map(|it| it.uid.as_str())
        .collect();
    let with_namespace = |it: &Seen| {
        it.namespace
            .as_deref()
            .is_some_and(|name| namespaces.contains(name))
    };
    let owned = |it: &Seen| it.owners.iter().any(|owner| staying.contains(owner.as_str()));
    extra
        .iter()
        .filter(|it| !with_namespace(it) && !owned(it))
        .copied()
        .collect()
}

fn api(client: &Client, it: &Seen) -> Api<DynamicObject> {
    match &it.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &it.resource),
        None => Api::all_with(client.clone(), &it.resource),
    }
}

async fn remove(client: &Client, it: &Seen) -> Result<(), Error> {
    // Nobody needs the last seconds of a Pod that nobody uses any more.
    let params = DeleteParams::background().grace_period(1);
    tolerate(api(client, it).delete(&it.name, &params).await.map(drop))
}

/// Takes the finalizers from an object, whose controller is not coming.
async fn let_go(client: &Client, it: &Seen) -> Result<(), Error> {
    let patch = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    let patched = api(client, it)
        .patch(&it.name, &PatchParams::default(), &patch)
        .await;
    tolerate(patched.map(drop))
}

/// Removes the events of the last lab from the namespaces in which labs are played.
async fn forget_events(client: &Client) -> Result<(), Error> {
    let events: Api<Event> = Api::default_namespaced(client.clone());
    let cleared = events
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await;
    tolerate(cleared.map(drop))
}

/// What the cluster says no to shows in the next look; only silence ends a sweep.
fn tolerate(result: Result<(), kube::Error>) -> Result<(), Error> {
    match result {
        Ok(()) | Err(kube::Error::Api(_)) => Ok(()),
        Err(error) => Err(Error::Unreachable(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::inventory::tests::seen;
    use super::*;

    fn object(kind: &str, name: &str, uid: &str, owner: Option<&str>) -> Seen {
        let owners: Vec<Value> = owner.into_iter().map(|uid| json!({ "uid": uid })).collect();
        let metadata = json!({"name": name, "namespace": "default", "uid": uid, "ownerReferences": owners});
        seen(kind, &json!({ "metadata": metadata }))
    }

    fn node(labels: &Value, spec: &Value) -> Seen {
        seen(
            "Node",
            &json!({"metadata": {"name": "n", "uid": "n", "labels": labels}, "spec": spec}),
        )
    }

    fn names<'a>(extra: &[&'a Seen]) -> Vec<&'a str> {
        extra.iter().map(|it| it.name.as_str()).collect()
    }

    #[test]
    fn what_belongs_to_what_was_there_stays_and_the_rest_goes_with_its_owners_first() {
        let before = Inventory::of(&[object("Deployment", "dns", "d", None)]);
        let now = [
            object("Deployment", "dns", "d", None),
            object("ReplicaSet", "dns-1", "r", Some("d")),
            object("Pod", "dns-1-a", "p", Some("r")),
            object("Deployment", "web", "w", None),
            object("ReplicaSet", "web-1", "x", Some("w")),
            object("Pod", "alone", "y", None),
            object("Event", "e", "z", None),
        ];
        let plan = plan(&before, &now);
        assert_eq!(names(&plan.extra), ["web", "web-1", "alone"]);
        assert_eq!(names(&removable(&plan.extra)), ["web", "alone"]);
        assert!(plan.beyond.is_empty() && !plan.is_clean());
    }

    #[test]
    fn what_is_in_a_namespace_goes_with_it() {
        let namespace = seen("Namespace", &json!({"metadata": {"name": "default", "uid": "n"}}));
        let pod = object("Pod", "a", "p", None);
        assert_eq!(names(&removable(&[&namespace, &pod])), ["default"]);
    }

    #[test]
    fn what_is_gone_or_changed_cannot_be_put_back() {
        let before = Inventory::of(&[
            object("Service", "a", "u", None),
            object("Service", "b", "v", None),
        ]);
        let changed = seen(
            "Service",
            &json!({"metadata": {"name": "b", "namespace": "default", "uid": "v"}, "spec": {}}),
        );
        let now = [changed];
        assert_eq!(
            plan(&before, &now).beyond,
            ["Service/default/a", "Service/default/b"]
        );
        let again = [
            object("Service", "a", "new", None),
            object("Service", "b", "v", None),
        ];
        assert!(plan(&before, &again).is_clean(), "made again as it was");
    }

    #[test]
    fn what_controllers_may_put_back_is_waited_for_and_nothing_for_ever() {
        let wait = |seconds| Duration::from_secs(seconds);
        let pod = object("Pod", "a", "u", None);
        let busy = Plan {
            extra: vec![&pod],
            ..Plan::default()
        };
        let lost = Plan {
            beyond: vec!["x".to_owned()],
            ..Plan::default()
        };
        for (plan, taken, idle, verdict) in [
            (&Plan::default(), 0, 0, Verdict::Clean),
            (&busy, 1, 0, Verdict::GoOn),
            (&busy, 181, 0, Verdict::Beyond(vec!["Pod/default/a".to_owned()])),
            (&lost, 1, 1, Verdict::GoOn),
            (&lost, 11, 11, Verdict::Beyond(vec!["x".to_owned()])),
        ] {
            assert_eq!(plan.verdict(wait(taken), wait(idle)), verdict);
        }
    }

    #[test]
    fn nodes_are_put_back() {
        let before = Inventory::of(&[node(&json!({"zone": "a", "disk": "ssd"}), &json!({}))]);
        let lost = plan(&before, &[]).beyond;
        assert_eq!(lost, ["Node/n"]);
        let taints =
            json!([{"key": "mine", "effect": "NoSchedule"}, {"key": "node.kubernetes.io/not-ready"}]);
        let now = [node(
            &json!({"zone": "b", "more": "x"}),
            &json!({"taints": taints, "unschedulable": true}),
        )];
        let plan = plan(&before, &now);
        let patch = json!({"metadata": {"labels": {"more": null, "zone": "a", "disk": "ssd"}},
            "spec": {"taints": [], "unschedulable": null}});
        assert_eq!(plan.nodes, [("n".to_owned(), patch)]);
    }
}
