//! Sets of indexes as a Job's status writes them, `0,2-4`, read leniently.
//!
//! Source: `kubernetes/pkg/controller/job/indexed_job_utils.go`, `orderedIntervals`.

use std::collections::BTreeSet;
use std::fmt;

/// Indexes, as intervals in order that neither touch nor overlap.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Intervals(Vec<(i64, i64)>);

impl Intervals {
    /// Reads the text of a status; what can't be read, or is not below `completions`, is left out.
    pub(super) fn parse(text: &str, completions: i64) -> Self {
        let mut all = Self::default();
        for interval in text.split(',').filter(|interval| !interval.is_empty()) {
            let (first, last) = interval.split_once('-').unwrap_or((interval, interval));
            let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) else {
                continue;
            };
            if first < completions {
                all.push((first, last.min(completions - 1)));
            }
        }
        all
    }

    /// Adds an interval that begins no earlier than the last one.
    fn push(&mut self, (first, last): (i64, i64)) {
        match self.0.last_mut() {
            Some(end) if first <= end.1 + 1 => end.1 = end.1.max(last),
            _ => self.0.push((first, last)),
        }
    }

    /// These indexes and those.
    pub(super) fn with(&self, indexes: &BTreeSet<i64>) -> Self {
        self.merge(&Self(indexes.iter().map(|index| (*index, *index)).collect()))
    }

    /// The indexes of both.
    pub(super) fn merge(&self, other: &Self) -> Self {
        let mut all: Vec<(i64, i64)> = self.0.iter().chain(&other.0).copied().collect();
        all.sort_unstable();
        let mut merged = Self::default();
        for interval in all {
            merged.push(interval);
        }
        merged
    }

    /// How many there are.
    pub(super) fn total(&self) -> i64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Whether `index` is one of them.
    pub(super) fn has(&self, index: i64) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&index))
    }

    /// How many are in both.
    pub(super) fn shared(&self, other: &Self) -> i64 {
        let overlap = |a: &(i64, i64), b: &(i64, i64)| (a.1.min(b.1) - a.0.max(b.0) + 1).max(0);
        self.0
            .iter()
            .flat_map(|a| other.0.iter().map(move |b| overlap(a, b)))
            .sum()
    }

    /// The first `count` indexes below `completions` that are none of these.
    pub(super) fn first_missing(&self, count: usize, completions: i64) -> Vec<i64> {
        let missing = (0..completions).filter(|index| !self.has(*index));
        missing.take(count).collect()
    }
}

impl fmt::Display for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            match last - first {
                0 => write!(f, "{comma}{first}")?,
                // Two neighbours are shorter this way.
                1 => write!(f, "{comma}{first},{last}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_written_as_short_as_they_can_be() {
        let cases: [(&[i64], &str); 4] = [
            (&[], ""),
            (&[0], "0"),
            (&[0, 1, 3], "0,1,3"),
            (&[0, 1, 2, 5, 7, 8, 9], "0-2,5,7-9"),
        ];
        for (indexes, text) in cases {
            let set = Intervals::default().with(&indexes.iter().copied().collect());
            assert_eq!(set.to_string(), text);
            assert_eq!(Intervals::parse(text, 100), set);
            assert_eq!(set.total(), indexes.len() as i64);
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        for (text, kept) in [("0-9", "0-3"), ("2,x,7", "2"), ("3-,1", "1")] {
            assert_eq!(Intervals::parse(text, 4).to_string(), kept, "{text}");
        }
    }

    #[test]
    fn sets_are_compared_and_completed() {
        let (a, b) = (Intervals::parse("0-2,5", 10), Intervals::parse("2-5", 10));
        assert_eq!(a.merge(&b).to_string(), "0-5");
        assert_eq!(a.shared(&b), 2);
        assert_eq!(a.first_missing(3, 10), [3, 4, 6]);
        assert_eq!(a.first_missing(3, 5), [3, 4]);
    }
}
