//! `bbf lab show`: what a lab is about, without starting it.

use super::task;
use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
use crate::lab::Texts;
use crate::ui::markdown;
use crate::ui::messages::labs;

/// Shows the lab `id`.
pub(in crate::cli) fn run(context: &mut Context<'_>, id: &str) -> Result<Exit, Trouble> {
    let lab = context.lab(id)?;
    let (language, definition) = (context.language(), &lab.definition);
    let texts = lab.texts(language);
    let wording = |id: &str| texts.map_or_else(|| id.to_owned(), |texts| texts.objective(id).to_owned());
    let objectives: Vec<_> = definition
        .objectives
        .iter()
        .map(|objective| serde_json::json!({ "id": objective.id, "text": wording(&objective.id) }))
        .collect();
    context.printer.json(&serde_json::json!({
        "id": lab.id(),
        "title": definition.title(language),
        "chapter": definition.chapter,
        "minutes": definition.minutes,
        "topics": definition.topics,
        "cluster": definition.cluster,
        "story": texts.map(Texts::story),
        "task": texts.map(Texts::task),
        "objectives": objectives,
        "hints": definition.hints.len(),
    }));
    let lines = markdown::render(&task::markdown(&lab, language), context.printer.width());
    context.printer.lines(&lines);
    context.printer.line("");
    context
        .printer
        .line(&labs::topics(language, &definition.topics.join(", ")));
    context
        .printer
        .line(&labs::minutes(language, &definition.minutes));
    context
        .printer
        .line(&labs::needs_cluster(language, &definition.cluster));
    Ok(Exit::Done)
}
