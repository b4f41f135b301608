//! When a CronJob's next Job is due, and which of the missed ones is still started.
//!
//! Source: `kubernetes/pkg/controller/cronjob/utils.go`, `mostRecentScheduleTime` and `nextScheduleTimeDuration`.

use std::time::Duration;

use serde_json::Value;

use crate::clock::Time;
use crate::cron::Schedule;
use crate::storage::text;
use crate::time_zone::TimeZone;

use super::super::pod::created;

/// A Job is started a little late rather than a little early.
const PADDING: Duration = Duration::from_millis(100);
/// More missed times than that are complained about.
const MANY: u64 = 100;

/// A schedule that cannot come true, in Kubernetes' words.
pub(super) const NEVER: &str = "time difference between two schedules is less than 1 second";

/// A schedule in its time zone.
#[derive(Debug)]
pub(super) struct Timetable {
    schedule: Schedule,
    zone: TimeZone,
}

/// What has become due since the last time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Due {
    /// The latest moment that has come; `None` if none has.
    pub(super) latest: Option<Time>,
    /// How many moments have passed unused, roughly.
    missed: u64,
}

impl Due {
    /// Whether so many times were missed that something must be wrong.
    pub(super) const fn missed_many(&self) -> bool {
        self.missed > MANY
    }
}

impl Timetable {
    /// The timetable of `schedule` in `zone`.
    pub(super) const fn new(schedule: Schedule, zone: TimeZone) -> Self {
        Self { schedule, zone }
    }

    fn next(&self, after: Time) -> Option<Time> {
        self.schedule.next(after, &self.zone)
    }

    /// What of `cron_job` has become due, not looking further back than its deadline.
    ///
    /// # Errors
    /// [`NEVER`] for a schedule that does not come twice.
    pub(super) fn due(&self, cron_job: &Value, now: Time) -> Result<Due, &'static str> {
        let since = last(cron_job);
        let deadline = cron_job["spec"]["startingDeadlineSeconds"].as_u64();
        let since = deadline.map_or(since, |seconds| since.max(now - Duration::from_secs(seconds)));
        self.due_since(since, now)
    }

    /// What has become due after `since`. The moments between are not visited one by one: from the first two the
    /// last but one is reckoned. Every 60 s, first at 0 s, now 605 s: 605 / 60 + 1 = 11 moments, the last but one
    /// at 0 + 9 · 60 = 540 s, after which 600 s is found.
    fn due_since(&self, since: Time, now: Time) -> Result<Due, &'static str> {
        let first = self.next(since).ok_or(NEVER)?;
        if now < first {
            return Ok(Due::default());
        }
        let second = self.next(first).ok_or(NEVER)?;
        if now < second {
            return Ok(Due {
                latest: Some(first),
                missed: 0,
            });
        }
        let interval = second.since(first).as_secs();
        if interval == 0 {
            return Err(NEVER);
        }
        let missed = now.since(first).as_secs() / interval + 1;
        let mut latest = None;
        let mut moment = self.next(first + Duration::from_secs(missed.saturating_sub(2) * interval));
        while let Some(due) = moment.filter(|moment| *moment <= now) {
            latest = Some(due);
            moment = self.next(due);
        }
        Ok(Due { latest, missed })
    }

    /// When the CronJob is to be looked at again.
    pub(super) fn next_look(&self, cron_job: &Value, now: Time) -> Option<Time> {
        let last = last(cron_job);
        let from = match self.due_since(last, now) {
            Ok(Due {
                latest: Some(due), ..
            }) => due,
            Ok(Due { missed: 0, .. }) => last,
            _ => now,
        };
        self.next(from).map(|next| next + PADDING)
    }
}

/// When the last Job was due; at first the CronJob's own beginning.
fn last(cron_job: &Value) -> Time {
    let last = Time::parse(text(cron_job, &["status", "lastScheduleTime"]));
    last.unwrap_or_else(|| created(cron_job))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    fn cron_job(deadline: Option<u64>) -> Value {
        json!({
            "metadata": {"creationTimestamp": "2026-01-01T00:00:30Z"},
            "spec": {"startingDeadlineSeconds": deadline}, "status": {},
        })
    }

    fn timetable(schedule: &str) -> Timetable {
        Timetable::new(Schedule::parse(schedule).unwrap(), TimeZone::UTC)
    }

    #[test]
    fn the_latest_of_the_missed_moments_is_due() {
        let cases = [
            ("* * * * *", "2026-01-01T00:00:59Z", None, 0),
            (
                "* * * * *",
                "2026-01-01T00:01:00Z",
                Some("2026-01-01T00:01:00Z"),
                0,
            ),
            (
                "* * * * *",
                "2026-01-01T00:10:05Z",
                Some("2026-01-01T00:10:00Z"),
                10,
            ),
            (
                "@every 7m",
                "2026-01-01T00:20:00Z",
                Some("2026-01-01T00:14:30Z"),
                2,
            ),
            (
                "30 6-16/4 * * 1-5",
                "2026-01-06T07:00:00Z",
                Some("2026-01-06T06:30:00Z"),
                31,
            ),
        ];
        for (schedule, now, latest, missed) in cases {
            let due = timetable(schedule).due(&cron_job(None), at(now)).unwrap();
            let expected = Due {
                latest: latest.map(at),
                missed,
            };
            assert_eq!(due, expected, "{schedule} {now}");
        }
    }

    #[test]
    fn a_deadline_forgets_what_is_too_old() {
        let now = at("2026-01-03T00:00:30Z");
        let every_minute = timetable("* * * * *");
        assert!(every_minute.due(&cron_job(None), now).unwrap().missed_many());
        let due = every_minute.due(&cron_job(Some(100)), now).unwrap();
        assert!(!due.missed_many());
        assert_eq!(due.latest, Some(at("2026-01-03T00:00:00Z")));
    }

    #[test]
    fn a_day_that_never_comes_is_an_error() {
        let never = timetable("0 0 31 2 *");
        assert_eq!(never.due(&cron_job(None), at("2026-01-03T00:00:30Z")), Err(NEVER));
    }

    #[test]
    fn the_next_look_is_just_after_the_next_moment() {
        let hourly = timetable("@hourly");
        let look = hourly.next_look(&cron_job(None), at("2026-01-01T00:30:00Z"));
        assert_eq!(look, Some(at("2026-01-01T01:00:00.1Z")));
        let late = hourly.next_look(&cron_job(None), at("2026-01-01T05:30:00Z"));
        assert_eq!(late, Some(at("2026-01-01T06:00:00.1Z")));
    }
}
