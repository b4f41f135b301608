//! A namespace's policy: its labels, read.

use std::fmt;

use serde_json::Value;

use crate::apiserver::registry::read::Fields as _;
use crate::status::field;

/// How much is forbidden; the later the more.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// A level as it was in a version of Kubernetes; `None` for the latest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct LevelVersion {
    pub(super) level: Level,
    pub(super) version: Option<u32>,
}

/// What is refused, and what is warned about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Policy {
    pub(super) enforce: LevelVersion,
    pub(super) warn: LevelVersion,
}

const PREFIX: &str = "pod-security.kubernetes.io/";
const UNKNOWN_LEVEL: &str = "must be one of privileged, baseline, restricted";
const UNKNOWN_VERSION: &str = "must be \"latest\" or \"v1.x\"";

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        match self.version {
            Some(minor) => write!(f, "{level}:v1.{minor}"),
            None => write!(f, "{level}:latest"),
        }
    }
}

impl LevelVersion {
    const DEFAULT: Self = Self {
        level: Level::Privileged,
        version: None,
    };

    /// The minor version whose rules hold; one beyond all for the latest.
    pub(super) fn minor(self) -> u32 {
        self.version.unwrap_or(u32::MAX)
    }
}

impl Policy {
    /// The policy that labels ask for, and what is wrong with them (`PolicyToEvaluate`). What can't be read is
    /// enforced strictly, and not warned about at all.
    pub(super) fn of(labels: &Value) -> (Self, Vec<field::Error>) {
        let mut errors = Vec::new();
        let mut policy = Self {
            enforce: LevelVersion::DEFAULT,
            warn: LevelVersion::DEFAULT,
        };
        let enforce = read_mode(labels, "enforce", Level::Restricted, &mut errors);
        policy.enforce.level = enforce.0.unwrap_or(Level::Privileged);
        policy.enforce.version = enforce.1.flatten();
        // Kubernetes reads the audit labels too, and refuses wrong ones.
        read_mode(labels, "audit", Level::Privileged, &mut errors);
        let warn = read_mode(labels, "warn", Level::Privileged, &mut errors);
        policy.warn.level = warn.0.unwrap_or(policy.enforce.level);
        policy.warn.version = match (warn.0, warn.1) {
            (_, Some(version)) => version,
            (None, None) => policy.enforce.version,
            (Some(_), None) => None,
        };
        (policy, errors)
    }
}

/// The level and the version that labels give for a mode, as far as they do.
fn read_mode(
    labels: &Value,
    mode: &str,
    otherwise: Level,
    errors: &mut Vec<field::Error>,
) -> (Option<Level>, Option<Option<u32>>) {
    let mut refuse = |label: &str, value: &str, why: &str| {
        errors.push(field::Error::invalid(
            format!("metadata.labels[{label}]"),
            value,
            why,
        ));
    };
    let label = format!("{PREFIX}{mode}");
    let level = labels.has(&label).then(|| {
        parse_level(labels.text(&label)).unwrap_or_else(|| {
            refuse(&label, labels.text(&label), UNKNOWN_LEVEL);
            otherwise
        })
    });
    let label = format!("{PREFIX}{mode}-version");
    let version = labels.has(&label).then(|| {
        parse_version(labels.text(&label)).unwrap_or_else(|| {
            refuse(&label, labels.text(&label), UNKNOWN_VERSION);
            None
        })
    });
    (level, version)
}

fn parse_level(text: &str) -> Option<Level> {
    match text {
        "privileged" => Some(Level::Privileged),
        "baseline" => Some(Level::Baseline),
        "restricted" => Some(Level::Restricted),
        _ => None,
    }
}

/// `latest` is no number; `None` in all for what is no version.
fn parse_version(text: &str) -> Option<Option<u32>> {
    if text == "latest" {
        return Some(None);
    }
    let minor = text.strip_prefix("v1.")?;
    let is_canonical = minor == "0" || !minor.starts_with(['0', '+']);
    minor.parse().ok().filter(|_| is_canonical).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(of: &[(&str, &str)]) -> Value {
        let mut labels = json!({});
        for (key, value) in of {
            labels[format!("{PREFIX}{key}")] = (*value).into();
        }
        labels
    }

    #[test]
    fn warnings_follow_what_is_enforced_unless_they_are_set() {
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
        let cases: [Case<'_>; 5] = [
            (&[], "privileged:latest", "privileged:latest"),
            (&[("enforce", "baseline")], "baseline:latest", "baseline:latest"),
            (
                &[("enforce", "baseline"), ("enforce-version", "v1.25")],
                "baseline:v1.25",
                "baseline:v1.25",
            ),
            (
                &[
                    ("enforce", "baseline"),
                    ("warn", "restricted"),
                    ("warn-version", "v1.30"),
                ],
                "baseline:latest",
                "restricted:v1.30",
            ),
            (
                &[("enforce", "baseline"), ("warn", "x")],
                "baseline:latest",
                "privileged:latest",
            ),
        ];
        for (of, enforce, warn) in cases {
            let policy = Policy::of(&labels(of)).0;
            assert_eq!(
                (policy.enforce.to_string(), policy.warn.to_string()),
                (enforce.into(), warn.into())
            );
        }
    }

    #[test]
    fn labels_that_mean_nothing_are_errors() {
        let (policy, errors) = Policy::of(&labels(&[("enforce", "x"), ("audit-version", "v1.01")]));
        assert_eq!(policy.enforce.level, Level::Restricted);
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"x\": must be one of privileged, baseline, restricted",
                "metadata.labels[pod-security.kubernetes.io/audit-version]: Invalid value: \"v1.01\": must be \"latest\" or \"v1.x\"",
            ]
        );
    }
}
