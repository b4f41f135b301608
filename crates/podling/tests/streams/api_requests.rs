//! What a container reads of the API server with the tools that images have.

use podling::Request;
use serde_json::{Value, json};

use super::Lab;

const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
const POLICIES: &str = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";

impl Lab {
    /// What a script in the Pod `p` writes, both ways, and its exit code.
    fn run(&mut self, script: &str) -> (String, i64) {
        let session = self.exec(&["sh", "-c", script], "");
        self.wait(200.0);
        let heard = self.hear(session);
        let code = heard.status["details"]["causes"][0]["message"].as_str();
        (
            heard.stdout + &heard.stderr,
            code.map_or(0, |code| code.parse().unwrap()),
        )
    }

    fn make(&mut self, path: &str, object: &Value) {
        let made = self.cluster.handle(&Request::new("POST", path).with_json(object));
        assert_eq!(made.status, 201, "{}", made.body_json());
    }

    /// Lets the service account `default` read Pods.
    fn let_read_pods(&mut self) {
        let rule = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]});
        self.make(ROLES, &json!({"metadata": {"name": "reader"}, "rules": [rule]}));
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"});
        let subjects = json!([{"kind": "ServiceAccount", "name": "default", "namespace": "default"}]);
        self.make(
            BINDINGS,
            &json!({"metadata": {"name": "reader"}, "roleRef": role, "subjects": subjects}),
        );
    }
}

fn lab() -> Lab {
    Lab::new(&[(
        "p",
        json!({"image": "curlimages/curl:8.4.0", "command": ["sleep", "36000"]}),
    )])
}

/// curl with the Pod's own certificate and token.
fn curl(arguments: &str) -> String {
    format!(
        "curl -s --cacert {ACCOUNT}/ca.crt -H \"Authorization: Bearer $(cat {ACCOUNT}/token)\" {arguments}"
    )
}

fn message(output: &str) -> String {
    let status: Value = serde_json::from_str(output).unwrap();
    status["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_container_is_known_by_its_token_and_may_what_its_account_may() {
    let mut lab = lab();
    let pods = "https://kubernetes.default.svc/api/v1/namespaces/default/pods";
    let (anonymous, code) = lab.run(&format!("curl -sk {pods}"));
    assert_eq!(code, 0);
    assert_eq!(
        message(&anonymous),
        "pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \"\" in the namespace \
         \"default\""
    );
    let (wrong, _) = lab.run(&format!("curl -sk -H 'Authorization: Bearer x' {pods}"));
    let status: Value = serde_json::from_str(&wrong).unwrap();
    assert_eq!(
        (&status["code"], &status["message"]),
        (&json!(401), &json!("Unauthorized"))
    );
    let (known, _) = lab.run(&curl(pods));
    assert_eq!(
        message(&known),
        "pods is forbidden: User \"system:serviceaccount:default:default\" cannot list resource \"pods\" in API group \
         \"\" in the namespace \"default\""
    );
    lab.let_read_pods();
    let (list, _) = lab.run(&curl(pods));
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(
        (&list["kind"], &list["items"][0]["metadata"]["name"]),
        (&json!("PodList"), &json!("p"))
    );
    let (refused, _) = lab.run(&curl(&format!("-X DELETE {pods}/p")));
    assert!(
        message(&refused).contains("cannot delete resource \"pods\""),
        "{refused}"
    );
}

#[test]
fn the_api_server_has_several_names_and_one_certificate() {
    let mut lab = lab();
    for host in [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc.cluster.local",
        "10.96.0.1",
        "$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT",
    ] {
        let (version, code) = lab.run(&format!(
            "curl -s --cacert {ACCOUNT}/ca.crt https://{host}/version"
        ));
        assert!(
            version.contains("\"minor\": \"36\"") && code == 0,
            "{host}: {version}"
        );
    }
    for (command, output, code) in [
        (
            "curl -sS https://kubernetes/version",
            "curl: (60) SSL certificate problem: unable to get local issuer certificate\n",
            60,
        ),
        (
            "curl -sS --cacert /none https://kubernetes/version",
            "curl: (77) error setting certificate file: /none\n",
            77,
        ),
        (
            "curl -s http://kubernetes:443/version",
            "Client sent an HTTP request to an HTTPS server.\n",
            0,
        ),
        (
            "wget -qO- https://kubernetes/api",
            "wget: note: TLS certificate validation not implemented\nwget: server returned error: HTTP/1.1 403 \
             Forbidden\n",
            1,
        ),
    ] {
        let (said, ended) = lab.run(command);
        assert!(
            said.starts_with(output) && ended == code,
            "{command}: {said} {ended}"
        );
    }
}

#[test]
fn a_container_writes_with_a_body_and_reads_a_watch_to_where_it_is() {
    let mut lab = lab();
    lab.let_read_pods();
    let review = "{\"kind\":\"SelfSubjectReview\",\"apiVersion\":\"authentication.k8s.io/v1\"}";
    let path = "https://kubernetes/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let post = format!("-H 'Content-Type: application/json' -d '{review}' {path}");
    let (who, _) = lab.run(&curl(&post));
    assert!(who.contains("system:serviceaccount:default:default"), "{who}");
    let (events, _) = lab.run(&curl(
        "'https://kubernetes/api/v1/namespaces/default/pods?watch=true'",
    ));
    assert!(events.starts_with("{\"type\":\"ADDED\",\"object\":{"), "{events}");
}

#[test]
fn a_policy_can_keep_a_container_from_the_api_server() {
    let mut lab = lab();
    let dns = json!({"ports": [{"port": 53, "protocol": "UDP"}]});
    let pods = json!({"to": [{"namespaceSelector": {}}]});
    let host = json!({"to": [{"ipBlock": {"cidr": "172.18.0.0/16"}}]});
    let policy = |name: &str, egress: Value| json!({"metadata": {"name": name}, "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": egress}});
    lab.make(POLICIES, &policy("pods", json!([dns, pods])));
    let command = "curl -sk -m 5 -o /dev/null -w '%{http_code}' https://kubernetes/version";
    assert_eq!(lab.run(command).1, 28);
    lab.make(POLICIES, &policy("hosts", json!([host])));
    assert_eq!(lab.run(command), ("200".to_owned(), 0));
}

#[test]
fn the_service_comes_back() {
    let mut lab = Lab::new(&[]);
    let paths = [
        "/api/v1/namespaces/default/services/kubernetes",
        "/api/v1/namespaces/default/endpoints/kubernetes",
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes",
    ];
    let there = |lab: &mut Lab| paths.map(|path| lab.cluster.handle(&Request::new("GET", path)).status);
    assert_eq!(there(&mut lab), [200; 3]);
    for path in paths {
        lab.cluster.handle(&Request::new("DELETE", path));
    }
    lab.wait(1.0);
    assert_eq!(there(&mut lab)[0], 404);
    lab.wait(15.0);
    assert_eq!(there(&mut lab), [200; 3]);
}
