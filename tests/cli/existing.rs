//! Labs on a cluster that is there already: another home's embedded cluster plays the training cluster.

use crate::environment::{Ended, Home, edit};
use crate::world::World;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use std::path::PathBuf;

/// A learner with a kubeconfig whose context `class` leads to a training cluster.
pub(crate) struct Class {
    /// The training cluster.
    cluster: Home,
    pub(crate) learner: Home,
}

impl Class {
    pub(crate) fn new() -> Self {
        let (cluster, learner) = (Home::new(), Home::new());
        cluster.bbf("lab start ch07-liveness").code(0);
        let own = cluster.bbf("cluster kubeconfig").code(0).stdout;
        let text = own.replace("\"bbf-ch07-liveness\"", "class");
        let work = "- name: work\n  context: {cluster: work, user: me}\n- name: class\n  context:";
        let text = text.replace("- name: class\n  context:", work);
        std::fs::create_dir_all(learner.path(".kube")).unwrap();
        std::fs::write(learner.path(".kube/config"), text).unwrap();
        Self { cluster, learner }
    }

    fn start(&self) -> Ended {
        self.learner
            .bbf("lab start ch07-readiness --cluster existing --context class")
    }

    fn kubeconfig(&self) -> PathBuf {
        self.cluster.state("clusters/ch07-liveness/kubeconfig")
    }

    /// The namespaces that bbf made there.
    pub(crate) fn namespaces(&self) -> Vec<String> {
        let mut names = vec![];
        World::with_client(&self.kubeconfig(), |client| {
            let names = &mut names;
            async move {
                let all = Api::<Namespace>::all(client)
                    .list(&ListParams::default())
                    .await
                    .unwrap();
                let of_bbf = all.items.into_iter().filter_map(|it| it.metadata.name);
                names.extend(of_bbf.filter(|name| name.starts_with("bbf-")));
            }
        });
        names
    }
}

#[test]
fn a_lab_is_played_in_a_namespace_of_its_own_and_leaves_nothing() {
    let class = Class::new();
    let before = std::fs::read(class.learner.path(".kube/config")).unwrap();
    let started = class.start().code(0);
    assert!(
        started
            .stderr
            .contains("played in the namespace bbf-ch07-readiness-"),
        "{started:?}"
    );
    let namespaces = class.namespaces();
    assert_eq!(namespaces.len(), 1);

    class.learner.bbf("lab check --timeout 1").code(1);
    let manifest = class.learner.path("bbf/ch07-readiness/pod-readiness.yaml");
    edit(
        &manifest,
        "image: blux2/delayfailserver:1.1",
        "image: blux2/hello-server:2.0",
    );
    let status = class.learner.bbf("lab status --output json").code(0).json();
    assert_eq!(status["namespace"], namespaces[0].as_str());
    let mine = class
        .learner
        .state("clusters")
        .join(&namespaces[0])
        .join("kubeconfig");
    let own = std::fs::read_to_string(mine).unwrap();
    assert!(
        own.contains(&namespaces[0]) && !own.contains("work"),
        "one context and no more: {own}"
    );
    let name = namespaces[0].clone();
    World::with_client(&class.kubeconfig(), |client| async move {
        let pods: Api<Pod> = Api::namespaced(client.clone(), &name);
        let pod = pods.get("httpserver-readiness").await.unwrap();
        assert_eq!(
            pod.spec.unwrap().containers[0].image.as_deref(),
            Some("blux2/hello-server:2.0")
        );
        // The other lab's Pod, in `default`, is someone else's.
        Api::<Pod>::default_namespaced(client)
            .get("httpserver-liveness")
            .await
            .unwrap();
    });

    let outside = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-system}\n";
    std::fs::write(class.learner.path("bbf/ch07-readiness/outside.yaml"), outside).unwrap();
    let refused = class.learner.bbf("lab status").code(0);
    assert!(
        refused.stderr.contains("outside.yaml was not applied"),
        "{refused:?}"
    );
    std::fs::remove_file(class.learner.path("bbf/ch07-readiness/outside.yaml")).unwrap();

    let stop = class.learner.bbf("cluster stop").code(2);
    assert!(stop.stderr.contains("not bbf's to stop"), "{stop:?}");
    class.learner.bbf("lab reset").code(0);
    class.learner.bbf("lab stop").code(0);
    assert!(class.namespaces().is_empty());
    assert_eq!(std::fs::read(class.learner.path(".kube/config")).unwrap(), before);
    class.cluster.bbf("lab check --timeout 1").code(1);
}

#[test]
fn a_context_must_be_named_and_be_there() {
    let class = Class::new();
    for (line, told) in [
        ("lab start ch07-readiness --cluster existing", "--context NAME"),
        (
            "lab start ch07-readiness --context class",
            "goes with --cluster existing",
        ),
        (
            "lab start ch07-readiness --cluster existing --context clas",
            "It has: work, class",
        ),
    ] {
        let refused = class.learner.bbf(line).code(2);
        assert!(refused.stderr.contains(told), "{line}: {refused:?}");
    }
    assert!(class.namespaces().is_empty());
    class.start().code(0);
}

#[test]
fn a_namespace_of_someone_else_is_left_alone() {
    let class = Class::new();
    class.start().code(0);
    let name = class.namespaces().remove(0);
    class.learner.bbf("lab stop").code(0);
    let foreign = name.clone();
    World::with_client(&class.kubeconfig(), |client| async move {
        let namespace = serde_json::from_value(json!({"metadata": {"name": foreign}})).unwrap();
        Api::all(client)
            .create(&PostParams::default(), &namespace)
            .await
            .map(|_: Namespace| ())
            .unwrap();
    });
    let refused = class.start().code(3);
    assert!(refused.stderr.contains("did not make it"), "{refused:?}");
    class.learner.bbf("lab stop");
    assert_eq!(class.namespaces(), [name]);
}

#[test]
fn a_lab_whose_namespace_was_taken_over_can_be_stopped_and_nothing_is_touched() {
    let class = Class::new();
    class.start().code(0);
    let name = class.namespaces().remove(0);
    let taken = name.clone();
    World::with_client(&class.kubeconfig(), |client| async move {
        let patch = json!({"metadata": {"labels": {"bbf/owner": "ffffffffffffffff"}}});
        let namespaces: Api<Namespace> = Api::all(client);
        namespaces
            .patch(&taken, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    });
    let check = class.learner.bbf("lab check --timeout 1").code(3);
    assert!(check.stderr.contains("did not make it"), "{check:?}");
    let list = class.learner.bbf("cluster list").code(0);
    assert!(list.stdout.contains("gone"), "{list:?}");
    class.learner.bbf("lab stop").code(0);
    assert_eq!(class.namespaces(), [name]);
}

#[test]
fn credentials_that_are_renewed_in_the_learners_kubeconfig_are_used_from_then_on() {
    let class = Class::new();
    let path = class.learner.path(".kube/config");
    let good = std::fs::read_to_string(&path).unwrap();
    class.start().code(0);
    let name = class.namespaces().remove(0);
    // What bbf keeps is out of date, as a token is after some hours; what the learner has is renewed.
    let kept = class.learner.state("clusters").join(&name).join("kubeconfig");
    let text = std::fs::read_to_string(&kept).unwrap();
    let mut kubeconfig: serde_json::Value = serde_json::from_str(&text).unwrap();
    kubeconfig["users"][0]["user"] = json!({"token": "expired"});
    std::fs::write(&kept, kubeconfig.to_string()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let check = class.learner.bbf("lab check --timeout 1").code(3);
    assert!(
        check.stderr.contains("does not accept your credentials") && check.stderr.contains("Log in"),
        "{check:?}"
    );
    let list = class.learner.bbf("cluster list").code(0);
    assert!(list.stdout.contains("unknown"), "{list:?}");
    std::fs::write(&path, &good).unwrap();
    class.learner.bbf("lab check --timeout 1").code(1);
    class.learner.bbf("lab stop").code(0);
    assert!(class.namespaces().is_empty());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), good);
}

#[test]
fn a_namespace_that_is_gone_is_told_and_a_cluster_out_of_reach_does_not_hold_the_learner() {
    let class = Class::new();
    class.start().code(0);
    let name = class.namespaces().remove(0);
    World::with_client(&class.kubeconfig(), |client| async move {
        let namespaces: Api<Namespace> = Api::all(client);
        namespaces.delete(&name, &<_>::default()).await.unwrap();
    });
    let check = class.learner.bbf("lab check --timeout 1").code(3);
    assert!(check.stderr.contains("is gone"), "{check:?}");
    class.learner.bbf("lab reset").code(0);
    class.cluster.bbf("cluster stop").code(0);
    let check = class.learner.bbf("lab check --timeout 1").code(3);
    assert!(check.stderr.contains("does not answer"), "{check:?}");
    let stopped = class.learner.bbf("lab stop").code(0);
    assert!(
        stopped.stderr.contains("bbf cluster delete bbf-ch07-readiness-"),
        "{stopped:?}"
    );
    class.cluster.bbf("cluster start ch07-liveness").code(0);
    let left = class.namespaces().remove(0);
    class.learner.bbf(&format!("cluster delete {left}")).code(0);
    assert!(class.namespaces().is_empty());
}

#[test]
fn the_list_says_which_labs_fit_and_why_the_others_do_not() {
    let class = Class::new();
    let lab = class.learner.path("pack/labs/drain");
    std::fs::create_dir_all(&lab).unwrap();
    std::fs::write(
        lab.join("lab.yaml"),
        "formatVersion: 1\nid: drain\nchapter: 9\norder: 1\ntitle: {en: Drain}\nminutes: 5\ncluster: multinode\n\
         needs: [wholeCluster]\nmanifests: [chapter-07/pod-readiness.yaml]\nsymptom: {exists: {target: Pod/web}}\n\
         objectives:\n- id: there\n  condition: {exists: {target: Node/a}}\n",
    )
    .unwrap();
    std::fs::write(
        lab.join("text.en.md"),
        "# Drain\n## S {#story}\n## T {#task}\n## D {#debrief}\n## O {#objective-there}\nA.\n",
    )
    .unwrap();
    let list = class
        .learner
        .bbf("--labs pack lab list --cluster existing --context class")
        .code(0);
    let line = |id: &str| {
        list.stdout
            .lines()
            .find(|line| line.starts_with(id))
            .unwrap()
            .to_owned()
    };
    assert!(line("ch07-readiness").ends_with("yes"), "{list:?}");
    for why in ["no: 3 nodes", "Node/a", "nobody else uses"] {
        assert!(line("drain").contains(why), "{list:?}");
    }
    let refused = class
        .learner
        .bbf("--labs pack lab start drain --cluster existing --context class")
        .code(2);
    assert!(refused.stderr.contains("it needs 3 nodes"), "{refused:?}");
    class
        .learner
        .bbf("lab list --cluster existing --context nowhere")
        .code(2);
}
