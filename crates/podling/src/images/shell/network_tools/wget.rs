//! What busybox's `wget` prints for a reply.

use std::time::Duration;

use super::options::{CONNECT_TIMEOUT, Options, Url, split};
use super::{Answer, reason};
use crate::network::{ConnectError, HttpResponse};

/// What it prints.
pub(super) fn wget(options: &Options, address: &str, result: &Result<HttpResponse, ConnectError>) -> Answer {
    let Url {
        tls,
        host,
        port,
        path,
    } = split(&options.target).unwrap_or_default();
    let mut greeting = if options.quiet {
        String::new()
    } else {
        format!("Connecting to {host}:{port} ({address}:{port})\n")
    };
    if tls && !options.insecure {
        greeting.push_str("wget: note: TLS certificate validation not implemented\n");
    }
    let failed = |greeting: &str, text: String, took| Answer {
        status: 1,
        err: format!("{greeting}wget: {text}\n"),
        took,
        ..Answer::default()
    };
    let limit = options.limit.unwrap_or(CONNECT_TIMEOUT);
    match result {
        Err(ConnectError::NoSuchHost(_)) => failed("", format!("bad address '{host}'"), Duration::ZERO),
        Err(ConnectError::Refused(_)) => {
            let text = format!("can't connect to remote host ({address}): Connection refused");
            failed(&greeting, text, Duration::ZERO)
        }
        Err(ConnectError::TimedOut(_)) => failed(&greeting, "download timed out".to_owned(), limit),
        Err(ConnectError::Tls(_)) => failed(
            &greeting,
            "error getting response: Connection reset by peer".to_owned(),
            Duration::ZERO,
        ),
        Err(ConnectError::Closed(_)) => {
            failed(&greeting, "error getting response".to_owned(), Duration::ZERO)
        }
        Ok(response) if response.took > limit => failed(&greeting, "download timed out".to_owned(), limit),
        Ok(response) if response.status >= 400 => {
            let text = format!(
                "server returned error: HTTP/1.1 {} {}",
                response.status,
                reason(response.status)
            );
            failed(&greeting, text, response.took)
        }
        Ok(response) => wget_answered(options, &greeting, &path, response),
    }
}

fn wget_answered(options: &Options, greeting: &str, path: &str, response: &HttpResponse) -> Answer {
    let mut answer = Answer {
        took: response.took,
        err: greeting.to_owned(),
        ..Answer::default()
    };
    let name = path
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or("index.html");
    let target = options.output.as_deref().unwrap_or(name);
    let (place, done) = match target {
        "-" => ("stdout".to_owned(), "written to stdout".to_owned()),
        file => (format!("'{file}'"), format!("'{file}' saved")),
    };
    if !options.quiet {
        let shown = if target == "-" { "-" } else { target };
        let (bar, size) = ("*".repeat(32), response.body.len());
        answer.err.extend(["writing to ", &place, "\n"]);
        answer.late = format!("{shown:<20} 100% |{bar}| {size:>5}  0:00:00 ETA\n{done}\n");
    }
    match target {
        "-" => answer.out = String::from_utf8_lossy(&response.body).into_owned(),
        file => answer.file = Some((file.to_owned(), response.body.clone())),
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::super::finish;
    use super::*;
    use crate::images::shell::machine::Reply;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn wget_refuses_an_error_page() {
        let response = HttpResponse {
            status: 404,
            ..HttpResponse::default()
        };
        let answer = finish(
            &words("wget -qO- web"),
            &Reply::Http("10.0.0.1".into(), Ok(response)),
            false,
        );
        assert_eq!(
            answer.err,
            "wget: server returned error: HTTP/1.1 404 Not Found\n"
        );
        assert_eq!(answer.status, 1);
    }
}
