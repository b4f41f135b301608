//! Who may do what, in sequences: a ServiceAccount's token from its making to its end, and quotas that fill and empty.

use std::time::Duration;

use podling::clock::Time;
use podling::{Cluster, Components, Config, Credentials, Impersonation, Request, Response};
use serde_json::{Value, json};

fn cluster() -> Cluster {
    let mut cluster = Cluster::new(Config {
        seed: 1,
        start: Time::parse("2026-01-01T00:00:00Z").unwrap(),
        nodes: Vec::new(),
        components: Components {
            kubelets: false,
            ..Components::default()
        },
    });
    pass(&mut cluster, 1);
    cluster
}

fn pass(cluster: &mut Cluster, seconds: u64) {
    let later = cluster.now() + Duration::from_secs(seconds);
    cluster.advance_to(later);
}

#[track_caller]
fn post(cluster: &mut Cluster, path: &str, body: &Value) -> Value {
    let response = cluster.handle(&Request::new("POST", path).with_json(body));
    let body = response.body_json();
    assert_eq!(response.status, 201, "{body}");
    body
}

fn with_token(cluster: &mut Cluster, token: &str, path: &str) -> Response {
    let credentials = Credentials::from_authorization(Some(&format!("Bearer {token}")));
    cluster.handle(&Request {
        credentials,
        ..Request::new("GET", path)
    })
}

const PODS: &str = "/api/v1/namespaces/default/pods";
const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

#[test]
fn a_token_lets_in_as_far_as_its_account_may_and_as_long_as_it_lives() {
    let mut cluster = cluster();
    post(&mut cluster, ACCOUNTS, &json!({"metadata": {"name": "bot"}}));
    let asked = json!({"spec": {"expirationSeconds": 600}});
    let made = post(&mut cluster, &format!("{ACCOUNTS}/bot/token"), &asked);
    let token = made["status"]["token"].as_str().unwrap().to_owned();

    let refused = with_token(&mut cluster, &token, PODS);
    assert_eq!(
        (refused.status, refused.body_json()["message"].as_str()),
        (
            403,
            Some(
                "pods is forbidden: User \"system:serviceaccount:default:bot\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""
            )
        )
    );

    let binding = json!({"metadata": {"name": "bot"}, "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "bot"}]});
    post(
        &mut cluster,
        &format!("{RBAC}/namespaces/default/rolebindings"),
        &binding,
    );
    assert_eq!(with_token(&mut cluster, &token, PODS).status, 200);
    let elsewhere = with_token(&mut cluster, &token, "/api/v1/namespaces/kube-system/pods");
    assert_eq!(elsewhere.status, 403);

    let who =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}});
    let review = post(&mut cluster, "/apis/authentication.k8s.io/v1/tokenreviews", &who);
    assert_eq!(
        review["status"]["user"]["username"],
        "system:serviceaccount:default:bot"
    );

    pass(&mut cluster, 601);
    assert_eq!(with_token(&mut cluster, &token, PODS).status, 401);
}

#[test]
fn a_token_dies_with_its_account() {
    let mut cluster = cluster();
    post(&mut cluster, ACCOUNTS, &json!({"metadata": {"name": "bot"}}));
    let made = post(&mut cluster, &format!("{ACCOUNTS}/bot/token"), &json!({}));
    let token = made["status"]["token"].as_str().unwrap().to_owned();
    assert_eq!(with_token(&mut cluster, &token, "/api").status, 200);
    cluster.handle(&Request::new("DELETE", &format!("{ACCOUNTS}/bot")));
    assert_eq!(with_token(&mut cluster, &token, "/api").status, 401);
}

#[test]
fn who_may_not_create_does_not_create_by_putting_or_applying() {
    let mut cluster = cluster();
    let role = json!({"metadata": {"name": "changer"}, "rules": [
        {"apiGroups": ["", "rbac.authorization.k8s.io"], "resources": ["configmaps", "roles"], "verbs": ["update", "patch"]}]});
    post(&mut cluster, &format!("{RBAC}/namespaces/default/roles"), &role);
    let binding = json!({"metadata": {"name": "jane"}, "roleRef": {"kind": "Role", "name": "changer"},
        "subjects": [{"kind": "User", "name": "jane"}]});
    post(
        &mut cluster,
        &format!("{RBAC}/namespaces/default/rolebindings"),
        &binding,
    );
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    let role = json!({"metadata": {"name": "b"}, "rules": []});
    let cases = [
        (
            "PATCH",
            "/api/v1/namespaces/default/configmaps/a?fieldManager=x",
            map,
            "application/apply-patch+yaml",
        ),
        (
            "PUT",
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles/b",
            role,
            "application/json",
        ),
    ];
    for (method, path, body, media_type) in cases {
        let request = Request {
            content_type: media_type.to_owned(),
            impersonation: Impersonation {
                user: "jane".to_owned(),
                ..Impersonation::default()
            },
            ..Request::new(method, path).with_json(&body)
        };
        let response = cluster.handle(&request);
        let message = response.body_json()["message"].as_str().unwrap().to_owned();
        assert_eq!(response.status, 403, "{message}");
        assert!(
            message.contains("User \"jane\" cannot create resource"),
            "{message}"
        );
    }
}

#[test]
fn a_quota_fills_and_empties() {
    let mut cluster = cluster();
    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}});
    post(&mut cluster, "/api/v1/namespaces/default/resourcequotas", &quota);
    pass(&mut cluster, 1);
    let pod = |name: &str| json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}});
    post(&mut cluster, PODS, &pod("a"));
    let refused = cluster.handle(&Request::new("POST", PODS).with_json(&pod("b")));
    assert_eq!(
        refused.body_json()["message"],
        "pods \"b\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
    );
    let mut ended = Request::new("PATCH", &format!("{PODS}/a/status"))
        .with_json(&json!({"status": {"phase": "Succeeded"}}));
    ended.content_type = "application/merge-patch+json".to_owned();
    assert_eq!(cluster.handle(&ended).status, 200);
    pass(&mut cluster, 1);
    post(&mut cluster, PODS, &pod("b"));
}
