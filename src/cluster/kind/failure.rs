//! Why kind or the container runtime failed, read from what they said. The texts are those of docker, podman, nerdctl and
//! kind; what none of them fits is told in full.

use super::runtime::Runtime;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Why a kind cluster could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The container runtime that was asked for, or that a cluster was made with, is not installed.
    #[error("{0} is not installed")]
    NoSuchRuntime(Runtime),
    /// None of the container runtimes that kind supports is installed.
    #[error("none of docker, podman and nerdctl is installed")]
    NoRuntime,
    /// kind is not installed.
    #[error("kind is not installed")]
    NoKind,
    /// kind is too old for the pinned node images.
    #[error("kind {version} is too old")]
    OldKind {
        /// Its version.
        version: String,
    },
    /// The runtime is installed, and does not run.
    #[error("{runtime} is not running: {said}")]
    NotRunning {
        /// The runtime.
        runtime: Runtime,
        /// What it said.
        said: String,
    },
    /// The learner may not use the runtime.
    #[error("{runtime} may not be used: {said}")]
    NotAllowed {
        /// The runtime.
        runtime: Runtime,
        /// What it said.
        said: String,
    },
    /// The disk is full.
    #[error("the disk is full: {said}")]
    DiskFull {
        /// What was said.
        said: String,
    },
    /// The image's registry can't be reached.
    #[error("the registry can't be reached: {said}")]
    NoNetwork {
        /// What was said.
        said: String,
    },
    /// The registry has served enough for now.
    #[error("the registry limits how much it serves: {said}")]
    RateLimited {
        /// What was said.
        said: String,
    },
    /// There is no such image.
    #[error("there is no such image: {said}")]
    NoSuchImage {
        /// What was said.
        said: String,
    },
    /// A port that the cluster needs is in use.
    #[error("port {port} is in use")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// The system's limits on open or watched files are too low.
    #[error("too many open files: {said}")]
    OpenFiles {
        /// What was said.
        said: String,
    },
    /// kind found a cluster of this name when it was about to make one.
    #[error("a cluster of this name is there already")]
    AlreadyThere,
    /// A cluster of this name is there that bbf did not make.
    #[error("the kind cluster {0} is not bbf's")]
    Foreign(String),
    /// The cluster was deleted by someone else.
    #[error("the kind cluster {0} is gone")]
    Gone(String),
    /// Another bbf is at work on the cluster.
    #[error("the kind cluster {name} is in use by {holder}")]
    InUse {
        /// The cluster.
        name: String,
        /// The other bbf.
        holder: String,
    },
    /// Anything else.
    #[error("{said}")]
    Other {
        /// What was said.
        said: String,
        /// Where all of it stands.
        log: Option<PathBuf>,
    },
}

/// What `said` means, from the first words that are known.
pub(super) fn read(runtime: Runtime, said: &str) -> Failure {
    let holds = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let told = || last_words(said);
    if holds(&[
        "permission denied while trying to connect",
        ".sock: connect: permission denied",
    ]) {
        return Failure::NotAllowed {
            runtime,
            said: told(),
        };
    }
    if holds(&[
        "Cannot connect to the Docker daemon",
        "failed to connect to the docker API",
        "error during connect",
        "Cannot connect to Podman",
        "cannot access containerd socket",
        "unable to connect to Podman socket",
        "rootless containerd not running",
    ]) {
        return Failure::NotRunning {
            runtime,
            said: told(),
        };
    }
    if holds(&["already exist for a cluster with the name"]) {
        return Failure::AlreadyThere;
    }
    if holds(&["no space left on device", "disk quota exceeded"]) {
        return Failure::DiskFull { said: told() };
    }
    if let Some(port) = taken_port(said) {
        return Failure::PortTaken { port };
    }
    if holds(&["toomanyrequests", "too many requests", "429 Too Many Requests"]) {
        return Failure::RateLimited { said: told() };
    }
    if holds(&[
        "manifest unknown",
        "manifest for ",
        "pull access denied",
        "repository does not exist",
        "No such image",
    ]) {
        return Failure::NoSuchImage { said: told() };
    }
    if holds(&[
        "no such host",
        "dial tcp",
        "i/o timeout",
        "TLS handshake timeout",
        "network is unreachable",
        "Temporary failure in name resolution",
        "proxyconnect",
    ]) {
        return Failure::NoNetwork { said: told() };
    }
    if holds(&["too many open files", "inotify"]) {
        return Failure::OpenFiles { said: told() };
    }
    Failure::Other {
        said: told(),
        log: None,
    }
}

/// The port in `Bind for 0.0.0.0:30599 failed: port is already allocated`, in
/// `listen tcp 0.0.0.0:30599: bind: address already in use`, in docker 28's
/// `failed to bind host port for 0.0.0.0:30599:172.18.0.2:30599/tcp: address already in use`, and in pasta's
/// `Failed to bind port 30599 (Address already in use)`.
fn taken_port(said: &str) -> Option<u16> {
    let line = said
        .lines()
        .find(|line| line.contains("port is already allocated") || line.contains("ddress already in use"))?;
    let words: Vec<&str> = line.split(|c: char| c.is_whitespace() || c == ',').collect();
    let named = |pair: &[&str]| (pair[0] == "port").then(|| pair[1].parse().ok()).flatten();
    words
        .iter()
        .find_map(|word| port_of(word))
        .or_else(|| words.windows(2).find_map(named))
}

/// The first port in an address: 30599 in `0.0.0.0:30599:172.18.0.2:6443/tcp:`, in `[::]:30599` and in `:30599`. A time of day,
/// such as `10:44:01`, is none.
fn port_of(word: &str) -> Option<u16> {
    let host = word.split(':').next().unwrap_or_default();
    let is_address = host.is_empty() || host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok();
    let mut parts = word.split(':').skip(1).filter(|_| is_address);
    parts.find_map(|part| part.split('/').next()?.parse().ok())
}

/// What is worth telling. Where a line says ERROR, it is that, or better what the command behind it said: its last word that
/// begins with Error, or its first line. Else it is the last line.
fn last_words(said: &str) -> String {
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let told = match lines.iter().position(|line| line.starts_with("ERROR: ")) {
        Some(at) => of_command(&lines[at..]).unwrap_or_else(|| lines[at].trim_start_matches("ERROR: ")),
        None => lines.last().copied().unwrap_or("it ended without a word"),
    };
    told.trim_end_matches('.').to_owned()
}

/// What the command behind an error of kind's said, if that is for people.
fn of_command<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let begin = lines
        .iter()
        .position(|line| line.starts_with("Command Output: "))?;
    let first = lines[begin].trim_start_matches("Command Output: ");
    let error = lines[begin + 1..].iter().rfind(|line| line.starts_with("Error"));
    let told = error.copied().unwrap_or(first);
    (!told.starts_with('{')).then_some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(said: &str) -> &'static str {
        match read(Runtime::Docker, said) {
            Failure::NotRunning { .. } => "not running",
            Failure::NotAllowed { .. } => "not allowed",
            Failure::DiskFull { .. } => "disk full",
            Failure::NoNetwork { .. } => "no network",
            Failure::RateLimited { .. } => "rate limited",
            Failure::NoSuchImage { .. } => "no such image",
            Failure::PortTaken { port: 30599 } => "port taken",
            Failure::OpenFiles { .. } => "open files",
            Failure::AlreadyThere => "there",
            _ => "other",
        }
    }

    #[test]
    fn what_kind_and_docker_say_is_understood() {
        for (said, meant) in [
            (
                "ERROR: failed to create cluster: failed to get docker info: command \"docker info --format '{{json .}}'\" failed with error: exit status 1\n\nCommand Output: {\"ID\":\"\"}\nCannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
                "not running",
            ),
            (
                "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
                "not allowed",
            ),
            (
                "ERROR: failed to create cluster: failed to pull image \"kindest/node:v1.36.1\": command \"docker pull kindest/node:v1.36.1\" failed with error: exit status 1\n\nCommand Output: Error response from daemon: Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
                "no network",
            ),
            (
                "failed to register layer: write /usr/bin/x: no space left on device",
                "disk full",
            ),
            (
                "docker: Error response from daemon: driver failed programming external connectivity: Bind for 0.0.0.0:30599 failed: port is already allocated.",
                "port taken",
            ),
            (
                "rootlessport listen tcp 0.0.0.0:30599: bind: address already in use",
                "port taken",
            ),
            (
                "docker: Error response from daemon: failed to set up container networking: driver failed programming external connectivity on endpoint bbf-nodeport-control-plane (ac03): failed to bind host port for 0.0.0.0:30599:172.18.0.2:6443/tcp: address already in use",
                "port taken",
            ),
            (
                "failed to bind host port 127.0.0.1:30599/tcp: address already in use",
                "port taken",
            ),
            (
                "Error: pasta failed with exit code 1:\nFailed to bind port 30599 (Address already in use) for option '-t 30599-30599:30599-30599', exiting",
                "port taken",
            ),
            (
                "time=\"10:44:01\" 10:44:01 cannot listen on the TCP port: listen tcp4 :30599: bind: address already in use",
                "port taken",
            ),
            (
                "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory",
                "not running",
            ),
            (
                "Got permission denied while trying to connect: dial unix /run/user/1000/docker.sock: connect: permission denied",
                "not allowed",
            ),
            (
                "ERROR: failed to create cluster: node(s) already exist for a cluster with the name \"bbf-single\"",
                "there",
            ),
            (
                "Error response from daemon: manifest for kindest/node:v9 not found: manifest unknown",
                "no such image",
            ),
            (
                "toomanyrequests: You have reached your pull rate limit",
                "rate limited",
            ),
            (
                "failed to create inotify watcher: too many open files",
                "open files",
            ),
            ("ERROR: failed to init node with kubeadm", "other"),
            ("", "other"),
        ] {
            assert_eq!(kind_of(said), meant, "{said}");
        }
    }

    #[test]
    fn what_is_told_is_the_end_of_the_matter() {
        for (said, told) in [
            (
                "a\nERROR: failed to create cluster: no\nStack Trace: x\n",
                "failed to create cluster: no",
            ),
            (
                "ERROR: failed\n\nCommand Output: Error response from daemon: bad.\n",
                "Error response from daemon: bad",
            ),
            (
                "ERROR: failed\n\nCommand Output: Trying to pull docker.io/kindest/node...\nError: pinging registry: no such host\n",
                "Error: pinging registry: no such host",
            ),
            (
                "ERROR: failed: no\n\nCommand Output: {\"ID\":\"\"}\n",
                "failed: no",
            ),
            ("one\ntwo\n", "two"),
            ("", "it ended without a word"),
        ] {
            assert_eq!(last_words(said), told);
        }
    }
}
