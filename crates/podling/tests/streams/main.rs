//! Sessions: what clients of exec, attach and port-forward see, in cluster time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api_requests;
mod slow_clients;

use std::time::Duration;

use podling::clock::Time;
use podling::{Body, Cluster, Components, Config, NodeConfig, Request};
use serde_json::{Value, json};

const PODS: &str = "/api/v1/namespaces/default/pods";

/// What a client has heard, by channel.
#[derive(Debug, Default, Eq, PartialEq)]
struct Heard {
    stdout: String,
    stderr: String,
    status: Value,
    ended: bool,
}

struct Lab {
    cluster: Cluster,
}

impl Lab {
    /// A cluster in which the pods of these containers (by the pods' names) have been running for a while.
    fn new(pods: &[(&str, Value)]) -> Self {
        let node = NodeConfig::worker("node-1", "2", "6065108Ki");
        let config = Config {
            seed: 1,
            start: Time::from_micros(1_790_000_000_000_000),
            nodes: vec![node],
            components: Components::default(),
        };
        let mut lab = Self {
            cluster: Cluster::new(config),
        };
        lab.wait(5.0);
        for (name, container) in pods {
            let mut container = container.clone();
            container["name"] = "app".into();
            let pod = json!({"metadata": {"name": name}, "spec": {"containers": [container], "restartPolicy": "Never"}});
            let response = lab.cluster.handle(&Request::new("POST", PODS).with_json(&pod));
            assert_eq!(response.status, 201, "{}", response.body_json());
        }
        lab.wait(10.0);
        lab
    }

    /// A pod `p` whose container sleeps.
    fn sleeping() -> Self {
        Self::new(&[(
            "p",
            json!({"image": "busybox:1.36.1", "command": ["sleep", "3600"]}),
        )])
    }

    fn wait(&mut self, seconds: f64) {
        let until = self.cluster.now() + Duration::from_secs_f64(seconds);
        self.cluster.advance_to(until);
    }

    /// Opens a session; else what was answered.
    fn open(&mut self, path: &str, protocol: Option<&str>) -> Result<u64, (u16, String)> {
        let mut request = Request::new("GET", &format!("{PODS}/{path}"));
        request.web_socket = protocol.map(str::to_owned);
        let response = self.cluster.handle(&request);
        match response.body {
            Body::Session(number) => Ok(number),
            Body::Whole(bytes) => {
                let text = String::from_utf8(bytes).unwrap();
                let message = serde_json::from_str::<Value>(&text).unwrap_or_default();
                let message = message["message"].as_str().map(str::to_owned);
                Err((response.status, message.unwrap_or(text)))
            }
            Body::Stream(_) => panic!("a stream"),
        }
    }

    fn exec(&mut self, command: &[&str], options: &str) -> u64 {
        let words: Vec<String> = command
            .iter()
            .map(|word| {
                format!(
                    "command={}",
                    word.replace('%', "%25")
                        .replace('&', "%26")
                        .replace(' ', "%20")
                        .replace(';', "%3B")
                        .replace('#', "%23")
                        .replace('+', "%2B")
                )
            })
            .collect();
        let path = format!("p/exec?{}&stdout=true&stderr=true{options}", words.join("&"));
        self.open(&path, Some("v5.channel.k8s.io")).unwrap()
    }

    fn say(&mut self, session: u64, channel: u8, bytes: &[u8]) {
        self.cluster.send(session, &[&[channel], bytes].concat());
    }

    fn hear(&mut self, session: u64) -> Heard {
        let said = self.cluster.receive(session);
        let mut heard = Heard {
            ended: said.ended,
            ..Heard::default()
        };
        for message in said.messages {
            let text = String::from_utf8_lossy(&message[1..]).into_owned();
            match message[0] {
                1 => heard.stdout += &text,
                2 => heard.stderr += &text,
                3 => heard.status = serde_json::from_str(&text).unwrap(),
                other => panic!("channel {other}"),
            }
        }
        heard
    }
}

#[test]
fn a_command_says_what_it_has_to_say_and_how_it_ended() {
    let mut lab = Lab::sleeping();
    let session = lab.exec(&["sh", "-c", "echo out; echo err >&2; exit 7"], "");
    let heard = lab.hear(session);
    assert_eq!(
        (heard.stdout.as_str(), heard.stderr.as_str(), heard.ended),
        ("out\n", "err\n", true)
    );
    assert_eq!(heard.status["reason"], "NonZeroExitCode");
    assert_eq!(
        heard.status["details"]["causes"],
        json!([{"reason": "ExitCode", "message": "7"}])
    );
    let session = lab.exec(&["true"], "");
    assert_eq!(
        lab.hear(session).status,
        json!({"metadata": {}, "status": "Success"})
    );
    assert!(lab.cluster.sessions().is_empty());
}

#[test]
fn a_command_that_waits_takes_cluster_time_and_ends_when_its_client_goes_away() {
    let mut lab = Lab::sleeping();
    let session = lab.exec(&["sh", "-c", "echo a; sleep 2; echo b"], "");
    assert_eq!(lab.hear(session).stdout, "a\n");
    lab.wait(1.9);
    assert_eq!(lab.hear(session), Heard::default());
    lab.wait(0.2);
    let heard = lab.hear(session);
    assert_eq!((heard.stdout.as_str(), heard.ended), ("b\n", true));
    let session = lab.exec(&["sh", "-c", "sleep 1; touch /tmp/late"], "");
    lab.cluster.hang_up(session);
    lab.wait(2.0);
    let session = lab.exec(&["cat", "/tmp/late"], "");
    assert_eq!(
        lab.hear(session).stderr,
        "cat: can't open '/tmp/late': No such file or directory\n"
    );
}

#[test]
fn input_is_read_as_it_comes_and_to_its_end() {
    let mut lab = Lab::sleeping();
    let session = lab.exec(&["cat"], "&stdin=true");
    lab.say(session, 0, b"one\n");
    assert_eq!(lab.hear(session).stdout, "one\n");
    lab.say(session, 0, b"tw");
    assert_eq!(lab.hear(session).stdout, "tw");
    lab.say(session, 255, &[0]);
    assert!(lab.hear(session).ended);
    // What reads all of its input waits for the end of it.
    let session = lab.exec(&["sort"], "&stdin=true");
    lab.say(session, 0, b"b\na\n");
    assert_eq!(lab.hear(session), Heard::default());
    lab.say(session, 255, &[0]);
    assert_eq!(lab.hear(session).stdout, "a\nb\n");
    // Without `stdin` there is none.
    let session = lab.exec(&["cat"], "");
    assert!(lab.hear(session).ended);
}

#[test]
fn a_shell_without_a_terminal_runs_line_after_line() {
    let mut lab = Lab::sleeping();
    let session = lab.exec(&["sh"], "&stdin=true");
    lab.say(session, 0, b"cd /tmp\nfor i in 1 2; do\n");
    assert_eq!(lab.hear(session), Heard::default());
    lab.say(session, 0, b"echo $i; done; pwd\n");
    assert_eq!(lab.hear(session).stdout, "1\n2\n/tmp\n");
    lab.say(session, 0, b"nosuch\n)\necho $?\nexit 3\n");
    let heard = lab.hear(session);
    assert_eq!(heard.stdout, "2\n");
    assert_eq!(
        heard.stderr,
        "sh: nosuch: not found\nsh: syntax error: unexpected \")\"\n"
    );
    assert_eq!(heard.status["details"]["causes"][0]["message"], "3");
}

#[test]
fn a_shell_on_a_terminal_prompts_echoes_and_is_interrupted() {
    let mut lab = Lab::sleeping();
    let session = lab.exec(&["sh"], "&stdin=true&tty=true");
    let first = lab.hear(session).stdout;
    assert!(first.starts_with("\r\n\r\nBusyBox v1.36.1"), "{first:?}");
    assert!(first.ends_with("\r\n\r\n/ # \u{1b}[6n"), "{first:?}");
    lab.say(session, 0, b"echo hi\r");
    assert_eq!(lab.hear(session).stdout, "echo hi\r\nhi\r\n/ # \u{1b}[6n");
    lab.say(session, 0, b"sleep 100\r");
    assert_eq!(lab.hear(session).stdout, "sleep 100\r\n");
    lab.wait(1.0);
    lab.say(session, 0, b"\x03");
    assert_eq!(lab.hear(session).stdout, "^C\r\n/ # \u{1b}[6n");
    lab.say(session, 4, b"{\"Width\":80,\"Height\":24}");
    lab.say(session, 4, b"{\"Width\":90,\"Height\":24}");
    assert_eq!(lab.hear(session).stdout, "\r/ # \u{1b}[J");
    lab.say(session, 0, b"\x04");
    let heard = lab.hear(session);
    assert_eq!(
        (heard.ended, &heard.status["details"]["causes"][0]["message"]),
        (true, &json!("130"))
    );
}

#[test]
fn a_command_that_cannot_be_run_says_why_in_runcs_words() {
    let mut lab = Lab::sleeping();
    let session = lab.exec(&["nosuch"], "");
    let message = lab.hear(session).status["message"].as_str().unwrap().to_owned();
    let (beginning, end) = message.split_once("failed to start exec \"").unwrap();
    assert_eq!(
        beginning,
        "Internal error occurred: Internal error occurred: error executing command in container: failed to exec in \
         container: "
    );
    assert_eq!(
        &end[64..],
        "\": OCI runtime exec failed: exec failed: unable to start container process: exec: \"nosuch\": executable \
         file not found in $PATH"
    );
}

#[test]
fn who_cannot_be_connected_is_told_why() {
    let mut lab = Lab::new(&[
        ("done", json!({"image": "busybox:1.36.1", "command": ["true"]})),
        (
            "p",
            json!({"image": "busybox:1.36.1", "command": ["sleep", "3600"]}),
        ),
    ]);
    let far = json!({"metadata": {"name": "far"}, "spec": {"nodeSelector": {"no": "such"}, "containers": [
        {"name": "a", "image": "nginx"}, {"name": "b", "image": "nginx"}
    ]}});
    lab.cluster.handle(&Request::new("POST", PODS).with_json(&far));
    let v5 = Some("v5.channel.k8s.io");
    for (path, protocol, status, message) in [
        (
            "none/exec?command=ls&stdout=1",
            v5,
            404,
            "pods \"none\" not found",
        ),
        (
            "far/exec?command=ls&stdout=1&container=a",
            v5,
            400,
            "pod far does not have a host assigned",
        ),
        (
            "far/exec?command=ls&stdout=1",
            v5,
            400,
            "a container name must be specified for pod far, choose one of: [a b]",
        ),
        (
            "far/portforward",
            v5,
            400,
            "pod far does not have a host assigned",
        ),
        (
            "p/attach?stdout=1&container=x",
            v5,
            400,
            "container x is not valid for pod p",
        ),
        (
            "done/exec?command=ls&stdout=1",
            v5,
            404,
            "container not found (\"app\")",
        ),
        (
            "p/exec?command=ls",
            v5,
            400,
            "you must specify at least 1 of stdin, stdout, stderr",
        ),
        (
            "p/exec?command=ls&stdout=1",
            None,
            400,
            "Upgrade request required",
        ),
        (
            "p/portforward?ports=x",
            Some("v4.channel.k8s.io"),
            400,
            "unable to parse \"x\" as a port",
        ),
    ] {
        assert_eq!(
            lab.open(path, protocol),
            Err((status, message.to_owned())),
            "{path}"
        );
    }
}

#[test]
fn an_attached_client_sees_what_comes_and_can_end_the_input() {
    let reads = json!({
        "image": "busybox:1.36.1", "stdin": true, "stdinOnce": true,
        "command": ["sh", "-c", "echo before; while read l; do echo got $l; done; echo end"],
    });
    let mut lab = Lab::new(&[("p", reads)]);
    let session = lab
        .open("p/attach?stdin=1&stdout=1&stderr=1", Some("v4.channel.k8s.io"))
        .unwrap();
    assert_eq!(lab.hear(session), Heard::default());
    lab.say(session, 0, b"a\n");
    assert_eq!(lab.hear(session).stdout, "got a\n");
    lab.say(session, 255, &[0]);
    let heard = lab.hear(session);
    assert_eq!((heard.stdout.as_str(), heard.ended), ("end\n", true));
    assert_eq!(heard.status["status"], "Success");
    lab.wait(2.0);
    let log = lab.cluster.handle(&Request::new("GET", &format!("{PODS}/p/log")));
    let Body::Whole(log) = log.body else {
        panic!("no log")
    };
    assert_eq!(String::from_utf8(log).unwrap(), "before\ngot a\nend\n");
}

#[test]
fn sessions_end_with_their_container() {
    let mut lab = Lab::new(&[(
        "p",
        json!({"image": "busybox:1.36.1", "command": ["sleep", "20"]}),
    )]);
    let command = lab.exec(&["sleep", "1000"], "");
    let attached = lab.open("p/attach?stdout=1", Some("v5.channel.k8s.io")).unwrap();
    lab.wait(20.0);
    let heard = lab.hear(command);
    assert_eq!(
        (heard.ended, &heard.status["details"]["causes"][0]["message"]),
        (true, &json!("137"))
    );
    assert!(lab.hear(attached).ended);
}

/// What a client of one forwarded port gets, and the text on the channel for errors.
fn forwarded(lab: &mut Lab, port: u16, request: &[u8], seconds: f64) -> (String, String, bool) {
    let path = format!("p/portforward?ports={port}");
    let session = lab
        .open(&path, Some("v5.channel.k8s.io, v4.channel.k8s.io"))
        .unwrap();
    lab.say(session, 0, request);
    lab.wait(seconds);
    let said = lab.cluster.receive(session);
    let greeting = port.to_le_bytes();
    assert_eq!(
        said.messages[..2],
        [[&[0], &greeting[..]].concat(), [&[1], &greeting[..]].concat()]
    );
    let channel = |wanted: u8| {
        let messages = said.messages[2..].iter().filter(|message| message[0] == wanted);
        let bytes: Vec<u8> = messages.flat_map(|message| message[1..].to_vec()).collect();
        String::from_utf8(bytes).unwrap()
    };
    (channel(0), channel(1), said.ended)
}

#[test]
fn a_forwarded_port_carries_requests_and_says_when_nobody_listens() {
    let mut lab = Lab::new(&[("p", json!({"image": "blux2/hello-server:1.6"}))]);
    let (answer, error, ended) = forwarded(&mut lab, 8080, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", 0.0);
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nOK"),
        "{answer}"
    );
    assert_eq!((error.as_str(), ended), ("", false));
    let (answer, _, ended) = forwarded(&mut lab, 8080, b"GET / HTTP/1.0\r\n\r\n", 0.0);
    assert!(answer.contains("Connection: close") && ended, "{answer}");
    let (answer, error, ended) = forwarded(&mut lab, 9999, b"", 0.0);
    assert_eq!((answer.as_str(), ended), ("", true));
    assert!(error.starts_with("error forwarding port 9999 to pod "), "{error}");
    assert!(
        error.contains("IPv4: dial tcp4 127.0.0.1:9999: connect: connection refused"),
        "{error}"
    );
}

#[test]
fn a_server_that_dies_over_a_request_closes_the_connection_then() {
    let leaks = json!({
        "image": "blux2/hello-server:1.7",
        "resources": {"limits": {"memory": "100Mi", "cpu": "10m"}},
    });
    let mut lab = Lab::new(&[("p", leaks)]);
    let request = b"GET / HTTP/1.1\r\n\r\n";
    assert_eq!(
        forwarded(&mut lab, 8080, request, 5.0),
        (String::new(), String::new(), false)
    );
    let mut lab = Lab::new(&[(
        "p",
        json!({
            "image": "blux2/hello-server:1.7", "resources": {"limits": {"memory": "100Mi", "cpu": "10m"}},
        }),
    )]);
    assert_eq!(
        forwarded(&mut lab, 8080, request, 15.0),
        (String::new(), String::new(), true)
    );
}

#[test]
fn an_ephemeral_container_runs_beside_the_others_and_once() {
    let mut lab = Lab::sleeping();
    let patch = json!({"spec": {"ephemeralContainers": [
        {"name": "look", "image": "busybox:1.36.1", "command": ["sh", "-c", "echo here; exit 3"]}
    ]}});
    let mut request = Request::new("PATCH", &format!("{PODS}/p/ephemeralcontainers")).with_json(&patch);
    request.content_type = "application/strategic-merge-patch+json".to_owned();
    assert_eq!(lab.cluster.handle(&request).status, 200);
    lab.wait(60.0);
    let pod = lab
        .cluster
        .handle(&Request::new("GET", &format!("{PODS}/p")))
        .body_json();
    let status = &pod["status"]["ephemeralContainerStatuses"][0];
    assert_eq!(status["state"]["terminated"]["exitCode"], 3);
    assert_eq!(
        (&status["restartCount"], &status["ready"]),
        (&json!(0), &json!(false))
    );
    assert_eq!(pod["status"]["phase"], "Running");
    let log = lab
        .cluster
        .handle(&Request::new("GET", &format!("{PODS}/p/log?container=look")));
    let Body::Whole(log) = log.body else {
        panic!("no log")
    };
    assert_eq!(log, b"here\n");
}

#[test]
fn the_same_inputs_give_the_same_messages() {
    let run = || {
        let mut lab = Lab::sleeping();
        let session = lab.exec(&["sh"], "&stdin=true&tty=true");
        lab.say(session, 0, b"date; hostname; sleep 1\r");
        lab.wait(3.0);
        let refused = lab.exec(&["nosuch"], "");
        (lab.cluster.receive(session), lab.cluster.receive(refused))
    };
    assert_eq!(run(), run());
}

#[test]
fn a_command_can_end_the_first_process_of_its_container() {
    let mut lab = Lab::new(&[("p", json!({"image": "nginx:1.25.3"}))]);
    let session = lab.exec(&["sh", "-c", "ps; kill 1"], "");
    let heard = lab.hear(session);
    assert!(
        heard
            .stdout
            .contains("\n    1 root      0:00 nginx -g daemon off;\n"),
        "{}",
        heard.stdout
    );
    assert!(heard.ended);
    lab.wait(2.0);
    let pod = lab
        .cluster
        .handle(&Request::new("GET", &format!("{PODS}/p")))
        .body_json();
    let state = &pod["status"]["containerStatuses"][0]["state"];
    assert_eq!(
        (&state["terminated"]["exitCode"], &pod["status"]["phase"]),
        (&json!(0), &json!("Succeeded"))
    );
    // A first process without a handler ignores what it is sent from within.
    let mut lab = Lab::sleeping();
    for signal in ["-TERM", "-9"] {
        let session = lab.exec(&["kill", signal, "1"], "");
        assert_eq!(lab.hear(session).status["status"], "Success");
    }
    lab.wait(5.0);
    let pod = lab
        .cluster
        .handle(&Request::new("GET", &format!("{PODS}/p")))
        .body_json();
    assert_eq!(pod["status"]["phase"], "Running");
}
