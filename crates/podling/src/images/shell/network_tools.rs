//! `curl`, `wget` and `nslookup`: from their words to a network call, and from its reply to what they print.

use std::time::Duration;

use super::machine::{Call, Reply};
use crate::network::{ConnectError, HttpRequest, HttpResponse, TlsError, Trust};

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

/// What curl says of a certificate that nobody vouches for.
const UNTRUSTED: &str = "SSL certificate problem: unable to get local issuer certificate
More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it. To learn more about this situation and
how to fix it, please visit the web page mentioned above.";

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
    data: Option<String>,
    insecure: bool,
    /// The file with the authorities that are trusted.
    authorities: Option<String>,
    headers: Vec<(String, String)>,
    limit: Option<Duration>,
}

/// Where a URL leads.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Url {
    tls: bool,
    host: String,
    port: u16,
    path: String,
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
    let mut headers = options.headers.clone();
    for (name, value) in own {
        let is_given = options
            .headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name));
        if !is_given {
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    headers
}

/// busybox's wget looks at no certificate.
fn trust(options: &Options, is_wget: bool, read_file: &dyn Fn(&str) -> Option<String>) -> Trust {
    match &options.authorities {
        _ if is_wget || options.insecure => Trust::Anyone,
        None => Trust::Public,
        Some(path) => read_file(path).map_or(Trust::Unreadable, Trust::Authorities),
    }
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
                    | "no-check-certificate"
                    | "location"
            );
            let value = value.or_else(|| takes.then(|| words.next().cloned()).flatten());
            long_option(&mut options, flag, value);
            continue;
        }
        let takes_value = if is_wget { "OTU" } else { "omwHXdAu" };
        for (at, flag) in flags.char_indices() {
            if !takes_value.contains(flag) {
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
        'd' => options.data = value,
        'k' => options.insecure = true,
        'A' | 'U' => options
            .headers
            .extend(value.map(|agent| ("User-Agent".to_owned(), agent))),
        'm' | 'T' => options.limit = value.and_then(|v| v.parse::<f64>().ok()).map(seconds),
        'H' => options.headers.extend(value.as_deref().and_then(header)),
        _ => {}
    }
}

fn long_option(options: &mut Options, flag: &str, value: Option<String>) {
    if flag == "cacert" {
        options.authorities = value;
        return;
    }
    let short = match flag {
        "silent" | "quiet" => 's',
        "show-error" => 'S',
        "verbose" => 'v',
        "head" => 'I',
        "fail" => 'f',
        "output" => 'o',
        "write-out" => 'w',
        "request" => 'X',
        "data" | "data-raw" | "post-data" => 'd',
        "insecure" | "no-check-certificate" => 'k',
        "user-agent" => 'A',
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

/// Reads a URL, whose scheme may be missing.
fn split(url: &str) -> Option<Url> {
    let (tls, rest) = match url.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, url.strip_prefix("http://").unwrap_or(url)),
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => (&rest[..at], &rest[at..]),
        None => (rest, "/"),
    };
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, if tls { 443 } else { 80 }),
    };
    (!host.is_empty()).then(|| Url {
        tls,
        host: host.to_owned(),
        port,
        path: path.to_owned(),
    })
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

fn wget(options: &Options, address: &str, result: &Result<HttpResponse, ConnectError>) -> Answer {
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
                "content-type: application/json; User-Agent: me; Accept: */*".into()
            )
        );
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
