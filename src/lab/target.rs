//! How a lab names objects: `Pod/web`, `Deployment/hello-server`, or by label, `Pod[app=web]`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::by_text::serde_by_text;

/// An object, or the objects of a kind that carry labels. The namespace is always the lab's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The kind as manifests write it: `Pod`, `Deployment`.
    pub kind: String,
    /// Which objects of that kind.
    pub which: Which,
}

/// Which objects of a kind are meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// The one of this name.
    Named(String),
    /// All that carry every one of these labels.
    Labelled(BTreeMap<String, String>),
}

impl Target {
    /// The object of this kind and name.
    pub fn named(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            which: Which::Named(name.into()),
        }
    }

    /// The name, where one object is meant.
    pub fn name(&self) -> Option<&str> {
        match &self.which {
            Which::Named(name) => Some(name),
            Which::Labelled(_) => None,
        }
    }
}

/// The text names no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no object: expected Kind/name, as in Pod/web, or Kind[label=value], as in Pod[app=web]")]
pub struct NotATarget(String);

impl FromStr for Target {
    type Err = NotATarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        by_name(text)
            .or_else(|| by_label(text))
            .ok_or_else(|| NotATarget(text.to_owned()))
    }
}

fn by_name(text: &str) -> Option<Target> {
    let (kind, name) = text.split_once('/')?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-.:".contains(c));
    (is_kind(kind) && is_name).then(|| Target::named(kind, name))
}

fn by_label(text: &str) -> Option<Target> {
    let (kind, labels) = text.strip_suffix(']')?.split_once('[')?;
    let labels: Option<BTreeMap<String, String>> = labels
        .split(',')
        .map(|pair| {
            pair.split_once('=')
                .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        })
        .collect();
    let labels = labels.filter(|labels| labels.keys().all(|key| !key.is_empty()))?;
    is_kind(kind).then(|| Target {
        kind: kind.to_owned(),
        which: Which::Labelled(labels),
    })
}

fn is_kind(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(|c| c.is_ascii_alphanumeric())
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::Named(name) => write!(f, "{}/{name}", self.kind),
            Which::Labelled(labels) => {
                let pairs: Vec<String> = labels
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
                write!(f, "{}[{}]", self.kind, pairs.join(","))
            }
        }
    }
}

serde_by_text!(Target);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_written_the_same() {
        for text in [
            "Pod/web",
            "Deployment/hello-server",
            "Pod[app=web]",
            "Pod[app=web,tier=front]",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_names_no_object_is_refused() {
        for text in [
            "",
            "web",
            "pod/web",
            "Pod/",
            "Pod/a b",
            "Pod[]",
            "Pod[app]",
            "Pod[=x]",
            "Pod[app=web",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
