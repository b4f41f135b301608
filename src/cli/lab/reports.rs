//! How objectives and guards stand, as lines and as JSON.

use crate::check::{Overall, Report, Role, Verdict};
use crate::lab::{Lab, Language};
use crate::ui::messages::labs;
use crate::ui::printer::Printer;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use serde_json::{Value, json};

/// The sign and the colour of a verdict. The word beside it says the same, so colour is never needed.
pub(in crate::cli) fn mark(verdict: Verdict) -> (&'static str, Color) {
    match verdict {
        Verdict::Passed => ("✓", Color::Green),
        Verdict::Failing => ("✗", Color::Red),
        Verdict::Pending => ("…", Color::Yellow),
        Verdict::Unknown => ("?", Color::DarkGray),
    }
}

/// A verdict in a word.
pub(in crate::cli) fn word(verdict: Verdict, language: Language) -> String {
    match verdict {
        Verdict::Passed => labs::verdict_passed(language),
        Verdict::Failing => labs::verdict_failing(language),
        Verdict::Pending => labs::verdict_pending(language),
        Verdict::Unknown => labs::verdict_not_seen(language),
    }
}

/// The wording of the objective or guard that a report is about.
pub(in crate::cli) fn wording(lab: &Lab, report: &Report, language: Language) -> String {
    let texts = lab.texts(language);
    texts.map_or_else(
        || report.id.clone(),
        |texts| texts.objective(&report.id).to_owned(),
    )
}

/// What was observed, after how long it has held where that is still open: on a narrow screen the end of a line is cut off.
pub(in crate::cli) fn observed(report: &Report, language: Language) -> String {
    let observed = report.message.render(language);
    if report.verdict == Verdict::Pending && !report.held.is_zero() {
        let (held, needed) = (report.held.as_secs(), report.needed.as_secs());
        format!("({}) {observed}", labs::held(language, &held, &needed))
    } else {
        observed
    }
}

/// Whether a report belongs on the learner's screen: every objective, and the guards that don't hold.
pub(in crate::cli) fn is_shown(report: &Report) -> bool {
    report.role == Role::Objective || report.verdict != Verdict::Passed
}

/// Prints the reports, each with what was observed.
pub(super) fn print(printer: &mut Printer<'_>, lab: &Lab, reports: &[Report]) {
    let language = printer.language;
    for report in reports.iter().filter(|report| is_shown(report)) {
        let (sign, colour) = mark(report.verdict);
        let verdict = format!("{sign} {}", word(report.verdict, language));
        printer.lines(&[
            Line::from(vec![
                Span::styled(verdict, Style::new().fg(colour)),
                Span::raw(format!("  {}", wording(lab, report, language))),
            ]),
            Line::from(format!("    {}", observed(report, language))),
        ]);
    }
}

/// The reports for scripts.
pub(super) fn json(lab: &Lab, reports: &[Report], language: Language) -> Value {
    let overall = Overall::of(reports);
    let one = |report: &Report| {
        json!({
            "id": report.id,
            "role": report.role,
            "verdict": report.verdict,
            "text": wording(lab, report, language),
            "observed": report.message.render(language),
            "heldSeconds": report.held.as_secs(),
            "neededSeconds": report.needed.as_secs(),
        })
    };
    json!({
        "lab": lab.id(),
        "overall": overall,
        "solved": overall == Overall::Solved,
        "objectives": reports.iter().map(one).collect::<Vec<_>>(),
    })
}
