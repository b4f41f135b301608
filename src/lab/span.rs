//! Lengths of time as lab authors write them: `40s`, `2m`, `1m30s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::by_text::serde_by_text;

/// A length of time in whole seconds, written as in `40s`, `2m` or `1h5m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(u64);

impl Span {
    /// A span of so many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// How many seconds it is.
    pub const fn as_seconds(self) -> u64 {
        self.0
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        Self::from_secs(span.0)
    }
}

/// The text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a length of time: expected something like 40s, 2m or 1m30s")]
pub struct NotASpan(String);

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map(Self).ok_or_else(|| NotASpan(text.to_owned()))
    }
}

/// Adds up number and unit pairs: `1m30s` is 1 × 60 + 30 × 1 = 90.
fn parse(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let unit = match rest.as_bytes()[digits] {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            _ => return None,
        };
        let number: u64 = rest[..digits].parse().ok()?;
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    (!text.is_empty()).then_some(total)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 60, self.0 % 60) {
            (0, seconds) => write!(f, "{seconds}s"),
            (minutes, 0) => write!(f, "{minutes}m"),
            (minutes, seconds) => write!(f, "{minutes}m{seconds}s"),
        }
    }
}

serde_by_text!(Span);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_written() {
        for (text, seconds, back) in [
            ("40s", 40, "40s"),
            ("90s", 90, "1m30s"),
            ("1m30s", 90, "1m30s"),
            ("1h", 3600, "60m"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.as_seconds(), span.to_string().as_str()), (seconds, back));
        }
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for text in ["", "40", "s", "4 s", "-4s", "40秒", "99999999999999999999s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
