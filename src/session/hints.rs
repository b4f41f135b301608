//! Which hint comes next: in the lab's order, each one once, and only those that fit the state of the cluster.

use super::Error;
use super::journal::Event;
use super::record::Record;
use super::store::Store;
use crate::check::{Checker, Outcome};
use crate::lab::Hint;

/// The next hint, if one fits: the first in the lab's order that was not taken and whose condition holds.
pub fn next<'a>(hints: &'a [Hint], taken: &[String], holds: impl Fn(&Hint) -> bool) -> Option<&'a Hint> {
    hints.iter().find(|hint| !taken.contains(&hint.id) && holds(hint))
}

/// Whether a hint fits the cluster as the checker sees it.
pub fn fits(hint: &Hint, checker: &Checker) -> bool {
    hint.when
        .as_ref()
        .is_none_or(|condition| checker.find(condition).outcome == Outcome::Holds)
}

/// Writes down that a hint was shown.
///
/// # Errors
/// When a file can't be read or written.
pub fn note(store: &mut Store, record: &mut Record, hint: &Hint) -> Result<(), Error> {
    let id = hint.id.clone();
    if let Some(updated) = store.update(record, move |it| it.hints.push(id))? {
        *record = updated;
    }
    let step = u32::try_from(record.hints.len()).unwrap_or(u32::MAX);
    store.note(&record.lab, Event::HintTaken { step })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_come_in_order_once_and_only_where_they_fit() {
        let hints: Vec<Hint> = ["a", "b", "c"]
            .map(|id| Hint {
                id: id.to_owned(),
                when: None,
            })
            .into();
        let ask = |taken: &[&str], fitting: &[&str]| {
            let taken: Vec<String> = taken.iter().map(|&id| id.to_owned()).collect();
            next(&hints, &taken, |hint| fitting.contains(&hint.id.as_str())).map(|hint| hint.id.clone())
        };
        for (taken, fitting, expected) in [
            (vec![], vec!["a", "b", "c"], Some("a")),
            (vec!["a"], vec!["a", "c"], Some("c")),
            (vec!["b"], vec!["a", "b"], Some("a")),
            (vec!["a", "b", "c"], vec!["a"], None),
            (vec![], vec![], None),
        ] {
            assert_eq!(ask(&taken, &fitting).as_deref(), expected);
        }
    }
}
