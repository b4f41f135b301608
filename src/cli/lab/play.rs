//! `bbf lab play`: a lab from break to fix by itself, in fast-forward.

use super::reports;
use crate::cli::Exit;
use crate::cli::arguments::Play;
use crate::cli::context::{self, Context};
use crate::cli::trouble::Trouble;
use crate::lab::{Lab, Language};
use crate::session::play::{self, Scene};
use crate::ui::messages::labs;
use crate::ui::printer::Output;
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use std::io::IsTerminal as _;
use std::time::Duration;

/// On a terminal, cluster time passes this many times faster than real time; elsewhere it does not wait at all.
const SPEED: u32 = 15;

/// Plays the lab.
pub(in crate::cli) async fn run(context: &mut Context<'_>, arguments: &Play) -> Result<Exit, Trouble> {
    let lab = context.lab(&arguments.lab)?;
    let language = context.language();
    let config = context::config(&lab)?;
    let Some(fix) = play::solution(&lab) else {
        context.printer.line(&labs::play_unsolved(language));
        return Ok(Exit::NotSolved);
    };
    let watched = std::io::stdout().is_terminal() && context.printer.output == Output::Text;
    let mut shown = Duration::ZERO;
    let mut told = vec![];
    let printer = &mut *context.printer;
    let (solved, time) = play::play(&lab, fix, config, |at, scene| {
        if watched {
            // Blocks the cluster with us: nothing happens that is not shown.
            std::thread::sleep(at.saturating_sub(shown) / SPEED);
        }
        shown = at;
        let line = line(&lab, language, at, &scene);
        told.push(line.to_string());
        printer.lines(&[line]);
    })
    .await?;
    context.printer.json(&serde_json::json!({
        "lab": lab.id(), "solution": fix.name, "solved": solved, "seconds": time.as_secs(), "told": told,
    }));
    let end = if solved {
        labs::play_done(language, &time.as_secs())
    } else {
        labs::play_unsolved(language)
    };
    context.printer.line(&end);
    Ok(if solved { Exit::Done } else { Exit::NotSolved })
}

/// Cluster time since the start, and what is to be seen.
fn line(lab: &Lab, language: Language, at: Duration, scene: &Scene<'_>) -> Line<'static> {
    let clock = Span::styled(
        format!("{:2}:{:02}  ", at.as_secs() / 60, at.as_secs() % 60),
        Style::new().fg(Color::DarkGray),
    );
    let mut spans = vec![clock];
    match scene {
        Scene::Broken => spans.push(Span::raw(labs::play_break(language, lab.id())).bold()),
        Scene::Fixed(fix) => spans.push(Span::raw(labs::play_fix(language, &fix.name)).bold()),
        Scene::Pod(row) => spans.push(Span::raw(row.join("   "))),
        Scene::PodGone(name) => spans.push(Span::raw(format!("{name}   -"))),
        Scene::Report(report) => {
            let (sign, colour) = reports::mark(report.verdict);
            let word = reports::word(report.verdict, language);
            spans.push(Span::styled(format!("{sign} {word}"), Style::new().fg(colour)));
            let (wording, observed) = (
                reports::wording(lab, report, language),
                report.message.render(language),
            );
            spans.push(Span::raw(format!("  {wording} {observed}")));
        }
    }
    Line::from(spans)
}
