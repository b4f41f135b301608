//! Whose a cluster is: a mark that can be worked out again from this machine and bbf's state folder, so that bbf knows its
//! own clusters even after the folder was lost, and leaves those of others alone.

use std::path::{Path, PathBuf};

/// The key of the label that names the owner: on the nodes of a kind cluster, and on a lab's namespace elsewhere.
pub const LABEL: &str = "bbf/owner";

/// The owner's id: the same for the same machine and state folder, 16 hexadecimal digits.
pub fn id(state: &Path) -> String {
    mark(&machine(), state)
}

fn mark(machine: &str, state: &Path) -> String {
    // `/a/b/` is `/a/b`.
    let state: PathBuf = state.components().collect();
    format!(
        "{:016x}",
        fnv1a(format!("{machine}\n{}", state.display()).as_bytes())
    )
}

/// What tells this machine from others: systemd's and D-Bus' id, or else its name.
fn machine() -> String {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .find(|text| !text.is_empty())
        .unwrap_or_else(host_name)
}

#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// FNV-1a, 64 bits: a hash that is the same in every version of bbf, which the standard library's need not be.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv1a() {
        // The test vectors of the algorithm's authors.
        for (text, hash) in [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            assert_eq!(fnv1a(text.as_bytes()), hash, "{text}");
        }
    }

    #[test]
    fn machine_and_state_folder_make_the_owner() {
        let own = mark("m", Path::new("/s"));
        assert_eq!(own.len(), 16);
        assert_eq!(own, mark("m", Path::new("/s")));
        assert_eq!(own, mark("m", Path::new("/s/")));
        assert_ne!(own, mark("n", Path::new("/s")));
        assert_ne!(own, mark("m", Path::new("/t")));
        assert_eq!(id(Path::new("/s")), id(Path::new("/s")));
    }
}
