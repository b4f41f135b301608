//! The progress meter that `curl` shows on standard error unless it writes to a terminal or is told to be silent
//! (curl 8.4, `lib/progress.c`).

use std::fmt::Write as _;
use std::time::Duration;

const HEAD: &str = "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n\
    \x20                                Dload  Upload   Total   Spent    Left  Speed\n";

/// A transfer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Transfer {
    /// How many bytes the answer has.
    pub(super) expected: u64,
    /// How many of them came.
    pub(super) received: u64,
    /// How many were sent.
    pub(super) sent: u64,
    /// How long it took.
    pub(super) took: Duration,
}

/// The meter from the first moment to the last full second before the end.
pub(super) fn begins(took: Duration) -> String {
    let mut meter = format!("{HEAD}{}", Transfer::default().line());
    // A server that answers late has sent nothing until then.
    let seconds = took.as_secs() + u64::from(took.subsec_nanos() > 0);
    for second in 1..seconds {
        let so_far = Transfer {
            took: Duration::from_secs(second),
            ..Transfer::default()
        };
        meter += &so_far.line();
    }
    meter
}

impl Transfer {
    /// The last line of the meter.
    pub(super) fn ends(self) -> String {
        self.line() + "\n"
    }

    /// 13 bytes in 2 ms: `100    13  100    13    0     0   6500      0 --:--:-- --:--:-- --:--:--  6500`.
    fn line(self) -> String {
        let (total, done) = (self.expected + self.sent, self.received + self.sent);
        let (down, up) = (speed(self.received, self.took), speed(self.sent, self.took));
        let (expected, spent) = (longest(self.expected, down, self.sent, up), self.took.as_secs());
        let mut line = String::from("\r");
        for (share, size) in [
            (percent(done, total), total),
            (percent(self.received, self.expected), self.received),
            (percent(self.sent, self.sent), self.sent),
        ] {
            let _ = write!(line, "{share:>3} {}  ", size_of_five(size));
        }
        let _ = write!(line, "{}  {}", size_of_five(down), size_of_five(up));
        for time in [expected, spent, expected.saturating_sub(spent)] {
            let _ = write!(line, " {}", clock(time));
        }
        let _ = write!(line, " {}", size_of_five(down + up));
        line
    }
}

fn percent(done: u64, of: u64) -> u64 {
    (done * 100).checked_div(of).unwrap_or(0)
}

/// Bytes a second: 13 bytes in 2 ms are 6500.
fn speed(bytes: u64, took: Duration) -> u64 {
    let speed = (u128::from(bytes) * 1_000_000).checked_div(took.as_micros());
    speed.map_or(0, |speed| u64::try_from(speed).unwrap_or(u64::MAX))
}

/// The seconds that the slower direction needs at its speed.
fn longest(received: u64, down: u64, sent: u64, up: u64) -> u64 {
    let seconds = |bytes: u64, speed: u64| bytes.checked_div(speed).unwrap_or(0);
    seconds(received, down).max(seconds(sent, up))
}

/// A size in five columns: `   13`, `99999`, ` 976k` (1,000,000 bytes), ` 9.5M` (10,000,000 bytes).
fn size_of_five(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match bytes {
        0..100_000 => format!("{bytes:>5}"),
        100_000..10_240_000 => format!("{:>4}k", bytes / KIB),
        _ if bytes < 100 * MIB => format!("{:>2}.{}M", bytes / MIB, bytes % MIB / (MIB / 10)),
        _ => format!("{:>4}M", bytes / MIB),
    }
}

/// `--:--:--` for nothing, else ` 0:01:05`.
fn clock(seconds: u64) -> String {
    match seconds {
        0 => "--:--:--".to_owned(),
        _ => format!(
            "{:>2}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_columns_of_curl() {
        let quick = Transfer {
            expected: 13,
            received: 13,
            sent: 0,
            took: Duration::from_millis(2),
        };
        assert_eq!(
            quick.ends(),
            "\r100    13  100    13    0     0   6500      0 --:--:-- --:--:-- --:--:--  6500\n"
        );
        let posted = Transfer {
            sent: 5,
            took: Duration::from_secs(3),
            ..quick
        };
        assert_eq!(
            posted.ends(),
            "\r100    18  100    13  100     5      4      1  0:00:05  0:00:03  0:00:02     5\n"
        );
        let head = Transfer { received: 0, ..quick };
        assert_eq!(
            head.ends(),
            "\r  0    13    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n"
        );
    }

    #[test]
    fn each_second_of_waiting_has_a_line() {
        let meter = begins(Duration::from_secs(3));
        let lines: Vec<&str> = meter.split('\r').collect();
        assert_eq!(lines[0], HEAD);
        assert_eq!(
            lines[1..],
            [
                "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0",
                "  0     0    0     0    0     0      0      0 --:--:--  0:00:01 --:--:--     0",
                "  0     0    0     0    0     0      0      0 --:--:--  0:00:02 --:--:--     0",
            ]
        );
    }

    #[test]
    fn sizes_fit_into_five_columns() {
        for (bytes, shown) in [
            (0, "    0"),
            (99_999, "99999"),
            (1_000_000, " 976k"),
            (10_240_000, " 9.7M"),
            (10_400_000, " 9.9M"),
            (200 << 20, " 200M"),
        ] {
            assert_eq!(size_of_five(bytes), shown, "{bytes}");
        }
    }
}
