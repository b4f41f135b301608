//! The files that a container sees: its own root and the volumes mounted into it.
//!
//! Only files that were written, mounted or asked for exist; a container's root is otherwise empty but for the
//! usual directories. Differs from Linux: no permissions, owners, times or links.

use std::collections::BTreeMap;

/// File contents by absolute path.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// Directories that every image has.
const DIRECTORIES: [&str; 12] = [
    "/", "/bin", "/dev", "/etc", "/home", "/proc", "/root", "/sys", "/tmp", "/usr", "/var", "/var/run",
];

/// A volume's (or one file of a volume's) place in a container.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Mount {
    /// The path in the container, without a slash at its end.
    pub(crate) path: String,
    /// The key of the tree.
    pub(crate) tree: String,
    /// The path in the volume; empty for all of it.
    pub(crate) sub_path: String,
    /// Whether writing is refused.
    pub(crate) read_only: bool,
}

/// All trees of a pod: one a container's root, one a volume.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodFiles {
    trees: BTreeMap<String, Tree>,
}

impl PodFiles {
    /// Puts a tree in place of the one of that key.
    pub(crate) fn set(&mut self, key: &str, tree: Tree) {
        self.trees.insert(key.to_owned(), tree);
    }

    /// Whether there is a tree of that key.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.trees.contains_key(key)
    }

    /// How many bytes the files of a tree have in all.
    pub(crate) fn size(&self, key: &str) -> u64 {
        let files = self.trees.get(key).into_iter().flat_map(BTreeMap::values);
        files
            .map(|content| u64::try_from(content.len()).unwrap_or(u64::MAX))
            .sum()
    }

    /// Copies what stands at `path` of a tree to a tree of its own: a file to `/`, a directory with its content.
    /// What is not there becomes an empty directory.
    pub(crate) fn copy_part(&mut self, from: &str, path: &str, to: &str) {
        let path = normalize("/", path);
        let below = format!("{}/", path.trim_end_matches('/'));
        let mut part = Tree::new();
        for (name, content) in self.trees.get(from).into_iter().flatten() {
            if *name == path {
                part.insert("/".to_owned(), content.clone());
            } else if let Some(rest) = name.strip_prefix(&below) {
                part.insert(format!("/{rest}"), content.clone());
            }
        }
        self.trees.insert(to.to_owned(), part);
    }

    /// What one container sees that has nothing on disks.
    #[cfg(test)]
    pub(crate) fn view<'a>(&'a mut self, root: &'a str, mounts: &'a [Mount]) -> Files<'a> {
        Files {
            files: self,
            disks: None,
            root,
            mounts,
        }
    }

    /// What one container sees: `root` is the key of its own tree.
    pub(crate) fn view_with<'a>(
        &'a mut self,
        disks: &'a mut Disks,
        root: &'a str,
        mounts: &'a [Mount],
    ) -> Files<'a> {
        Files {
            files: self,
            disks: Some(disks),
            root,
            mounts,
        }
    }
}

/// The key of a tree that is on a disk of its own, and not a part of the pod.
const ON_DISK: &str = "disk:";

/// What outlives the pods that write it: the content of persistent volumes and of the nodes' own paths.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disks {
    trees: BTreeMap<String, Tree>,
}

impl Disks {
    /// The key of the tree at a place, such as a node and a path on it.
    pub(crate) fn key(place: &str) -> String {
        format!("{ON_DISK}{place}")
    }

    /// Removes all that stands there.
    pub(crate) fn wipe(&mut self, key: &str) {
        self.trees.remove(key);
    }
}

/// What one container sees.
pub(crate) struct Files<'a> {
    files: &'a mut PodFiles,
    disks: Option<&'a mut Disks>,
    root: &'a str,
    mounts: &'a [Mount],
}

/// Why a file operation failed, in the C library's words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FileError {
    /// `No such file or directory`
    Missing,
    /// `Is a directory`
    IsDirectory,
    /// `Read-only file system`
    ReadOnly,
}

impl FileError {
    /// The text of `strerror`.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Missing => "No such file or directory",
            Self::IsDirectory => "Is a directory",
            Self::ReadOnly => "Read-only file system",
        }
    }
}

/// An absolute path without `.`, `..` and doubled slashes.
pub(crate) fn normalize(directory: &str, path: &str) -> String {
    let full = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{directory}/{path}")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in full.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

impl Files<'_> {
    /// The tree of that key, in the pod or on a disk.
    fn tree(&self, key: &str) -> Option<&Tree> {
        match &self.disks {
            Some(disks) if key.starts_with(ON_DISK) => disks.trees.get(key),
            _ => self.files.trees.get(key),
        }
    }

    fn tree_mut(&mut self, key: String) -> &mut Tree {
        match &mut self.disks {
            Some(disks) if key.starts_with(ON_DISK) => disks.trees.entry(key).or_default(),
            _ => self.files.trees.entry(key).or_default(),
        }
    }

    /// The tree and the path in it that stand for a path of the container.
    fn locate(&self, path: &str) -> (String, String, bool) {
        let inside = |mount: &&Mount| {
            path == mount.path
                || path
                    .strip_prefix(&mount.path)
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        let Some(mount) = self
            .mounts
            .iter()
            .filter(inside)
            .max_by_key(|mount| mount.path.len())
        else {
            return (self.root.to_owned(), path.to_owned(), false);
        };
        let rest = &path[mount.path.len()..];
        let place = normalize("/", &format!("{}/{rest}", mount.sub_path));
        (mount.tree.clone(), place, mount.read_only)
    }

    /// A file's content.
    ///
    /// # Errors
    /// There is none, or it is a directory.
    pub(crate) fn read(&self, path: &str) -> Result<&[u8], FileError> {
        let (tree, place, _) = self.locate(path);
        match self.tree(&tree).and_then(|tree| tree.get(&place)) {
            Some(content) => Ok(content),
            None if self.is_directory(path) => Err(FileError::IsDirectory),
            None => Err(FileError::Missing),
        }
    }

    /// Writes a file, or adds to its end.
    ///
    /// # Errors
    /// The volume is read-only, or there is a directory of that name.
    pub(crate) fn write(&mut self, path: &str, content: &[u8], append: bool) -> Result<(), FileError> {
        if path == "/dev/null" || path == "/dev/stdout" || path == "/dev/stderr" {
            return Ok(());
        }
        let (tree, place, read_only) = self.locate(path);
        if read_only {
            return Err(FileError::ReadOnly);
        }
        if self.is_directory(path) {
            return Err(FileError::IsDirectory);
        }
        let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
        if !parent.is_empty() && !self.is_directory(parent) {
            return Err(FileError::Missing);
        }
        let file = self.tree_mut(tree).entry(place).or_default();
        if !append {
            file.clear();
        }
        file.extend_from_slice(content);
        Ok(())
    }

    /// Removes a file or, with `all`, a directory and what is in it; whether there was anything.
    pub(crate) fn remove(&mut self, path: &str, all: bool) -> bool {
        let (tree, place, read_only) = self.locate(path);
        if read_only {
            return false;
        }
        let tree = self.tree_mut(tree);
        let below = format!("{}/", place.trim_end_matches('/'));
        let before = tree.len();
        tree.retain(|name, _| *name != place && !(all && name.starts_with(&below)));
        tree.len() < before
    }

    /// Makes a directory.
    pub(crate) fn make_directory(&mut self, path: &str) {
        let (tree, place, _) = self.locate(path);
        let marker = format!("{}/.", place.trim_end_matches('/'));
        self.tree_mut(tree).entry(marker).or_default();
    }

    /// Whether a path is a directory.
    pub(crate) fn is_directory(&self, path: &str) -> bool {
        let is_above_mount = |mount: &Mount| {
            mount
                .path
                .starts_with(&format!("{}/", path.trim_end_matches('/')))
        };
        if DIRECTORIES.contains(&path) || self.mounts.iter().any(is_above_mount) {
            return true;
        }
        let (tree, place, _) = self.locate(path);
        if self.mounts.iter().any(|mount| mount.path == path) {
            let mounted = self.tree(&tree);
            return mounted.is_none_or(|mounted| !mounted.contains_key(&place));
        }
        let below = format!("{}/", place.trim_end_matches('/'));
        self.tree(&tree)
            .is_some_and(|tree| tree.keys().any(|name| name.starts_with(&below)))
    }

    /// The names in a directory, in order; hidden ones left out.
    pub(crate) fn list(&self, path: &str) -> Vec<String> {
        let mut names = self.names(path);
        names.retain(|name| !name.starts_with('.'));
        names
    }

    /// All names in a directory, in order.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let (tree, place, _) = self.locate(path);
        let below = format!("{}/", place.trim_end_matches('/'));
        for name in self.tree(&tree).into_iter().flat_map(BTreeMap::keys) {
            names.extend(name.strip_prefix(&below).map(first_part));
        }
        let above = format!("{}/", path.trim_end_matches('/'));
        let known = DIRECTORIES
            .iter()
            .copied()
            .chain(self.mounts.iter().map(|m| m.path.as_str()));
        names.extend(known.filter_map(|name| name.strip_prefix(&above)).map(first_part));
        names.retain(|name| !matches!(name.as_str(), "" | "." | ".."));
        names.sort();
        names.dedup();
        names
    }
}

fn first_part(path: &str) -> String {
    path.split('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts() -> Vec<Mount> {
        vec![Mount {
            path: "/etc/config".into(),
            tree: "volume".into(),
            sub_path: String::new(),
            read_only: true,
        }]
    }

    #[test]
    fn a_mounted_volume_stands_in_the_way_of_the_root() {
        let mut files = PodFiles::default();
        files.set("volume", Tree::from([("/a".to_owned(), b"1".to_vec())]));
        let mounts = mounts();
        let mut view = files.view("root", &mounts);
        assert_eq!(view.read("/etc/config/a"), Ok(&b"1"[..]));
        assert_eq!(view.read("/etc/config"), Err(FileError::IsDirectory));
        assert_eq!(view.write("/etc/config/b", b"", false), Err(FileError::ReadOnly));
        assert_eq!(view.list("/etc"), ["config"]);
        assert_eq!(view.list("/etc/config"), ["a"]);
    }

    #[test]
    fn what_is_on_a_disk_is_there_for_the_next_pod() {
        let mount = Mount {
            path: "/data".into(),
            tree: Disks::key("n1:/srv"),
            ..Mount::default()
        };
        let (mounts, mut disks) = ([mount], Disks::default());
        let mut first = PodFiles::default();
        let mut view = first.view_with(&mut disks, "root", &mounts);
        assert_eq!(view.write("/data/a", b"1", false), Ok(()));
        assert_eq!(view.write("/tmp/b", b"1", false), Ok(()));
        let mut second = PodFiles::default();
        let view = second.view_with(&mut disks, "root", &mounts);
        assert_eq!(view.read("/data/a"), Ok(&b"1"[..]));
        assert_eq!(view.read("/tmp/b"), Err(FileError::Missing));
        disks.wipe(&Disks::key("n1:/srv"));
        let view = second.view_with(&mut disks, "root", &mounts);
        assert_eq!(view.list("/data"), [""; 0]);
    }

    #[test]
    fn a_file_can_be_written_added_to_and_removed() {
        let mut files = PodFiles::default();
        let mut view = files.view("root", &[]);
        assert_eq!(view.write("/tmp/x", b"a", false), Ok(()));
        assert_eq!(view.write("/tmp/x", b"b", true), Ok(()));
        assert_eq!(view.read("/tmp/x"), Ok(&b"ab"[..]));
        assert!(view.remove("/tmp/x", false));
        assert_eq!(view.read("/tmp/x"), Err(FileError::Missing));
        assert_eq!(view.write("/no/such", b"", false), Err(FileError::Missing));
    }

    #[test]
    fn paths_are_made_absolute() {
        assert_eq!(normalize("/a/b", "../c/./d"), "/a/c/d");
        assert_eq!(normalize("/a", "/x//y/"), "/x/y");
    }
}
