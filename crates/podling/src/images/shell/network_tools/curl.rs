//! What `curl` 8.4 prints for a reply.

use std::time::Duration;

use super::options::{CONNECT_TIMEOUT, Options, Url, split};
use super::{Answer, reason};
use crate::network::{ConnectError, HttpResponse, TlsError};

/// What curl says of a certificate that nobody vouches for.
const UNTRUSTED: &str = "SSL certificate problem: unable to get local issuer certificate
More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it. To learn more about this situation and
how to fix it, please visit the web page mentioned above.";

/// What it prints.
pub(super) fn curl(options: &Options, address: &str, result: &Result<HttpResponse, ConnectError>) -> Answer {
    match result {
        Ok(response) => curl_answered(options, address, response),
        Err(error) => curl_failed(options, address, error),
    }
}

fn curl_answered(options: &Options, address: &str, response: &HttpResponse) -> Answer {
    let limit = options.limit.unwrap_or(Duration::MAX);
    if response.took > limit {
        let late = format!(
            "(28) Operation timed out after {} milliseconds with 0 bytes received",
            limit.as_millis()
        );
        return curl_error(options, 28, &late, limit, "");
    }
    let mut answer = Answer {
        took: response.took,
        ..Answer::default()
    };
    if options.verbose {
        let Url { host, port, path, .. } = split(&options.target).unwrap_or_default();
        answer.err = format!(
            "*   Trying {address}:{port}...\n* Connected to {host} ({address}) port {port}\n> GET {path} HTTP/1.1\n\
             > Host: {host}:{port}\n> User-Agent: curl/8.4.0\n> Accept: */*\n> \n< HTTP/1.1 {} {}\n",
            response.status,
            reason(response.status)
        );
        let headers = response
            .headers
            .iter()
            .flat_map(|(name, value)| ["< ", name, ": ", value, "\n"]);
        answer.err.extend(headers);
        answer
            .err
            .extend(["< \n* Connection #0 to host ", &host, " left intact\n"]);
    }
    if options.fail && response.status >= 400 {
        let text = format!("(22) The requested URL returned error: {}", response.status);
        return curl_error(options, 22, &text, response.took, &answer.err);
    }
    if options.head {
        answer.out = format!("HTTP/1.1 {} {}\r\n\r\n", response.status, reason(response.status));
    } else {
        match options.output.as_deref() {
            None | Some("-") => answer.out = String::from_utf8_lossy(&response.body).into_owned(),
            Some(path) => answer.file = Some((path.to_owned(), response.body.clone())),
        }
    }
    if let Some(format) = &options.format {
        let text = format.replace("%{http_code}", &response.status.to_string());
        answer.out += &text
            .replace("%{response_code}", &response.status.to_string())
            .replace("\\n", "\n");
    }
    answer
}

fn curl_failed(options: &Options, address: &str, error: &ConnectError) -> Answer {
    let Url { host, port, .. } = split(&options.target).unwrap_or_default();
    let limit = options.limit.unwrap_or(CONNECT_TIMEOUT);
    let trying = format!("*   Trying {address}:{port}...\n");
    let (status, text, took, verbose) = match error {
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
        ConnectError::Tls(error) => {
            let (status, why) = no_tls(options, *error);
            (status, format!("({status}) {why}"), Duration::ZERO, trying)
        }
    };
    let mut answer = curl_error(
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

fn curl_error(options: &Options, status: i32, text: &str, took: Duration, verbose: &str) -> Answer {
    let shown = !options.quiet || options.show_errors;
    let message = if shown {
        format!("curl: {text}\n")
    } else {
        String::new()
    };
    Answer {
        status,
        err: format!("{verbose}{message}"),
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
            let loud = finish(&words("curl -s -S -m 5 web:8080"), &reply);
            assert_eq!((loud.status, loud.err.as_str()), (status, text));
            assert_eq!(finish(&words("curl -s -m 5 web:8080"), &reply).err, "");
        }
    }
}
