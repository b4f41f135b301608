//! Lists of indexes as a Job's status and success policy write them, `0,2-4`, read strictly.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/batch/validation`, `validateIndexesFormat`.

/// How many indexes are listed; all must be below `completions` and in increasing order.
///
/// # Errors
/// Kubernetes' words about the first part that is wrong.
pub(super) fn total(listed: &str, completions: i64) -> Result<i64, String> {
    let mut last: Option<i64> = None;
    let mut total = 0;
    for interval in intervals(listed) {
        let (first, end) = parse(interval, completions)?;
        if let Some(last) = last.filter(|last| *last >= first) {
            return Err(format!(
                "non-increasing order, previous: {last}, current: {first}"
            ));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

/// The first index that both lists have; parts that can't be read do not count.
pub(super) fn overlap(a: &str, b: &str, completions: i64) -> Option<i64> {
    let read = |listed| -> Vec<(i64, i64)> {
        intervals(listed)
            .filter_map(|interval| parse(interval, completions).ok())
            .collect()
    };
    let others = read(b);
    read(a).into_iter().find_map(|(first, last)| {
        let shared = others.iter().find(|other| first <= other.1 && other.0 <= last)?;
        Some(first.max(shared.0))
    })
}

fn intervals(listed: &str) -> impl Iterator<Item = &str> {
    listed.split(',').filter(move |_| !listed.is_empty())
}

fn parse(interval: &str, completions: i64) -> Result<(i64, i64), String> {
    let limits: Vec<&str> = interval.split('-').collect();
    match limits[..] {
        [one] => index(one, completions).map(|index| (index, index)),
        [first, last] => {
            let (first, last) = (index(first, completions)?, index(last, completions)?);
            match first < last {
                true => Ok((first, last)),
                false => Err(format!(
                    "non-increasing order, previous: {first}, current: {last}"
                )),
            }
        }
        _ => Err(format!(
            "the fragment {interval:?} violates the requirement that an index interval can have at most two parts \
             separated by '-'"
        )),
    }
}

fn index(text: &str, completions: i64) -> Result<i64, String> {
    let index: i64 = text
        .parse()
        .map_err(|_| format!("cannot convert string to integer for index: {text:?}"))?;
    match index < completions {
        true => Ok(index),
        false => Err(format!("too large index: {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_increasing_and_bounded() {
        let cases = [
            ("", Ok(0)),
            ("0,2-4", Ok(4)),
            ("4,2", Err("non-increasing order, previous: 4, current: 2")),
            ("4-2", Err("non-increasing order, previous: 4, current: 2")),
            ("x", Err("cannot convert string to integer for index: \"x\"")),
            ("1,", Err("cannot convert string to integer for index: \"\"")),
            ("10", Err("too large index: \"10\"")),
            (
                "1-2-3",
                Err(
                    "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts separated by '-'",
                ),
            ),
        ];
        for (listed, expected) in cases {
            assert_eq!(total(listed, 10), expected.map_err(str::to_owned), "{listed}");
        }
    }

    #[test]
    fn lists_may_share_an_index() {
        assert_eq!(overlap("0-3", "5,7", 10), None);
        assert_eq!(overlap("0-3,6-8", "5,7", 10), Some(7));
        assert_eq!(overlap("", "5,7", 10), None);
    }
}
