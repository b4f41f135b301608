//! The keys of the live view: one table says which work now, what each does, and what the last line shows.

use crate::lab::Language;
use crate::ui::messages::live as say;

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Shows the next hint.
    Hint,
    /// Asks whether to show the solution, or shows it again.
    Solution,
    /// Goes back to the task.
    Task,
    /// Shows what is explained after the lab is solved.
    Debrief,
    /// Asks whether to go back to the break.
    Reset,
    /// Asks whether to put the lab away.
    Stop,
    /// Leaves the view; the cluster runs on.
    Quit,
    /// Yes to the question.
    Yes,
    /// No to the question.
    No,
}

/// What decides which keys work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mode {
    /// A question is open.
    pub asking: bool,
    /// The lab is solved.
    pub solved: bool,
    /// The task is what is being read.
    pub reading_task: bool,
    /// There may be another hint.
    pub hints_left: bool,
    /// The text does not fit.
    pub scrolls: bool,
}

/// What the key does now; `None` if it does nothing.
pub fn action(key: char, mode: Mode) -> Option<Action> {
    offered(mode)
        .find(|(offered, _)| *offered == key)
        .map(|(_, action)| action)
}

/// What the last line shows: the keys that work now.
pub fn labels(language: Language, mode: Mode) -> Vec<String> {
    let keys = offered(mode).map(|(_, action)| label(language, action));
    let scroll = (mode.scrolls && !mode.asking).then(|| say::key_scroll(language));
    keys.chain(scroll).collect()
}

fn offered(mode: Mode) -> impl Iterator<Item = (char, Action)> {
    let open = !mode.asking;
    [
        ('y', Action::Yes, mode.asking),
        ('n', Action::No, mode.asking),
        ('t', Action::Task, open && !mode.reading_task),
        ('h', Action::Hint, open && mode.hints_left && !mode.solved),
        ('s', Action::Solution, open),
        ('d', Action::Debrief, open && mode.solved),
        ('r', Action::Reset, open),
        ('x', Action::Stop, open),
        ('q', Action::Quit, open),
    ]
    .into_iter()
    .filter(|(_, _, works)| *works)
    .map(|(key, action, _)| (key, action))
}

fn label(language: Language, action: Action) -> String {
    match action {
        Action::Hint => say::key_hint(language),
        Action::Solution => say::key_solution(language),
        Action::Task => say::key_story(language),
        Action::Debrief => say::key_debrief(language),
        Action::Reset => say::key_reset(language),
        Action::Stop => say::key_stop(language),
        Action::Quit => say::key_quit(language),
        Action::Yes => say::key_yes(language),
        Action::No => say::key_no(language),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_work_are_shown_and_each_shown_key_works() {
        for bits in 0..32_u8 {
            let bit = |place: u8| bits & (1 << place) != 0;
            let mode = Mode {
                asking: bit(0),
                solved: bit(1),
                reading_task: bit(2),
                hints_left: bit(3),
                scrolls: bit(4),
            };
            for language in Language::ALL {
                let labels = labels(language, mode);
                for key in ('a'..='z').filter(|key| action(*key, mode).is_some()) {
                    assert!(
                        labels.iter().any(|label| label.starts_with(&format!("{key} "))),
                        "{key} {mode:?}"
                    );
                }
                let keys = labels
                    .iter()
                    .filter_map(|label| label.chars().next())
                    .filter(char::is_ascii);
                assert!(
                    keys.into_iter().all(|key| action(key, mode).is_some()),
                    "{labels:?}"
                );
            }
        }
    }

    #[test]
    fn a_question_takes_only_its_answers() {
        let mode = Mode {
            asking: true,
            hints_left: true,
            ..Mode::default()
        };
        assert_eq!(action('h', mode), None);
        assert_eq!(action('y', mode), Some(Action::Yes));
    }
}
