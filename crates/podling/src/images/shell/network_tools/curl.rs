//! What `curl` 8.4 prints for a reply.

use std::fmt::Write as _;
use std::time::Duration;

use super::options::{CONNECT_TIMEOUT, Options, Url, split};
use super::progress::{self, Transfer};
use super::{Answer, headers, method, reason};
use crate::network::{ConnectError, HttpResponse, TlsError};

/// What curl says of a certificate that nobody vouches for.
const UNTRUSTED: &str = "SSL certificate problem: unable to get local issuer certificate
More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it. To learn more about this situation and
how to fix it, please visit the web page mentioned above.";

/// What it prints. `on_terminal` says whether its output is seen at once, which makes it hide its progress.
pub(super) fn curl(
    options: &Options,
    address: &str,
    result: &Result<HttpResponse, ConnectError>,
    on_terminal: bool,
) -> Answer {
    let is_seen = on_terminal && matches!(options.output.as_deref(), None | Some("-"));
    let mut answer = match result {
        Ok(response) => answered(options, address, response, is_seen),
        Err(error) => failed(options, address, error),
    };
    if !options.quiet && !is_seen {
        let transfer = transfer(options, result, &answer);
        answer.err.insert_str(0, &progress::begins(transfer.took));
        // What is told on the way ends with a line of its own, before the sentence about what failed.
        answer.late.insert_str(0, &transfer.ends());
    }
    answer
}

/// What the meter counts: nothing came of what failed.
fn transfer(options: &Options, result: &Result<HttpResponse, ConnectError>, answer: &Answer) -> Transfer {
    let took = answer.took;
    let Some(response) = result.as_ref().ok().filter(|_| answer.status == 0) else {
        return Transfer {
            took,
            ..Transfer::default()
        };
    };
    let size = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    let announced = response
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse().ok());
    Transfer {
        expected: announced.unwrap_or_else(|| size(response.body.len())),
        received: if options.head {
            0
        } else {
            size(response.body.len())
        },
        sent: size(options.data.as_ref().map_or(0, String::len)),
        took,
    }
}

fn answered(options: &Options, address: &str, response: &HttpResponse, is_seen: bool) -> Answer {
    let limit = options.limit.unwrap_or(Duration::MAX);
    if response.took > limit {
        let late = format!(
            "(28) Operation timed out after {} milliseconds with 0 bytes received",
            limit.as_millis()
        );
        return error(options, 28, &late, limit, "");
    }
    let mut answer = Answer {
        took: response.took,
        ..Answer::default()
    };
    if options.verbose {
        (answer.err, answer.late) = conversation(options, address, response, is_seen);
    }
    if options.fail && response.status >= 400 {
        let text = format!("(22) The requested URL returned error: {}", response.status);
        return error(options, 22, &text, response.took, &answer.err);
    }
    if options.head || options.include {
        answer.out = head_of(response).replace('\n', "\r\n") + "\r\n";
    }
    if !options.head {
        match options.output.as_deref() {
            None | Some("-") => answer.out += &String::from_utf8_lossy(&response.body),
            Some(path) => answer.file = Some((path.to_owned(), response.body.clone())),
        }
    }
    if let Some(format) = &options.format {
        answer.out += &written_out(format, response);
    }
    answer
}

/// The lines of `--verbose` before and after the body.
fn conversation(
    options: &Options,
    address: &str,
    response: &HttpResponse,
    is_seen: bool,
) -> (String, String) {
    let url = split(&options.target).unwrap_or_default();
    let Url { host, port, path, .. } = &url;
    let mut said = format!(
        "*   Trying {address}:{port}...\n* Connected to {host} ({address}) port {port}\n> {} {path} HTTP/1.1\n> Host: {}\n",
        method(options),
        url.authority(),
    );
    for (name, value) in headers(options, false) {
        let _ = writeln!(said, "> {name}: {value}");
    }
    said += "> \n";
    for line in head_of(response).lines() {
        let _ = writeln!(said, "< {line}");
    }
    said += "< \n";
    if !is_seen && !response.body.is_empty() && !options.head {
        let _ = writeln!(said, "{{ [{} bytes data]", response.body.len());
    }
    (said, format!("* Connection #0 to host {host} left intact\n"))
}

/// The status line and the headers of an answer.
fn head_of(response: &HttpResponse) -> String {
    let mut head = format!("HTTP/1.1 {} {}\n", response.status, reason(response.status));
    for (name, value) in &response.headers {
        let _ = writeln!(head, "{name}: {value}");
    }
    head
}

/// The text of `--write-out`.
fn written_out(format: &str, response: &HttpResponse) -> String {
    let status = response.status.to_string();
    let took = format!("{:.6}", response.took.as_secs_f64());
    let size = response.body.len().to_string();
    [
        ("%{http_code}", status.as_str()),
        ("%{response_code}", &status),
        ("%{time_total}", &took),
        ("%{size_download}", &size),
        ("\\n", "\n"),
        ("\\t", "\t"),
    ]
    .iter()
    .fold(format.to_owned(), |text, (name, value)| text.replace(name, value))
}

fn failed(options: &Options, address: &str, why: &ConnectError) -> Answer {
    let Url { host, port, .. } = split(&options.target).unwrap_or_default();
    let limit = options.limit.unwrap_or(CONNECT_TIMEOUT);
    let trying = format!("*   Trying {address}:{port}...\n");
    let (status, text, took, verbose) = match why {
        ConnectError::NoSuchHost(_) => {
            let text = format!("(6) Could not resolve host: {host}");
            (
                6,
                text,
                Duration::ZERO,
                format!("* Could not resolve host: {host}\n* Closing connection 0\n"),
            )
        }
        ConnectError::Refused(_) => {
            let text =
                format!("(7) Failed to connect to {host} port {port} after 0 ms: Couldn't connect to server");
            let verbose = format!(
                "{trying}* connect to {address} port {port} failed: Connection refused\n* Failed to connect to \
                 {host} port {port} after 0 ms: Couldn't connect to server\n* Closing connection 0\n"
            );
            (7, text, Duration::ZERO, verbose)
        }
        ConnectError::TimedOut(_) => {
            let late = format!(
                "Connection timed out after {} milliseconds",
                limit.as_millis() + 1
            );
            (
                28,
                format!("(28) {late}"),
                limit,
                format!("{trying}* {late}\n* Closing connection 0\n"),
            )
        }
        ConnectError::Closed(_) => (
            52,
            "(52) Empty reply from server".to_owned(),
            Duration::ZERO,
            trying,
        ),
        ConnectError::Tls(why) => {
            let (status, why) = no_tls(options, *why);
            (status, format!("({status}) {why}"), Duration::ZERO, trying)
        }
    };
    let mut answer = error(
        options,
        status,
        &text,
        took,
        if options.verbose { &verbose } else { "" },
    );
    if let Some(format) = &options.format {
        answer.out = format.replace("%{http_code}", "000").replace("\\n", "\n");
    }
    answer
}

/// curl's exit status and sentence where there is no TLS (curl 8.4 with OpenSSL 3.1).
fn no_tls(options: &Options, error: TlsError) -> (i32, String) {
    match error {
        TlsError::Untrusted => (60, UNTRUSTED.to_owned()),
        TlsError::NoAuthorities => {
            let path = options.authorities.as_deref().unwrap_or_default();
            (77, format!("error setting certificate file: {path}"))
        }
        TlsError::NotSpoken => {
            let why = "OpenSSL/3.1.4: error:0A00010B:SSL routines::wrong version number";
            (35, why.to_owned())
        }
    }
}

fn error(options: &Options, status: i32, text: &str, took: Duration, verbose: &str) -> Answer {
    let shown = !options.quiet || options.show_errors;
    let message = if shown {
        format!("curl: {text}\n")
    } else {
        String::new()
    };
    Answer {
        status,
        err: verbose.to_owned(),
        late: message,
        took,
        ..Answer::default()
    }
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
    fn curl_fails_in_its_own_words_and_codes() {
        let address = "10.96.1.2".to_owned();
        for (error, status, text) in [
            (
                ConnectError::NoSuchHost("web".into()),
                6,
                "curl: (6) Could not resolve host: web\n",
            ),
            (
                ConnectError::TimedOut("x".into()),
                28,
                "curl: (28) Connection timed out after 5001 milliseconds\n",
            ),
            (
                ConnectError::Refused("x".into()),
                7,
                "curl: (7) Failed to connect to web port 8080 after 0 ms: Couldn't connect to server\n",
            ),
            (
                ConnectError::Closed(Duration::ZERO),
                52,
                "curl: (52) Empty reply from server\n",
            ),
            (
                ConnectError::Tls(TlsError::NotSpoken),
                35,
                "curl: (35) OpenSSL/3.1.4: error:0A00010B:SSL routines::wrong version number\n",
            ),
        ] {
            let reply = Reply::Http(address.clone(), Err(error));
            let loud = finish(&words("curl -s -S -m 5 web:8080"), &reply, false);
            assert_eq!((loud.status, loud.late.as_str()), (status, text));
            let silent = finish(&words("curl -s -m 5 web:8080"), &reply, false);
            assert_eq!(silent.err + &silent.late, "");
        }
    }

    fn answer(command: &str, on_terminal: bool) -> Answer {
        let response = HttpResponse {
            status: 200,
            headers: vec![("Content-Length".to_owned(), "3".to_owned())],
            body: b"hi\n".to_vec(),
            took: Duration::from_millis(3),
        };
        let reply = Reply::Http("10.96.1.2".to_owned(), Ok(response));
        finish(&words(command), &reply, on_terminal)
    }

    #[test]
    fn progress_is_shown_unless_the_output_is_or_it_is_to_be_silent() {
        for (command, on_terminal, shown) in [
            ("curl web", true, false),
            ("curl web", false, true),
            ("curl -o page web", true, true),
            ("curl -o - web", true, false),
            ("curl -s web", false, false),
        ] {
            let answer = answer(command, on_terminal);
            let all = answer.err + &answer.late;
            assert_eq!(all.contains("% Total"), shown, "{command}");
            assert_eq!(
                all.ends_with(
                    "\r100     3  100     3    0     0   1000      0 --:--:-- --:--:-- --:--:--  1000\n"
                ),
                shown,
                "{command}"
            );
        }
    }

    #[test]
    fn what_is_said_and_answered_is_shown_when_asked_for() {
        let told = answer("curl -sv -X PUT -H X-A:b http://web:8080/a", false);
        assert_eq!(
            told.err,
            "*   Trying 10.96.1.2:8080...\n* Connected to web (10.96.1.2) port 8080\n> PUT /a HTTP/1.1\n\
             > Host: web:8080\n> User-Agent: curl/8.4.0\n> Accept: */*\n> X-A: b\n> \n< HTTP/1.1 200 OK\n\
             < Content-Length: 3\n< \n{ [3 bytes data]\n"
        );
        assert_eq!(told.late, "* Connection #0 to host web left intact\n");
        assert!(answer("curl -v web", true).err.ends_with("> Host: web\n> User-Agent: curl/8.4.0\n> Accept: */*\n> \n< HTTP/1.1 200 OK\n< Content-Length: 3\n< \n"));
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(answer("curl -I web", true).out, head);
        assert_eq!(answer("curl -i web", true).out, format!("{head}hi\n"));
        let written = "%{http_code}-%{size_download}-%{time_total}";
        assert_eq!(
            answer(&format!("curl -so /dev/null -w {written} web"), true).out,
            "200-3-0.003000"
        );
    }
}
