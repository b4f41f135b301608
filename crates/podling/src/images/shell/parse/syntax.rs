//! The syntax tree of a script.

/// One piece of a word.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    /// Text as it stands.
    Literal(String),
    /// `$name` or `${name:-default}`.
    Variable {
        /// The name: an identifier, a digit, `?`, `$`, `#`, `@` or `*`.
        name: String,
        /// What stands for an empty value.
        default: Option<String>,
        /// Whether it stands in double quotes, so that its value is not split.
        quoted: bool,
    },
    /// `$(…)` or backquotes.
    Substitution {
        /// What is run.
        body: List,
        /// Whether it stands in double quotes.
        quoted: bool,
    },
    /// `$((…))`.
    Arithmetic(String),
}

/// A word before expansion; an empty list is an empty quoted word.
pub(crate) type Word = Vec<Part>;

/// Where a file descriptor goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Redirect {
    /// 0, 1 or 2.
    pub(crate) descriptor: u8,
    /// What is done.
    pub(crate) kind: RedirectKind,
    /// The file, or the descriptor of `>&`.
    pub(crate) target: Word,
}

/// The forms of redirection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RedirectKind {
    /// `<`
    Read,
    /// `>`
    Write,
    /// `>>`
    Append,
    /// `>&`
    Duplicate,
}

/// A command with its words, variable settings and redirects.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Simple {
    /// `NAME=value` before the command.
    pub(crate) assignments: Vec<(String, Word)>,
    /// The command and its arguments.
    pub(crate) words: Vec<Word>,
    /// Its redirects, in order.
    pub(crate) redirects: Vec<Redirect>,
}

/// A command of any form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    /// `name arguments`
    Simple(Simple),
    /// `if …; then …; else …; fi`; `elif` is an `if` in the else part.
    If {
        /// The condition.
        condition: List,
        /// What is done when it holds.
        then: List,
        /// What is done otherwise.
        otherwise: List,
    },
    /// `while …; do …; done`, or `until` with `negated`.
    While {
        /// The condition.
        condition: List,
        /// Whether the loop runs while the condition fails.
        negated: bool,
        /// The body.
        body: List,
    },
    /// `for name in words; do …; done`
    For {
        /// The variable.
        name: String,
        /// What it takes in turn.
        words: Vec<Word>,
        /// The body.
        body: List,
    },
    /// `{ …; }`
    Group(List),
    /// `( … )`
    Subshell(List),
}

/// Commands joined by `|`, perhaps after `!`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pipeline {
    /// Whether `!` turns its result round.
    pub(crate) negated: bool,
    /// The commands.
    pub(crate) commands: Vec<Command>,
}

/// How a pipeline follows the one before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Join {
    /// `;` or the first.
    Then,
    /// `&&`
    And,
    /// `||`
    Or,
}

/// One member of a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// How it follows the one before.
    pub(crate) join: Join,
    /// What runs.
    pub(crate) pipeline: Pipeline,
    /// Whether `&` ends it.
    pub(crate) background: bool,
}

/// Pipelines in order.
pub(crate) type List = Vec<Item>;
