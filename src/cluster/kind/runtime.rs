//! Which container runtime kind's nodes run in. kind supports docker, podman and nerdctl, and chooses as this does
//! (`pkg/cluster/provider.go`): the one that `KIND_EXPERIMENTAL_PROVIDER` names, else the first that is there.

use serde::{Deserialize, Serialize};

/// The variable with which kind is told what to use.
pub(super) const VARIABLE: &str = "KIND_EXPERIMENTAL_PROVIDER";

/// A container runtime that kind supports. Their command lines are the same as far as bbf uses them.
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

    /// The runtime to use, given what the environment asks for and which programs there are.
    pub fn choose(asked: Option<&str>, there: impl Fn(Self) -> bool) -> Option<Self> {
        let asked = Self::ALL.into_iter().find(|it| asked == Some(it.program()));
        match asked {
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

#[cfg(test)]
mod tests {
    use super::*;

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
