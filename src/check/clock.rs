//! The time of a cluster, by which its objects are dated: where time is simulated it is not that of this machine.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The time of the cluster: a time that it showed, and how much has passed since.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Timestamp,
    at: Instant,
}

impl Clock {
    /// A cluster whose clock shows the time of this machine.
    pub fn of_this_machine() -> Self {
        Self::showing(Timestamp::now())
    }

    /// A cluster whose clock shows this time now.
    pub fn showing(now: Timestamp) -> Self {
        Self {
            epoch: now,
            at: Instant::now(),
        }
    }

    /// The time that it shows now.
    pub(super) fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.at.elapsed()).unwrap_or(SignedDuration::MAX);
        self.epoch.saturating_add(passed).unwrap_or(self.epoch)
    }
}
