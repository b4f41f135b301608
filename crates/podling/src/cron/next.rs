//! The next moment at which all fields agree (`SpecSchedule.Next`).
//!
//! The greatest field that disagrees is stepped first, and what is below it begins anew; so a schedule is found
//! in a few dozen steps, and a day that is 23 or 25 hours long needs care only where days are stepped.

use jiff::ToSpan as _;
use jiff::Zoned;
use jiff::civil::DateTime;

use super::Fields;
use crate::clock::Time;
use crate::time_zone::TimeZone;

/// How far ahead is looked.
const YEARS: i16 = 5;

/// The first whole minute after `after` in `zone` that all fields allow.
pub(super) fn next(fields: &Fields, after: Time, zone: &TimeZone) -> Option<Time> {
    let second = after.with_whole_seconds() + std::time::Duration::from_secs(1);
    let mut moment = second.timestamp().to_zoned(zone.rules().clone());
    let limit = moment.year().checked_add(YEARS)?;
    while moment.year() <= limit {
        moment = match step(fields, &moment) {
            Step::Found => return Some(Time::from_micros(moment.timestamp().as_microsecond())),
            Step::To(later) => later?,
        };
    }
    None
}

enum Step {
    /// All fields agree.
    Found,
    /// The next moment to look at.
    To(Option<Zoned>),
}

fn step(fields: &Fields, moment: &Zoned) -> Step {
    let at = moment.datetime();
    if !fields.month.has(at.month()) {
        let first = at.date().first_of_month().checked_add(1.month());
        return Step::To(first.ok().and_then(|date| begin(moment, date.at(0, 0, 0, 0))));
    }
    if !day_matches(fields, at) {
        let tomorrow = at.date().tomorrow();
        return Step::To(tomorrow.ok().and_then(|date| begin(moment, date.at(0, 0, 0, 0))));
    }
    // Counted from the moment, not set on the clock's face: an hour that comes twice is passed twice.
    let into_minute = i64::from(at.second());
    let into_hour = i64::from(at.minute()) * 60 + into_minute;
    if !fields.hour.has(at.hour()) {
        return Step::To(moment.checked_add((3600 - into_hour).seconds()).ok());
    }
    if !fields.minute.has(at.minute()) || into_minute > 0 {
        return Step::To(moment.checked_add((60 - into_minute).seconds()).ok());
    }
    Step::Found
}

/// The moment at which clocks in the zone of `like` show `at`; after the gap if they never do.
fn begin(like: &Zoned, at: DateTime) -> Option<Zoned> {
    at.to_zoned(like.time_zone().clone()).ok()
}

/// Both kinds of days must agree if one of them is `*`; else one is enough.
fn day_matches(fields: &Fields, at: DateTime) -> bool {
    let day = fields.day.has(at.day());
    let weekday = fields.weekday.has(at.weekday().to_sunday_zero_offset());
    match fields.day.is_star() || fields.weekday.is_star() {
        true => day && weekday,
        false => day || weekday,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Schedule;
    use super::*;

    #[track_caller]
    fn check(schedule: &str, zone: &str, after: &str, expected: Option<&str>) {
        let zone = TimeZone::find(zone).unwrap();
        let next = Schedule::parse(schedule)
            .unwrap()
            .next(Time::parse(after).unwrap(), &zone);
        let found = next.map(Time::rfc3339);
        assert_eq!(found.as_deref(), expected, "{schedule} after {after}");
    }

    #[test]
    fn the_next_moment_is_later_and_fits_all_fields() {
        let cases = [
            ("* * * * *", "2026-01-01T00:00:00Z", Some("2026-01-01T00:01:00Z")),
            (
                "* * * * *",
                "2026-01-01T00:00:59.5Z",
                Some("2026-01-01T00:01:00Z"),
            ),
            (
                "*/15 * * * *",
                "2026-01-01T00:14:30Z",
                Some("2026-01-01T00:15:00Z"),
            ),
            (
                "30 6-16/4 * * 1-5",
                "2026-01-02T14:31:00Z",
                Some("2026-01-05T06:30:00Z"),
            ),
            ("0 0 29 2 *", "2026-01-01T00:00:00Z", Some("2028-02-29T00:00:00Z")),
            ("0 0 31 2 *", "2026-01-01T00:00:00Z", None),
            // The 13th, or a Friday.
            (
                "0 0 13 * fri",
                "2026-01-01T00:00:00Z",
                Some("2026-01-02T00:00:00Z"),
            ),
            // The 13th that is any weekday.
            ("0 0 13 * *", "2026-01-01T00:00:00Z", Some("2026-01-13T00:00:00Z")),
            (
                "59 23 31 12 *",
                "2026-12-31T23:59:00Z",
                Some("2027-12-31T23:59:00Z"),
            ),
        ];
        for (schedule, after, expected) in cases {
            check(schedule, "UTC", after, expected);
        }
    }

    #[test]
    fn zones_shift_and_days_are_not_all_alike() {
        let cases = [
            (
                "0 9 * * *",
                "Asia/Tokyo",
                "2026-01-01T00:00:00Z",
                "2026-01-02T00:00:00Z",
            ),
            // Half past two does not exist on this morning.
            (
                "30 2 * * *",
                "Europe/Berlin",
                "2026-03-28T12:00:00Z",
                "2026-03-30T00:30:00Z",
            ),
            (
                "0 4 * * *",
                "Europe/Berlin",
                "2026-03-28T12:00:00Z",
                "2026-03-29T02:00:00Z",
            ),
            (
                "0 0 * * *",
                "Europe/Berlin",
                "2026-10-24T23:00:00Z",
                "2026-10-25T23:00:00Z",
            ),
        ];
        for (schedule, zone, after, expected) in cases {
            check(schedule, zone, after, Some(expected));
        }
    }
}
