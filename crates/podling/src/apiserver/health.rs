//! The health endpoints, `/healthz`, `/livez` and `/readyz`: an API server that can answer is well.
//!
//! Source: `k8s.io/apiserver/pkg/server/healthz`. Differs from Kubernetes: there are fewer checks, only those of parts
//! that this server has.

use crate::request::{Request, Response};

/// The checks that each endpoint makes, in their order.
const CHECKS: [(&str, &[&str]); 3] = [
    ("healthz", &["ping", "log", "etcd"]),
    ("livez", &["ping", "log", "etcd"]),
    (
        "readyz",
        &[
            "ping",
            "log",
            "etcd",
            "etcd-readiness",
            "informer-sync",
            "shutdown",
        ],
    ),
];

/// The paths that are served.
pub(super) fn paths() -> impl Iterator<Item = String> {
    CHECKS.into_iter().flat_map(|(endpoint, checks)| {
        let parts = checks.iter().map(move |check| format!("/{endpoint}/{check}"));
        std::iter::once(format!("/{endpoint}")).chain(parts)
    })
}

/// The answer to a request about health; `None` if it is about anything else.
pub(super) fn answer(request: &Request) -> Option<Response> {
    let path = request.path.trim_matches('/');
    let (endpoint, check) = path.split_once('/').unwrap_or((path, ""));
    let (_, checks) = CHECKS.iter().find(|(name, _)| *name == endpoint)?;
    if !check.is_empty() {
        return checks.contains(&check).then(|| plain("ok".to_owned()));
    }
    let left_out: Vec<String> = request.parameters("exclude").collect();
    Some(plain(if request.parameter("verbose").is_some() {
        report(endpoint, checks, &left_out)
    } else {
        "ok".to_owned()
    }))
}

/// What `?verbose` adds: a line for each check.
fn report(endpoint: &str, checks: &[&str], left_out: &[String]) -> String {
    let line = |check: &&str| {
        if left_out.iter().any(|name| name == check) {
            format!("[+]{check} excluded: ok\n")
        } else {
            format!("[+]{check} ok\n")
        }
    };
    let lines: String = checks.iter().map(line).collect();
    format!("{lines}{endpoint} check passed\n")
}

fn plain(text: String) -> Response {
    Response::whole(200, "text/plain; charset=utf-8", text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Body;

    fn text(path: &str) -> Option<String> {
        let response = answer(&Request::new("GET", path))?;
        match response.body {
            Body::Whole(bytes) => String::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    #[test]
    fn a_server_that_answers_is_well() {
        let all = "[+]ping ok\n[+]log ok\n[+]etcd ok\nlivez check passed\n";
        let cases = [
            ("/healthz", Some("ok")),
            ("/readyz/etcd", Some("ok")),
            ("/healthz/nope", None),
            ("/health", None),
            ("/livez?verbose", Some(all)),
            (
                "/healthz?verbose=true&exclude=etcd",
                Some("[+]ping ok\n[+]log ok\n[+]etcd excluded: ok\nhealthz check passed\n"),
            ),
        ];
        for (path, expected) in cases {
            assert_eq!(text(path).as_deref(), expected, "{path}");
        }
    }
}
