//! How long ago something was, as kubectl shows it: `45s`, `3m20s`, `5h`, `9d`.
//!
//! Source: `k8s.io/apimachinery/pkg/util/duration`, `HumanDuration`.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// A unit in which durations are shown: its seconds and its letter.
type Unit = (u64, char);

/// Below how many seconds which unit is shown, with the next smaller one if that is not zero.
const STEPS: [(u64, Unit, Option<Unit>); 8] = [
    (2 * MINUTE, (1, 's'), None),
    (10 * MINUTE, (MINUTE, 'm'), Some((1, 's'))),
    (3 * HOUR, (MINUTE, 'm'), None),
    (8 * HOUR, (HOUR, 'h'), Some((MINUTE, 'm'))),
    (2 * DAY, (HOUR, 'h'), None),
    (8 * DAY, (DAY, 'd'), Some((HOUR, 'h'))),
    (2 * YEAR, (DAY, 'd'), None),
    (8 * YEAR, (YEAR, 'y'), Some((DAY, 'd'))),
];

/// `duration` in words. Seven and a half minutes, 450 s, is below ten minutes: 450 / 60 = `7m`, and 450 mod 60 =
/// `30s`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let step = STEPS.iter().find(|(below, ..)| seconds < *below);
    let (_, (size, letter), finer) = step.copied().unwrap_or((0, (YEAR, 'y'), None));
    let mut text = format!("{}{letter}", seconds / size);
    if let Some((finer, letter)) = finer {
        let rest = seconds % size / finer;
        if rest > 0 {
            text.push_str(&rest.to_string());
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_kubectl_shows_them() {
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (200, "3m20s"),
            (10 * MINUTE, "10m"),
            (179 * MINUTE + 59, "179m"),
            (3 * HOUR, "3h"),
            (3 * HOUR + 5 * MINUTE, "3h5m"),
            (8 * HOUR + 5 * MINUTE, "8h"),
            (47 * HOUR, "47h"),
            (2 * DAY, "2d"),
            (3 * DAY + 4 * HOUR, "3d4h"),
            (9 * DAY + 4 * HOUR, "9d"),
            (2 * YEAR + 10 * DAY, "2y10d"),
            (8 * YEAR + 10 * DAY, "8y"),
        ];
        for (seconds, text) in cases {
            assert_eq!(human(Duration::from_secs(seconds)), text, "{seconds} s");
        }
    }
}
