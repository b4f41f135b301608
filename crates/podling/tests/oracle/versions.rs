//! Kubectls of other versions than the recorded one: every command of a case is compared, and what differs must be the
//! client's own words, command by command in `kubectl-differs.txt`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::attempt;
use crate::case::Case;
use crate::kubectl::Program;
use crate::replay::Said;
use crate::report::side_by_side;

/// What the commands of one kubectl came to.
pub(crate) struct Commands {
    minor: String,
    said: Vec<(String, Said)>,
    /// Cases that could not be replayed to their end, and why.
    broken: Vec<String>,
}

impl Commands {
    /// Runs every command of `cases` with `program`.
    pub(crate) fn of(cases: &[Case], program: &Program) -> Self {
        let mut commands = Self {
            minor: program.minor.clone(),
            said: Vec::new(),
            broken: Vec::new(),
        };
        let all = side_by_side(cases, |case| {
            (case.name.clone(), attempt::every_command(case, program))
        });
        for (case, outcome) in all {
            match outcome {
                Ok(said) => commands
                    .said
                    .extend(said.into_iter().map(|said| (case.clone(), said))),
                Err(why) => commands.broken.push(format!("{case}: {why}")),
            }
        }
        commands
    }

    /// How many agree.
    pub(crate) fn summary(&self) -> String {
        let agree = self
            .said
            .iter()
            .filter(|(_, said)| said.difference.is_none())
            .count();
        format!(
            "kubectl 1.{}: {agree} of {} commands agree\n",
            self.minor,
            self.said.len()
        )
    }

    /// The differences that count, each as a line of `kubectl-differs.txt`.
    pub(crate) fn listing(&self) -> String {
        let mut text = String::new();
        for (case, said) in self.said.iter().filter(|(_, said)| !said.unsteady) {
            if let Some(why) = &said.difference {
                let why: String = why.replace('\n', " ").chars().take(200).collect();
                let _ = writeln!(text, "1.{} {case} {}  # {why}", self.minor, said.command);
            }
        }
        text
    }

    /// What differs and is not known to.
    pub(crate) fn against(&self, known: &str) -> Vec<String> {
        let known: BTreeSet<&str> = known.lines().map(command).collect();
        let listing = self.listing();
        let surprises = listing.lines().filter(|line| !known.contains(command(line)));
        surprises
            .map(str::to_owned)
            .chain(self.broken.iter().cloned())
            .collect()
    }
}

/// Version, case and place of a command, without what differs.
fn command(line: &str) -> &str {
    line.split("  #").next().unwrap_or_default()
}
