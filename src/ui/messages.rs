//! Everything that bbf says, in each language, side by side. Nothing outside this folder holds a sentence for a person.
//!
//! A message is a function of the language and of what it names. A language that lacked one would not compile.

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
}
