//! `lab.yaml`: what a lab needs, what it breaks, what counts as fixed. Format version 1.
//!
//! `docs/lab-authors.md` explains the format to teachers; `docs/lab.schema.json` describes it to editors. Unknown keys
//! are mistakes that point at their line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{LabError, Language, Span};
use crate::check::Condition;
use crate::kinds::Kind;

/// The version of the format that this bbf reads.
pub const FORMAT_VERSION: u32 = 1;

/// A lab's `lab.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    /// The version of the format: 1.
    pub format_version: u32,
    /// The lab's name in commands; the same as its folder's.
    pub id: String,
    /// The book's chapter.
    pub chapter: u32,
    /// The place within the chapter, from 1.
    pub order: u32,
    /// The title in each language.
    pub title: BTreeMap<Language, String>,
    /// What it is about, in a word or two each.
    #[serde(default)]
    pub topics: Vec<String>,
    /// How long a learner takes.
    pub minutes: u32,
    /// The cluster that it needs: the name of a file in `kind-configs/`, without `.yaml`.
    pub cluster: String,
    /// What else the lab needs; most of it is seen from the rest of the lab.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<LabNeed>,
    /// The manifests that make the break, in the order in which they are applied.
    pub manifests: Vec<String>,
    /// What shows that the break took hold.
    pub symptom: Condition,
    /// What must hold for the lab to be solved.
    pub objectives: Vec<Objective>,
    /// What must not be given up for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// What the learner must find out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// The hints, from the first nudge to nearly the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Hint>,
}

/// What a lab needs beside its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LabNeed {
    /// A cluster that nobody else uses: the lab drains nodes, or changes what belongs to no namespace.
    WholeCluster,
    /// The metrics of Pods and nodes (`kubectl top`, autoscaling).
    Metrics,
}

/// Something that must hold, for a while. Its wording stands in the texts under `{#objective-<id>}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Objective {
    /// Its name within the lab.
    pub id: String,
    /// What must hold.
    pub condition: Condition,
    /// For how long without interruption. Longer than the probe would take to notice that it doesn't.
    #[serde(rename = "for", default)]
    pub window: Span,
}

/// Something that must not be given up. It holds or it doesn't; there is no window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Guard {
    /// Its name within the lab.
    pub id: String,
    /// What must stay so.
    pub condition: Condition,
}

/// Something that the learner must find out. Its wording stands in the texts under `{#question-<id>}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Question {
    /// Its name within the lab.
    pub id: String,
    /// Where the answer is: compared with what the learner says.
    pub answer: Answer,
    /// When it can be asked; left out, from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

/// Where a question's answer is found in the cluster: the value of a CEL expression, as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answer {
    /// The expression; its value is what the learner must say.
    pub expression: String,
    /// The names that the expression uses, as in a `cel` condition.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objects: BTreeMap<String, super::Target>,
}

/// One step of help. Its wording stands in the texts under `{#hint-<id>}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hint {
    /// Its name within the lab.
    pub id: String,
    /// It is given only while this is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

impl Definition {
    /// Reads a `lab.yaml`; `file` is its name in messages.
    ///
    /// # Errors
    /// What is wrong with it, with the line.
    pub fn parse(file: &str, text: &str) -> Result<Self, LabError> {
        let options = serde_saphyr::options! { legacy_octal_numbers: true };
        let definition: Self = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| LabError::yaml(file, &error))?;
        definition.check(file, text)?;
        Ok(definition)
    }

    /// The title in a language, in English where that is missing.
    pub fn title(&self, language: Language) -> &str {
        self.title
            .get(&language)
            .or_else(|| self.title.get(&Language::En))
            .map_or(&self.id, String::as_str)
    }

    /// Every condition of the lab, with what it belongs to in words.
    pub fn conditions(&self) -> Vec<(String, &Condition)> {
        let objectives = self
            .objectives
            .iter()
            .map(|it| (format!("objective {}", it.id), &it.condition));
        let guards = self
            .guards
            .iter()
            .map(|it| (format!("guard {}", it.id), &it.condition));
        let hints = self
            .hints
            .iter()
            .filter_map(|it| Some((format!("hint {}", it.id), it.when.as_ref()?)));
        let questions = self
            .questions
            .iter()
            .filter_map(|it| Some((format!("question {}", it.id), it.when.as_ref()?)));
        let symptom = std::iter::once(("symptom".to_owned(), &self.symptom));
        symptom
            .chain(objectives)
            .chain(guards)
            .chain(hints)
            .chain(questions)
            .collect()
    }

    fn check(&self, file: &str, text: &str) -> Result<(), LabError> {
        let found = if self.format_version != FORMAT_VERSION {
            let version = self.format_version;
            Some((
                "formatVersion",
                format!("this bbf reads formatVersion {FORMAT_VERSION}, not {version}"),
            ))
        } else if !is_id(&self.id) {
            Some((
                "id",
                format!(
                    "{:?} is no lab id: expected lower-case letters, digits and -",
                    self.id
                ),
            ))
        } else if !self.title.contains_key(&Language::En) {
            Some((
                "title",
                "the title in English is missing: expected title: {en: …}".to_owned(),
            ))
        } else if self.objectives.is_empty() {
            Some(("objectives", "a lab needs at least one objective".to_owned()))
        } else if self.manifests.is_empty() {
            Some((
                "manifests",
                "a lab needs at least one manifest that makes the break".to_owned(),
            ))
        } else {
            self.repeated_id()
                .map(|id| (id, format!("the id {id} is given twice")))
                .or_else(|| self.unknown_kind())
        };
        match found {
            Some((word, message)) => Err(LabError::at_word(file, text, word, message)),
            None => Ok(()),
        }
    }

    /// A kind that no check can read: its condition would stay pending for ever.
    fn unknown_kind(&self) -> Option<(&str, String)> {
        let mut targets: Vec<_> = self
            .questions
            .iter()
            .flat_map(|it| it.answer.objects.values())
            .collect();
        for (_, condition) in self.conditions() {
            condition.walk(&mut |part| targets.extend(part.targets()));
        }
        let mut kinds = targets.iter().map(|target| target.kind.as_str());
        let kind = kinds.find(|kind| Kind::of(kind).is_none())?;
        let known: Vec<_> = Kind::names().collect();
        let known = known.join(", ");
        Some((kind, format!("unknown kind {kind}, expected one of {known}")))
    }

    fn repeated_id(&self) -> Option<&str> {
        let reported: Vec<&str> = self
            .objectives
            .iter()
            .map(|it| it.id.as_str())
            .chain(self.guards.iter().map(|it| it.id.as_str()))
            .collect();
        let hints: Vec<&str> = self.hints.iter().map(|it| it.id.as_str()).collect();
        let questions: Vec<&str> = self.questions.iter().map(|it| it.id.as_str()).collect();
        [reported, hints, questions]
            .iter()
            .find_map(|ids| first_repeated(ids))
    }
}

fn first_repeated<'a>(ids: &[&'a str]) -> Option<&'a str> {
    ids.iter()
        .enumerate()
        .find(|(index, id)| ids[..*index].contains(id))
        .map(|(_, id)| *id)
}

fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAB: &str = "\
formatVersion: 1
id: web
chapter: 7
order: 1
title: {en: Web, ja: ウェブ}
minutes: 5
cluster: single
manifests: [web.yaml]
symptom:
  podsReady: {target: Pod/web}
objectives:
- id: ready
  for: 40s
  condition:
    podsReady: {target: Pod/web}
";

    #[test]
    fn a_lab_is_read_and_has_its_defaults() {
        let lab = Definition::parse("lab.yaml", LAB).unwrap();
        assert_eq!(lab.objectives[0].window, Span::seconds(40));
        assert_eq!((lab.title(Language::Ja), lab.guards.len()), ("ウェブ", 0));
        assert_eq!(lab.conditions().len(), 2);
    }

    #[test]
    fn mistakes_point_at_their_line_and_say_what_was_expected() {
        for (from, to, line, says) in [
            ("minutes: 5", "minuts: 5", 6, "minuts"),
            ("minutes: 5", "minutes: many", 6, "expected a whole number"),
            (
                "podsReady: {target: Pod/web}\n",
                "podReady: {target: Pod/web}\n",
                10,
                "podReady",
            ),
            ("for: 40s", "for: 40", 13, "expected something like 40s"),
            ("Pod/web", "web", 10, "expected Kind/name"),
            (
                "Pod/web",
                "Pood/web",
                10,
                "unknown kind Pood, expected one of ConfigMap,",
            ),
            ("id: ready", "id:", 12, "expected a value"),
            ("manifests: [web.yaml]", "manifests: web", 8, "expected a list"),
            ("formatVersion: 1", "formatVersion: 2", 1, "reads formatVersion 1"),
            ("id: web", "id: Web!", 2, "expected lower-case"),
        ] {
            let error = Definition::parse("lab.yaml", &LAB.replacen(from, to, 1)).unwrap_err();
            assert!(error.message.contains(says), "{error}");
            assert_eq!(error.line, line, "{error}");
        }
    }

    #[test]
    fn a_file_that_is_no_mapping_says_what_was_expected() {
        for (text, says) in [
            ("", "lab.yaml:1:1: expected more: the YAML ends here"),
            (
                "- a",
                "lab.yaml:1:1: expected keys and values, as in `key: value`",
            ),
            (
                &format!("{LAB}---\nid: x\n"),
                "lab.yaml:17:1: expected one YAML document: a second one begins with ---",
            ),
        ] {
            assert_eq!(Definition::parse("lab.yaml", text).unwrap_err().to_string(), says);
        }
    }

    #[test]
    fn an_id_given_twice_is_a_mistake() {
        let text = format!("{LAB}- id: ready\n  condition:\n    podsReady: {{target: Pod/web}}\n");
        let error = Definition::parse("lab.yaml", &text).unwrap_err();
        assert_eq!(error.to_string(), "lab.yaml:16:7: the id ready is given twice");
    }
}
