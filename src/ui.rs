//! What a person sees: messages in the learner's language, the printer, rendered Markdown, the live view.
//!
//! Knows nothing of clusters, sessions or labs' rules: it is handed what to show.

pub mod ansi;
pub mod live;
pub mod markdown;
pub mod messages;
pub mod printer;
pub mod steps;
pub mod table;
pub mod terminal;
pub mod wrapping;
