//! What this machine has for kind clusters, and what is missing of what a cluster needs.

use super::containers::Containers;
use super::failure::Failure;
use super::program::{KindProgram, is_too_old};
use super::runtime::Runtime;
use crate::cluster::kind_config::Extras;
use serde_json::Value;
use std::net::TcpListener;

/// How much memory the first node takes, and each further one.
const MEMORY: (u64, u64) = (2 << 30, 1 << 30);

/// What kind advises (`known issues: pod errors due to "too many open files"`).
pub const INOTIFY: (u64, u64) = (524_288, 512);

/// What this machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The runtime that would be used, or why there is none.
    pub runtime: Result<RuntimeInfo, Failure>,
    /// kind's version, or why there is none.
    pub kind: Result<String, Failure>,
    /// The limits on watches and on instances of inotify, on Linux.
    pub inotify: Option<(u64, u64)>,
}

/// What a container runtime says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeInfo {
    /// Which one it is.
    pub runtime: Runtime,
    /// Its version.
    pub version: String,
    /// The version of cgroups: 1 or 2. `None` where it does not say.
    pub cgroups: Option<u32>,
    /// The memory of its machine, in bytes. `None` where it does not say.
    pub memory: Option<u64>,
    /// The architecture of its machine.
    pub architecture: String,
}

/// Why a cluster can't be had on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// The runtime or kind is not there, or does not run.
    Failure(Failure),
    /// There is no node image for this architecture.
    Architecture(String),
    /// There is too little memory.
    Memory {
        /// What is needed, in bytes.
        needed: u64,
        /// What there is, in bytes.
        there: u64,
    },
    /// A port is in use.
    Port(u16),
}

impl Machine {
    /// Looks at this machine; changes nothing.
    pub async fn look() -> Self {
        let found = Containers::find();
        let runtime = match &found {
            Ok(containers) => containers
                .info()
                .await
                .map(|info| RuntimeInfo::of(containers.runtime, &info)),
            Err(failure) => Err(failure.clone()),
        };
        let kind = match KindProgram::find(found.map_or(Runtime::Docker, |it| it.runtime)) {
            Ok(kind) => kind.version().await,
            Err(failure) => Err(failure),
        };
        let limit = |name: &str| {
            let text = std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
            text.trim().parse().ok()
        };
        Self {
            runtime,
            kind,
            inotify: limit("max_user_watches").zip(limit("max_user_instances")),
        }
    }

    /// Why a cluster of this configuration can't be had here; nothing where it can. `taken` says whether a port is in use.
    pub fn hindrances(&self, extras: &Extras, taken: impl Fn(u16) -> bool) -> Vec<Hindrance> {
        let failures = [self.runtime.as_ref().err(), self.kind.as_ref().err()];
        let mut found: Vec<Hindrance> = failures
            .into_iter()
            .flatten()
            .cloned()
            .map(Hindrance::Failure)
            .collect();
        if let Ok(info) = &self.runtime {
            if !["x86_64", "amd64", "aarch64", "arm64"].contains(&info.architecture.as_str()) {
                found.push(Hindrance::Architecture(info.architecture.clone()));
            }
            let more = extras.nodes.unwrap_or(1).saturating_sub(1) as u64;
            let needed = MEMORY.0 + MEMORY.1 * more;
            found.extend(
                info.memory
                    .filter(|there| *there < needed)
                    .map(|there| Hindrance::Memory { needed, there }),
            );
        }
        found.extend(
            extras
                .ports
                .iter()
                .filter(|port| taken(**port))
                .map(|port| Hindrance::Port(*port)),
        );
        found
    }

    /// Whether kind is too old for the pinned node images.
    pub fn kind_is_too_old(&self) -> bool {
        self.kind.as_ref().is_ok_and(|version| is_too_old(version))
    }
}

impl RuntimeInfo {
    /// docker and nerdctl say it in one way, podman in another.
    fn of(runtime: Runtime, info: &Value) -> Self {
        let text = |pointers: [&str; 2]| {
            let found = pointers
                .iter()
                .find_map(|pointer| info.pointer(pointer).and_then(Value::as_str));
            found.unwrap_or_default().to_owned()
        };
        let memory = ["/MemTotal", "/host/memTotal"];
        Self {
            runtime,
            version: text(["/ServerVersion", "/version/Version"]),
            cgroups: text(["/CgroupVersion", "/host/cgroupVersion"])
                .trim_start_matches('v')
                .parse()
                .ok(),
            memory: memory
                .iter()
                .find_map(|pointer| info.pointer(pointer).and_then(Value::as_u64)),
            architecture: text(["/Architecture", "/host/arch"]),
        }
    }
}

/// Whether something listens on a port of this machine.
pub fn is_taken(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn machine(info: &Value) -> Machine {
        Machine {
            runtime: Ok(RuntimeInfo::of(Runtime::Docker, info)),
            kind: Ok("v0.33.0".to_owned()),
            inotify: None,
        }
    }

    fn extras(nodes: Option<usize>, ports: &[u16]) -> Extras {
        Extras {
            nodes,
            ports: ports.to_vec(),
        }
    }

    #[test]
    fn the_runtimes_say_the_same_in_their_own_ways() {
        let docker =
            json!({"ServerVersion": "28", "CgroupVersion": "2", "MemTotal": 8, "Architecture": "x86_64"});
        let podman = json!({"version": {"Version": "5"}, "host": {"cgroupVersion": "v2", "memTotal": 8, "arch": "amd64"}});
        for (info, version) in [(docker, "28"), (podman, "5")] {
            let info = RuntimeInfo::of(Runtime::Docker, &info);
            assert_eq!(
                (info.version.as_str(), info.cgroups, info.memory),
                (version, Some(2), Some(8))
            );
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let good = machine(&json!({"Architecture": "x86_64", "MemTotal": 4_u64 << 30}));
        let free = |_| false;
        assert_eq!(good.hindrances(&extras(None, &[]), free), []);
        assert_eq!(
            good.hindrances(&extras(Some(4), &[]), free),
            [Hindrance::Memory {
                needed: 5 << 30,
                there: 4 << 30
            }]
        );
        assert_eq!(
            good.hindrances(&extras(None, &[30599]), |_| true),
            [Hindrance::Port(30599)]
        );
        let odd = machine(&json!({"Architecture": "riscv64"}));
        assert_eq!(
            odd.hindrances(&extras(None, &[]), free),
            [Hindrance::Architecture("riscv64".to_owned())]
        );
        let none = Machine {
            runtime: Err(Failure::NoRuntime),
            kind: Err(Failure::NoKind),
            inotify: None,
        };
        let failures = [Failure::NoRuntime, Failure::NoKind].map(Hindrance::Failure);
        assert_eq!(none.hindrances(&extras(None, &[]), free), failures);
    }
}
