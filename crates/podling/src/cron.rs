//! Schedules as CronJobs write them: five fields or a macro, and when they are due.
//!
//! Source: `github.com/robfig/cron/v3` (`ParseStandard`), which Kubernetes v1.36 uses; its errors are kept to the
//! letter. Differs from it: a schedule that names a time zone of its own (`TZ=`) carries it in the result and is
//! read without a crash when nothing follows the zone.

use std::time::Duration;

use crate::clock::Time;
use crate::time_zone::TimeZone;

mod duration;
mod field;
mod next;

use field::Bits;

/// When something is due.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Schedule {
    moments: Moments,
    /// The zone that the text itself names.
    zone: Option<TimeZone>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Moments {
    /// The minutes whose parts are all among these.
    Fields(Fields),
    /// Always so long after the last time.
    Every(Duration),
}

/// The minutes, hours, days and months that count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Fields {
    minute: Bits,
    hour: Bits,
    day: Bits,
    month: Bits,
    weekday: Bits,
}

const MACROS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// The sentence in which robfig/cron refuses the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty spec string".to_owned());
        }
        let (zone, rest) = own_zone(text)?;
        let moments = match rest.starts_with('@') {
            true => parse_macro(rest)?,
            false => Moments::Fields(parse_fields(rest)?),
        };
        Ok(Self { moments, zone })
    }

    /// The first moment after `after` that is due in `zone`, unless the text names another; `None` if the next
    /// five years have none.
    pub(crate) fn next(&self, after: Time, zone: &TimeZone) -> Option<Time> {
        match &self.moments {
            Moments::Every(delay) => Some(after.with_whole_seconds() + *delay),
            Moments::Fields(fields) => next::next(fields, after, self.zone.as_ref().unwrap_or(zone)),
        }
    }
}

/// The zone before the fields, if there is one, and what follows it.
fn own_zone(text: &str) -> Result<(Option<TimeZone>, &str), String> {
    let named = ["TZ=", "CRON_TZ="]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix));
    let Some(named) = named else {
        return Ok((None, text));
    };
    let (name, rest) = named.split_once(' ').unwrap_or((named, ""));
    let zone = TimeZone::find(name).map_err(|why| format!("provided bad location {name}: {why}"))?;
    Ok((Some(zone), rest.trim()))
}

fn parse_macro(text: &str) -> Result<Moments, String> {
    if let Some((_, fields)) = MACROS.iter().find(|(name, _)| *name == text) {
        return parse_fields(fields).map(Moments::Fields);
    }
    let Some(every) = text.strip_prefix("@every ") else {
        return Err(format!("unrecognized descriptor: {text}"));
    };
    let delay = duration::parse(every).map_err(|why| format!("failed to parse duration {text}: {why}"))?;
    // Whole seconds, and at least one.
    Ok(Moments::Every(Duration::from_secs(delay.as_secs().max(1))))
}

fn parse_fields(text: &str) -> Result<Fields, String> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = parts[..] else {
        let (count, all) = (parts.len(), parts.join(" "));
        return Err(format!("expected exactly 5 fields, found {count}: [{all}]"));
    };
    Ok(Fields {
        minute: field::parse(minute, &field::MINUTES)?,
        hour: field::parse(hour, &field::HOURS)?,
        day: field::parse(day, &field::DAYS)?,
        month: field::parse(month, &field::MONTHS)?,
        weekday: field::parse(weekday, &field::WEEKDAYS)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_refused_in_the_librarys_words() {
        let cases = [
            ("", "empty spec string"),
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            (
                "5-1 * * * *",
                "beginning of range (5) beyond end of range (1): 5-1",
            ),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            (
                "a * * * *",
                "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax",
            ),
            ("* * * * 7", "end of range (7) above maximum (6): 7"),
            ("@every", "unrecognized descriptor: @every"),
            (
                "@every 1x",
                "failed to parse duration @every 1x: time: unknown unit \"x\" in duration \"1x\"",
            ),
            (
                "TZ=Mars/Base * * * * *",
                "provided bad location Mars/Base: unknown time zone Mars/Base",
            ),
        ];
        for (text, why) in cases {
            assert_eq!(Schedule::parse(text), Err(why.to_owned()), "{text}");
        }
    }

    #[test]
    fn macros_stand_for_fields() {
        for (name, fields) in MACROS {
            assert_eq!(Schedule::parse(name), Schedule::parse(fields));
        }
    }

    #[test]
    fn every_counts_from_the_last_time_in_whole_seconds() {
        let zone = TimeZone::find("UTC").unwrap();
        let start = Time::parse("2026-01-01T00:00:00.5Z").unwrap();
        let next = |text: &str| Schedule::parse(text).unwrap().next(start, &zone).unwrap();
        assert_eq!(
            next("@every 1m30s").rfc3339_micro(),
            "2026-01-01T00:01:30.000000Z"
        );
        assert_eq!(next("@every 1ms").rfc3339_micro(), "2026-01-01T00:00:01.000000Z");
    }

    #[test]
    fn a_zone_in_the_text_wins() {
        let schedule = Schedule::parse("CRON_TZ=Asia/Tokyo 0 9 * * *").unwrap();
        let start = Time::parse("2026-01-01T12:00:00Z").unwrap();
        let next = schedule.next(start, &TimeZone::find("UTC").unwrap()).unwrap();
        assert_eq!(next.rfc3339(), "2026-01-02T00:00:00Z");
    }
}
