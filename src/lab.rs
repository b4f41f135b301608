//! What a lab is: its definition, its texts in each language, its fixes, and where labs come from.
//!
//! A lab is a folder that a teacher reads and writes without knowing Rust; `docs/lab-authors.md` describes it.

mod by_text;
mod catalogue;
mod definition;
mod error;
mod files;
mod fix;
mod images;
mod language;
mod rehome;
mod schema;
mod span;
mod target;
mod texts;

use std::collections::BTreeMap;

pub use catalogue::{Catalogue, FindError};
pub use definition::{Answer, Definition, FORMAT_VERSION, Guard, Hint, LabNeed, Objective, Question};
pub use error::LabError;
use files::Files;
pub use fix::{Fix, Means};
pub use language::{Language, UnknownLanguage};
pub use schema::SCHEMA;
pub use span::{NotASpan, Span};
pub use target::{NotATarget, Target, Which};
pub use texts::{Section, Texts};

/// A lab with everything that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lab {
    /// Its folder, for messages: `labs/ch07-readiness`.
    pub folder: String,
    /// Its `lab.yaml`.
    pub definition: Definition,
    /// Its texts. English is always there.
    pub texts: BTreeMap<Language, Texts>,
    /// The manifests that make the break, in the order in which they are applied.
    pub manifests: Vec<ManifestFile>,
    /// The text of its `kind-configs/<cluster>.yaml`.
    pub kind_config: String,
    /// Right fixes, by name.
    pub solutions: Vec<Fix>,
    /// Tempting wrong fixes, by name.
    pub wrong: Vec<Fix>,
}

/// A manifest as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    /// The path under `manifests/`: `chapter-07/pod-readiness.yaml`.
    pub path: String,
    /// The YAML.
    pub text: String,
}

impl Lab {
    /// The name of the lab in commands.
    pub fn id(&self) -> &str {
        &self.definition.id
    }

    /// The kind configuration's file, for messages: `kind-configs/single.yaml`.
    pub fn kind_config_file(&self) -> String {
        format!("kind-configs/{}.yaml", self.definition.cluster)
    }

    /// The texts in a language, in English where the lab lacks it.
    pub fn texts(&self, language: Language) -> Option<&Texts> {
        self.texts
            .get(&language)
            .or_else(|| self.texts.get(&Language::En))
    }

    /// Reads the lab of a folder. `prefix` stands before its path in messages.
    fn load(prefix: &str, id: &str, files: &Files, builtin: &Files) -> Result<Self, LabError> {
        let folder = format!("labs/{id}");
        let shown = format!("{prefix}{folder}");
        let yaml = format!("{shown}/lab.yaml");
        let text = files.get(&format!("{folder}/lab.yaml")).unwrap_or_default();
        if let Some((path, why)) = files.unreadable(&folder) {
            return Err(LabError::in_file(format!("{prefix}{path}"), why));
        }
        let definition = Definition::parse(&yaml, text)?;
        let mistake = |word: &str, message: String| LabError::at_word(&yaml, text, word, message);
        if definition.id != id {
            let message = format!("the id is {}, but the folder is {id}", definition.id);
            return Err(mistake("id:", message));
        }
        let manifests = manifests(&mistake, &definition, &folder, &[files, builtin])?;
        let kind_config = kind_config(&mistake, &definition, &[files, builtin])?;
        let texts = texts(&shown, &folder, &definition, files)?;
        let solutions = fixes(&shown, &folder, "solutions", files)?;
        let wrong = fixes(&shown, &folder, "wrong", files)?;
        Ok(Self {
            folder: shown,
            definition,
            texts,
            manifests,
            kind_config,
            solutions,
            wrong,
        })
    }
}

/// The lab's own folder comes first, then the pack's `manifests/`, then those inside the binary.
fn manifests(
    mistake: &impl Fn(&str, String) -> LabError,
    definition: &Definition,
    folder: &str,
    places: &[&Files],
) -> Result<Vec<ManifestFile>, LabError> {
    let find = |path: &String| {
        let own = places
            .first()
            .and_then(|files| files.get(&format!("{folder}/{path}")));
        let shared = || {
            places
                .iter()
                .find_map(|files| files.get(&format!("manifests/{path}")))
        };
        let text = own
            .or_else(shared)
            .ok_or_else(|| mistake(path, format!("there is no manifest manifests/{path}")))?;
        Ok(ManifestFile {
            path: path.clone(),
            text: text.to_owned(),
        })
    };
    definition.manifests.iter().map(find).collect()
}

fn kind_config(
    mistake: &impl Fn(&str, String) -> LabError,
    definition: &Definition,
    places: &[&Files],
) -> Result<String, LabError> {
    let path = format!("kind-configs/{}.yaml", definition.cluster);
    let found = places.iter().find_map(|files| files.get(&path));
    found
        .map(str::to_owned)
        .ok_or_else(|| mistake("cluster:", format!("there is no {path}")))
}

fn texts(
    shown: &str,
    folder: &str,
    definition: &Definition,
    files: &Files,
) -> Result<BTreeMap<Language, Texts>, LabError> {
    let mut texts = BTreeMap::new();
    for language in Language::ALL {
        let name = format!("text.{language}.md");
        if let Some(text) = files.get(&format!("{folder}/{name}")) {
            texts.insert(language, Texts::parse(&format!("{shown}/{name}"), text)?);
        }
    }
    let english = texts.get(&Language::En);
    let english = english.ok_or_else(|| LabError::in_file(format!("{shown}/text.en.md"), "is missing"))?;
    match Texts::needed(definition)
        .iter()
        .find(|id| english.section(id).is_none())
    {
        Some(id) => Err(LabError::in_file(
            format!("{shown}/text.en.md"),
            format!("lacks a heading with {{#{id}}}"),
        )),
        None => Ok(texts),
    }
}

fn fixes(shown: &str, folder: &str, kind: &str, files: &Files) -> Result<Vec<Fix>, LabError> {
    let place = format!("{folder}/{kind}");
    let parse =
        |(name, text): (&str, &str)| Fix::parse(&format!("{shown}/{kind}/{name}"), text, kind == "wrong");
    files.under(&place).map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        Files::from([
            (
                "labs/web/lab.yaml",
                "formatVersion: 1\nid: web\nchapter: 7\norder: 1\ntitle: {en: Web}\nminutes: 5\ncluster: single\n\
                 manifests: [web.yaml]\nsymptom: {exists: {target: Pod/web}}\nobjectives:\n- id: there\n  condition: \
                 {exists: {target: Pod/web}}\n",
            ),
            (
                "labs/web/text.en.md",
                "# Web\n## S {#story}\n## T {#task}\n## D {#debrief}\n## O {#objective-there}\n",
            ),
            ("labs/web/wrong/delete.yaml", "# fails: there\n# delete\n"),
            ("manifests/web.yaml", "kind: Pod\n"),
            ("kind-configs/single.yaml", "kind: Cluster\n"),
        ])
    }

    #[test]
    fn a_lab_is_put_together_from_its_files() {
        let lab = Lab::load("", "web", &files(), &Files::default()).unwrap();
        assert_eq!(lab.manifests[0].text, "kind: Pod\n");
        assert_eq!(
            (lab.wrong[0].means, lab.wrong[0].fails.as_deref()),
            (Means::Delete, Some("there"))
        );
        assert_eq!(lab.texts(Language::Ja).unwrap().title, "Web");
    }

    #[test]
    fn what_is_missing_is_named() {
        let lab = "labs/web/lab.yaml";
        for (from, to, says) in [
            (
                "web.yaml",
                "wbe.yaml",
                "8:13: there is no manifest manifests/wbe.yaml",
            ),
            ("single", "nope", "7:1: there is no kind-configs/nope.yaml"),
            ("id: web", "id: wbe", "2:1: the id is wbe, but the folder is web"),
        ] {
            let yaml = files().get(lab).unwrap().replace(from, to);
            let broken = Files::from([(lab, yaml.as_str()), ("manifests/web.yaml", "kind: Pod\n")]);
            let error = Lab::load("pack/", "web", &broken, &Files::default()).unwrap_err();
            assert_eq!(error.to_string(), format!("pack/labs/web/lab.yaml:{says}"));
        }
    }

    #[test]
    fn every_lab_inside_the_binary_loads() {
        let catalogue = Catalogue::builtin();
        assert_eq!(
            catalogue.problems().map(ToString::to_string).collect::<Vec<_>>(),
            Vec::<String>::new()
        );
        assert!(catalogue.labs().len() >= 3);
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_ones() {
        let Err(FindError::Unknown { nearest, .. }) = Catalogue::builtin().find("ch07-redyness").map(Lab::id)
        else {
            panic!("found a lab that doesn't exist");
        };
        assert_eq!(nearest.first().map(String::as_str), Some("ch07-readiness"));
    }
}
