//! For how long things have held: an objective passes once its condition has held for its window without interruption.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Verdict;
use super::evaluate::{Finding, Outcome};

/// Since when each objective has held. Times are tokio's, so that tests can let them pass.
#[derive(Debug, Clone, Default)]
pub(super) struct Windows {
    since: BTreeMap<String, (Instant, String)>,
}

impl Windows {
    /// The verdict on an objective that was found so at `now`, and for how long it has held.
    ///
    /// What is held must also be the same thing: where the finding's anchor (such as the restart counts) changes, the
    /// window begins anew. So it does when the cluster couldn't be seen in between.
    pub(super) fn judge(
        &mut self,
        id: &str,
        finding: &Finding,
        needed: Duration,
        now: Instant,
    ) -> (Verdict, Duration) {
        if finding.outcome != Outcome::Holds {
            self.since.remove(id);
            return (verdict_without_window(finding.outcome), Duration::ZERO);
        }
        let entry = self
            .since
            .entry(id.to_owned())
            .or_insert_with(|| (now, finding.anchor.clone()));
        if entry.1 != finding.anchor {
            *entry = (now, finding.anchor.clone());
        }
        let held = now.saturating_duration_since(entry.0);
        (
            if held >= needed {
                Verdict::Passed
            } else {
                Verdict::Pending
            },
            held,
        )
    }
}

/// The verdict where nothing has to last.
pub(super) fn verdict_without_window(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Holds => Verdict::Passed,
        Outcome::Coming => Verdict::Pending,
        Outcome::Fails => Verdict::Failing,
        Outcome::Unseen => Verdict::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Message;

    fn found(outcome: Outcome, anchor: &str) -> Finding {
        Finding {
            outcome,
            message: Message::AllHold,
            anchor: anchor.to_owned(),
        }
    }

    /// Judges one finding after another, each so many seconds after the start, with a window of 10 s.
    fn judged(findings: &[(u64, Outcome, &str)]) -> Vec<(Verdict, u64)> {
        let mut windows = Windows::default();
        let start = Instant::now();
        let judge = |(second, outcome, anchor): &(u64, Outcome, &str)| {
            let now = start + Duration::from_secs(*second);
            let (verdict, held) = windows.judge("it", &found(*outcome, anchor), Duration::from_secs(10), now);
            (verdict, held.as_secs())
        };
        findings.iter().map(judge).collect()
    }

    #[test]
    fn it_passes_after_its_window() {
        use Outcome::Holds;
        let verdicts = judged(&[(0, Holds, ""), (9, Holds, ""), (10, Holds, "")]);
        assert_eq!(
            verdicts,
            [
                (Verdict::Pending, 0),
                (Verdict::Pending, 9),
                (Verdict::Passed, 10)
            ]
        );
    }

    #[test]
    fn an_interruption_begins_the_window_anew() {
        use Outcome::{Fails, Holds, Unseen};
        let verdicts = judged(&[
            (0, Holds, ""),
            (5, Fails, ""),
            (6, Holds, ""),
            (12, Unseen, ""),
            (13, Holds, ""),
        ]);
        assert_eq!(
            verdicts,
            [
                (Verdict::Pending, 0),
                (Verdict::Failing, 0),
                (Verdict::Pending, 0),
                (Verdict::Unknown, 0),
                (Verdict::Pending, 0)
            ]
        );
    }

    #[test]
    fn another_anchor_begins_the_window_anew() {
        use Outcome::Holds;
        let verdicts = judged(&[
            (0, Holds, "1 restart"),
            (9, Holds, "2 restarts"),
            (12, Holds, "2 restarts"),
        ]);
        assert_eq!(verdicts[1..], [(Verdict::Pending, 0), (Verdict::Pending, 3)]);
    }
}
