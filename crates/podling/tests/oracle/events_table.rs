//! The tables of events that `kubectl describe`, `kubectl events` and `kubectl get events` print.
//!
//! Two recordings of the same case differ in the order of rows whose events came within a second, in counts, and in
//! events that only one of them has; so do these tables.

use crate::compare::Comparer;
use crate::jitter::{Course, fleeting, leaving};
use crate::kubectl::printed::are_near;

/// What the recordings of a case say about its events.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Reason and message of each event, a list for each recording.
    recordings: Vec<Vec<(String, String)>>,
    /// What pods showed for a moment only, or in one recording and not in another: ready, status and restarts.
    fleeting: Vec<[String; 3]>,
    /// What pods showed that were gone within a moment.
    leaving: Vec<[String; 3]>,
}

/// An event in a table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Row {
    /// All columns but the one with the age.
    cells: Vec<String>,
    count: usize,
}

impl Known {
    /// The events of the recordings of one case.
    pub(crate) fn of(recordings: &[Course]) -> Self {
        let events = |course: &Course| {
            let events = course.events.iter();
            events
                .map(|event| (event.reason.clone(), event.message.clone()))
                .collect()
        };
        Self {
            recordings: recordings.iter().map(events).collect(),
            fleeting: fleeting(recordings),
            leaving: leaving(recordings),
        }
    }

    /// Whether a row of `kubectl get pod --watch` shows what may be missed.
    pub(crate) fn is_fleeting(&self, row: &str) -> bool {
        Self::is_among(&self.fleeting, row)
    }

    /// Whether a row of `kubectl get pod` shows a pod that is as good as gone.
    pub(crate) fn is_leaving(&self, row: &str) -> bool {
        Self::is_among(&self.leaving, row)
    }

    fn is_among(rows: &[[String; 3]], row: &str) -> bool {
        let cells: Vec<&str> = row.split("  ").map(str::trim).collect();
        let Some([ready, status, restarts]) = cells.get(1..4).and_then(|cells| cells.first_chunk::<3>())
        else {
            return false;
        };
        let restarts = restarts.split(' ').next().unwrap_or_default();
        rows.iter()
            .any(|cells| cells.each_ref().map(String::as_str) == [*ready, *status, restarts])
    }

    /// Whether one recording has such an event and another has not.
    fn is_optional(&self, comparer: &mut Comparer, row: &Row) -> bool {
        let mut has = |events: &Vec<(String, String)>| {
            events.iter().any(|(reason, message)| {
                let message = message.trim_end();
                row.cells.contains(reason) && comparer.text(message, row.message())
            })
        };
        let found = self.recordings.iter().filter(|events| has(events)).count();
        (1..self.recordings.len()).contains(&found)
    }
}

impl Row {
    fn parse(line: &str, age_at: usize) -> Option<Self> {
        let mut cells: Vec<String> = line
            .trim()
            .split("  ")
            .map(str::trim)
            .map(str::to_owned)
            .collect();
        cells.retain(|cell| !cell.is_empty());
        if cells.len() <= age_at + 1 {
            return None;
        }
        let age = cells.remove(age_at);
        let count = age
            .split_once("(x")
            .and_then(|(_, count)| count.split(' ').next()?.parse().ok());
        Some(Self {
            cells,
            count: count.unwrap_or(1),
        })
    }

    /// The message, without the container that `describe` puts before it.
    fn message(&self) -> &str {
        let message = self.cells.last().map_or("", String::as_str);
        match message.split_once("}: ") {
            Some((container, message)) if container.starts_with("spec.") => message,
            _ => message,
        }
    }

    fn shows(&self, comparer: &mut Comparer, own: &Self) -> bool {
        self.cells.len() == own.cells.len()
            && self
                .cells
                .iter()
                .zip(&own.cells)
                .all(|(recorded, own)| comparer.text(recorded, own))
    }
}

/// Splits what a command printed into the text without tables of events, and their rows.
pub(crate) fn cut_out(argv: &[&str], text: &str) -> (String, Vec<Row>) {
    match argv {
        ["describe", ..] => cut_sections(text),
        ["events", ..] => cut_lines(text),
        ["get", "events" | "event" | "ev", options @ ..]
            if !options
                .iter()
                .any(|option| option.starts_with("-o") || option.starts_with("--o")) =>
        {
            cut_lines(text)
        }
        _ => (text.to_owned(), Vec::new()),
    }
}

/// `describe`: the lines under `Events:` up to the next empty one.
fn cut_sections(text: &str) -> (String, Vec<Row>) {
    let (mut rest, mut rows) = (Vec::new(), Vec::new());
    let mut in_events = false;
    for line in text.split('\n') {
        if line.starts_with("Events:") {
            in_events = true;
            rest.push("Events:");
        } else if in_events && line.starts_with("  ") {
            let is_head = line.trim().starts_with("Type ") || line.trim().starts_with("----");
            rows.extend(Row::parse(line, 2).filter(|_| !is_head));
        } else {
            in_events = false;
            rest.push(line);
        }
    }
    (rest.join("\n"), rows)
}

/// `events`: every line but the head.
fn cut_lines(text: &str) -> (String, Vec<Row>) {
    let (head, body) = text.split_once('\n').unwrap_or((text, ""));
    let rows = body.lines().filter_map(|line| Row::parse(line, 0)).collect();
    (head.to_owned(), rows)
}

/// The first difference between the rows of two tables; `None` if there is none.
pub(crate) fn difference(
    comparer: &mut Comparer,
    known: &Known,
    recorded: &[Row],
    own: &[Row],
) -> Option<String> {
    let mut left: Vec<&Row> = own.iter().collect();
    for (at, row) in recorded.iter().enumerate() {
        if recorded[..at].iter().any(|before| before.cells == row.cells) {
            continue;
        }
        let count = recorded
            .iter()
            .filter(|other| other.cells == row.cells)
            .map(|row| row.count)
            .sum();
        let mut own_count = 0;
        left.retain(|own| {
            let same = row.shows(comparer, own);
            own_count += if same { own.count } else { 0 };
            !same
        });
        let is_there = own_count > 0 || known.is_optional(comparer, row);
        if !is_there || own_count > 0 && !are_near(count, own_count) {
            return Some(format!(
                "event {:?}: {own_count} times, recorded {count}",
                row.cells
            ));
        }
    }
    left.retain(|own| !known.is_optional(comparer, own));
    left.first()
        .map(|own| format!("event {:?}, recorded none", own.cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIBED: &str = "Name:  p\nEvents:\n  Type  Reason  Age  From  Message\n  ----  ------  ----  ----  -------\n  \
        Normal  Pulled  <age> (x3 over <age>)  kubelet  spec.containers{app}: there\n  \
        Warning  Unhealthy  <age>  kubelet  spec.containers{app}: refused\n";

    fn known() -> Known {
        let there = ("Pulled".to_owned(), "there".to_owned());
        let refused = ("Unhealthy".to_owned(), "refused".to_owned());
        Known {
            recordings: vec![vec![there.clone(), refused], vec![there]],
            ..Known::default()
        }
    }

    fn differs(own: &str) -> bool {
        let mut comparer = Comparer::default();
        let (text, rows) = cut_out(&["describe", "pod"], DESCRIBED);
        let (own_text, own_rows) = cut_out(&["describe", "pod"], own);
        text != own_text || difference(&mut comparer, &known(), &rows, &own_rows).is_some()
    }

    #[test]
    fn order_and_chance_do_not_count_but_the_events_do() {
        let refused = "  Warning  Unhealthy  <age>  kubelet  spec.containers{app}: refused\n";
        let other = "  Warning  Failed  2s  kubelet  spec.containers{app}: other\n";
        for (own, same) in [
            (DESCRIBED.to_owned(), true),
            (DESCRIBED.replace("x3", "x4"), true),
            (DESCRIBED.replace("x3", "x6"), false),
            (DESCRIBED.replace(refused, ""), true),
            (DESCRIBED.replace(": there", ": not there"), false),
            (DESCRIBED.replace(refused, other), false),
        ] {
            assert_eq!(!differs(&own), same, "{own}");
        }
    }

    #[test]
    fn the_column_with_the_age_is_the_third_of_a_description_and_the_first_elsewhere() {
        let (_, rows) = cut_out(
            &["events"],
            "LAST SEEN  TYPE\n5s (x2 over 9s)  Normal  Pulled  Pod/p  there\n",
        );
        assert_eq!(rows[0].count, 2);
        assert_eq!(rows[0].cells, ["Normal", "Pulled", "Pod/p", "there"]);
    }
}
