//! Where a command's input comes from and where its output goes: redirects, captures, the log.

use super::{Boundary, Machine, World};
use crate::images::files::normalize;
use crate::images::log::Descriptor;
use crate::images::shell::expand::Scope;
use crate::images::shell::parse::{RedirectKind, Simple};

/// A redirect with its target expanded: the descriptor, what is done, and the file or descriptor.
pub(super) type Target = (u8, RedirectKind, String);

/// Where something goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Sink {
    Out,
    Err,
    File(String),
}

impl Machine {
    /// What the command reads: the file of a `<`, else what a pipe or the container brings.
    pub(super) fn input(&self, targets: &[Target], world: &World<'_>) -> Option<Vec<u8>> {
        let from_file = targets.iter().find(|(_, kind, _)| *kind == RedirectKind::Read);
        match from_file {
            Some((_, _, path)) => {
                let path = normalize(&self.directory, path);
                Some(world.files.read(&path).unwrap_or_default().to_vec())
            }
            None => self.inputs.last().cloned(),
        }
    }

    /// The redirects of a command that was interrupted by a call; substitutions in them are gone by then.
    pub(super) fn targets(&self, simple: &Simple) -> Vec<Target> {
        let mut scope = Scope {
            variables: &self.variables,
            values: Vec::new().into_iter(),
            status: self.status,
        };
        simple
            .redirects
            .iter()
            .map(|redirect| (redirect.descriptor, redirect.kind, scope.text(&redirect.target)))
            .collect()
    }

    /// Sends output and errors where the redirects say.
    pub(super) fn output(&mut self, out: &[u8], err: &str, targets: &[Target], world: &mut World<'_>) {
        let (first, second) = self.sinks(targets, world);
        self.send(out, &first, world);
        self.send(err.as_bytes(), &second, world);
    }

    /// Whether what a command prints is seen on a terminal.
    pub(super) fn is_on_terminal(&self, targets: &[Target]) -> bool {
        let is_captured = |(_, boundary): &(usize, Boundary)| matches!(boundary, Boundary::Capture(_));
        let is_redirected = |(descriptor, kind, _): &Target| *descriptor == 1 && *kind != RedirectKind::Read;
        self.has_terminal() && !self.boundaries.iter().any(is_captured) && !targets.iter().any(is_redirected)
    }

    /// Opens where output and errors go.
    pub(super) fn sinks(&mut self, targets: &[Target], world: &mut World<'_>) -> (Sink, Sink) {
        let (mut first, mut second) = (Sink::Out, Sink::Err);
        for (descriptor, kind, target) in targets {
            let sink = match (kind, target.as_str()) {
                (RedirectKind::Read, _) => continue,
                (RedirectKind::Duplicate, "1") => first.clone(),
                (RedirectKind::Duplicate, "2") => second.clone(),
                (_, "/dev/stdout" | "/dev/fd/1" | "/proc/1/fd/1" | "/proc/self/fd/1") => Sink::Out,
                (_, "/dev/stderr" | "/dev/fd/2" | "/proc/1/fd/2" | "/proc/self/fd/2") => Sink::Err,
                (kind, path) => {
                    let path = normalize(&self.directory, path);
                    if let Err(error) = world.files.write(&path, b"", *kind == RedirectKind::Append) {
                        let message = format!("sh: can't create {target}: {}\n", error.text());
                        world.log.write(world.now, Descriptor::Err, message.as_bytes());
                        self.status = 1;
                    }
                    Sink::File(path)
                }
            };
            match descriptor {
                2 => second = sink,
                _ => first = sink,
            }
        }
        (first, second)
    }

    pub(super) fn send(&mut self, bytes: &[u8], sink: &Sink, world: &mut World<'_>) {
        if bytes.is_empty() {
            return;
        }
        if let Sink::File(path) = sink {
            // A target that could not be made was reported when it was opened.
            let _ = world.files.write(path, bytes, true);
            return;
        }
        let capture = self
            .boundaries
            .iter_mut()
            .rev()
            .find_map(|(_, boundary)| match boundary {
                Boundary::Capture(text) => Some(text),
                Boundary::Subshell(..) => None,
            });
        match capture {
            Some(captured) if *sink == Sink::Out => captured.extend_from_slice(bytes),
            _ if *sink == Sink::Out => world.log.write(world.now, Descriptor::Out, bytes),
            _ => world.log.write(world.now, Descriptor::Err, bytes),
        }
    }
}
