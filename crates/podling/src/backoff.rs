//! How long something that failed waits before it is tried again, as client-go's `flowcontrol.Backoff` counts it.

use std::time::Duration;

use crate::clock::Time;

/// The pauses of one thing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Backoff {
    /// The first pause and the longest.
    limits: (Duration, Duration),
    /// The present pause, and when it began.
    entry: Option<(Duration, Time)>,
}

/// The pauses of a container or an image: from 10 s to 5 min.
impl Default for Backoff {
    fn default() -> Self {
        Self::between(Duration::from_secs(10), Duration::from_secs(300))
    }
}

impl Backoff {
    /// Pauses from `first` to `most`, each twice as long as the one before.
    pub(crate) const fn between(first: Duration, most: Duration) -> Self {
        Self {
            limits: (first, most),
            entry: None,
        }
    }

    /// Whether `event` came so long after the last try that all is forgotten.
    fn is_over(&self, event: Time, updated: Time) -> bool {
        event.since(updated) > self.limits.1 * 2
    }

    /// The present pause; zero before the first failure.
    pub(crate) fn pause(&self) -> Duration {
        self.entry.map_or(Duration::ZERO, |(pause, _)| pause)
    }

    /// Until when something that ended at `event` waits; `None` if it need not.
    ///
    /// Example: after the second start of a container its pause is 10 s. When it ends at 100 it waits until 110;
    /// when it ends at 700, more than twice the longest pause after the last start, not at all.
    pub(crate) fn until(&self, event: Time, now: Time) -> Option<Time> {
        let (pause, updated) = self.entry?;
        if self.is_over(event, updated) {
            return None;
        }
        let end = event + pause;
        (now < end).then_some(end)
    }

    /// Until when something that failed at the last update waits; `None` if it need not.
    pub(crate) fn until_since_update(&self, now: Time) -> Option<Time> {
        let (pause, updated) = self.entry?;
        let end = updated + pause;
        (now < end && !self.is_over(now, updated)).then_some(end)
    }

    /// Counts a new try of what ended at `event`: the pause doubles, or begins anew after a long good time.
    pub(crate) fn next(&mut self, event: Time, now: Time) {
        let pause = match self.entry {
            Some((pause, updated)) if !self.is_over(event, updated) => (pause * 2).min(self.limits.1),
            _ => self.limits.0,
        };
        self.entry = Some((pause, now));
    }
}

/// A duration as Go prints it, for whole seconds: `10s`, `2m40s`, `5m0s`.
pub(crate) fn go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        _ => format!("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_pause_doubles_up_to_five_minutes() {
        let mut backoff = Backoff::default();
        let mut pauses = Vec::new();
        for second in 0..7 {
            backoff.next(at(second), at(second));
            pauses.push(backoff.pause().as_secs());
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn a_pause_counts_from_the_end_and_is_forgotten_after_ten_good_minutes() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.until(at(0), at(0)), None);
        backoff.next(at(0), at(1));
        assert_eq!(backoff.until(at(100), at(105)), Some(at(110)));
        assert_eq!(backoff.until(at(100), at(110)), None);
        assert_eq!(backoff.until(at(700), at(701)), None);
        backoff.next(at(700), at(701));
        assert_eq!(backoff.pause().as_secs(), 10);
    }

    #[test]
    fn durations_look_like_gos() {
        let texts = [10, 60, 160, 300, 3661].map(|s| go_duration(Duration::from_secs(s)));
        assert_eq!(texts, ["10s", "1m0s", "2m40s", "5m0s", "1h1m1s"]);
    }
}
