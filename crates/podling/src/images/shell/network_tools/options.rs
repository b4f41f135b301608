//! The words of `curl` and `wget`: their options and the URL.

use std::time::Duration;

/// How long a connection is tried for when the tool is given no limit.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(130);

/// What the words ask for.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) target: String,
    pub(super) quiet: bool,
    pub(super) show_errors: bool,
    pub(super) verbose: bool,
    pub(super) head: bool,
    /// Whether the headers of the answer are shown before its body.
    pub(super) include: bool,
    pub(super) fail: bool,
    pub(super) output: Option<String>,
    pub(super) format: Option<String>,
    pub(super) method: Option<String>,
    pub(super) data: Option<String>,
    pub(super) insecure: bool,
    /// The file with the authorities that are trusted.
    pub(super) authorities: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) limit: Option<Duration>,
}

/// Where a URL leads.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Url {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
}

impl Url {
    /// The host, with its port unless that is the scheme's own.
    pub(super) fn authority(&self) -> String {
        let Self { tls, host, port, .. } = self;
        match (tls, port) {
            (true, 443) | (false, 80) => host.clone(),
            _ => format!("{host}:{port}"),
        }
    }
}

/// Reads the options; clusters such as `-qO-` and `-sS` included.
pub(super) fn read(arguments: &[String], is_wget: bool) -> Options {
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
                    | "include"
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
        'i' => options.include = true,
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
        "include" => 'i',
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
pub(super) fn split(url: &str) -> Option<Url> {
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
