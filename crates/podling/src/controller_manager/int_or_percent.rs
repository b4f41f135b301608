//! Numbers that are given as such or as a percentage (`intstr.GetScaledValueFromIntOrPercent`).

use serde_json::Value;

/// Which way a part of a whole is rounded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Round {
    /// To the next greater whole number.
    Up,
    /// To the next smaller whole number.
    Down,
}

/// A number as it is, or a percentage of `total`. Anything else counts as zero. Example: 25 % of 3 are 1, rounded up
/// (0.75), or 0, rounded down.
pub(crate) fn scaled(value: &Value, total: i64, round: Round) -> i64 {
    if let Some(number) = value.as_i64() {
        return number;
    }
    let percent = value.as_str().and_then(|text| text.strip_suffix('%'));
    let hundredfold = percent
        .and_then(|percent| percent.parse::<i64>().ok())
        .map_or(0, |percent| percent.saturating_mul(total));
    let rounding = match round {
        Round::Up => 99,
        Round::Down => 0,
    };
    hundredfold.saturating_add(rounding) / 100
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn percentages_are_rounded_as_asked() {
        let cases = [
            (json!(2), 10, 2, 2),
            (json!("25%"), 3, 1, 0),
            (json!("50%"), 4, 2, 2),
            (json!("100%"), 0, 0, 0),
            (json!(null), 10, 0, 0),
        ];
        for (value, total, up, down) in cases {
            assert_eq!(scaled(&value, total, Round::Up), up, "{value} of {total}");
            assert_eq!(scaled(&value, total, Round::Down), down, "{value} of {total}");
        }
    }
}
