//! Tables for the plan, and its invariants under random pods.

use serde_json::json;

use super::*;

fn deployment(replicas: i64, image: &str, strategy: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "d", "generation": 1},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "strategy": strategy,
            "progressDeadlineSeconds": 600, "revisionHistoryLimit": 1,
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"image": image}},
        },
    })
}

fn rolling(surge: &Value, unavailable: &Value) -> Value {
    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}})
}

/// A Deployment whose writes are carried out, and whose pods become available when told to.
struct World {
    observed: Observed,
    now: Time,
    scaled: Vec<String>,
}

impl World {
    fn new(deployment: Value) -> Self {
        let observed = Observed {
            deployment,
            sets: Vec::new(),
            running: Vec::new(),
        };
        Self {
            observed,
            now: Time::from_micros(0),
            scaled: Vec::new(),
        }
    }

    fn step(&mut self) -> bool {
        self.now = self.now + std::time::Duration::from_secs(1);
        let plan = plan(self.observed.clone(), self.now);
        let moved = !plan.writes.is_empty();
        for write in plan.writes {
            self.carry_out(write);
        }
        moved
    }

    fn carry_out(&mut self, write: Write) {
        let sets = &mut self.observed.sets;
        match write {
            Write::Create(mut set) => {
                set["metadata"]["creationTimestamp"] = self.now.rfc3339().into();
                set["metadata"]["uid"] = set["metadata"]["name"].clone();
                sets.push(ReplicaSet(set));
            }
            Write::Update(set) => {
                if let Some(old) = sets
                    .iter_mut()
                    .find(|old| old.0["metadata"]["name"] == set["metadata"]["name"])
                {
                    *old = ReplicaSet(set);
                }
            }
            Write::Delete(name) => sets.retain(|set| set.name() != name),
            Write::Status(deployment) => self.observed.deployment = deployment,
            Write::Scaled(message) => self.scaled.push(message),
        }
    }

    /// The ReplicaSet controller's part: pods are made and taken away, the unavailable ones first.
    fn make_pods(&mut self) {
        for set in &mut self.observed.sets {
            let available = set.observed("availableReplicas").min(set.replicas());
            set.0["status"] = json!({"replicas": set.replicas(), "availableReplicas": available,
                "readyReplicas": available, "terminatingReplicas": 0});
        }
    }

    fn settle(&mut self) {
        while self.step() {
            self.make_pods();
        }
    }

    /// One more pod of the `which`-th ReplicaSet is available, or one fewer.
    fn change_availability(&mut self, which: usize, up: bool) {
        if self.observed.sets.is_empty() {
            return;
        }
        let which = which % self.observed.sets.len();
        let set = &mut self.observed.sets[which];
        let now = set.observed("availableReplicas") + if up { 1 } else { -1 };
        if (0..=set.observed("replicas")).contains(&now) {
            set.0["status"]["availableReplicas"] = now.into();
            set.0["status"]["readyReplicas"] = now.into();
        }
    }

    fn make_ready(&mut self, image: &str) {
        for set in &mut self.observed.sets {
            if set.0["spec"]["template"]["spec"]["image"] == image {
                let now = (set.observed("availableReplicas") + 1).min(set.replicas());
                set.0["status"]["availableReplicas"] = now.into();
                set.0["status"]["readyReplicas"] = now.into();
            }
        }
        self.settle();
    }

    fn set_image(&mut self, image: &str) {
        self.observed.deployment["spec"]["template"]["spec"]["image"] = image.into();
        self.settle();
    }

    fn sizes(&self) -> Vec<(&str, i64, i64)> {
        let size = |set: &ReplicaSet| (set.replicas(), set.observed("availableReplicas"));
        let image = |set: &ReplicaSet| {
            set.0["spec"]["template"]["spec"]["image"]
                .as_str()
                .unwrap_or_default()
                .len()
        };
        let sizes = self.observed.sets.iter();
        sizes
            .map(|set| (["", "old", "new!"][image(set).min(2)], size(set).0, size(set).1))
            .collect()
    }

    fn available(&self) -> i64 {
        self.observed
            .sets
            .iter()
            .map(|set| set.observed("availableReplicas").min(set.replicas()))
            .sum()
    }
}

#[test]
fn a_rolling_update_of_three_goes_one_by_one() {
    let mut world = World::new(deployment(3, "a", &rolling(&json!("25%"), &json!("25%"))));
    world.settle();
    for _ in 0..3 {
        world.make_ready("a");
    }
    assert_eq!(world.sizes(), [("old", 3, 3)]);
    world.set_image("bb");
    let mut seen = vec![world.sizes().iter().map(|size| size.1).collect::<Vec<_>>()];
    for _ in 0..3 {
        world.make_ready("bb");
        seen.push(world.sizes().iter().map(|size| size.1).collect());
    }
    assert_eq!(seen, [[3, 1], [2, 2], [1, 3], [0, 3]]);
    assert_eq!(
        world.observed.deployment["metadata"]["annotations"][REVISION],
        "2"
    );
    let first: Vec<&str> = world
        .scaled
        .iter()
        .map(|text| text.split(" replica set ").next().unwrap())
        .collect();
    assert_eq!(
        first,
        [
            "Scaled up",
            "Scaled up",
            "Scaled down",
            "Scaled up",
            "Scaled down",
            "Scaled up",
            "Scaled down"
        ]
    );
}

#[test]
fn a_first_rollout_says_that_it_created_its_set_and_then_that_it_progresses() {
    let mut world = World::new(deployment(2, "a", &rolling(&json!(1), &json!(0))));
    world.step();
    let reasons = |world: &World| -> Vec<String> {
        let conditions = world.observed.deployment["status"]["conditions"]
            .as_array()
            .unwrap();
        conditions
            .iter()
            .map(|one| one["reason"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        reasons(&world),
        ["NewReplicaSetCreated", "MinimumReplicasUnavailable"]
    );
    world.make_pods();
    world.step();
    assert_eq!(
        reasons(&world),
        ["MinimumReplicasUnavailable", "ReplicaSetUpdated"]
    );
}

#[test]
fn recreate_waits_until_every_old_pod_is_gone() {
    let mut world = World::new(deployment(2, "a", &json!({"type": "Recreate"})));
    world.settle();
    world.make_ready("a");
    world.make_ready("a");
    world.observed.running = vec![world.observed.sets[0].name().to_owned()];
    world.set_image("bb");
    assert_eq!(world.sizes().len(), 1, "the old pods still terminate");
    world.observed.running.clear();
    world.settle();
    let sizes: Vec<i64> = world.sizes().iter().map(|size| size.1).collect();
    assert_eq!(sizes, [0, 2]);
}

#[test]
fn a_paused_deployment_scales_but_does_not_roll() {
    let mut world = World::new(deployment(2, "a", &rolling(&json!(1), &json!(0))));
    world.settle();
    world.make_ready("a");
    world.make_ready("a");
    world.observed.deployment["spec"]["paused"] = true.into();
    world.set_image("bb");
    world.observed.deployment["spec"]["replicas"] = 3.into();
    world.settle();
    assert_eq!(world.sizes(), [("old", 3, 2)]);
    let status = &world.observed.deployment["status"];
    let progressing = status::condition(status, "Progressing").unwrap();
    assert_eq!(progressing["message"], "Deployment is paused");
    world.observed.deployment["spec"]["paused"] = false.into();
    world.settle();
    assert_eq!(world.sizes().len(), 2);
}

#[test]
fn going_back_uses_the_old_set_under_a_new_revision_and_the_history_is_kept_short() {
    let mut world = World::new(deployment(0, "a", &rolling(&json!(1), &json!(0))));
    world.settle();
    for set in ["bb", "a", "ccc", "dddd"] {
        world.set_image(set);
    }
    let images: Vec<&Value> = world
        .observed
        .sets
        .iter()
        .map(|set| &set.0["spec"]["template"]["spec"]["image"])
        .collect();
    assert_eq!(images, ["ccc", "dddd"], "only one old revision is kept");
    assert_eq!(
        world.observed.deployment["metadata"]["annotations"][REVISION],
        "5"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn a_rollout_stays_within_its_limits(
        replicas in 1_i64..9, surge in 0_i64..4, unavailable in 0_i64..4,
        steps in proptest::collection::vec((0_usize..3, proptest::bool::weighted(0.8), 0_u8..12), 1..80),
    ) {
        let mut world = World::new(deployment(replicas, "a", &rolling(&json!(surge), &json!(unavailable))));
        world.settle();
        for _ in 0..replicas {
            world.make_ready("a");
        }
        for (which, up, image) in steps {
            if image < 2 {
                world.observed.deployment["spec"]["template"]["spec"]["image"] = format!("i{image}").into();
            }
            world.change_availability(which, up);
            let before = world.available();
            world.step();
            world.make_pods();
            let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable };
            let total: i64 = world.observed.sets.iter().map(ReplicaSet::replicas).sum();
            proptest::prop_assert!(total <= replicas + surge, "{total} pods");
            let least = before.min(replicas - unavailable);
            proptest::prop_assert!(world.available() >= least, "{} available, {least} expected", world.available());
        }
    }
}
