//! How long a Job waits before it replaces failed Pods: 10 s after the first failure in a row, doubled up to ten
//! minutes.
//!
//! Source: `kubernetes/pkg/controller/job/backoff_utils.go`.

use std::time::Duration;

use serde_json::Value;

use super::pod::finished_at;
use crate::clock::Time;

const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(600);

/// What is remembered of a Job's failures.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Record {
    failures: u32,
    last: Option<Time>,
}

impl Record {
    /// The record after these Pods have ended: a success forgets the failures before it.
    pub(super) fn after(self, succeeded: &[&Value], failed: &[&Value]) -> Self {
        let last_success = succeeded.iter().map(|pod| finished_at(pod)).max();
        let failures = failed.iter().map(|pod| finished_at(pod));
        let counted: Vec<Time> = failures
            .filter(|end| last_success.is_none_or(|success| *end > success))
            .collect();
        let before = if last_success.is_some() {
            Self::default()
        } else {
            self
        };
        let more = u32::try_from(counted.len()).unwrap_or(u32::MAX);
        Self {
            failures: before.failures.saturating_add(more),
            last: counted.into_iter().max().or(before.last),
        }
    }

    /// How long is still to be waited at `now`.
    pub(super) fn remaining(self, now: Time) -> Duration {
        self.last
            .map_or(Duration::ZERO, |last| remaining(self.failures, last, now))
    }
}

/// How long is still to be waited at `now` after so many failures in a row, the last at `last`. Two failures, the
/// last 5 s ago: 10 s · 2 − 5 s = 15 s.
pub(super) fn remaining(failures: u32, last: Time, now: Time) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow((failures - 1).min(16)));
    doubled.min(LONGEST).saturating_sub(now.since(last))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: u64) -> Time {
        Time::parse("2026-01-01T00:00:00Z").unwrap() + Duration::from_secs(seconds)
    }

    fn pod(seconds: u64) -> Value {
        json!({"status": {"containerStatuses": [{"state": {"terminated": {"finishedAt": at(seconds).rfc3339()}}}]}})
    }

    #[test]
    fn waits_double_up_to_ten_minutes() {
        let waits: Vec<u64> = [0, 1, 2, 3, 6, 7, 99]
            .into_iter()
            .map(|failures| remaining(failures, at(0), at(0)).as_secs())
            .collect();
        assert_eq!(waits, [0, 10, 20, 40, 320, 600, 600]);
        assert_eq!(remaining(2, at(0), at(5)).as_secs(), 15);
        assert_eq!(remaining(1, at(0), at(60)).as_secs(), 0);
    }

    #[test]
    fn a_success_forgets_what_was_before_it() {
        let (early, middle, late) = (pod(1), pod(2), pod(3));
        let twice = Record::default().after(&[], &[&early]).after(&[], &[&late]);
        assert_eq!(
            twice,
            Record {
                failures: 2,
                last: Some(at(3))
            }
        );
        assert_eq!(twice.after(&[&late], &[]), Record::default());
        let mixed = twice.after(&[&middle], &[&early, &late]);
        assert_eq!(
            mixed,
            Record {
                failures: 1,
                last: Some(at(3))
            }
        );
        assert_eq!(mixed.remaining(at(4)).as_secs(), 9);
    }
}
