//! `bbf lab list`: the labs, and how far the learner came in each.

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
use crate::lab::Language;
use crate::session;
use crate::ui::messages::labs;
use crate::ui::table;
use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    New,
    Started,
    Running,
    Solved,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    title: String,
    chapter: u32,
    minutes: u32,
    topics: Vec<String>,
    state: State,
}

/// Lists the labs.
pub(in crate::cli) fn run(context: &mut Context<'_>) -> Result<Exit, Trouble> {
    let language = context.language();
    let listed = listed(context)?;
    context.printer.json(&serde_json::json!({ "labs": listed }));
    let headings = [
        labs::heading_id(language),
        labs::heading_title(language),
        labs::heading_minutes(language),
        labs::heading_state(language),
    ];
    let row = |lab: &Listed| {
        vec![
            lab.id.clone(),
            lab.title.clone(),
            lab.minutes.to_string(),
            state(language, lab.state),
        ]
    };
    let rows: Vec<Vec<String>> = listed.iter().map(row).collect();
    for line in table::layout(&headings.each_ref().map(String::as_str), &rows) {
        context.printer.line(&line);
    }
    let problems: Vec<String> = context.catalogue.problems().map(ToString::to_string).collect();
    for problem in problems {
        context
            .printer
            .note(&crate::ui::messages::trouble::broken_lab(language, &problem));
    }
    Ok(Exit::Done)
}

fn listed(context: &mut Context<'_>) -> Result<Vec<Listed>, Trouble> {
    let language = context.language();
    // Looking at the list must not need a folder that can be written.
    let (progress, running) = match context.folders.state().is_dir() {
        true => {
            let mut store = context.store()?;
            let progress = store.progress().map_err(session::Error::from)?;
            let record = store.record().map_err(session::Error::from)?;
            context.say_damaged(&mut store);
            (progress, record.map(|record| record.lab))
        }
        false => Default::default(),
    };
    let state = |id: &str| match progress.labs.get(id) {
        _ if running.as_deref() == Some(id) => State::Running,
        Some(lab) if lab.solved_at.is_some() => State::Solved,
        Some(_) => State::Started,
        None => State::New,
    };
    let list = |lab: &crate::lab::Lab| Listed {
        id: lab.id().to_owned(),
        title: lab.definition.title(language).to_owned(),
        chapter: lab.definition.chapter,
        minutes: lab.definition.minutes,
        topics: lab.definition.topics.clone(),
        state: state(lab.id()),
    };
    Ok(context.catalogue.labs().iter().map(list).collect())
}

fn state(language: Language, state: State) -> String {
    match state {
        State::New => labs::state_new(language),
        State::Started => labs::state_started(language),
        State::Running => labs::state_running(language),
        State::Solved => labs::state_solved(language),
    }
}
