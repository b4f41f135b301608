//! Cluster time: what `now` is inside the cluster, and how it is written in objects.
//!
//! Time never comes from the machine. It is given to [`Cluster::advance_to`](crate::Cluster::advance_to) and
//! moves only there, so that a test of a five-minute back-off takes microseconds and two runs are identical.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment of cluster time, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Time(i64);

impl Time {
    /// The moment `micros` microseconds after the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 time as objects carry it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>()
            .ok()
            .map(|t| Self(t.as_microsecond()))
    }

    /// `metav1.Time`'s wire form: whole seconds, `2026-11-21T03:40:25Z`.
    pub fn rfc3339(self) -> String {
        self.with_whole_seconds().timestamp().to_string()
    }

    /// `metav1.MicroTime`'s wire form: always six decimals, `2026-11-21T03:40:25.000123Z`.
    pub fn rfc3339_micro(self) -> String {
        format!("{:.6}", self.timestamp())
    }

    /// The time a container's log carries with `--timestamps`: nine decimals.
    pub fn rfc3339_nano(self) -> String {
        format!("{:.9}", self.timestamp())
    }

    /// How long it has been since `earlier`; zero if that is in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// This moment with its fraction of a second cut off, as every `metav1.Time` has it.
    #[must_use]
    pub const fn with_whole_seconds(self) -> Self {
        Self(self.0 - self.0.rem_euclid(1_000_000))
    }

    /// The same moment for calendar arithmetic and formatting.
    pub fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or_default()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_kubernetes_writes_it() {
        let time = Time::from_micros(1_700_000_000_123_456);
        assert_eq!(time.rfc3339(), "2023-11-14T22:13:20Z");
        assert_eq!(time.rfc3339_micro(), "2023-11-14T22:13:20.123456Z");
        assert_eq!(time.rfc3339_nano(), "2023-11-14T22:13:20.123456000Z");
        assert_eq!(
            Time::parse("2023-11-14T22:13:20Z"),
            Some(time.with_whole_seconds())
        );
    }

    #[test]
    fn a_future_moment_is_zero_ago() {
        let now = Time::from_micros(0);
        assert_eq!(now.since(now + Duration::from_secs(5)), Duration::ZERO);
    }
}
