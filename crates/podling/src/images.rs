//! What a container image is and does.
//!
//! An image is data (`Image`) and, where it must be, a small behaviour (`process`): which ports it serves,
//! what each path answers and when, what it logs and how it ends. The images of the book, busybox, curl, ubuntu
//! and nginx are known and are on every node from the start; so is `example/lab`, a server whose flags choose
//! its health, its start and its end. Any other image can be pulled and runs for ever.

use crate::rng::Rng;

pub(crate) mod files;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod process;
pub(crate) mod reference;
pub(crate) mod server;
pub(crate) mod shell;

pub use log::LogLine;
use reference::Reference;
use shell::terminal::Style;

/// What a known image runs when it is given no command of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Program {
    /// `blux2/hello-server`.
    Hello(HelloServer),
    /// `blux2/delayfailserver`.
    DelayFail,
    /// `nginx`.
    Nginx,
    /// `example/lab`.
    Lab,
    /// A shell with the usual tools.
    Tools,
    /// Something that is not known.
    Unknown,
}

/// What the versions of hello-server do differently.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct HelloServer {
    /// What `/` says.
    pub(crate) greeting: Greeting,
    /// Whether `PORT` chooses the port.
    pub(crate) port_from_environment: bool,
    /// The path that answers `OK`; without one every path greets.
    pub(crate) health: Option<&'static str>,
    /// Whether `/metrics` is served.
    pub(crate) metrics: bool,
}

/// What a hello-server says at `/`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Greeting {
    /// A fixed text.
    Text(&'static str),
    /// The file `/etc/config/myconfig.txt` as it was at the start, or the usual text.
    Config,
    /// Nothing, ever: it allocates until it is killed.
    Leak,
}

/// Whom an image runs as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum User {
    /// root, because the image says nothing.
    Root,
    /// A numeric user.
    Id(i64),
    /// A user by name.
    Named(&'static str),
}

/// An image on a node or in a registry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Image {
    /// Its full name with the registry.
    pub(crate) name: String,
    /// Its full name with its digest, as `imageID` has it.
    pub(crate) id: String,
    /// Its compressed size in bytes.
    pub(crate) size: u64,
    /// What it runs.
    pub(crate) program: Program,
    /// Its own command.
    pub(crate) command: Vec<String>,
    /// Whether it has a shell and the usual tools.
    pub(crate) tools: bool,
    /// Whom it runs as.
    pub(crate) user: User,
    /// Whether nodes have it from the start.
    pub(crate) preloaded: bool,
}

impl Image {
    /// Which shell people meet when they run `argv` in it.
    pub(crate) fn style(&self, argv: &[String]) -> Style {
        let program = argv.first().and_then(|program| program.rsplit('/').next());
        if self.name.contains("busybox") {
            return Style::Busybox;
        }
        if self.name.contains("alpine") || self.name.contains("curlimages/curl") {
            return Style::Alpine;
        }
        if program == Some("bash") {
            Style::Bash
        } else {
            Style::Dash
        }
    }
}

const LEARN: &str = "Hello, world! Let's learn Kubernetes!";

/// The image of that name in its registry; `None` if there is none of that tag.
pub(crate) fn find(reference: &Reference) -> Option<Image> {
    let (program, size, tools, command) = program_of(reference)?;
    let full = reference.to_string();
    let digest = reference
        .digest
        .clone()
        .unwrap_or_else(|| format!("sha256:{}", Rng::of_text(&full).hex(64)));
    let user = match (reference.repository.as_str(), reference.tag.as_str()) {
        ("example/lab", "nameduser") => User::Named("nobody"),
        ("curlimages/curl", _) => User::Id(100),
        _ => User::Root,
    };
    Some(Image {
        id: format!("{}@{digest}", reference.name()),
        name: full,
        size,
        program,
        command: command.iter().map(|&word| word.to_owned()).collect(),
        tools,
        user,
        preloaded: program != Program::Unknown && !reference.tag.starts_with("pull"),
    })
}

type Known = (Program, u64, bool, &'static [&'static str]);

fn program_of(reference: &Reference) -> Option<Known> {
    if reference.registry != "docker.io" {
        return Some((Program::Unknown, 50_000_000, true, &[]));
    }
    let tag = reference.tag.as_str();
    let known: Known = match reference.repository.as_str() {
        "blux2/hello-server" => (
            Program::Hello(hello_server(tag)?),
            5_107_123,
            false,
            &["/hello-server"],
        ),
        "blux2/delayfailserver" if tag == "1.1" => {
            (Program::DelayFail, 5_098_331, false, &["/delayfailserver"])
        }
        "blux2/delayfailserver" => return None,
        "library/nginx" if is_release(tag) => {
            (Program::Nginx, 70_520_324, true, &["nginx", "-g", "daemon off;"])
        }
        "library/nginx" => return None,
        "library/busybox" if is_release(tag) => (Program::Tools, 2_219_949, true, &["sh"]),
        "library/busybox" => return None,
        "library/ubuntu" | "library/debian" | "library/alpine" => {
            (Program::Tools, 29_536_850, true, &["bash"])
        }
        "curlimages/curl" => (Program::Tools, 8_210_521, true, &["/entrypoint.sh"]),
        "example/lab" if matches!(tag, "1" | "2" | "pull1" | "nameduser") => {
            (Program::Lab, 3_548_296, false, &["/lab"])
        }
        "example/lab" => return None,
        _ => (Program::Unknown, 50_000_000, true, &[]),
    };
    Some(known)
}

/// Whether a tag of an official image is one that exists: `latest`, or a version with perhaps a variant.
fn is_release(tag: &str) -> bool {
    let version = tag.split('-').next().unwrap_or_default();
    let is_number =
        |part: &str| !part.is_empty() && part.len() < 3 && part.bytes().all(|b| b.is_ascii_digit());
    matches!(
        version,
        "latest" | "stable" | "mainline" | "alpine" | "glibc" | "musl" | "uclibc"
    ) || version.starts_with("1.") && version.split('.').all(is_number)
        || version == "1"
}

/// The book's own server, by tag; there never was a 1.1.
fn hello_server(tag: &str) -> Option<HelloServer> {
    let server = |greeting, port_from_environment, health, metrics| HelloServer {
        greeting,
        port_from_environment,
        health,
        metrics,
    };
    let learn = Greeting::Text(LEARN);
    let found = match tag {
        "1.0" => server(Greeting::Text("Hello, world!"), false, None, false),
        "1.2" | "1.3" => server(learn, false, None, false),
        "1.4" => server(learn, true, None, false),
        "1.5" => server(Greeting::Config, true, None, false),
        "1.6" | "1.8" => server(learn, true, Some("/health"), false),
        "1.7" => server(Greeting::Leak, true, Some("/health"), false),
        "2.0" => server(learn, true, Some("/healthz"), false),
        "2.0.1" => {
            let greeting = Greeting::Text("Hello, world! Let's build, break and fix!");
            server(greeting, true, Some("/healthz"), false)
        }
        "2.1" | "2.3" | "2.5" => server(learn, true, Some("/healthz"), true),
        "2.4" | "2.4.1" => server(Greeting::Leak, true, Some("/healthz"), true),
        _ => return None,
    };
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_do_not_exist_are_not_found() {
        for (name, exists) in [
            ("blux2/hello-server:1.0", true),
            ("blux2/hello-server:1.1", false),
            ("blux2/hello-server", false),
            ("nginx", true),
            ("nginx:1.25.3", true),
            ("nginx:1.25-alpine", true),
            ("nginx:1.999.0", false),
            ("nginx:nosuch", false),
            ("busybox:1.28", true),
            ("someone/something:3", true),
            ("ghcr.io/a/b:c", true),
        ] {
            let reference = Reference::parse(name).unwrap();
            assert_eq!(find(&reference).is_some(), exists, "{name}");
        }
    }

    #[test]
    fn an_image_keeps_its_digest() {
        let reference = Reference::parse("busybox:1.36.1").unwrap();
        let image = find(&reference).unwrap();
        assert_eq!(Some(&image), find(&reference).as_ref());
        assert!(image.id.starts_with("docker.io/library/busybox@sha256:"));
        assert_eq!(image.name, "docker.io/library/busybox:1.36.1");
    }
}
