//! `text.<language>.md`: what the learner reads. Headings carry ids, so that the program finds its parts.
//!
//! ```text
//! # Title
//! ## Story {#story}
//! ## Task {#task}
//! ## Objective {#objective-stays-ready}     one line each, guards too
//! ## Hint {#hint-look-at-the-log}
//! ## Debrief {#debrief}
//! ```

use super::{Definition, LabError};

/// A lab's texts in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// The first heading.
    pub title: String,
    /// The parts, in the order of the file.
    pub sections: Vec<Section>,
}

/// A part of a text: a heading with an id, and what stands under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The id in the heading's `{#…}`.
    pub id: String,
    /// The heading without the id.
    pub heading: String,
    /// The Markdown under it, without blank lines around it.
    pub body: String,
    /// The heading's line, from 1.
    pub line: usize,
}

impl Texts {
    /// Reads a text; `file` is its name in messages.
    ///
    /// # Errors
    /// What is wrong with it, with the line.
    pub fn parse(file: &str, text: &str) -> Result<Self, LabError> {
        let mut title = None;
        let mut sections: Vec<Section> = vec![];
        let mut fenced = false;
        for (number, line) in (1..).zip(text.lines()) {
            fenced ^= line.trim_start().starts_with("```");
            let heading = if fenced { None } else { line.strip_prefix('#') };
            match (heading, sections.last_mut()) {
                (Some(rest), _) if rest.starts_with(' ') && title.is_none() => {
                    title = Some(rest.trim().to_owned());
                }
                (Some(rest), _) if rest.starts_with("# ") => {
                    let section = section(file, number, &rest[2..])?;
                    if sections.iter().any(|other| other.id == section.id) {
                        return Err(LabError::at(
                            file,
                            number,
                            1,
                            format!("{{#{}}} is given twice", section.id),
                        ));
                    }
                    sections.push(section);
                }
                (_, Some(open)) => open.body = format!("{}{line}\n", open.body),
                (_, None) if line.trim().is_empty() => {}
                (_, None) => {
                    return Err(LabError::at(
                        file,
                        number,
                        1,
                        "expected a heading such as: ## Story {#story}",
                    ));
                }
            }
        }
        let title = title.ok_or_else(|| LabError::at(file, 1, 1, "expected the title first: # Title"))?;
        for section in &mut sections {
            section.body = section.body.trim_matches('\n').to_owned();
        }
        Ok(Self { title, sections })
    }

    /// The part with an id.
    pub fn section(&self, id: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.id == id)
    }

    /// What happened: the scene before the task. Empty where it is missing.
    pub fn story(&self) -> &str {
        self.body("story")
    }

    /// What the learner is asked to do.
    pub fn task(&self) -> &str {
        self.body("task")
    }

    /// What is explained after the lab is solved.
    pub fn debrief(&self) -> &str {
        self.body("debrief")
    }

    /// The learner's wording of an objective or a guard, in one line; its id where the text lacks it.
    pub fn objective<'a>(&'a self, id: &'a str) -> &'a str {
        self.section(&format!("objective-{id}"))
            .map_or(id, |section| section.body.as_str())
    }

    /// The wording of a hint.
    pub fn hint(&self, id: &str) -> &str {
        self.body(&format!("hint-{id}"))
    }

    /// The wording of a question.
    pub fn question(&self, id: &str) -> &str {
        self.body(&format!("question-{id}"))
    }

    fn body(&self, id: &str) -> &str {
        self.section(id).map_or("", |section| section.body.as_str())
    }

    /// The ids of the parts that a lab needs.
    pub fn needed(definition: &Definition) -> Vec<String> {
        let objectives = definition
            .objectives
            .iter()
            .map(|it| format!("objective-{}", it.id));
        let guards = definition.guards.iter().map(|it| format!("objective-{}", it.id));
        let questions = definition
            .questions
            .iter()
            .map(|it| format!("question-{}", it.id));
        let hints = definition.hints.iter().map(|it| format!("hint-{}", it.id));
        let fixed = ["story", "task", "debrief"].map(str::to_owned);
        fixed
            .into_iter()
            .chain(objectives)
            .chain(guards)
            .chain(questions)
            .chain(hints)
            .collect()
    }
}

fn section(file: &str, number: usize, heading: &str) -> Result<Section, LabError> {
    let parts = heading
        .trim_end()
        .strip_suffix('}')
        .and_then(|rest| rest.rsplit_once("{#"));
    let Some((heading, id)) = parts.filter(|(_, id)| !id.is_empty()) else {
        return Err(LabError::at(
            file,
            number,
            1,
            "expected an id at the end of the heading: ## Story {#story}",
        ));
    };
    Ok(Section {
        id: id.to_owned(),
        heading: heading.trim().to_owned(),
        body: String::new(),
        line: number,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_by_their_ids_in_any_language() {
        let text = "# 題\n\n## 物語 {#story}\n\nむかし\n```\n# no heading\n```\n\n## Ready {#objective-ready}\nIt is ready.\n";
        let texts = Texts::parse("text.ja.md", text).unwrap();
        assert_eq!(texts.title, "題");
        assert_eq!(texts.story(), "むかし\n```\n# no heading\n```");
        assert_eq!(texts.objective("ready"), "It is ready.");
        assert_eq!((texts.objective("other"), texts.debrief()), ("other", ""));
    }

    #[test]
    fn mistakes_point_at_their_line() {
        for (text, says) in [
            (
                "## Story {#story}\n",
                "t.md:1:1: expected the title first: # Title",
            ),
            (
                "# T\n\n## Story\n",
                "t.md:3:1: expected an id at the end of the heading: ## Story {#story}",
            ),
            (
                "# T\nwords\n",
                "t.md:2:1: expected a heading such as: ## Story {#story}",
            ),
            ("# T\n## A {#a}\n## A {#a}\n", "t.md:3:1: {#a} is given twice"),
        ] {
            assert_eq!(Texts::parse("t.md", text).unwrap_err().to_string(), says);
        }
    }
}
