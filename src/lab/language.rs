//! The languages that labs and messages are written in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language that bbf speaks. Its code is the one of ISO 639-1, as in `text.en.md` and `--lang en`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English, which stands in for a text that is missing in another language.
    #[default]
    En,
    /// Japanese.
    Ja,
}

impl Language {
    /// Every language, English first.
    pub const ALL: [Self; 2] = [Self::En, Self::Ja];

    /// The two letters that name the language in file names and options.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
        }
    }

    /// The language of a locale such as `ja_JP.UTF-8` (the value of `LANG`), if bbf speaks it.
    pub fn of_locale(locale: &str) -> Option<Self> {
        let end = locale.find(['_', '.', '-', '@']).unwrap_or(locale.len());
        locale[..end].parse().ok()
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The text is not the code of a language that bbf speaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown language {0:?}: expected en or ja")]
pub struct UnknownLanguage(String);

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|language| language.code() == text)
            .ok_or_else(|| UnknownLanguage(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_names_its_language() {
        for (locale, language) in [
            ("ja_JP.UTF-8", Some(Language::Ja)),
            ("ja", Some(Language::Ja)),
            ("en-GB", Some(Language::En)),
            ("C.UTF-8", None),
            ("", None),
        ] {
            assert_eq!(Language::of_locale(locale), language, "{locale}");
        }
    }

    #[test]
    fn an_unknown_code_says_what_was_expected() {
        let error = "de".parse::<Language>().unwrap_err();
        assert_eq!(error.to_string(), "unknown language \"de\": expected en or ja");
    }
}
