//! What the checks say about one objective or guard, and about the lab as a whole.

use std::time::Duration;

use serde::Serialize;

use super::Message;

/// How one objective or guard stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds, and has held for its window.
    Passed,
    /// It doesn't hold, and nothing in the cluster suggests that it will by itself.
    Failing,
    /// It holds but not yet for long enough, or the cluster is on its way there.
    Pending,
    /// It couldn't be seen: the cluster doesn't answer, or not all of it was read yet.
    Unknown,
}

/// Whether something must hold for a while or must not be given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// See [`crate::lab::Objective`].
    Objective,
    /// See [`crate::lab::Guard`].
    Guard,
}

/// How an objective or guard stands, and what was observed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Its name within the lab.
    pub id: String,
    /// What it is.
    pub role: Role,
    /// How it stands.
    pub verdict: Verdict,
    /// What was observed; [`Message::render`] says it in the learner's language.
    pub message: Message,
    /// For how long it has held without interruption; zero where it doesn't hold.
    #[serde(serialize_with = "as_seconds")]
    pub held: Duration,
    /// For how long it must hold.
    #[serde(serialize_with = "as_seconds")]
    pub needed: Duration,
}

/// How a lab stands as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Overall {
    /// Everything passed at the same time.
    Solved,
    /// Something doesn't hold, or hasn't for long enough.
    NotYet,
    /// Something couldn't be seen, and nothing that was seen is wrong.
    Unknown,
}

impl Overall {
    /// How the lab stands, from how its parts stand. A failure that was seen outweighs what couldn't be seen.
    pub fn of(reports: &[Report]) -> Self {
        let any = |verdict| reports.iter().any(|report| report.verdict == verdict);
        if any(Verdict::Failing) {
            Self::NotYet
        } else if any(Verdict::Unknown) || reports.is_empty() {
            Self::Unknown
        } else if any(Verdict::Pending) {
            Self::NotYet
        } else {
            Self::Solved
        }
    }
}

fn as_seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overall(verdicts: &[Verdict]) -> Overall {
        let report = |verdict: &Verdict| Report {
            id: "it".to_owned(),
            role: Role::Objective,
            verdict: *verdict,
            message: Message::Reading,
            held: Duration::ZERO,
            needed: Duration::ZERO,
        };
        Overall::of(&verdicts.iter().map(report).collect::<Vec<_>>())
    }

    #[test]
    fn a_lab_is_solved_only_when_everything_passed() {
        use Verdict::{Failing, Passed, Pending, Unknown};
        for (verdicts, expected) in [
            (vec![Passed, Passed], Overall::Solved),
            (vec![Passed, Pending], Overall::NotYet),
            (vec![Passed, Unknown], Overall::Unknown),
            (vec![Pending, Unknown], Overall::Unknown),
            (vec![Failing, Unknown], Overall::NotYet),
            (vec![], Overall::Unknown),
        ] {
            assert_eq!(overall(&verdicts), expected, "{verdicts:?}");
        }
    }
}
