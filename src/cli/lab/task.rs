//! What a lab asks for, in words: for `show`, for `start` without a live view, for the README of the work folder.

use crate::lab::{Lab, Language, Texts};
use crate::ui::messages::labs;
use std::fmt::Write as _;

/// The lab's story, task and objectives as Markdown.
pub(super) fn markdown(lab: &Lab, language: Language) -> String {
    let Some(texts) = lab.texts(language) else {
        return format!("# {}\n", lab.definition.title(language));
    };
    let mut text = format!("# {}\n\n{}", texts.title, story_and_task(lab, language));
    let objectives = lab
        .definition
        .objectives
        .iter()
        .map(|objective| objective.id.as_str());
    section(
        &mut text,
        &labs::objectives(language),
        &bullets(texts, objectives),
    );
    let guards = lab.definition.guards.iter().map(|guard| guard.id.as_str());
    section(&mut text, &labs::guards(language), &bullets(texts, guards));
    text
}

/// The lab's story and task as Markdown.
pub(in crate::cli) fn story_and_task(lab: &Lab, language: Language) -> String {
    let Some(texts) = lab.texts(language) else {
        return String::new();
    };
    let mut text = format!("{}\n", texts.story());
    section(&mut text, &labs::task(language), texts.task());
    text
}

/// The README of the work folder.
pub(in crate::cli) fn readme(lab: &Lab, language: Language) -> String {
    let (task, intro, replace) = (
        markdown(lab, language),
        labs::readme_intro(language),
        labs::how_to_replace(language),
    );
    let (kubectl, check) = (labs::readme_kubectl(language), labs::how_to_check(language));
    format!("{task}\n---\n\n{intro} {replace}\n\n{kubectl}\n\n{check}\n")
}

fn bullets<'a>(texts: &Texts, ids: impl Iterator<Item = &'a str>) -> String {
    ids.map(|id| format!("- {}", texts.objective(id)))
        .collect::<Vec<_>>()
        .join("\n")
}

fn section(text: &mut String, heading: &str, body: &str) {
    if !body.is_empty() {
        // Writing to a String can't fail.
        writeln!(text, "\n## {heading}\n\n{body}").ok();
    }
}
