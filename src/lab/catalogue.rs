//! All labs that there are: those inside the binary, and those of packs.

use std::path::Path;

use super::files::Files;
use super::{Lab, LabError};

/// The labs, in the order of the book. A broken lab doesn't hide the others.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    labs: Vec<Lab>,
    problems: Vec<(String, LabError)>,
}

/// Why a lab can't be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// There is no lab of this name.
    #[error("there is no lab {id:?}")]
    Unknown {
        /// What was asked for.
        id: String,
        /// The names that come nearest, best first.
        nearest: Vec<String>,
    },
    /// There is one, with a mistake in it.
    #[error(transparent)]
    Broken(#[from] LabError),
}

impl Catalogue {
    /// The labs inside the binary.
    pub fn builtin() -> Self {
        let mut catalogue = Self::default();
        let files = Files::builtin();
        catalogue.add("", &files, &files);
        catalogue
    }

    /// The labs inside the binary and those of a pack's folder, which win where the names are the same.
    ///
    /// # Errors
    /// When the folder can't be read, or holds no lab. A lab in it that can't be used is a [problem](Self::problems).
    pub fn with_pack(mut self, folder: &Path) -> Result<Self, LabError> {
        let name = folder.display().to_string();
        let files = Files::pack(folder)
            .map_err(|error| LabError::in_file(&name, format!("can't be read: {error}")))?;
        if files.lab_folders().next().is_none() {
            return Err(LabError::in_file(
                name,
                "holds no lab: expected labs/<id>/lab.yaml or <id>/lab.yaml",
            ));
        }
        let prefix = if name.ends_with('/') {
            name
        } else {
            format!("{name}/")
        };
        self.add(&prefix, &files, &Files::builtin());
        Ok(self)
    }

    fn add(&mut self, prefix: &str, files: &Files, builtin: &Files) {
        for folder in files.lab_folders() {
            self.labs.retain(|lab| lab.definition.id != folder);
            self.problems.retain(|(id, _)| id != folder);
            match Lab::load(prefix, folder, files, builtin) {
                Ok(lab) => self.labs.push(lab),
                Err(error) => self.problems.push((folder.to_owned(), error)),
            }
        }
        self.labs.sort_by_key(|lab| {
            (
                lab.definition.chapter,
                lab.definition.order,
                lab.definition.id.clone(),
            )
        });
    }

    /// The labs, by chapter and order.
    pub fn labs(&self) -> &[Lab] {
        &self.labs
    }

    /// The labs that can't be used, with what is wrong with each.
    pub fn problems(&self) -> impl Iterator<Item = &LabError> {
        self.problems.iter().map(|(_, error)| error)
    }

    /// The lab of a name.
    ///
    /// # Errors
    /// When there is no lab of that name, or it can't be used.
    pub fn find(&self, id: &str) -> Result<&Lab, FindError> {
        if let Some(lab) = self.labs.iter().find(|lab| lab.definition.id == id) {
            return Ok(lab);
        }
        match self.problems.iter().find(|(broken, _)| broken == id) {
            Some((_, error)) => Err(FindError::Broken(error.clone())),
            None => Err(FindError::Unknown {
                id: id.to_owned(),
                nearest: self.nearest(id),
            }),
        }
    }

    /// Up to three names that are like the one asked for: few letters differ, or one holds the other.
    fn nearest(&self, id: &str) -> Vec<String> {
        let mut scored: Vec<(f64, &str)> = self
            .labs
            .iter()
            .map(|lab| (likeness(id, &lab.definition.id), lab.definition.id.as_str()))
            .filter(|(score, _)| *score > 0.6)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        // Ids of one chapter are alike by its number alone.
        let best = scored.first().map_or(0.0, |(score, _)| *score);
        scored.retain(|(score, _)| best - score < 0.15);
        scored.into_iter().take(3).map(|(_, id)| id.to_owned()).collect()
    }
}

fn likeness(asked: &str, id: &str) -> f64 {
    if asked.len() >= 3 && id.contains(asked) {
        1.0
    } else {
        strsim::jaro_winkler(asked, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_id_gets_those_that_are_near() {
        let catalogue = Catalogue::builtin();
        let nearest = |id: &str| catalogue.nearest(id);
        assert_eq!(nearest("ch07-readines"), ["ch07-readiness", "ch07-liveness"]);
        assert_eq!(nearest("liveness"), ["ch07-liveness"]);
        assert_eq!(nearest("ch07").len(), 3);
    }
}
