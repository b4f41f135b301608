//! `curl`, `wget` and `nslookup`: from their words to a network call, and from its reply to what they print.

mod curl;
mod options;
mod progress;
mod wget;

use std::time::Duration;

use curl::curl;
use options::{Options, read, split};
use wget::wget;

use super::machine::{Call, Reply};
use crate::network::{HttpRequest, HttpResponse, Trust};

/// What a request takes at least, with the start of its tool and the look-up of the name. A loop around it comes to some
/// hundred requests a second.
const SHORTEST: Duration = Duration::from_millis(2);

/// What a tool has to say when the network has answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    /// Its exit status.
    pub(crate) status: i32,
    /// Standard error before the output.
    pub(crate) err: String,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error after the output.
    pub(crate) late: String,
    /// A file that it writes.
    pub(crate) file: Option<(String, Vec<u8>)>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// The call that a command makes; `None` if its words name no target. `read_file` gives a file by its path.
pub(crate) fn call(words: &[String], read_file: &dyn Fn(&str) -> Option<String>) -> Option<Call> {
    let (name, arguments) = words.split_first()?;
    if name.ends_with("nslookup") {
        let host = arguments.iter().find(|argument| !argument.starts_with('-'))?;
        return Some(Call::Lookup(host.clone()));
    }
    let is_wget = name.ends_with("wget");
    let options = read(arguments, is_wget);
    let url = split(&options.target)?;
    let request = HttpRequest {
        method: method(&options).to_owned(),
        path: url.path,
        headers: headers(&options, is_wget),
        body: options.data.clone().unwrap_or_default().into_bytes(),
        tls: url.tls.then(|| trust(&options, is_wget, read_file)),
    };
    Some(Call::Http {
        host: url.host,
        port: url.port,
        request,
    })
}

fn method(options: &Options) -> &str {
    match &options.method {
        Some(method) => method,
        None if options.head => "HEAD",
        None if options.data.is_some() => "POST",
        None => "GET",
    }
}

/// The headers that are given, and those that the tool adds to them.
fn headers(options: &Options, is_wget: bool) -> Vec<(String, String)> {
    let own = match is_wget {
        true => &[("User-Agent", "Wget")][..],
        false => &[("User-Agent", "curl/8.4.0"), ("Accept", "*/*")],
    };
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let own = own.iter().copied().chain(options.data.is_some().then_some(form));
    let is_given = |name: &str| {
        let mut given = options.headers.iter();
        given.any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    own.filter(|(name, _)| !is_given(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(options.headers.clone())
        .collect()
}

/// busybox's wget looks at no certificate.
fn trust(options: &Options, is_wget: bool, read_file: &dyn Fn(&str) -> Option<String>) -> Trust {
    match &options.authorities {
        _ if is_wget || options.insecure => Trust::Anyone,
        None => Trust::Public,
        Some(path) => read_file(path).map_or(Trust::Unreadable, Trust::Authorities),
    }
}

/// What a command prints for a reply; `on_terminal` says whether its output goes to a terminal.
pub(crate) fn finish(words: &[String], reply: &Reply, on_terminal: bool) -> Answer {
    let Some((name, arguments)) = words.split_first() else {
        return Answer::default();
    };
    match reply {
        Reply::Signalled => Answer::default(),
        Reply::Lookup(addresses) => looked_up(arguments, addresses),
        Reply::Http(address, result) => {
            let result = &result.clone().map(|response| HttpResponse {
                took: response.took.max(SHORTEST),
                ..response
            });
            let mut answer = match name.ends_with("wget") {
                true => wget(&read(arguments, true), address, result),
                false => curl(&read(arguments, false), address, result, on_terminal),
            };
            answer.took = answer.took.max(SHORTEST);
            answer
        }
    }
}

/// busybox's `nslookup`; the cluster's DNS has the tenth address of the service range.
fn looked_up(arguments: &[String], addresses: &[String]) -> Answer {
    let name = arguments
        .iter()
        .find(|argument| !argument.starts_with('-'))
        .map_or("", String::as_str);
    let mut answer = Answer {
        took: SHORTEST,
        out: "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n".to_owned(),
        ..Answer::default()
    };
    if addresses.is_empty() {
        answer.status = 1;
        answer
            .out
            .extend(["** server can't find ", name, ": NXDOMAIN\n\n"]);
        return answer;
    }
    for address in addresses {
        answer.out.extend(["Name:\t", name, "\nAddress: ", address, "\n"]);
    }
    answer.out.push('\n');
    answer
}

/// The standard phrase of an HTTP status.
pub(crate) const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        301 => "Moved Permanently",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_forms_of_a_request_are_read() {
        for (command, host, port, path) in [
            ("curl -s -m 5 web:8080", "web", 8080, "/"),
            ("curl http://10.0.0.1/health", "10.0.0.1", 80, "/health"),
            (
                "wget -qO- -T 2 http://web.default.svc:80/a?b=c",
                "web.default.svc",
                80,
                "/a?b=c",
            ),
            ("wget -q -O - web", "web", 80, "/"),
        ] {
            let Some(Call::Http {
                host: h,
                port: p,
                request,
            }) = call(&words(command), &|_| None)
            else {
                panic!("{command}")
            };
            assert_eq!(
                (h.as_str(), p, request.path.as_str()),
                (host, port, path),
                "{command}"
            );
        }
        assert_eq!(
            call(&words("nslookup web"), &|_| None),
            Some(Call::Lookup("web".to_owned()))
        );
    }

    #[test]
    fn a_request_over_tls_says_whom_it_trusts() {
        let files = |path: &str| (path == "/ca.crt").then(|| "pem".to_owned());
        for (command, port, tls) in [
            ("curl http://web", 80, None),
            ("curl https://web", 443, Some(Trust::Public)),
            ("curl -sk https://web:6443/x", 6443, Some(Trust::Anyone)),
            (
                "curl --cacert /ca.crt https://web",
                443,
                Some(Trust::Authorities("pem".to_owned())),
            ),
            ("curl --cacert=/no https://web", 443, Some(Trust::Unreadable)),
            ("wget -qO- https://web", 443, Some(Trust::Anyone)),
        ] {
            let Some(Call::Http { port: p, request, .. }) = call(&words(command), &files) else {
                panic!("{command}")
            };
            assert_eq!((p, request.tls), (port, tls), "{command}");
        }
    }

    #[test]
    fn data_is_posted_as_a_form_unless_something_else_is_said() {
        let headers = |command: &str| {
            let Some(Call::Http { request, .. }) = call(&words(command), &|_| None) else {
                panic!("{command}")
            };
            let text: Vec<String> = request
                .headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            (
                request.method,
                String::from_utf8(request.body).unwrap(),
                text.join("; "),
            )
        };
        let agent = "User-Agent: curl/8.4.0; Accept: */*";
        assert_eq!(headers("curl web"), ("GET".into(), String::new(), agent.into()));
        assert_eq!(
            headers("curl -d a=b web"),
            (
                "POST".into(),
                "a=b".into(),
                format!("{agent}; Content-Type: application/x-www-form-urlencoded")
            )
        );
        assert_eq!(
            headers("curl -X PUT -d {} -H content-type:application/json -A me web"),
            (
                "PUT".into(),
                "{}".into(),
                "Accept: */*; content-type: application/json; User-Agent: me".into()
            )
        );
    }
}
