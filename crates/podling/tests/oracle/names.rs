//! Which of our pods with generated names stand for `$POD1`, `$POD2` … of a recording.

use crate::timeline::Sample;

/// Pods that were created so close together have no order to rely on, in seconds.
const TOGETHER: f64 = 0.15;

/// Our pods in the order of the recorded ones, at the moment `t`: as they appeared, but of pods that appeared together
/// those stand for each other that show the same.
pub(crate) fn assign(recorded: &[Sample], t: f64, own: &[Sample], generated: &[String]) -> Vec<String> {
    let mut names = generated.to_vec();
    let wanted: Vec<Option<&Sample>> = (1..=names.len())
        .map(|number| last(recorded, t, |name| name.ends_with(&format!("#{number}"))))
        .collect();
    let fits = |wanted: Option<&Sample>, name: &str| {
        let shown = last(own, f64::MAX, |own| own == name);
        wanted
            .zip(shown)
            .is_none_or(|(wanted, shown)| wanted.shows(shown))
    };
    let created = |name: &str| {
        own.iter()
            .find(|sample| sample.name == name)
            .map_or(0.0, |sample| sample.t)
    };
    for at in 0..names.len() {
        if fits(wanted[at], &names[at]) {
            continue;
        }
        let other = (0..names.len()).find(|other| {
            (created(&names[at]) - created(&names[*other])).abs() <= TOGETHER
                && fits(wanted[at], &names[*other])
                && !fits(wanted[*other], &names[*other])
        });
        if let Some(other) = other {
            names.swap(at, other);
        }
    }
    names
}

/// What a pod showed last before `t`.
fn last(samples: &[Sample], t: f64, is_it: impl Fn(&str) -> bool) -> Option<&Sample> {
    samples
        .iter()
        .rev()
        .find(|sample| sample.t <= t && is_it(&sample.name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pods_that_appeared_together_are_told_apart_by_what_they_show() {
        let sample = |(t, name, restarts): (f64, &str, u64)| {
            Sample::of(
                &json!({"t": t, "name": name, "ready": "1/1", "status": "Running", "restarts": restarts}),
            )
        };
        let recorded = [
            (0.0, "p#1", 0),
            (0.1, "p#2", 0),
            (9.0, "p#3", 0),
            (20.0, "p#2", 1),
        ]
        .map(sample);
        let generated = ["a", "b", "c"].map(str::to_owned);
        for (own, t, names) in [
            (
                [(0.0, "a", 0), (0.0, "b", 0), (9.0, "c", 0), (21.0, "b", 1)],
                30.0,
                ["a", "b", "c"],
            ),
            (
                [(0.0, "a", 0), (0.0, "b", 0), (9.0, "c", 0), (21.0, "a", 1)],
                30.0,
                ["b", "a", "c"],
            ),
            (
                [(0.0, "a", 0), (0.0, "b", 0), (9.0, "c", 0), (21.0, "c", 1)],
                30.0,
                ["a", "b", "c"],
            ),
            (
                [(0.0, "a", 0), (0.0, "b", 0), (9.0, "c", 0), (15.0, "a", 0)],
                15.0,
                ["a", "b", "c"],
            ),
        ] {
            assert_eq!(
                assign(&recorded, t, &own.map(sample), &generated),
                names,
                "{own:?}"
            );
        }
    }
}
