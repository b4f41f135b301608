//! What a provider is at, in the learner's language, while the learner waits.

use crate::cluster::{Doing, StepState, Watcher};
use crate::lab::Language;
use crate::ui::messages::clusters as say;
use crate::ui::steps::{End, Steps};
use std::rc::Rc;

/// How many of the things that are left are named.
const NAMED: usize = 3;

/// A watcher that shows on the terminal what is going on.
pub(super) fn watcher(language: Language) -> Watcher {
    let steps = Steps::new();
    Rc::new(move |doing| show(&steps, language, doing))
}

fn show(steps: &Steps, language: Language, doing: &Doing) {
    match doing {
        Doing::KindStep { step, state } => match state {
            StepState::Begun => steps.begin_to_be_ended(step),
            StepState::Done => steps.end(step, End::Done),
            StepState::Failed => steps.end(step, End::Failed),
        },
        Doing::Nothing => steps.clear(),
        Doing::LeftForLater(_) => steps.end(&text(language, doing), End::Failed),
        _ => steps.begin(&text(language, doing)),
    }
}

fn text(language: Language, doing: &Doing) -> String {
    match doing {
        Doing::Creating { name, node_image } => {
            let shown = node_image.split('@').next().unwrap_or(node_image);
            say::creating(language, name, shown)
        }
        Doing::KindStep { step, .. } => step.clone(),
        Doing::RemovingHalfMade(name) => say::half_made(language, name),
        Doing::Deleting(name) => say::deleting(language, name),
        Doing::StartingNodes(name) => say::starting_nodes(language, name),
        Doing::WaitingForNodes => say::waiting_for_nodes(language),
        Doing::Sweeping => say::sweeping(language),
        Doing::NotClean(left) => say::not_clean(language, &short(left)),
        Doing::LeftForLater(name) => say::left_for_later(language, name),
        Doing::OtherwiseMade(name) => say::otherwise_made(language, name),
        Doing::AddOn(name) => say::add_on(language, name),
        Doing::Pulling(image) => say::pulling(language, image),
        Doing::LoadingImages { name, count } => say::loading_images(language, count, name),
        Doing::Archive(path) => say::archive(language, path),
        Doing::Nothing => String::new(),
        Doing::RemovingNamespace(name) => say::removing_namespace(language, name),
    }
}

/// The first few of a list.
fn short(list: &[String]) -> String {
    let mut named = list.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if list.len() > NAMED {
        named.push_str(", …");
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut() {
        let list = |count: usize| (0..count).map(|it| it.to_string()).collect::<Vec<_>>();
        assert_eq!(short(&list(2)), "0, 1");
        assert_eq!(short(&list(5)), "0, 1, 2, …");
    }
}
