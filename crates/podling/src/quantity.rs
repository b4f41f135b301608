//! Amounts of CPU, memory and other things, as `resource.Quantity` reads, compares and writes them.
//!
//! Source: the quantity documentation (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>)
//! and `k8s.io/apimachinery/pkg/api/resource`, v1.36. Values are exact to a billionth (`n`), as there; what is
//! finer is rounded up. Unlike there, every amount beyond ±(2⁶³−1) is cut to that bound.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use serde_json::Value;

const NANOS: i128 = 1_000_000_000;
const NANOS_PER_MILLI: i128 = 1_000_000;
const MOST: i128 = i64::MAX as i128 * NANOS;

/// An amount, with the family of suffixes that it was written in.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

/// Which suffixes a [`Quantity`] is written with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// `m`, none, `k`, `M`, `G`…: powers of 1000.
    DecimalSi,
    /// `Ki`, `Mi`, `Gi`…: powers of 1024.
    BinarySi,
    /// `e3`, `e6`…: powers of ten in figures.
    DecimalExponent,
}

/// Why a text is no quantity, in Kubernetes' words.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseError {
    /// The text has another shape than number and suffix.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// The suffix is none of the known ones.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// A quantity's text, taken apart.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

impl Quantity {
    /// Nothing, written `0`.
    pub const ZERO: Self = Self {
        nanos: 0,
        format: Format::DecimalSi,
    };

    /// Reads a quantity such as `100m`, `1.5Gi` or `1e3`.
    ///
    /// # Errors
    /// When the text is no number, or its suffix is unknown.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let parts = Parts::split(text).ok_or(ParseError::Format)?;
        let (base, exponent, format) = interpret_suffix(parts.suffix).ok_or(ParseError::Suffix)?;
        let magnitude = scaled_nanos(parts.whole, parts.fraction, base, exponent);
        let nanos = if parts.negative { -magnitude } else { magnitude };
        // 0.5Ki is 512, but 0.0005Ki is less than one and has no binary form.
        let below_one = format == Format::BinarySi && nanos > 0 && nanos < NANOS;
        let format = if below_one { Format::DecimalSi } else { format };
        Ok(Self { nanos, format })
    }

    /// Reads a quantity out of an object: a text, or a plain number.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); a value of another type has the wrong format.
    pub fn from_json(value: &Value) -> Result<Self, ParseError> {
        match value {
            Value::Null => Ok(Self::ZERO),
            Value::String(text) => Self::parse(text.trim()),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => Err(ParseError::Format),
        }
    }

    /// `whole` units, written in `format`.
    pub const fn from_units(whole: i64, format: Format) -> Self {
        Self {
            nanos: whole as i128 * NANOS,
            format,
        }
    }

    /// `milli` thousandths, as CPU time is counted.
    pub const fn from_milli(milli: i64) -> Self {
        Self {
            nanos: milli as i128 * NANOS_PER_MILLI,
            format: Format::DecimalSi,
        }
    }

    /// Whole units, rounded away from zero: `1500m` is 2.
    pub fn value(self) -> i64 {
        saturate(divide_away_from_zero(self.nanos, NANOS))
    }

    /// Thousandths, rounded away from zero: `100u` is 1.
    pub fn milli_value(self) -> i64 {
        saturate(divide_away_from_zero(self.nanos, NANOS_PER_MILLI))
    }

    /// The amount in whole units as a floating-point number, for shares and percentages.
    pub fn as_f64(self) -> f64 {
        self.nanos as f64 / NANOS as f64
    }

    /// The suffix family.
    pub const fn format(self) -> Format {
        self.format
    }

    /// Whether the amount is nothing.
    pub const fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// Whether the amount is below nothing.
    pub const fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether the amount is a whole number of units.
    pub const fn is_whole(self) -> bool {
        self.nanos % NANOS == 0
    }

    /// The amount rounded away from zero to thousandths, which every resource list is stored with.
    #[must_use]
    pub fn rounded_up_to_milli(self) -> Self {
        let nanos = divide_away_from_zero(self.nanos, NANOS_PER_MILLI) * NANOS_PER_MILLI;
        Self { nanos, ..self }
    }
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Option<Self> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, rest) = take_while(unsigned, |c| c.is_ascii_digit());
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => take_while(rest, |c| c.is_ascii_digit()),
            None => ("", rest),
        };
        let starts_as_number = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        (starts_as_number && is_suffix_shaped(suffix)).then_some(Self {
            negative: text.starts_with('-'),
            whole,
            fraction,
            suffix,
        })
    }
}

fn take_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// Letters, then perhaps a sign, then digits: `Mi`, `e-3`, none.
fn is_suffix_shaped(suffix: &str) -> bool {
    let (_, rest) = take_while(suffix, |c| "eEinumkKMGTP".contains(c));
    let digits = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    digits.chars().all(|c| c.is_ascii_digit())
}

/// The base, its exponent and the family: `Mi` is (2, 20, binary), `m` is (10, −3, decimal).
fn interpret_suffix(suffix: &str) -> Option<(u32, i64, Format)> {
    let decimal = |exponent| Some((10, exponent, Format::DecimalSi));
    let binary = |exponent| Some((2, exponent, Format::BinarySi));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        other => {
            let exponent = other.strip_prefix(['e', 'E'])?.parse().ok()?;
            Some((10, exponent, Format::DecimalExponent))
        }
    }
}

/// `{whole}.{fraction} × base^exponent` in billionths, rounded up and cut to [`MOST`].
///
/// Worked example: `1.5Ki` is the digits 15 with one decimal, so 15 × 10⁹ × 2¹⁰ ÷ 10¹ = 1536 × 10⁹.
fn scaled_nanos(whole: &str, fraction: &str, base: u32, exponent: i64) -> i128 {
    let digits = format!("{whole}{fraction}");
    let mut digits = digits.trim_start_matches('0');
    let mut power = 9 - i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    if base == 10 {
        power = power.saturating_add(exponent);
    }
    // 30 digits are more than the bound holds; the rest can only matter for rounding up, as one more digit.
    let cut = digits.len().saturating_sub(30);
    let has_more = digits[digits.len() - cut..].contains(|c| c != '0');
    digits = &digits[..digits.len() - cut];
    power = power.saturating_add(i64::try_from(cut).unwrap_or(i64::MAX));
    let Ok(mut amount) = digits.parse::<i128>() else {
        return 0;
    };
    amount += i128::from(has_more);
    if base == 2 {
        return shifted(amount, exponent, power);
    }
    times_power_of_ten(amount, power)
}

/// `amount × 2^exponent × 10^power`, multiplied before it is divided so that nothing is lost.
fn shifted(amount: i128, exponent: i64, power: i64) -> i128 {
    let Some(factor) = u32::try_from(exponent).ok().and_then(|e| 1_i128.checked_shl(e)) else {
        return MOST;
    };
    match amount.checked_mul(factor) {
        Some(product) => times_power_of_ten(product, power),
        // So many digits are beyond the bound, or their last ones are below a billionth.
        None => times_power_of_ten(amount, power).saturating_mul(factor).min(MOST),
    }
}

fn times_power_of_ten(amount: i128, power: i64) -> i128 {
    let factor = u32::try_from(power.unsigned_abs())
        .ok()
        .and_then(|p| 10_i128.checked_pow(p));
    match factor {
        Some(factor) if power >= 0 => amount.checked_mul(factor).unwrap_or(MOST).min(MOST),
        Some(factor) => divide_away_from_zero(amount, factor).min(MOST),
        None if power >= 0 && amount > 0 => MOST,
        None => i128::from(amount > 0),
    }
}

const fn divide_away_from_zero(amount: i128, by: i128) -> i128 {
    let quotient = amount / by;
    if amount % by == 0 {
        quotient
    } else {
        quotient + amount.signum()
    }
}

fn saturate(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX })
}

impl fmt::Display for Quantity {
    /// The canonical form: no fraction, the greatest suffix that loses nothing. `1024Mi` is `1Gi`, `0.1` is `100m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let small = self.nanos.abs() < 1024 * NANOS;
        match self.format {
            Format::BinarySi if !small && self.is_whole() => write_binary(self.nanos / NANOS, f),
            Format::BinarySi | Format::DecimalSi => {
                let (number, exponent) = decimal_parts(self.nanos);
                write!(f, "{number}{}", decimal_suffix(exponent))
            }
            Format::DecimalExponent => match decimal_parts(self.nanos) {
                (number, 0) => write!(f, "{number}"),
                (number, exponent) => write!(f, "{number}e{exponent}"),
            },
        }
    }
}

/// A number and an exponent that is a multiple of three: 1500 units are (1500, 0), 2000 are (2, 3).
fn decimal_parts(nanos: i128) -> (i128, i32) {
    let (mut number, mut exponent) = (nanos, -9);
    while number != 0 && number % 1000 == 0 && exponent < 18 {
        number /= 1000;
        exponent += 3;
    }
    if number == 0 { (0, 0) } else { (number, exponent) }
}

const fn decimal_suffix(exponent: i32) -> &'static str {
    match exponent {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        18 => "E",
        _ => "",
    }
}

fn write_binary(units: i128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let (mut number, mut power) = (units, 0);
    while number % 1024 == 0 && power + 1 < SUFFIXES.len() {
        number /= 1024;
        power += 1;
    }
    write!(f, "{number}{}", SUFFIXES[power])
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Add for Quantity {
    type Output = Self;

    /// The sum; nothing plus something takes the other's suffixes.
    fn add(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        Self {
            nanos: self.nanos.saturating_add(other.nanos).clamp(-MOST, MOST),
            format,
        }
    }
}

impl Neg for Quantity {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            nanos: -self.nanos,
            ..self
        }
    }
}

impl Sub for Quantity {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Quantity {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap()
    }

    #[test]
    fn the_canonical_form_keeps_the_suffix_family_and_loses_nothing() {
        let cases = [
            ("1000m", "1"),
            ("1024Mi", "1Gi"),
            ("1000Mi", "1000Mi"),
            ("0.1", "100m"),
            ("128974848", "128974848"),
            ("1e3", "1e3"),
            ("1000", "1k"),
            ("1500", "1500"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("1000k", "1M"),
            ("-1Mi", "-1Mi"),
            ("-1", "-1"),
            ("0Mi", "0"),
            ("+5", "5"),
            (".5", "500m"),
            ("5.", "5"),
            ("1E3", "1e3"),
            ("12e5", "1200e3"),
            ("1e-3", "1e-3"),
            ("0.0000000001", "1n"),
            ("100000E", "9223372036854775807"),
            ("0.001Ki", "1024m"),
            ("0.0005Ki", "512m"),
        ];
        for (text, canonical) in cases {
            assert_eq!(quantity(text).to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused_in_kubernetes_words() {
        let cases = [
            ("", ParseError::Format),
            ("abc", ParseError::Format),
            ("-", ParseError::Format),
            ("1 Gi", ParseError::Format),
            ("1.2.3", ParseError::Format),
            ("500Mb", ParseError::Format),
            ("1K", ParseError::Suffix),
            ("1mi", ParseError::Suffix),
            ("1Mi5", ParseError::Suffix),
        ];
        for (text, error) in cases {
            assert_eq!(Quantity::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn values_are_rounded_away_from_zero() {
        assert_eq!(quantity("1500m").value(), 2);
        assert_eq!(quantity("-1500m").value(), -2);
        assert_eq!(quantity("100u").milli_value(), 1);
        assert_eq!(quantity("1Ki").value(), 1024);
        assert_eq!(quantity("0.1m").rounded_up_to_milli().to_string(), "1m");
    }

    #[test]
    fn sums_and_comparisons_are_exact() {
        assert_eq!(quantity("1Gi"), quantity("1024Mi"));
        assert!(quantity("999m") < quantity("1"));
        assert_eq!((quantity("100m") + quantity("0.2")).to_string(), "300m");
        assert_eq!((Quantity::ZERO + quantity("1Gi")).to_string(), "1Gi");
        assert_eq!((quantity("2Gi") - quantity("1Mi")).to_string(), "2047Mi");
    }
}
