//! Real kubectl against a served cluster. Skipped, loudly, where there is no kubectl.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use podling_server::{ClusterHandle, Identity, ServeOptions, TimeSource, write_private};

use crate::cluster::{config, secret};
use crate::scratch::Scratch;

/// Which kubectl to use, if not the one on the path.
const KUBECTL: &str = "KUBECTL";

fn kubectl(folder: &Path, arguments: &[&str]) -> Option<Output> {
    let program = std::env::var_os(KUBECTL).unwrap_or_else(|| "kubectl".into());
    let mut command = Command::new(&program);
    command
        .args(arguments)
        .env("HOME", folder)
        .env("KUBECONFIG", folder.join("kubeconfig"));
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            // Written past the test harness, which holds back what a passing test prints.
            let told = writeln!(
                std::io::stderr(),
                "SKIPPED: no kubectl ({error}); install one, or name it in {KUBECTL}"
            );
            drop(told);
            None
        }
    }
}

/// Runs kubectl on a thread of its own, so that the cluster can answer it. Standard output, or standard error
/// where that is empty.
async fn run(folder: &Path, line: &str) -> Option<String> {
    let (folder, line) = (folder.to_owned(), line.to_owned());
    let arguments = move || line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let output = tokio::task::spawn_blocking(move || {
        let arguments = arguments();
        kubectl(&folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let output = output.await.unwrap()?;
    let text = if output.stdout.is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    Some(String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn kubectl_applies_gets_deletes_and_is_told_why_not() {
    let scratch = Scratch::new("kubectl");
    let cluster = ClusterHandle::start(config(), TimeSource::Wall, None).unwrap();
    let identity = Identity::create().unwrap();
    let endpoint = cluster.serve(&identity, &ServeOptions::default()).await.unwrap();
    write_private(&scratch.join("kubeconfig"), &endpoint.kubeconfig).unwrap();
    let manifest = scratch.join("web.json");
    fs::write(&manifest, serde_json::to_string(&secret("web", "value")).unwrap()).unwrap();
    let file = manifest.display();
    let gone = "Error from server (NotFound): secrets \"web\" not found\n";
    let steps = [
        (format!("apply -f {file}"), "secret/web created\n"),
        (format!("apply -f {file}"), "secret/web unchanged\n"),
        ("get secret web -o jsonpath={.data.key}".to_owned(), "dmFsdWU="),
        ("get secrets -o name".to_owned(), "secret/web\n"),
        (
            "get pods".to_owned(),
            "No resources found in default namespace.\n",
        ),
        (
            "exec web -- ls".to_owned(),
            "Error from server (NotFound): pods \"web\" not found\n",
        ),
        ("delete secret web".to_owned(), "secret \"web\" deleted"),
        ("get secret web".to_owned(), gone),
    ];
    for (line, expected) in steps {
        let Some(said) = run(scratch.path(), &line).await else {
            return;
        };
        assert!(said.starts_with(expected), "kubectl {line}\n{said}");
    }
    let wrong = endpoint.kubeconfig.replace("token: ", "token: x");
    fs::write(scratch.join("kubeconfig"), wrong).unwrap();
    let said = run(scratch.path(), "get secrets").await.unwrap_or_default();
    assert!(said.contains("(Unauthorized)"), "{said}");
}

#[tokio::test]
async fn kubectl_acts_for_others_and_with_the_token_of_a_service_account() {
    let scratch = Scratch::new("kubectl-rbac");
    let cluster = ClusterHandle::start(config(), TimeSource::Wall, None).unwrap();
    let identity = Identity::create().unwrap();
    let endpoint = cluster.serve(&identity, &ServeOptions::default()).await.unwrap();
    write_private(&scratch.join("kubeconfig"), &endpoint.kubeconfig).unwrap();
    let bot = "--as=system:serviceaccount:default:bot";
    let steps = [
        (
            "auth whoami -o jsonpath={.status.userInfo.username}".to_owned(),
            "kubernetes-admin",
        ),
        (
            "create serviceaccount bot".to_owned(),
            "serviceaccount/bot created\n",
        ),
        (
            "create role reader --verb=get,list --resource=secrets".to_owned(),
            "role.rbac.authorization.k8s.io/reader created\n",
        ),
        (
            "create rolebinding reader --role=reader --serviceaccount=default:bot".to_owned(),
            "rolebinding.rbac.authorization.k8s.io/reader created\n",
        ),
        (format!("auth can-i list secrets {bot}"), "yes\n"),
        (format!("auth can-i delete secrets {bot}"), "no\n"),
    ];
    for (line, expected) in steps {
        let Some(said) = run(scratch.path(), &line).await else {
            return;
        };
        assert!(said.starts_with(expected), "kubectl {line}\n{said}");
    }
    let token = run(scratch.path(), "create token bot").await.unwrap_or_default();
    let (before, after) = endpoint.kubeconfig.split_once("token: ").unwrap();
    let rest = after.split_once('\n').unwrap().1;
    let of_bot = format!("{before}token: {}\n{rest}", token.trim());
    fs::write(scratch.join("kubeconfig"), of_bot).unwrap();
    let said = run(scratch.path(), "get secrets").await.unwrap_or_default();
    assert_eq!(said, "No resources found in default namespace.\n");
    let said = run(scratch.path(), "get pods").await.unwrap_or_default();
    assert_eq!(
        said,
        "Error from server (Forbidden): pods is forbidden: User \"system:serviceaccount:default:bot\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_runs_commands_and_copies_files_both_ways() {
    let scratch = Scratch::new("kubectl-streams");
    let cluster = ClusterHandle::start(config(), TimeSource::Wall, None).unwrap();
    let identity = Identity::create().unwrap();
    let endpoint = cluster.serve(&identity, &ServeOptions::default()).await.unwrap();
    write_private(&scratch.join("kubeconfig"), &endpoint.kubeconfig).unwrap();
    let here = scratch.path().display();
    fs::write(
        scratch.join("sent"),
        [b"text\n".as_slice(), &[0, 0xFF, 0xFE]].concat(),
    )
    .unwrap();
    let steps = [
        (
            "run p --image=busybox:1.36.1 --command -- sleep 3600".to_owned(),
            "pod/p created\n",
        ),
        (
            "wait pod/p --for=condition=Ready --timeout=20s".to_owned(),
            "pod/p condition met\n",
        ),
        ("exec p -- hostname".to_owned(), "p\n"),
        (
            "exec p -- false".to_owned(),
            "command terminated with exit code 1\n",
        ),
        (format!("cp {here}/sent p:/tmp/sent"), ""),
        ("exec p -- wc -c /tmp/sent".to_owned(), "8"),
        (
            format!("cp p:/tmp/sent {here}/back"),
            // kubectl may end before it has printed what tar says about leading slashes.
            "",
        ),
        (
            "run once --rm -i --image=busybox:1.36.1 --restart=Never -- sleep 2".to_owned(),
            "pod \"once\" deleted",
        ),
    ];
    for (line, expected) in steps {
        let Some(said) = run(scratch.path(), &line).await else {
            return;
        };
        assert!(said.starts_with(expected), "kubectl {line}\n{said}");
    }
    assert_eq!(
        fs::read(scratch.join("back")).unwrap(),
        fs::read(scratch.join("sent")).unwrap()
    );
}
