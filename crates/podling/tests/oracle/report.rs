//! What the replay found: shares by area, and the list of known differences.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::attempt;
use crate::case::Case;
use crate::kubectl::Program;
use crate::replay::Verdict;

/// Cases that are replayed at a time; they know nothing of each other.
const THREADS: usize = 2;

/// Does something with every case, several at a time; the results are in the order of the cases.
pub(crate) fn side_by_side<T: Send>(cases: &[Case], act: impl Fn(&Case) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = || loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(case) = cases.get(at) else { return };
        let result = act(case);
        results
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((at, result));
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The verdict on each case, by name.
#[derive(Debug)]
pub(crate) struct Outcomes {
    verdicts: Vec<(String, String, Verdict)>,
}

impl Outcomes {
    /// Replays every case.
    pub(crate) fn of(cases: &[Case]) -> Self {
        let program = Program::recorded();
        let program = program.as_ref().map_err(|why| *why);
        let verdict = |case: &Case| {
            let verdict = attempt::replay(case, program);
            (case.area().to_owned(), case.name.clone(), verdict)
        };
        Self {
            verdicts: side_by_side(cases, verdict),
        }
    }

    /// One line for each area.
    pub(crate) fn summary(&self) -> String {
        let mut areas: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
        for (area, _, verdict) in &self.verdicts {
            let (agree, skipped, all) = areas.entry(area).or_default();
            *agree += usize::from(*verdict == Verdict::Agrees);
            *skipped += usize::from(matches!(verdict, Verdict::Skipped(_)));
            *all += 1;
        }
        let mut text = String::new();
        for (area, (agree, skipped, all)) in areas {
            let _ = write!(text, "{area}: {agree} of {} agree", all - skipped);
            let _ = writeln!(
                text,
                "{}",
                if skipped > 0 {
                    format!(" ({skipped} skipped)")
                } else {
                    String::new()
                }
            );
        }
        for why in self.skips() {
            let _ = writeln!(text, "SKIPPED: {why}");
        }
        text
    }

    fn skips(&self) -> BTreeSet<&str> {
        let why = |(_, _, verdict): &'_ (String, String, Verdict)| match verdict {
            Verdict::Skipped(why) => Some(*why),
            _ => None,
        };
        self.verdicts.iter().filter_map(why).collect()
    }

    /// Why each case that differs does.
    pub(crate) fn differences(&self) -> String {
        let mut text = String::new();
        for (_, name, verdict) in &self.verdicts {
            let _ = writeln!(text, "{name}: {verdict}");
        }
        text
    }

    /// The names of the cases that differ, one a line, with the first difference. Of a case that could not be
    /// replayed stays what is known.
    pub(crate) fn listing(&self, known: &str) -> String {
        let mut text = String::new();
        for (_, name, verdict) in &self.verdicts {
            let line = known
                .lines()
                .find(|line| line.split_whitespace().next() == Some(name));
            if let (Verdict::Skipped(_), Some(line)) = (verdict, line) {
                let _ = writeln!(text, "{line}");
            }
            if let Verdict::Differs(why) | Verdict::Unsteady(why) = verdict {
                let why: String = why.replace('\n', " ").chars().take(160).collect();
                let _ = writeln!(text, "{name}  # {why}");
            }
        }
        text
    }

    /// The cases that differ and are not known to.
    pub(crate) fn against(&self, known: &str) -> Vec<String> {
        let known: BTreeSet<&str> = known
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        let surprise = |(_, name, verdict): &(String, String, Verdict)| match verdict {
            Verdict::Differs(why) if !known.contains(name.as_str()) => Some(format!("{name}: {why}")),
            _ => None,
        };
        self.verdicts.iter().filter_map(surprise).collect()
    }
}
