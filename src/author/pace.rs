//! How long the parts of a proof may take.

use std::time::Duration;

use crate::lab::Lab;

/// How long the parts of a proof may take, by the clock of the cluster where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// How long the symptom may take.
    pub(super) symptom: Duration,
    /// How long a solution may take until everything has passed.
    pub(super) solved: Duration,
    /// How long it is watched whether a break or a wrong fix passes after all, and whether a solution stays one.
    pub(super) watched: Duration,
    /// How long a wrong fix may take until it fails where it says: a container that is killed again and again comes to
    /// `CrashLoopBackOff` only after a hundred seconds.
    pub(super) fails: Duration,
    /// How long a script or a shown command may run, by the clock on the wall.
    pub(super) script: Duration,
    /// How long a shown command that goes on for ever (`--watch`, `--follow`) is left running, by the clock on the wall.
    pub(super) glance: Duration,
}

impl Pace {
    /// In virtual time, where patience costs nothing.
    pub(super) const VIRTUAL: Self = Self {
        symptom: Duration::from_secs(300),
        solved: Duration::from_secs(900),
        watched: Duration::from_secs(240),
        fails: Duration::from_secs(240),
        script: Duration::from_secs(30),
        glance: Duration::from_millis(500),
    };

    /// On a cluster whose time is the wall's. Images may have to be pulled there.
    pub(super) fn real(lab: &Lab, watched: Option<Duration>) -> Self {
        Self {
            watched: watched.unwrap_or_else(|| enough(lab)),
            script: Duration::from_secs(300),
            glance: Duration::from_secs(5),
            ..Self::VIRTUAL
        }
    }
}

/// How long a wrong fix has to be watched: until old Pods are gone, which takes the usual 30 s of grace, and then for two
/// windows of the slowest objective, so that one which begins late is seen to its end.
///
/// The slowest objective asks for 45 s: 30 + 2 × 45 = 120 s.
fn enough(lab: &Lab) -> Duration {
    let windows = lab.definition.objectives.iter().map(|it| it.window.as_seconds());
    Duration::from_secs(30 + 2 * windows.max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Catalogue;

    #[test]
    fn a_wrong_fix_is_watched_for_two_windows_or_as_long_as_was_asked() {
        let lab = Catalogue::builtin().find("ch07-probe-port").unwrap().clone();
        assert_eq!(Pace::real(&lab, None).watched, Duration::from_secs(120));
        let asked = Duration::from_secs(3);
        assert_eq!(Pace::real(&lab, Some(asked)).watched, asked);
    }
}
