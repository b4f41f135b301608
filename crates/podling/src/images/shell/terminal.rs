//! A terminal between a person and a process: what is typed becomes lines, and is seen while it is typed.
//!
//! Differs from Linux: the kernel's line discipline and a shell's own line editor are one; no completion, no job
//! control.

use std::collections::BTreeMap;

/// The keys that a line editor knows.
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CLEAR_SCREEN: u8 = 0x0C;
const KILL_LINE: u8 = 0x15;
const KILL_WORD: u8 = 0x17;
const TO_START: u8 = 0x01;
const TO_END: u8 = 0x05;
const ESCAPE: u8 = 0x1B;
const DELETE: u8 = 0x7F;

/// What a shell asks a terminal for after its prompt: where the cursor is.
const ASK_POSITION: &str = "\u{1b}[6n";

/// Which shell an image has, as far as a person sees it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Style {
    /// busybox's ash with its banner.
    Busybox,
    /// busybox's ash as Alpine builds it, without one.
    Alpine,
    /// dash, which is `sh` on Debian.
    #[default]
    Dash,
    /// bash.
    Bash,
}

/// What came of a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Key {
    /// Nothing yet.
    Nothing,
    /// A whole line, with its end.
    Line(Vec<u8>),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line.
    End,
}

/// A terminal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terminal {
    line: Vec<u8>,
    /// Where in the line the next character goes.
    cursor: usize,
    history: Vec<Vec<u8>>,
    /// The place in the history that is shown; its length for a new line.
    place: usize,
    /// The bytes of an escape sequence that is not over.
    escape: Option<Vec<u8>>,
}

impl Style {
    /// What a shell says before its first prompt.
    pub(crate) const fn banner(self) -> &'static str {
        match self {
            Self::Busybox => {
                "\n\nBusyBox v1.36.1 (2024-09-26 21:31:42 UTC) built-in shell (ash)\n\
                 Enter 'help' for a list of built-in commands.\n\n"
            }
            _ => "",
        }
    }

    /// Whether it draws its line anew when the terminal's size changes.
    pub(crate) const fn redraws(self) -> bool {
        matches!(self, Self::Busybox | Self::Alpine)
    }

    /// What it asks the terminal after its prompt.
    pub(crate) const fn question(self) -> &'static str {
        if self.redraws() { ASK_POSITION } else { "" }
    }

    /// The prompt.
    pub(crate) fn prompt(self, directory: &str, variables: &BTreeMap<String, String>, user: i64) -> String {
        let variable = |name: &str| variables.get(name).map_or("", String::as_str);
        let sign = if user == 0 { '#' } else { '$' };
        let home = variable("HOME");
        let shown = match directory.strip_prefix(home).filter(|_| home.len() > 1) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("~{rest}"),
            _ => directory.to_owned(),
        };
        match self {
            Self::Busybox | Self::Alpine => format!("{shown} {sign} "),
            Self::Dash => format!("{sign} "),
            Self::Bash => format!("root@{}:{shown}{sign} ", variable("HOSTNAME")),
        }
    }
}

impl Terminal {
    /// Takes a key: what is seen of it, and what comes of it.
    pub(crate) fn press(&mut self, byte: u8) -> (Vec<u8>, Key) {
        if let Some(sequence) = &mut self.escape {
            sequence.push(byte);
            let begins = sequence.len() == 1 && matches!(byte, b'[' | b'O');
            if begins || !(0x40..=0x7E).contains(&byte) {
                return (Vec::new(), Key::Nothing);
            }
            let sequence = self.escape.take().unwrap_or_default();
            return (self.escape_sequence(&sequence), Key::Nothing);
        }
        match byte {
            b'\r' | b'\n' => self.enter(),
            INTERRUPT => {
                self.set_line(Vec::new());
                (b"^C\n".to_vec(), Key::Interrupt)
            }
            END if self.line.is_empty() => (Vec::new(), Key::End),
            ESCAPE => {
                self.escape = Some(Vec::new());
                (Vec::new(), Key::Nothing)
            }
            _ => (self.edit(byte), Key::Nothing),
        }
    }

    /// What is typed of a line that is not over.
    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }

    fn enter(&mut self) -> (Vec<u8>, Key) {
        let mut line = std::mem::take(&mut self.line);
        if !line.is_empty() && self.history.last() != Some(&line) {
            self.history.push(line.clone());
        }
        self.place = self.history.len();
        self.cursor = 0;
        line.push(b'\n');
        (b"\n".to_vec(), Key::Line(line))
    }

    fn edit(&mut self, byte: u8) -> Vec<u8> {
        match byte {
            BACKSPACE | DELETE => self.erase(self.start_of_character()),
            KILL_LINE => self.erase(0),
            KILL_WORD => {
                let before = &self.line[..self.cursor];
                let word_end = before
                    .iter()
                    .rposition(|byte| *byte != b' ')
                    .map_or(0, |at| at + 1);
                let start = before[..word_end]
                    .iter()
                    .rposition(|byte| *byte == b' ')
                    .map_or(0, |at| at + 1);
                self.erase(start)
            }
            TO_START => self.move_to(0),
            TO_END => self.move_to(self.line.len()),
            CLEAR_SCREEN => b"\x1b[H\x1b[J".to_vec(),
            // Other control characters, the tabulator among them, do nothing.
            0..0x20 => Vec::new(),
            _ => {
                self.line.insert(self.cursor, byte);
                self.cursor += 1;
                let mut seen = vec![byte];
                seen.extend(self.tail_and_back());
                seen
            }
        }
    }

    /// The start of the character before the cursor: UTF-8's further bytes begin with the bits 10.
    fn start_of_character(&self) -> usize {
        let mut start = self.cursor.saturating_sub(1);
        while start > 0 && self.line[start] & 0xC0 == 0x80 {
            start -= 1;
        }
        start
    }

    /// Removes what stands between `start` and the cursor.
    fn erase(&mut self, start: usize) -> Vec<u8> {
        let removed: Vec<u8> = self.line.drain(start..self.cursor).collect();
        let width = columns(&removed);
        self.cursor = start;
        let tail = self.line[start..].to_vec();
        let mut seen = b"\x08".repeat(width);
        seen.extend(&tail);
        seen.extend(b" ".repeat(width));
        seen.extend(b"\x08".repeat(width + columns(&tail)));
        seen
    }

    fn tail_and_back(&self) -> Vec<u8> {
        let tail = &self.line[self.cursor..];
        let mut seen = tail.to_vec();
        seen.extend(b"\x08".repeat(columns(tail)));
        seen
    }

    fn move_to(&mut self, to: usize) -> Vec<u8> {
        let from = std::mem::replace(&mut self.cursor, to);
        match to.cmp(&from) {
            std::cmp::Ordering::Less => b"\x08".repeat(columns(&self.line[to..from])),
            _ => self.line[from..to].to_vec(),
        }
    }

    fn escape_sequence(&mut self, sequence: &[u8]) -> Vec<u8> {
        match sequence.last() {
            Some(b'A') if self.place > 0 => self.show(self.place - 1),
            Some(b'B') if self.place < self.history.len() => self.show(self.place + 1),
            Some(b'C') if self.cursor < self.line.len() => self.move_to(self.cursor + 1),
            Some(b'D') if self.cursor > 0 => self.move_to(self.start_of_character()),
            Some(b'H') => self.move_to(0),
            Some(b'F') => self.move_to(self.line.len()),
            // Also the answer to ASK_POSITION.
            _ => Vec::new(),
        }
    }

    /// Shows a line of the history in place of the present one.
    fn show(&mut self, place: usize) -> Vec<u8> {
        let mut seen = self.move_to(self.line.len());
        seen.extend(self.erase(0));
        self.place = place;
        self.set_line(self.history.get(place).cloned().unwrap_or_default());
        seen.extend(&self.line);
        seen
    }

    fn set_line(&mut self, line: Vec<u8>) {
        self.cursor = line.len();
        self.line = line;
    }
}

/// How many columns UTF-8 text takes, one a character.
fn columns(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is seen of keys, and the lines that they make.
    fn typed(keys: &str) -> (String, Vec<String>) {
        let mut terminal = Terminal::default();
        let (mut seen, mut lines) = (Vec::new(), Vec::new());
        for byte in keys.bytes() {
            let (echo, key) = terminal.press(byte);
            seen.extend(echo);
            if let Key::Line(line) = key {
                lines.push(String::from_utf8(line).unwrap());
            }
        }
        (String::from_utf8(seen).unwrap(), lines)
    }

    #[test]
    fn what_is_typed_is_seen_and_can_be_corrected() {
        for (keys, seen, line) in [
            ("ls\r", "ls\n", "ls\n"),
            ("lx\u{7f}s\r", "lx\u{8} \u{8}s\n", "ls\n"),
            ("é\u{7f}a\r", "é\u{8} \u{8}a\n", "a\n"),
            ("a b\u{17}c\r", "a b\u{8} \u{8}c\n", "a c\n"),
            ("ab\u{1b}[Dx\r", "ab\u{8}xb\u{8}\n", "axb\n"),
            ("\u{1b}[12;1Rls\r", "ls\n", "ls\n"),
            ("x\u{3}ls\r", "x^C\nls\n", "ls\n"),
        ] {
            assert_eq!(typed(keys), (seen.to_owned(), vec![line.to_owned()]), "{keys:?}");
        }
    }

    #[test]
    fn an_earlier_line_comes_back() {
        let (_, lines) = typed("one\rtwo\r\u{1b}[A\u{1b}[A\r");
        assert_eq!(lines, ["one\n", "two\n", "one\n"]);
    }

    #[test]
    fn prompts_are_those_of_the_images() {
        let variables = BTreeMap::from([
            ("HOSTNAME".to_owned(), "web".to_owned()),
            ("HOME".to_owned(), "/root".to_owned()),
        ]);
        for (style, directory, prompt) in [
            (Style::Busybox, "/", "/ # "),
            (Style::Alpine, "/root", "~ # "),
            (Style::Dash, "/", "# "),
            (Style::Bash, "/root/x", "root@web:~/x# "),
        ] {
            assert_eq!(style.prompt(directory, &variables, 0), prompt);
        }
    }
}
