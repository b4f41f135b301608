//! Comparing what a kubectl command printed, as far as a real cluster prints the same twice.

use crate::compare::Comparer;
use crate::events_table::{self, Known};
use crate::text;

/// A count or a run of equal lines may differ by this share, or by one.
const SHARE: f64 = 0.1;

/// A run of so many equal lines is as long as time made it.
const RUN: usize = 3;

/// The first difference of what a command printed; `None` if there is none.
pub(crate) fn difference(
    comparer: &mut Comparer,
    argv: &[&str],
    known: &Known,
    recorded: &str,
    own: &str,
) -> Option<String> {
    let (recorded, own) = (in_order(argv, recorded), in_order(argv, own));
    match argv {
        ["rollout", "status", ..] => rollouts_differ(&recorded, &own),
        ["logs", ..] => {
            let own = with_runs_of(comparer, &recorded, &own);
            text::difference(comparer, &recorded, &own)
        }
        ["get", options @ ..] if options.iter().any(|option| matches!(*option, "--watch" | "-w")) => {
            watches_differ(comparer, known, &recorded, &own)
        }
        _ => {
            let (recorded, recorded_rows) = events_table::cut_out(argv, &recorded);
            let (own, own_rows) = events_table::cut_out(argv, &own);
            let why = text::difference(comparer, &recorded, &own).filter(|_| {
                let staying = |text| without_leaving(known, text);
                argv.first() != Some(&"get")
                    || text::difference(comparer, &staying(&recorded), &staying(&own)).is_some()
            });
            why.or_else(|| events_table::difference(comparer, known, &recorded_rows, &own_rows))
        }
    }
}

/// Whether counts differ by no more than one or a tenth.
pub(crate) fn are_near(a: usize, b: usize) -> bool {
    let most = u32::try_from(a.max(b)).map_or(f64::MAX, f64::from);
    let apart = u32::try_from(a.abs_diff(b)).map_or(f64::MAX, f64::from);
    apart <= (SHARE * most).max(1.0)
}

/// The lines of several logs come in an order of kubectl's own chance (it goes through a Go map).
fn in_order(argv: &[&str], text: &str) -> String {
    let several = argv
        .iter()
        .any(|word| matches!(*word, "--selector" | "-l" | "--all-pods" | "--all-containers"));
    if argv.first() != Some(&"logs") || !several {
        return text.to_owned();
    }
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.sort_unstable();
    lines.concat()
}

/// `rollout status` says a line for each status that is written. How many pods' news one status holds hangs on how fast
/// the controllers are; so a line may be said more often, and of lines that differ in their numbers some may be missing. Whether the last old pod
/// goes before the last new one is available is a race (`node/kubectl/rollout-status` has both).
fn rollouts_differ(recorded: &str, own: &str) -> Option<String> {
    let without_numbers = |line: &&str| line.replace(|letter: char| letter.is_ascii_digit(), "");
    let stages = |text| {
        let lines: Vec<&str> = str::lines(text).collect();
        let mut stages: Vec<String> = lines.iter().map(without_numbers).collect();
        stages.dedup();
        let is_race = |pair: &[String]| pair[0].contains("old replicas") && pair[1].contains("are available");
        if let Some(at) = stages.windows(2).position(is_race) {
            stages.remove(at + 1);
        }
        (lines, stages)
    };
    let ((lines, stages), (own_lines, own_stages)) = (stages(recorded), stages(own));
    if stages != own_stages {
        return Some(format!("{own_stages:?}, recorded {stages:?}"));
    }
    let is_strange = |line: &&&str| !lines.contains(line) && stages.contains(&without_numbers(line));
    let strange = own_lines.iter().find(is_strange)?;
    Some(format!("{strange:?} was not recorded"))
}

/// Printed rows without those of pods that are as good as gone: they may be so a moment earlier or later.
fn without_leaving(known: &Known, text: &str) -> String {
    let rows = text
        .lines()
        .filter(|row| !known.is_leaving(&text::without_padding(row)));
    rows.collect::<Vec<_>>().join("\n")
}

/// Rows of a watch come again when something changes that has no column, and those of several objects in any order; a
/// word that gave way to another within a moment may be missing. The timeline says whether each object took its course.
fn watches_differ(comparer: &mut Comparer, known: &Known, recorded: &str, own: &str) -> Option<String> {
    let recorded: Vec<String> = recorded.lines().map(text::without_padding).collect();
    let own: Vec<String> = own.lines().map(text::without_padding).collect();
    let missing = recorded
        .iter()
        .find(|row| !known.is_fleeting(row) && !own.iter().any(|own| comparer.text(row, own)));
    if let Some(missing) = missing {
        return Some(format!("no row {missing:?}"));
    }
    let strange = own
        .iter()
        .find(|own| !known.is_fleeting(own) && !recorded.iter().any(|row| comparer.text(row, own)));
    strange.map(|strange| format!("row {strange:?}, recorded none"))
}

/// Our log with its runs of equal lines as long as the recorded ones, where they are nearly so.
fn with_runs_of(comparer: &mut Comparer, recorded: &str, own: &str) -> String {
    let mut left: Vec<&str> = own.split('\n').collect();
    let mut lines: Vec<&str> = Vec::new();
    for run in recorded.split('\n').collect::<Vec<_>>().chunk_by(|a, b| a == b) {
        let matching = left.iter().take_while(|line| comparer.text(run[0], line)).count();
        let taken: Vec<&str> = left.drain(..matching).collect();
        let length = match matching > 0 && run.len() >= RUN && are_near(run.len(), matching) {
            true => run.len(),
            false => matching,
        };
        lines.extend(taken.iter().cycle().take(length));
        if matching == 0 {
            break;
        }
    }
    lines.extend(left);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jitter::Course;

    #[test]
    fn chance_in_rollouts_and_logs_does_not_count() {
        let mut comparer = Comparer::default();
        let ticks = |count: usize, last: &str| format!("{}{last}", "tick\n".repeat(count));
        for (command, recorded, own, same) in [
            (
                "rollout status",
                "1 a\n1 a\n2 a\nb\n".to_owned(),
                "2 a\nb\nb\n".to_owned(),
                true,
            ),
            (
                "rollout status",
                "1 a\n2 a\nb\n".to_owned(),
                "3 a\nb\n".to_owned(),
                false,
            ),
            ("rollout status", "a\nb\n".to_owned(), "b\n".to_owned(), false),
            ("logs", ticks(40, "tock\n"), ticks(43, "tock\n"), true),
            ("logs", ticks(40, "tock\n"), ticks(50, "tock\n"), false),
            ("logs", ticks(2, "tock\n"), ticks(3, "tock\n"), false),
            ("logs", ticks(4, ""), ticks(3, "other\n"), false),
            ("get", "a\na\n".to_owned(), "a\n".to_owned(), false),
        ] {
            let difference = difference(
                &mut comparer,
                &command.split(' ').collect::<Vec<_>>(),
                &Known::default(),
                &recorded,
                &own,
            );
            assert_eq!(difference.is_none(), same, "{command} {recorded:?} {own:?}");
        }
    }

    #[test]
    fn a_watch_may_miss_what_was_there_for_a_moment() {
        let mut comparer = Comparer::default();
        let row = |t: f64, ready: &str, status: &str| json!({"t": t, "name": "p", "ready": ready, "status": status, "restarts": 0});
        let mut gone = row(9.9, "0/1", "Completed");
        gone["deleted"] = true.into();
        let samples = [
            row(0.0, "0/1", "Pending"),
            row(1.0, "0/1", "Running"),
            row(1.5, "1/1", "Running"),
            row(9.4, "0/1", "Completed"),
            gone,
        ];
        let known = Known::of(&[Course::recorded(&json!({"samples": samples}))]);
        let recorded = "p  0/1  Pending  0  <age>\np  0/1  Running  0  <age>\np  1/1  Running  0  <age>\n";
        for (own, same) in [
            (recorded.replace("<age>", "1s"), true),
            (
                "p  0/1  Pending  0  1s\np  0/1  Pending  0  1s\np  1/1  Running  0  2s\n".to_owned(),
                true,
            ),
            ("p  0/1  Pending  0  1s\n".to_owned(), false),
            (recorded.replace("Pending", "Error").replace("<age>", "1s"), false),
        ] {
            let argv = ["get", "pod", "--watch"];
            let difference = difference(&mut comparer, &argv, &known, recorded, &own);
            assert_eq!(difference.is_none(), same, "{own}");
        }
        let (stays, leaves) = ("p  1/1  Running  0  9s\n", "q  0/1  Completed  0  9s\n");
        for (recorded, own, same) in [
            (format!("{stays}{leaves}"), stays, true),
            (stays.to_owned(), leaves, false),
        ] {
            let difference = difference(&mut comparer, &["get", "pod"], &known, &recorded, own);
            assert_eq!(difference.is_none(), same, "{own}");
        }
    }

    #[test]
    fn counts_are_near_within_one_or_a_tenth() {
        let near = [(1, 2), (1, 3), (20, 22), (20, 23)].map(|(a, b)| are_near(a, b));
        assert_eq!(near, [true, false, true, false]);
    }
}
