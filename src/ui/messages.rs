//! Everything that bbf says, in each language, side by side. Nothing outside this folder holds a sentence for a person.
//!
//! A message is a function of the language and of what it names. A language that lacked one would not compile.
//!
//! In Japanese, a space stands between Japanese characters and Latin letters, digits or what a message names, unless there
//! is punctuation between them; a test below holds that, also for what the checks say.

pub mod clusters;
pub mod commands;
pub mod doctor;
pub mod labs;
pub mod live;
pub mod trouble;

/// Defines messages: a name, what it names, its English and its Japanese.
macro_rules! messages {
    ($( $name:ident ( $($argument:ident),* ) { $english:literal, $japanese:literal } )*) => {
        $(
            #[doc = concat!("```text\n", $english, "\n```")]
            pub fn $name(
                language: crate::lab::Language
                $(, $argument: &(impl std::fmt::Display + ?Sized))*
            ) -> String {
                match language {
                    crate::lab::Language::En => format!($english),
                    crate::lab::Language::Ja => format!($japanese),
                }
            }
        )*
    };
}
use messages;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Language;

    #[test]
    fn a_message_names_the_same_things_in_each_language() {
        assert_eq!(labs::hint_number(Language::En, &1, &3), "Hint 1 of 3");
        assert_eq!(labs::hint_number(Language::Ja, &1, &3), "ヒント 1/3");
    }

    fn is_japanese(c: char) -> bool {
        matches!(c, 'ぁ'..='ゖ' | 'ァ'..='ヺ' | 'ー' | '々' | '一'..='龥')
    }

    /// The places in a source text where a Japanese character meets a Latin one, or a name, without a space.
    fn unspaced(source: &str) -> Vec<String> {
        let is_latin = |c: char| c.is_ascii_alphanumeric() || c == '`';
        let characters: Vec<char> = source.chars().collect();
        let meet = |pair: &[char]| {
            (is_japanese(pair[0]) && (is_latin(pair[1]) || pair[1] == '{'))
                || ((is_latin(pair[0]) || pair[0] == '}') && is_japanese(pair[1]))
        };
        let places = characters.windows(2).enumerate().filter(|(_, pair)| meet(pair));
        places
            .map(|(at, _)| {
                let (from, to) = (at.saturating_sub(10), (at + 10).min(characters.len()));
                characters[from..to].iter().collect()
            })
            .collect()
    }

    #[test]
    fn japanese_is_spaced_by_one_rule() {
        assert_eq!(unspaced("Pod が {name} を 3 回。`x`、Pod（b）").len(), 0);
        assert_eq!(
            unspaced("Podが").len() + unspaced("が{name}").len() + unspaced("3回").len(),
            3
        );
        for source in [
            include_str!("messages/clusters.rs"),
            include_str!("messages/commands.rs"),
            include_str!("messages/doctor.rs"),
            include_str!("messages/labs.rs"),
            include_str!("messages/live.rs"),
            include_str!("messages/trouble.rs"),
            include_str!("../check/message/japanese.rs"),
        ] {
            assert_eq!(unspaced(source), Vec::<String>::new());
        }
    }
}
