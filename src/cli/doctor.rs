//! `bbf doctor`: what this machine can run, and what to do about what it can't.

mod kind;
mod labs;

use super::Exit;
use super::arguments::Global;
use super::trouble::Trouble;
use crate::cluster::kind::{Machine, is_taken};
use crate::lab::Language;
use crate::platform::files::{self, Access};
use crate::platform::folders::{Folders, NoHome};
use crate::platform::programs;
use crate::session;
use crate::ui::messages::doctor as say;
use crate::ui::messages::trouble;
use crate::ui::printer::Printer;
use podling::clock::Time;
use podling_server::{ClusterHandle, TimeSource};
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use serde::Serialize;
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Instant;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Good,
    /// Labs run, but not at their best.
    Note,
    /// Labs can't run.
    Bad,
}

#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    level: Level,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Finding {
    fn good(check: &'static str, text: String) -> Self {
        Self {
            check,
            level: Level::Good,
            text,
            fix: None,
        }
    }

    fn new(check: &'static str, level: Level, text: String, fix: String) -> Self {
        Self {
            check,
            level,
            text,
            fix: Some(fix),
        }
    }
}

/// Looks at the machine.
pub(super) async fn run(
    printer: &mut Printer<'_>,
    folders: Result<Folders, NoHome>,
    global: &Global,
) -> Result<Exit, Trouble> {
    let language = printer.language;
    let mut findings = match folders {
        Ok(folders) => vec![state(language, &folders), work(language, &folders)],
        Err(NoHome) => {
            vec![Finding::new(
                "state",
                Level::Bad,
                trouble::no_home(language),
                trouble::set_bbf_home(language),
            )]
        }
    };
    findings.push(loopback(language));
    findings.push(embedded(language).await);
    findings.push(kubectl(language));
    findings.push(terminal(language));
    let machine = Machine::look().await;
    findings.extend(kind::findings(language, &machine));
    let catalogue = global.catalogue().map_err(Trouble::Pack)?;
    let embedded = findings.iter().all(|finding| finding.level != Level::Bad);
    let labs = labs::findings(language, catalogue.labs(), &machine, embedded, is_taken);
    let labs = labs.map_err(session::Error::from)?;
    let well = findings.iter().all(|finding| finding.level != Level::Bad);
    printer.json(&serde_json::json!({ "well": well, "findings": findings, "labs": labs }));
    for finding in &findings {
        print(printer, finding);
    }
    printer.line("");
    printer.line(&say::where_labs_run(language));
    for line in labs::lines(language, &labs) {
        printer.line(&line);
    }
    printer.line("");
    printer.line(&if well {
        say::all_well(language)
    } else {
        say::not_well(language)
    });
    Ok(if well { Exit::Done } else { Exit::Environment })
}

fn print(printer: &mut Printer<'_>, finding: &Finding) {
    let (sign, colour) = match finding.level {
        Level::Good => ("✓", Color::Green),
        Level::Note => ("!", Color::Yellow),
        Level::Bad => ("✗", Color::Red),
    };
    let sign = Span::styled(sign, Style::new().fg(colour));
    printer.lines(&[Line::from(vec![sign, Span::raw(format!(" {}", finding.text))])]);
    if let Some(fix) = &finding.fix {
        printer.line(&format!("  {fix}"));
    }
}

fn state(language: Language, folders: &Folders) -> Finding {
    let path = folders.state().display();
    match try_to_write(folders.state()) {
        Ok(()) => Finding::good("state", say::state_folder(language, &path)),
        Err(why) => Finding::new(
            "state",
            Level::Bad,
            say::state_folder_bad(language, &path, &why),
            say::state_folder_fix(language),
        ),
    }
}

fn work(language: Language, folders: &Folders) -> Finding {
    let path = folders.work("");
    match try_to_write(&path) {
        Ok(()) => Finding::good("work", say::work_folder(language, &path.display())),
        Err(why) => {
            let text = say::work_folder_bad(language, &path.display(), &why);
            Finding::new("work", Level::Bad, text, say::work_folder_fix(language))
        }
    }
}

fn try_to_write(folder: &Path) -> Result<(), String> {
    let probe = folder.join(".bbf-doctor");
    let written = files::make_folder(folder).and_then(|()| files::write(&probe, b"bbf", Access::Usual));
    written.map_err(|error| error.source.to_string())?;
    std::fs::remove_file(&probe).map_err(|error| error.to_string())
}

fn loopback(language: Language) -> Finding {
    match std::net::TcpListener::bind(("127.0.0.1", 0)) {
        Ok(_) => Finding::good("loopback", say::loopback(language)),
        Err(error) => Finding::new(
            "loopback",
            Level::Bad,
            say::loopback_bad(language, &error),
            say::loopback_fix(language),
        ),
    }
}

/// Starts a cluster in this process and asks it for its version.
async fn embedded(language: Language) -> Finding {
    let begin = Instant::now();
    match version().await {
        Ok(version) => Finding::good(
            "embedded",
            say::embedded(language, &version, &begin.elapsed().as_millis()),
        ),
        Err(why) => Finding::new(
            "embedded",
            Level::Bad,
            say::embedded_bad(language, &why),
            say::embedded_fix(language),
        ),
    }
}

async fn version() -> Result<String, String> {
    let config = podling::Config {
        seed: 0,
        start: Time::default(),
        nodes: vec![],
        components: podling::Components::default(),
    };
    let cluster = ClusterHandle::start(config, TimeSource::Wall, None).map_err(|error| error.to_string())?;
    let version = cluster
        .client()
        .apiserver_version()
        .await
        .map_err(|error| error.to_string())?;
    Ok(version.git_version)
}

fn kubectl(language: Language) -> Finding {
    match programs::find("kubectl") {
        Some(path) => Finding::good("kubectl", say::kubectl(language, &path.display())),
        None => Finding::new(
            "kubectl",
            Level::Note,
            say::kubectl_missing(language),
            say::kubectl_fix(language),
        ),
    }
}

fn terminal(language: Language) -> Finding {
    if !std::io::stdout().is_terminal() {
        return Finding::good("terminal", say::no_terminal(language));
    }
    let (columns, rows) = crossterm::terminal::size().unwrap_or_default();
    if columns < 80 || rows < 24 {
        let text = say::terminal_small(language, &columns, &rows);
        return Finding::new("terminal", Level::Note, text, say::terminal_fix(language));
    }
    Finding::good("terminal", say::terminal(language, &columns, &rows))
}
