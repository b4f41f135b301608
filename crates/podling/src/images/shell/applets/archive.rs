//! `tar`, as `kubectl cp` uses it: `tar cf - PATH…` and `tar xmf - -C DIRECTORY`, and `tar tf`.
//!
//! Differs from busybox: no compression, and what is extracted has no owner, mode or time.

use std::io::Read as _;

use super::{Io, Outcome};
use crate::images::files::normalize;

/// What `tar` is asked to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Action {
    Create,
    Extract,
    List,
}

#[derive(Debug, Default, Eq, PartialEq)]
struct Options {
    action: Option<Action>,
    archive: Option<String>,
    directory: Option<String>,
    verbose: bool,
    paths: Vec<String>,
}

/// Runs an archiver; `None` if there is none of that name.
pub(crate) fn run(name: &str, arguments: &[String], io: &mut Io<'_, '_>) -> Option<Outcome> {
    (name == "tar").then(|| tar(&read(arguments), io))
}

/// Reads the options; the first word may do without its dash.
fn read(arguments: &[String]) -> Options {
    let mut options = Options::default();
    let mut words = arguments.iter();
    let mut first = true;
    while let Some(word) = words.next() {
        let flags = match word.strip_prefix('-') {
            Some("") => None,
            Some(flags) => Some(flags),
            None => Some(word.as_str()).filter(|_| first),
        };
        first = false;
        match flags {
            Some(long) if long.starts_with('-') => {}
            Some(flags) => flags.chars().for_each(|flag| match flag {
                'c' => options.action = Some(Action::Create),
                'x' => options.action = Some(Action::Extract),
                't' => options.action = Some(Action::List),
                'v' => options.verbose = true,
                'f' => options.archive = words.next().cloned(),
                'C' => options.directory = words.next().cloned(),
                _ => {}
            }),
            None => options.paths.push(word.clone()),
        }
    }
    options
}

fn tar(options: &Options, io: &mut Io<'_, '_>) -> Outcome {
    let directory = match &options.directory {
        Some(directory) => io.path(directory),
        None => io.directory.clone(),
    };
    if !io.files.is_directory(&directory) {
        let named = options.directory.as_deref().unwrap_or(".");
        return io.error(&format!(
            "tar: can't change directory to '{named}': No such file or directory"
        ));
    }
    match options.action {
        None => io.error("tar: must specify exactly one of 'c', 'x' or 't'"),
        Some(Action::Create) => create(options, &directory, io),
        Some(action) => match source(options, io) {
            Ok(archive) => unpack(&archive, action, options.verbose, &directory, io),
            Err(outcome) => outcome,
        },
    }
}

/// The archive that is read: a file, or standard input to its end.
fn source(options: &Options, io: &mut Io<'_, '_>) -> Result<Vec<u8>, Outcome> {
    let Some(name) = options.archive.as_deref().filter(|name| *name != "-") else {
        return match io.input.take() {
            Some(piped) => Ok(piped),
            None if io.stdin.take_end() => Ok(io.stdin.take_all()),
            None => Err(Outcome::Input),
        };
    };
    let path = io.path(name);
    let content = io.files.read(&path).map(<[u8]>::to_vec);
    content.map_err(|error| io.error(&format!("tar: can't open '{name}': {}", error.text())))
}

fn create(options: &Options, directory: &str, io: &mut Io<'_, '_>) -> Outcome {
    let mut archive = tar::Builder::new(Vec::new());
    let mut status = 0;
    if options.paths.iter().any(|path| path.starts_with('/')) {
        io.error("tar: removing leading '/' from member names");
    }
    for path in &options.paths {
        let full = normalize(directory, path);
        if !add(&mut archive, &full, path.trim_start_matches('/'), io) {
            io.error(&format!("tar: {path}: No such file or directory"));
            status = 1;
        }
    }
    if status != 0 {
        io.error("tar: error exit delayed from previous errors");
    }
    // Writing to memory cannot fail.
    let bytes = archive.into_inner().unwrap_or_default();
    let target = options.archive.as_deref().filter(|name| *name != "-");
    let Some(target) = target else {
        io.raw.extend(bytes);
        return Outcome::Done(status);
    };
    let path = io.path(target);
    match io.files.write(&path, &bytes, false) {
        Ok(()) => Outcome::Done(status),
        Err(error) => io.error(&format!("tar: can't open '{target}': {}", error.text())),
    }
}

/// Adds a file, or a directory with all that is in it, under the name `member`; whether it is there.
fn add(archive: &mut tar::Builder<Vec<u8>>, full: &str, member: &str, io: &Io<'_, '_>) -> bool {
    let mut header = tar::Header::new_gnu();
    let seconds = io.now.as_micros() / 1_000_000;
    header.set_mtime(u64::try_from(seconds).unwrap_or_default());
    if let Ok(content) = io.files.read(full) {
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        return archive.append_data(&mut header, member, content).is_ok();
    }
    if !io.files.is_directory(full) {
        return false;
    }
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o755);
    header.set_size(0);
    let named = if member.is_empty() { "./" } else { member };
    let mut added = archive
        .append_data(&mut header, format!("{}/", named.trim_end_matches('/')), &[][..])
        .is_ok();
    for name in io.files.names(full) {
        let below = format!("{}/{name}", member.trim_end_matches('/'));
        added &= add(
            archive,
            &normalize(full, &name),
            below.trim_start_matches('/'),
            io,
        );
    }
    added
}

fn unpack(archive: &[u8], action: Action, verbose: bool, directory: &str, io: &mut Io<'_, '_>) -> Outcome {
    let mut archive = tar::Archive::new(archive);
    let Ok(entries) = archive.entries() else {
        return io.error("tar: invalid tar magic");
    };
    let mut status = 0;
    for entry in entries {
        let Ok(mut entry) = entry else {
            return io.error("tar: short read");
        };
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if verbose || action == Action::List {
            io.line(&name);
        }
        if action == Action::List {
            continue;
        }
        // `..` can't lead out of the directory.
        let inside = normalize("/", &name);
        let path = normalize(directory, inside.trim_start_matches('/'));
        if entry.header().entry_type().is_dir() {
            io.files.make_directory(&path);
            continue;
        }
        let mut content = Vec::new();
        if entry.read_to_end(&mut content).is_err() {
            return io.error("tar: short read");
        }
        status = status.max(place(&path, &name, &content, io));
    }
    Outcome::Done(status)
}

/// Writes an extracted file and makes the directories above it; the exit status.
fn place(path: &str, name: &str, content: &[u8], io: &mut Io<'_, '_>) -> i32 {
    let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
    if !parent.is_empty() && !io.files.is_directory(parent) {
        io.files.make_directory(parent);
    }
    match io.files.write(path, content, false) {
        Ok(()) => 0,
        Err(error) => {
            io.error(&format!("tar: can't open '{name}': {}", error.text()));
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn options_are_read_with_and_without_a_dash() {
        for line in ["cf - /etc", "-cf - /etc", "-c -f - /etc"] {
            let expected = Options {
                action: Some(Action::Create),
                archive: Some("-".into()),
                paths: vec!["/etc".into()],
                ..Options::default()
            };
            assert_eq!(read(&words(line)), expected, "{line}");
        }
        let extract = read(&words("-xmf - -C /tmp"));
        assert_eq!(
            (extract.action, extract.directory.as_deref()),
            (Some(Action::Extract), Some("/tmp"))
        );
    }
}
