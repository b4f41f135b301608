//! The CPU time that a process uses: its work is done as fast as its limit lets it.

use std::time::Duration;

use super::process::Limits;
use crate::clock::Time;

/// The kernel gives no process less than 1 ms in each 100 ms, whatever its limit.
const LEAST_SHARE: u64 = 10;
/// Work does not pile up: a client that would wait longer is served the worse for it, and sends less.
const MOST_WAITING: Duration = Duration::from_millis(100);
/// More work than there is time for.
const ENDLESS: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Work that is done, and work that waits for its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    done: Duration,
    waiting: Duration,
    at: Time,
}

impl Load {
    /// Nothing to do.
    pub(crate) const fn new(now: Time) -> Self {
        Self {
            done: Duration::ZERO,
            waiting: Duration::ZERO,
            at: now,
        }
    }

    /// Takes in work of so much CPU time.
    pub(crate) fn add(&mut self, work: Duration, limits: Limits, now: Time) {
        let finished = self.finished(limits, now);
        self.done += finished;
        self.waiting -= finished;
        self.at = now;
        if self.waiting < MOST_WAITING {
            self.waiting += work;
        }
    }

    /// Has work without end.
    pub(crate) const fn burn(&mut self) {
        self.waiting = ENDLESS;
    }

    /// The CPU time used until then.
    pub(crate) fn done(&self, limits: Limits, now: Time) -> Duration {
        self.done + self.finished(limits, now)
    }

    fn finished(&self, limits: Limits, now: Time) -> Duration {
        self.waiting.min(at_most(now.since(self.at), limits))
    }
}

/// The most CPU time that one thread can use in `time`. Example: 10 s at a limit of 5m are 100 ms, because the kernel
/// gives at least 10m.
pub(crate) fn at_most(time: Duration, limits: Limits) -> Duration {
    let share = limits.cpu.unwrap_or(1000).clamp(LEAST_SHARE, 1000);
    time.saturating_mul(u32::try_from(share).unwrap_or(1000)) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(cpu: Option<u64>) -> Limits {
        Limits { memory: 0, cpu }
    }

    fn at(millis: i64) -> Time {
        Time::from_micros(millis * 1000)
    }

    #[test]
    fn work_is_done_at_the_speed_of_the_limit() {
        let mut load = Load::new(at(0));
        load.add(Duration::from_millis(50), limits(Some(100)), at(0));
        let done = |load: &Load, millis, cpu| load.done(limits(cpu), at(millis)).as_millis();
        assert_eq!(done(&load, 100, Some(100)), 10);
        assert_eq!(done(&load, 10_000, Some(100)), 50);
        assert_eq!(done(&load, 100, None), 50);
        assert_eq!(done(&load, 1000, Some(5)), 10);
    }

    #[test]
    fn work_does_not_pile_up() {
        let mut load = Load::new(at(0));
        for _ in 0..100 {
            load.add(Duration::from_millis(50), limits(Some(10)), at(0));
        }
        assert_eq!(
            load.done(limits(Some(10)), at(1_000_000)),
            Duration::from_millis(100)
        );
        load.burn();
        assert_eq!(load.done(limits(None), at(5000)), Duration::from_secs(5));
    }
}
