//! One field of a schedule: lists, ranges and steps of numbers or names (`getField` and `getRange`).

/// The values that count, one bit each; bit 63 says that the field is `*`, which matters for days.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Bits(u64);

const STAR: u64 = 1 << 63;

/// What a field may hold.
pub(super) struct Bounds {
    least: u64,
    most: u64,
    /// Names for values, the first for `least`.
    names: &'static [&'static str],
}

pub(super) const MINUTES: Bounds = Bounds {
    least: 0,
    most: 59,
    names: &[],
};
pub(super) const HOURS: Bounds = Bounds {
    least: 0,
    most: 23,
    names: &[],
};
pub(super) const DAYS: Bounds = Bounds {
    least: 1,
    most: 31,
    names: &[],
};
pub(super) const MONTHS: Bounds = Bounds {
    least: 1,
    most: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
pub(super) const WEEKDAYS: Bounds = Bounds {
    least: 0,
    most: 6,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

impl Bits {
    /// Whether `value` counts.
    pub(super) const fn has(self, value: i8) -> bool {
        self.0 >> value & 1 == 1
    }

    /// Whether the field says `*`.
    pub(super) const fn is_star(self) -> bool {
        self.0 & STAR != 0
    }
}

/// Reads a field.
pub(super) fn parse(text: &str, bounds: &Bounds) -> Result<Bits, String> {
    let mut bits = 0;
    for expression in text.split(',').filter(|expression| !expression.is_empty()) {
        bits |= range(expression, bounds)?;
    }
    Ok(Bits(bits))
}

/// The bits of `*`, `5`, `5-9`, `5/10`, `5-59/10`, `*/10`.
fn range(expression: &str, bounds: &Bounds) -> Result<u64, String> {
    let parts: Vec<&str> = expression.split('/').collect();
    let ends: Vec<&str> = parts[0].split('-').collect();
    let is_star = matches!(ends[0], "*" | "?");
    let (start, mut end) = match (is_star, ends.as_slice()) {
        (true, _) => (bounds.least, bounds.most),
        (false, [one]) => number_or_name(one, bounds).map(|value| (value, value))?,
        (false, [low, high]) => (number_or_name(low, bounds)?, number_or_name(high, bounds)?),
        _ => return Err(format!("too many hyphens: {expression}")),
    };
    let step = match parts.as_slice() {
        [_] => 1,
        [_, step] => {
            let step = number(step)?;
            // `N/step` means `N-max/step`.
            if ends.len() == 1 {
                end = bounds.most;
            }
            step
        }
        _ => return Err(format!("too many slashes: {expression}")),
    };
    check(expression, (start, end, step), bounds)?;
    let star = if is_star && step == 1 { STAR } else { 0 };
    let values = (start..=end).filter(|value| (value - start) % step == 0);
    Ok(values.fold(star, |bits, value| bits | 1 << value))
}

fn check(expression: &str, (start, end, step): (u64, u64, u64), bounds: &Bounds) -> Result<(), String> {
    let (least, most) = (bounds.least, bounds.most);
    let why = if start < least {
        format!("beginning of range ({start}) below minimum ({least})")
    } else if end > most {
        format!("end of range ({end}) above maximum ({most})")
    } else if start > end {
        format!("beginning of range ({start}) beyond end of range ({end})")
    } else if step == 0 {
        "step of range should be a positive number".to_owned()
    } else {
        return Ok(());
    };
    Err(format!("{why}: {expression}"))
}

fn number_or_name(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let lower = text.to_lowercase();
    match (bounds.least..)
        .zip(bounds.names)
        .find(|(_, name)| **name == lower)
    {
        Some((value, _)) => Ok(value),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let refuse = |why: &str| {
        let parsing = format!("strconv.Atoi: parsing {text:?}: {why}");
        Err(format!("failed to parse int from {text}: {parsing}"))
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return refuse("invalid syntax");
    }
    match text.parse::<i64>() {
        Err(_) => refuse("value out of range"),
        Ok(value) if value < 0 => Err(format!("negative number ({value}) not allowed: {text}")),
        Ok(value) => Ok(value.unsigned_abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_a_list_of_ranges_with_steps() {
        let cases: [(&str, &Bounds, &[i8]); 7] = [
            ("5", &MINUTES, &[5]),
            ("1-3,7", &HOURS, &[1, 2, 3, 7]),
            ("*/20", &MINUTES, &[0, 20, 40]),
            ("50/5", &MINUTES, &[50, 55]),
            ("1-7/3", &DAYS, &[1, 4, 7]),
            ("JAN,mar", &MONTHS, &[1, 3]),
            ("mon-wed", &WEEKDAYS, &[1, 2, 3]),
        ];
        for (text, bounds, values) in cases {
            let bits = parse(text, bounds).unwrap();
            let found: Vec<i8> = (0..60).filter(|value| bits.has(*value)).collect();
            assert_eq!(found, values, "{text}");
            assert!(!bits.is_star());
        }
        assert!(parse("*", &DAYS).unwrap().is_star());
        assert!(parse("?", &DAYS).unwrap().is_star());
        assert!(!parse("*/2", &DAYS).unwrap().is_star());
    }

    #[test]
    fn numbers_are_refused_as_go_refuses_them() {
        let cases = [
            (
                "-1",
                "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax",
            ),
            (
                "99999999999999999999",
                "failed to parse int from 99999999999999999999: strconv.Atoi: parsing \"99999999999999999999\": value out of range",
            ),
            (
                "4294967296",
                "end of range (4294967296) above maximum (59): 4294967296",
            ),
        ];
        for (text, why) in cases {
            assert_eq!(parse(text, &MINUTES), Err(why.to_owned()), "{text}");
        }
    }
}
