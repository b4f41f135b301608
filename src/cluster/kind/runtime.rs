//! Which container runtime kind's nodes run in. kind supports docker, podman and nerdctl, and chooses as this does
//! (`pkg/cluster/provider.go`): the one that `KIND_EXPERIMENTAL_PROVIDER` names, else the first that is there.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The variable with which kind is told what to use.
pub(super) const VARIABLE: &str = "KIND_EXPERIMENTAL_PROVIDER";

/// A container runtime that kind supports. Their command lines are much the same as far as bbf uses them; where they aren't,
/// it stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// nerdctl, the client of containerd.
    Nerdctl,
}

impl Runtime {
    /// All, in the order in which they are looked for.
    pub const ALL: [Self; 3] = [Self::Docker, Self::Podman, Self::Nerdctl];

    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Nerdctl => "nerdctl",
        }
    }

    /// The image's name as the runtime understands it without being configured: podman knows no registry by itself, the others
    /// mean Docker Hub. Nor does podman take a tag beside a digest, so that it gets the digest alone, as from kind.
    pub(super) fn name_of(self, image: &str) -> Cow<'_, str> {
        match self {
            Self::Podman => untagged(full_name(image)),
            Self::Docker | Self::Nerdctl => image.into(),
        }
    }

    /// The command that writes images to an archive, up to the archive. podman writes only the last of several images unless it
    /// is told.
    pub(super) fn save(self) -> &'static [&'static str] {
        match self {
            Self::Podman => &["save", "--multi-image-archive", "--output"],
            Self::Docker | Self::Nerdctl => &["save", "--output"],
        }
    }

    /// Whether `cp` can write to the standard output. nerdctl's can't; docker's must, since one that was installed as a snap has
    /// temporary files of its own.
    pub(super) fn copies_to_output(self) -> bool {
        self != Self::Nerdctl
    }

    /// Whether `kind load docker-image` finds its images: it asks docker, whatever the nodes run in (kind issue 2760).
    pub(super) fn is_known_to_kind_load(self) -> bool {
        self == Self::Docker
    }

    /// The runtime of this name.
    pub(super) fn named(name: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|it| name == Some(it.program()))
    }

    /// The runtime to use, given what the environment asks for and which programs there are.
    pub fn choose(asked: Option<&str>, there: impl Fn(Self) -> bool) -> Option<Self> {
        match Self::named(asked) {
            Some(asked) => there(asked).then_some(asked),
            None => Self::ALL.into_iter().find(|it| there(*it)),
        }
    }
}

impl std::fmt::Display for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.program())
    }
}

/// `busybox` is `docker.io/library/busybox`, `blux2/hello-server` is `docker.io/blux2/hello-server`; a name whose first part
/// is a host (it has a dot or a port, or is `localhost`) is whole.
fn full_name(image: &str) -> Cow<'_, str> {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => image.into(),
        Some(_) => format!("docker.io/{image}").into(),
        None => format!("docker.io/library/{image}").into(),
    }
}

/// The name without its tag where it has a digest: `a/b:1@sha256:00` is `a/b@sha256:00`. The colon of a port is none of a tag.
fn untagged(image: Cow<'_, str>) -> Cow<'_, str> {
    let Some((name, digest)) = image.split_once('@') else {
        return image;
    };
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => format!("{name}@{digest}").into(),
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podman_gets_whole_names() {
        for (image, whole) in [
            ("busybox:1.36.1", "docker.io/library/busybox:1.36.1"),
            ("blux2/hello-server:2.0", "docker.io/blux2/hello-server:2.0"),
            (
                "kindest/node:v1.36.1@sha256:00",
                "docker.io/kindest/node@sha256:00",
            ),
            ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
            ("localhost/mine:1", "localhost/mine:1"),
            ("class:5000/mine:1", "class:5000/mine:1"),
            ("class:5000/mine@sha256:00", "class:5000/mine@sha256:00"),
        ] {
            assert_eq!(Runtime::Podman.name_of(image), whole);
            assert_eq!(Runtime::Docker.name_of(image), image);
        }
    }

    #[test]
    fn the_runtime_is_the_one_asked_for_or_the_first_that_is_there() {
        use Runtime::{Docker, Nerdctl, Podman};
        for (asked, there, expected) in [
            (None, vec![Docker, Podman], Some(Docker)),
            (None, vec![Nerdctl, Podman], Some(Podman)),
            (Some("podman"), vec![Docker, Podman], Some(Podman)),
            (Some("podman"), vec![Docker], None),
            (Some("nonsense"), vec![Nerdctl], Some(Nerdctl)),
            (None, vec![], None),
        ] {
            assert_eq!(
                Runtime::choose(asked, |it| there.contains(&it)),
                expected,
                "{asked:?} {there:?}"
            );
        }
    }
}
