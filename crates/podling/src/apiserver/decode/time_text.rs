//! Times in texts, as Go's `time.Parse` reads them, and in its words where it does not.
//!
//! Source: Go's package `time`; the layouts of `metav1.Time` and `metav1.MicroTime`.

use crate::clock::Time;

/// The parts of a time, as Go's layouts spell them.
const PARTS: [&str; 13] = [
    "2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05", ".000000", "Z07:00",
];

/// Which form of time a field has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Precision {
    /// `metav1.Time`: a fraction may be there and is forgotten.
    Seconds,
    /// `metav1.MicroTime`: exactly six decimals.
    Micros,
}

/// Reads a time and writes it in its canonical form.
///
/// # Errors
/// Go's words.
pub(super) fn canonical(text: &str, precision: Precision) -> Result<String, String> {
    let layout = match precision {
        Precision::Seconds => "2006-01-02T15:04:05Z07:00",
        Precision::Micros => "2006-01-02T15:04:05.000000Z07:00",
    };
    check(text, layout, precision == Precision::Micros)?;
    let time = Time::parse(text).ok_or_else(|| format!("parsing time {text:?}: day out of range"))?;
    Ok(match precision {
        Precision::Seconds => time.rfc3339(),
        Precision::Micros => time.rfc3339_micro(),
    })
}

/// Goes through the text part by part; the error names the first part that does not fit, and what is left there.
fn check(text: &str, layout: &str, fraction: bool) -> Result<(), String> {
    let mut rest = text;
    for part in PARTS.iter().filter(|part| fraction || **part != ".000000") {
        match after(rest, part, fraction) {
            Ok(left) => rest = left,
            Err(Misfit::Shape) => {
                let why = format!("cannot parse {rest:?} as {part:?}");
                return Err(format!("parsing time {text:?} as {layout:?}: {why}"));
            }
            Err(Misfit::Range(what)) => return Err(format!("parsing time {text:?}: {what} out of range")),
        }
    }
    match rest {
        "" => Ok(()),
        rest => Err(format!("parsing time {text:?}: extra text: {rest:?}")),
    }
}

#[derive(Debug, PartialEq)]
enum Misfit {
    Shape,
    Range(&'static str),
}

/// What is left of the text behind one part; `fraction` if decimals are a part of their own.
fn after<'a>(text: &'a str, part: &str, fraction: bool) -> Result<&'a str, Misfit> {
    match part {
        "2006" => digits(text, 4).map(|(_, rest)| rest),
        "01" => number(text, 1..=12, "month"),
        "02" => number(text, 0..=31, "day"),
        "15" => number(text, 0..=23, "hour"),
        "04" => number(text, 0..=59, "minute"),
        "05" if fraction => number(text, 0..=59, "second"),
        "05" => number(text, 0..=59, "second").map(without_fraction),
        ".000000" => {
            let decimals = text.strip_prefix(['.', ',']).ok_or(Misfit::Shape)?;
            digits(decimals, 6).map(|(_, rest)| rest)
        }
        "Z07:00" => zone(text),
        literal => text.strip_prefix(literal).ok_or(Misfit::Shape),
    }
}

fn digits(text: &str, count: usize) -> Result<(u32, &str), Misfit> {
    let (head, rest) = text.split_at_checked(count).ok_or(Misfit::Shape)?;
    let all = head.bytes().all(|byte| byte.is_ascii_digit());
    let number = head.parse().ok().filter(|_| all).ok_or(Misfit::Shape)?;
    Ok((number, rest))
}

fn number<'a>(
    text: &'a str,
    allowed: std::ops::RangeInclusive<u32>,
    what: &'static str,
) -> Result<&'a str, Misfit> {
    let (number, rest) = digits(text, 2)?;
    match allowed.contains(&number) {
        true => Ok(rest),
        false => Err(Misfit::Range(what)),
    }
}

/// Go takes a fraction of a second though the layout has none.
fn without_fraction(text: &str) -> &str {
    let fraction = text.strip_prefix(['.', ',']);
    match fraction.filter(|fraction| fraction.starts_with(|c: char| c.is_ascii_digit())) {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => text,
    }
}

/// `Z` or `+09:00`.
fn zone(text: &str) -> Result<&str, Misfit> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Ok(rest);
    }
    let rest = text.strip_prefix(['+', '-']).ok_or(Misfit::Shape)?;
    let (_, rest) = digits(rest, 2)?;
    let rest = rest.strip_prefix(':').ok_or(Misfit::Shape)?;
    digits(rest, 2).map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_and_in_their_own_precision() {
        let cases = [
            (
                "2026-01-01T09:00:00+09:00",
                Precision::Seconds,
                "2026-01-01T00:00:00Z",
            ),
            (
                "2026-01-01T00:00:00.75Z",
                Precision::Seconds,
                "2026-01-01T00:00:00Z",
            ),
            (
                "2026-01-01T00:00:00.750000Z",
                Precision::Micros,
                "2026-01-01T00:00:00.750000Z",
            ),
        ];
        for (text, precision, expected) in cases {
            assert_eq!(canonical(text, precision), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn the_first_part_that_does_not_fit_is_told() {
        let cases = [
            ("tomorrow", "cannot parse \"tomorrow\" as \"2006\""),
            ("", "cannot parse \"\" as \"2006\""),
            ("2026-01-01", "cannot parse \"\" as \"T\""),
            ("2026/01/01", "cannot parse \"/01/01\" as \"-\""),
            ("2026-1-01", "cannot parse \"1-01\" as \"01\""),
            ("2026-01-01 10:00:00Z", "cannot parse \" 10:00:00Z\" as \"T\""),
            ("2026-01-01T10:00:00", "cannot parse \"\" as \"Z07:00\""),
            ("2026-01-01T10:00:00+9", "cannot parse \"+9\" as \"Z07:00\""),
        ];
        for (text, why) in cases {
            let expected = format!("parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": {why}");
            assert_eq!(canonical(text, Precision::Seconds), Err(expected));
        }
        assert_eq!(
            canonical("2026-01-01T10:00:00Z", Precision::Micros),
            Err(
                "parsing time \"2026-01-01T10:00:00Z\" as \"2006-01-02T15:04:05.000000Z07:00\": \
                 cannot parse \"Z\" as \".000000\""
                    .to_owned()
            )
        );
    }

    #[test]
    fn what_fits_can_still_be_out_of_range() {
        let cases = [
            ("2026-13-01T10:00:00Z", "month out of range"),
            ("2026-02-30T10:00:00Z", "day out of range"),
            ("2026-01-01T24:00:00Z", "hour out of range"),
            ("2026-01-01T10:00:00.5Zx", "extra text: \"x\""),
        ];
        for (text, why) in cases {
            let expected = format!("parsing time {text:?}: {why}");
            assert_eq!(canonical(text, Precision::Seconds), Err(expected));
        }
    }
}
