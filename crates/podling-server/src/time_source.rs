//! Where cluster time comes from: the system's clock, or tokio's, which a test can pause.

use std::future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use podling::clock::Time;

/// What drives a cluster's time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TimeSource {
    /// The system clock. Cluster time never goes backwards: while the system clock is behind it (it was set back,
    /// or a cluster is brought back on a machine whose clock is wrong), cluster time goes on at its own pace.
    Wall,
    /// Tokio's clock, beginning at `start`. Under `tokio::time::pause` time moves only when everything waits,
    /// straight to the next thing that happens, so tests run in virtual time and each run is the same.
    Tokio {
        /// Cluster time at the start of the handle.
        start: Time,
    },
}

/// The longest that the system clock is waited for at a stretch. Timers stand still while a laptop sleeps, the
/// system clock does not; half a minute after it wakes, the cluster has noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// A running [`TimeSource`].
#[derive(Debug)]
pub(crate) enum Clock {
    Wall(Mutex<Reading>),
    Tokio {
        start: Time,
        epoch: tokio::time::Instant,
    },
}

/// What the clock last said, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    time: Time,
    at: Instant,
}

impl Clock {
    /// Starts a clock that says at least `floor`.
    pub(crate) fn start(source: TimeSource, floor: Time) -> Self {
        match source {
            TimeSource::Wall => Self::Wall(Mutex::new(Reading {
                time: floor.max(system_time()),
                at: Instant::now(),
            })),
            TimeSource::Tokio { start } => Self::Tokio {
                start: start.max(floor),
                epoch: tokio::time::Instant::now(),
            },
        }
    }

    /// The present cluster time; never earlier than what was said before.
    pub(crate) fn now(&self) -> Time {
        match self {
            Self::Wall(last) => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                let at = Instant::now();
                let time = forward(last.time, at.duration_since(last.at), system_time());
                *last = Reading { time, at };
                time
            }
            Self::Tokio { start, epoch } => *start + epoch.elapsed(),
        }
    }

    /// Sleeps until `deadline`, or a while less: the caller looks at the clock again. For ever without a deadline.
    pub(crate) async fn sleep_until(&self, deadline: Option<Time>) {
        let Some(deadline) = deadline else {
            return future::pending().await;
        };
        match self {
            Self::Wall(_) => tokio::time::sleep(deadline.since(self.now()).min(LONGEST_SLEEP)).await,
            Self::Tokio { start, epoch } => match epoch.checked_add(deadline.since(*start)) {
                Some(moment) => tokio::time::sleep_until(moment).await,
                None => future::pending().await,
            },
        }
    }
}

/// The system clock's time, or where that is behind, the last time and what has passed since.
///
/// Example: the clock said 12:00:00, 2 s ago. If the system says 12:00:02, or 20:00:00 after a night's sleep, that
/// is the time. If it says 11:00:02 because it was set back an hour, the time is 12:00:02.
fn forward(last: Time, elapsed: Duration, system: Time) -> Time {
    if system >= last { system } else { last + elapsed }
}

fn system_time() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_micros(0) + since
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_follows_the_system_clock_and_never_goes_backwards() {
        let second = Duration::from_secs(1);
        let cases = [
            (100, 2, 102, 102),
            (100, 2, 500, 500),
            (100, 2, 100, 100),
            (100, 2, 40, 102),
            (100, 0, 40, 100),
        ];
        for (last, elapsed, system, expected) in cases {
            let at = |seconds: u32| Time::from_micros(0) + second * seconds;
            assert_eq!(forward(at(last), second * elapsed, at(system)), at(expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tokios_clock_begins_at_its_start_and_moves_with_tokio() {
        let start = Time::from_micros(1_000_000);
        let clock = Clock::start(TimeSource::Tokio { start }, Time::default());
        assert_eq!(clock.now(), start);
        let deadline = start + Duration::from_secs(300);
        clock.sleep_until(Some(deadline)).await;
        assert_eq!(clock.now(), deadline);
        clock.sleep_until(Some(start)).await;
        assert_eq!(clock.now(), deadline);
    }

    #[tokio::test(start_paused = true)]
    async fn a_recovered_cluster_goes_on_from_where_it_was() {
        let start = Time::from_micros(1);
        let floor = Time::from_micros(9);
        assert_eq!(Clock::start(TimeSource::Tokio { start }, floor).now(), floor);
    }
}
