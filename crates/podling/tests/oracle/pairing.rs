//! Which of our pods stands for which recorded one. Names are generated and pods come at the same moment, so what they
//! show and what is said of them tells; pairs are chosen so that as many as possible have one.

use std::collections::BTreeMap;

/// How a recorded pod and one of ours compare.
pub(crate) enum Fit {
    /// They are named as no two that stand for each other.
    Foreign,
    /// The one may stand for the other.
    Fits,
    /// They could, but for this.
    Differs(String),
}

/// Pairs of recorded pods and ours, both by their places, and what remains.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Pairing {
    pub(crate) pairs: BTreeMap<usize, usize>,
    /// Recorded pods for which none stands; why not, where one of ours that is left could.
    pub(crate) missing: Vec<(usize, Option<String>)>,
    /// Our pods that stand for none.
    pub(crate) left: Vec<usize>,
}

/// Pairs `recorded` pods with `own` ones. Earlier ones choose first, and take another where a later one needs theirs.
pub(crate) fn pair(recorded: usize, own: usize, mut compare: impl FnMut(usize, usize) -> Fit) -> Pairing {
    let fits: Vec<Vec<Fit>> = (0..recorded)
        .map(|at| (0..own).map(|other| compare(at, other)).collect())
        .collect();
    let mut taken: Vec<Option<usize>> = vec![None; own];
    for at in 0..recorded {
        place(at, &fits, &mut taken, &mut vec![false; own]);
    }
    let pairs: BTreeMap<usize, usize> = taken
        .iter()
        .enumerate()
        .filter_map(|(own, at)| Some(((*at)?, own)))
        .collect();
    let left: Vec<usize> = (0..own).filter(|own| taken[*own].is_none()).collect();
    let why = |at: usize| {
        left.iter().find_map(|own| match &fits[at][*own] {
            Fit::Differs(why) => Some(why.clone()),
            Fit::Foreign | Fit::Fits => None,
        })
    };
    let missing = (0..recorded).filter(|at| !pairs.contains_key(at));
    Pairing {
        missing: missing.map(|at| (at, why(at))).collect(),
        pairs,
        left,
    }
}

/// Finds a partner for `at`, if need be by giving those that have one already another; whether it has one then.
fn place(at: usize, fits: &[Vec<Fit>], taken: &mut [Option<usize>], tried: &mut [bool]) -> bool {
    for own in 0..taken.len() {
        if tried[own] || !matches!(fits[at][own], Fit::Fits) {
            continue;
        }
        tried[own] = true;
        if taken[own].is_none_or(|other| place(other, fits, taken, tried)) {
            taken[own] = Some(at);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_takes_another_partner_where_a_later_one_needs_its_own() {
        let paired = |allowed: &[(usize, usize)], recorded, own| {
            pair(recorded, own, |at, other| match allowed.contains(&(at, other)) {
                true => Fit::Fits,
                false => Fit::Differs(format!("{at} is not {other}")),
            })
        };
        let found = paired(&[(0, 0), (0, 1), (1, 0)], 2, 2);
        assert_eq!(found.pairs, BTreeMap::from([(0, 1), (1, 0)]));
        let found = paired(&[(0, 0), (1, 0)], 2, 2);
        assert_eq!(found.pairs, BTreeMap::from([(0, 0)]));
        assert_eq!(found.missing, [(1, Some("1 is not 1".to_owned()))]);
        assert_eq!(found.left, [1]);
    }
}
