//! `curl`, `wget` and `nslookup`: from their words to a network call, and from its reply to what they print.

use std::time::Duration;

use super::machine::{Call, Reply};
use crate::network::{ConnectError, HttpRequest, HttpResponse};

/// What a tool has to say when the network has answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    /// Its exit status.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
    /// A file that it writes.
    pub(crate) file: Option<(String, Vec<u8>)>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// How long a connection is tried for when the tool is given no limit.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(130);

#[derive(Clone, Debug, Default)]
struct Options {
    target: String,
    quiet: bool,
    show_errors: bool,
    verbose: bool,
    head: bool,
    fail: bool,
    output: Option<String>,
    format: Option<String>,
    method: Option<String>,
    headers: Vec<(String, String)>,
    limit: Option<Duration>,
}

/// The call that a command makes; `None` if its words name no target.
pub(crate) fn call(words: &[String]) -> Option<Call> {
    let (name, arguments) = words.split_first()?;
    if name.ends_with("nslookup") {
        let host = arguments.iter().find(|argument| !argument.starts_with('-'))?;
        return Some(Call::Lookup(host.clone()));
    }
    let options = read(arguments, name.ends_with("wget"));
    let (host, port, path) = split(&options.target)?;
    let method = match &options.method {
        Some(method) => method.clone(),
        None if options.head => "HEAD".to_owned(),
        None => "GET".to_owned(),
    };
    let request = HttpRequest {
        method,
        path,
        headers: options.headers,
    };
    Some(Call::Http { host, port, request })
}

/// What a command prints for a reply.
pub(crate) fn finish(words: &[String], reply: &Reply) -> Answer {
    let Some((name, arguments)) = words.split_first() else {
        return Answer::default();
    };
    match reply {
        Reply::Signalled => Answer::default(),
        Reply::Lookup(addresses) => looked_up(arguments, addresses),
        Reply::Http(address, result) if name.ends_with("wget") => {
            wget(&read(arguments, true), address, result)
        }
        Reply::Http(address, result) => curl(&read(arguments, false), address, result),
    }
}

/// Reads the options; clusters such as `-qO-` and `-sS` included.
fn read(arguments: &[String], is_wget: bool) -> Options {
    let mut options = Options::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let Some(flags) = word.strip_prefix('-').filter(|flags| !flags.is_empty()) else {
            options.target.clone_from(word);
            continue;
        };
        if let Some(long) = flags.strip_prefix('-') {
            let (flag, value) = long
                .split_once('=')
                .map_or((long, None), |(f, v)| (f, Some(v.to_owned())));
            let takes = !matches!(
                flag,
                "silent"
                    | "show-error"
                    | "verbose"
                    | "head"
                    | "fail"
                    | "quiet"
                    | "spider"
                    | "insecure"
                    | "location"
            );
            let value = value.or_else(|| takes.then(|| words.next().cloned()).flatten());
            long_option(&mut options, flag, value);
            continue;
        }
        let takes_value = if is_wget { "OT" } else { "omwHXdAuk" };
        for (at, flag) in flags.char_indices() {
            if !takes_value.contains(flag) || flag == 'k' {
                short_option(&mut options, flag, None);
                continue;
            }
            let rest = &flags[at + 1..];
            let value = if rest.is_empty() {
                words.next().cloned()
            } else {
                Some(rest.to_owned())
            };
            short_option(&mut options, flag, value);
            break;
        }
    }
    options
}

fn short_option(options: &mut Options, flag: char, value: Option<String>) {
    match flag {
        's' | 'q' => options.quiet = true,
        'S' => options.show_errors = true,
        'v' => options.verbose = true,
        'I' => options.head = true,
        'f' => options.fail = true,
        'o' | 'O' => options.output = value,
        'w' => options.format = value,
        'X' => options.method = value,
        'd' => options.method = options.method.take().or_else(|| Some("POST".to_owned())),
        'm' | 'T' => options.limit = value.and_then(|v| v.parse::<f64>().ok()).map(seconds),
        'H' => options.headers.extend(value.as_deref().and_then(header)),
        _ => {}
    }
}

fn long_option(options: &mut Options, flag: &str, value: Option<String>) {
    let short = match flag {
        "silent" | "quiet" => 's',
        "show-error" => 'S',
        "verbose" => 'v',
        "head" => 'I',
        "fail" => 'f',
        "output" => 'o',
        "write-out" => 'w',
        "request" => 'X',
        "data" => 'd',
        "max-time" | "connect-timeout" | "timeout" => 'm',
        "header" => 'H',
        _ => return,
    };
    short_option(options, short, value);
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(CONNECT_TIMEOUT)
}

fn header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':')?;
    Some((name.trim().to_owned(), value.trim().to_owned()))
}

/// Host, port and path of a URL whose scheme may be missing.
fn split(url: &str) -> Option<(String, u16, String)> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (authority, path) = match rest.find('/') {
        Some(at) => (&rest[..at], &rest[at..]),
        None => (rest, "/"),
    };
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, 80),
    };
    (!host.is_empty()).then(|| (host.to_owned(), port, path.to_owned()))
}

fn curl(options: &Options, address: &str, result: &Result<HttpResponse, ConnectError>) -> Answer {
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
        let (host, port, path) = split(&options.target).unwrap_or_default();
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
    let (host, port, _) = split(&options.target).unwrap_or_default();
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

fn wget(options: &Options, address: &str, result: &Result<HttpResponse, ConnectError>) -> Answer {
    let (host, port, path) = split(&options.target).unwrap_or_default();
    let greeting = if options.quiet {
        String::new()
    } else {
        format!("Connecting to {host}:{port} ({address}:{port})\n")
    };
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
        let progress =
            format!("writing to {place}\n{shown:<20} 100% |{bar}| {size:>5}  0:00:00 ETA\n{done}\n");
        answer.err.push_str(&progress);
    }
    match target {
        "-" => answer.out = String::from_utf8_lossy(&response.body).into_owned(),
        file => answer.file = Some((file.to_owned(), response.body.clone())),
    }
    answer
}

/// busybox's `nslookup`; the cluster's DNS has the tenth address of the service range.
fn looked_up(arguments: &[String], addresses: &[String]) -> Answer {
    let name = arguments
        .iter()
        .find(|argument| !argument.starts_with('-'))
        .map_or("", String::as_str);
    let mut answer = Answer {
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
        301 => "Moved Permanently",
        302 => "Found",
        400 => "Bad Request",
        404 => "Not Found",
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
            }) = call(&words(command))
            else {
                panic!("{command}")
            };
            assert_eq!(
                (h.as_str(), p, request.path.as_str()),
                (host, port, path),
                "{command}"
            );
        }
        assert_eq!(call(&words("nslookup web")), Some(Call::Lookup("web".to_owned())));
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
        ] {
            let reply = Reply::Http(address.clone(), Err(error));
            let loud = finish(&words("curl -s -S -m 5 web:8080"), &reply);
            assert_eq!((loud.status, loud.err.as_str()), (status, text));
            assert_eq!(finish(&words("curl -s -m 5 web:8080"), &reply).err, "");
        }
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
        );
        assert_eq!(
            answer.err,
            "wget: server returned error: HTTP/1.1 404 Not Found\n"
        );
        assert_eq!(answer.status, 1);
    }
}
