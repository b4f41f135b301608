//! What is wrong with a lab, and where: shown to the teacher who wrote it.

use std::fmt;

/// A mistake in a lab's files. Shows itself as `file:line:column: what was expected`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabError {
    /// The file as the author knows it: `labs/ch07-readiness/lab.yaml`.
    pub file: String,
    /// The line, from 1; 0 where the mistake has no line, such as a missing file.
    pub line: usize,
    /// The column, from 1; 0 where it has none.
    pub column: usize,
    /// What is wrong and what was expected, as one sentence without a full stop.
    pub message: String,
}

impl LabError {
    /// A mistake that belongs to the whole file.
    pub fn in_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self::at(file, 0, 0, message)
    }

    /// A mistake at a line and column, both from 1.
    pub fn at(file: impl Into<String>, line: usize, column: usize, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line,
            column,
            message: message.into(),
        }
    }

    /// A mistake at the line of `text` that begins with `word`, a key of the file's own; where there is none, at the last
    /// place where `word` stands, and in the whole file where it stands nowhere.
    pub fn at_word(file: impl Into<String>, text: &str, word: &str, message: impl Into<String>) -> Self {
        let (line, column) = position_of(text, word);
        Self::at(file, line, column, message)
    }

    /// A mistake that the YAML reader found. The reader's own words say what it expected.
    pub fn yaml(file: impl Into<String>, error: &serde_saphyr::Error) -> Self {
        let (line, column) = error
            .location()
            .map_or((0, 0), |at| (at.line() as usize, at.column() as usize));
        Self::at(
            file,
            line,
            column,
            first_line(&error.without_snippet().to_string()),
        )
    }
}

/// The reader's sentence without the position that it repeats (`error: line 3 column 5: …`).
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let message = match line.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) {
        Some((_, message)) => message,
        None => line.split(" at line ").next().unwrap_or(line),
    };
    let message = message
        .split(", set DuplicateKeyPolicy")
        .next()
        .unwrap_or(message);
    in_plain_words(message).to_owned()
}

/// The line and column, from 1, where a word is looked for; (0, 0) where it doesn't stand. Columns count characters.
fn position_of(text: &str, word: &str) -> (usize, usize) {
    let places = || {
        text.lines().enumerate().filter_map(|(index, line)| {
            let before = &line[..line.find(word)?];
            Some((index + 1, before.chars().count() + 1))
        })
    };
    places()
        .find(|(_, column)| *column == 1)
        .or_else(|| places().last())
        .unwrap_or((0, 0))
}

/// A teacher need not know Rust's names of types, or the reader's functions and tokens.
fn in_plain_words(message: &str) -> &str {
    match message {
        "unexpected end of input" | "unexpected end of file" => "expected more: the YAML ends here",
        "expected mapping start" => "expected keys and values, as in `key: value`",
        "expected sequence start" => "expected a list, as in `- item`",
        _ if message.starts_with("cannot deserialize null into") => "expected a value: there is none here",
        _ if message.starts_with("multiple YAML documents detected") => {
            "expected one YAML document: a second one begins with ---"
        }
        "invalid u16" | "invalid u32" | "invalid i64" => "expected a whole number",
        "invalid bool" => "expected true or false",
        other => other,
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}: {}", self.file, self.message),
            (line, column) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for LabError {}
