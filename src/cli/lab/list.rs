//! `bbf lab list`: the labs, and how far the learner came in each.

use crate::cli::Exit;
use crate::cli::arguments::Where;
use crate::cli::context::{Context, chosen};
use crate::cli::trouble::{Trouble, need};
use crate::cluster::existing::{self, Existing};
use crate::cluster::kind::Containers;
use crate::cluster::{self, Place};
use crate::lab::{Lab, Language};
use crate::session;
use crate::ui::messages::{clusters, labs};
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
    /// Why it can't run at the place that was asked about; nothing where it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    hindrances: Option<Vec<String>>,
}

/// Lists the labs.
pub(in crate::cli) async fn run(context: &mut Context<'_>, place: &Where) -> Result<Exit, Trouble> {
    let language = context.language();
    let mut listed = listed(context)?;
    let asked = chosen(place)?;
    if let Some(place) = &asked {
        for (listed, lab) in listed.iter_mut().zip(context.catalogue.labs()) {
            listed.hindrances = Some(hindrances(lab, place, language)?);
        }
        reach(place).await?;
    }
    context.printer.json(&serde_json::json!({ "labs": listed }));
    let mut headings = vec![
        labs::heading_id(language),
        labs::heading_title(language),
        labs::heading_minutes(language),
        labs::heading_state(language),
    ];
    headings.extend(asked.map(|_| clusters::heading_here(language)));
    let row = |lab: &Listed| {
        let mut row = vec![
            lab.id.clone(),
            lab.title.clone(),
            lab.minutes.to_string(),
            state(language, lab.state),
        ];
        row.extend(lab.hindrances.as_ref().map(|why| here(why, language)));
        row
    };
    let rows: Vec<Vec<String>> = listed.iter().map(row).collect();
    for line in table::layout(&headings.iter().map(String::as_str).collect::<Vec<_>>(), &rows) {
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
    let list = |lab: &Lab| Listed {
        id: lab.id().to_owned(),
        title: lab.definition.title(language).to_owned(),
        chapter: lab.definition.chapter,
        minutes: lab.definition.minutes,
        topics: lab.definition.topics.clone(),
        state: state(lab.id()),
        hindrances: None,
    };
    Ok(context.catalogue.labs().iter().map(list).collect())
}

/// Why a lab can't run at a place, in words.
pub(super) fn hindrances(lab: &Lab, place: &Place, language: Language) -> Result<Vec<String>, Trouble> {
    let needs = match place {
        Place::Embedded | Place::Kind { .. } => vec![],
        Place::Existing { .. } => existing::needs(lab).map_err(session::Error::from)?,
    };
    Ok(needs.iter().map(|it| need(it, language)).collect())
}

/// Whether the place can be had at all.
async fn reach(place: &Place) -> Result<(), Trouble> {
    match place {
        Place::Embedded => {}
        Place::Kind { .. } => drop(
            Containers::find()
                .map_err(cluster::Error::from)?
                .info()
                .await
                .map_err(cluster::Error::from)?,
        ),
        Place::Existing { context } => Existing::reach(context).await?,
    }
    Ok(())
}

fn here(hindrances: &[String], language: Language) -> String {
    if hindrances.is_empty() {
        clusters::here_yes(language)
    } else {
        clusters::here_no(language, &hindrances.join(", "))
    }
}

fn state(language: Language, state: State) -> String {
    match state {
        State::New => labs::state_new(language),
        State::Started => labs::state_started(language),
        State::Running => labs::state_running(language),
        State::Solved => labs::state_solved(language),
    }
}
