//! What a container has written: lines with the time of each, the oldest dropped when there are too many. Who
//! listens to it (attach, exec) gets the same bytes as they were written.

use std::collections::{BTreeMap, VecDeque};

use crate::clock::Time;

/// A container keeps about this many bytes of log.
const CAPACITY: usize = 1 << 20;

/// Who writes stands still while a listener has not taken this many bytes, as at a pipe that is full.
const HELD_AT: usize = 256 * 1024;

/// What can't stand still (a server that answers others too) is not heard by a listener that has not taken so many.
const LOST_AT: usize = 4 * HELD_AT;

/// One line of a container's log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLine {
    /// When it was written.
    pub time: Time,
    /// The line without its end.
    pub text: String,
}

/// Where a process writes to.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Descriptor {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Bytes as they were written.
pub(crate) type Piece = (Descriptor, Vec<u8>);

/// A container's log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    lines: VecDeque<LogLine>,
    bytes: usize,
    dropped: u64,
    /// The lines that have no end yet, one a descriptor.
    partial: BTreeMap<Descriptor, Vec<u8>>,
    /// Whether a terminal is between, which makes each line feed a carriage return and a line feed.
    terminal: bool,
    /// Whether nothing is kept but for listeners.
    passes_on: bool,
    listeners: BTreeMap<u64, Listener>,
}

/// Somebody who gets what is written.
#[derive(Clone, Debug, Default)]
struct Listener {
    /// What it has not fetched yet.
    pieces: Vec<Piece>,
    /// How many bytes were written since it last said that it has taken all.
    untaken: usize,
}

impl Log {
    /// How many bytes of log are kept.
    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.bytes).unwrap_or(u64::MAX)
    }

    /// What is written here is for one listener only, as the output of an exec is.
    pub(crate) fn for_listener(listener: u64) -> Self {
        Self {
            passes_on: true,
            listeners: BTreeMap::from([(listener, Listener::default())]),
            ..Self::default()
        }
    }

    /// Puts a terminal between the process and the log.
    #[must_use]
    pub(crate) fn with_terminal(mut self, terminal: bool) -> Self {
        self.terminal = terminal;
        self
    }

    /// Lets a listener have all that is written from now on.
    pub(crate) fn listen(&mut self, listener: u64) {
        self.listeners.entry(listener).or_default();
    }

    /// What was written since a listener last fetched.
    pub(crate) fn fetch(&mut self, listener: u64) -> Vec<Piece> {
        self.listeners
            .get_mut(&listener)
            .map(|listener| std::mem::take(&mut listener.pieces))
            .unwrap_or_default()
    }

    /// A listener has taken what was written so far.
    pub(crate) fn taken(&mut self, listener: u64) {
        if let Some(listener) = self.listeners.get_mut(&listener) {
            listener.untaken = 0;
        }
    }

    /// Whether who writes has to wait for that listener.
    pub(crate) fn is_held_by(&self, listener: u64) -> bool {
        self.listeners.get(&listener).is_some_and(Listener::holds)
    }

    /// Whether who writes has to wait for a listener.
    pub(crate) fn is_held(&self) -> bool {
        self.listeners.values().any(Listener::holds)
    }

    /// Lets a listener go.
    pub(crate) fn forget(&mut self, listener: u64) {
        self.listeners.remove(&listener);
    }

    /// Adds a whole line.
    pub(crate) fn line(&mut self, time: Time, text: impl Into<String>) {
        let mut text: String = text.into();
        text.push('\n');
        self.write(time, Descriptor::Out, text.as_bytes());
    }

    fn push_line(&mut self, time: Time, text: String) {
        self.bytes += text.len() + 1;
        self.lines.push_back(LogLine { time, text });
        while self.bytes > CAPACITY {
            let Some(oldest) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= oldest.text.len() + 1;
            self.dropped += 1;
        }
    }

    /// Adds bytes; a line is complete at its line feed.
    pub(crate) fn write(&mut self, time: Time, to: Descriptor, bytes: &[u8]) {
        let bytes = if self.terminal {
            with_carriage_returns(bytes)
        } else {
            bytes.to_vec()
        };
        for listener in self.listeners.values_mut() {
            listener.hear(to, &bytes);
        }
        if self.passes_on {
            return;
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let mut line = self.partial.remove(&to).unwrap_or_default();
            match piece.strip_suffix(b"\n") {
                Some(end) => {
                    line.extend_from_slice(end);
                    self.push_line(time, String::from_utf8_lossy(&line).into_owned());
                }
                None => {
                    line.extend_from_slice(piece);
                    self.partial.insert(to, line);
                }
            }
        }
    }

    /// Ends a line that has no line feed, as the runtime does when the container ends.
    pub(crate) fn flush(&mut self, time: Time) {
        for line in std::mem::take(&mut self.partial).into_values() {
            self.push_line(time, String::from_utf8_lossy(&line).into_owned());
        }
    }

    /// The lines from the given position on, counted from the container's first line, and the position behind
    /// the last.
    pub(crate) fn since(&self, position: u64) -> (impl Iterator<Item = &LogLine>, u64) {
        let skipped = usize::try_from(position.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        let end = self.dropped + self.lines.len() as u64;
        (self.lines.iter().skip(skipped), end)
    }

    /// All that was written, as a program's output.
    pub(crate) fn into_text(mut self) -> String {
        let partial = std::mem::take(&mut self.partial);
        let mut text: String = self
            .lines
            .iter()
            .flat_map(|line| [line.text.as_str(), "\n"])
            .collect();
        for line in partial.values() {
            text.push_str(&String::from_utf8_lossy(line));
        }
        text
    }
}

impl Listener {
    fn hear(&mut self, from: Descriptor, bytes: &[u8]) {
        if self.untaken < LOST_AT {
            self.untaken += bytes.len();
            self.pieces.push((from, bytes.to_vec()));
        }
    }

    const fn holds(&self) -> bool {
        self.untaken >= HELD_AT
    }
}

fn with_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    for byte in bytes {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_go_first_and_positions_stay_true() {
        let mut log = Log::default();
        let long = "x".repeat(CAPACITY / 4);
        for number in 0..6 {
            log.line(Time::from_micros(number), format!("{number}{long}"));
        }
        let (lines, end) = log.since(0);
        let first = lines.map(|line| line.text.as_bytes()[0]).next();
        assert_eq!((first, end), (Some(b'3'), 6));
        assert_eq!(log.since(5).0.count(), 1);
    }

    #[test]
    fn a_line_is_complete_at_its_line_feed() {
        let mut log = Log::default();
        log.write(Time::from_micros(1), Descriptor::Out, b"a\nb");
        log.write(Time::from_micros(2), Descriptor::Err, b"x");
        log.write(Time::from_micros(2), Descriptor::Out, b"c\n");
        let texts: Vec<&str> = log.since(0).0.map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["a", "bc"]);
    }

    #[test]
    fn a_listener_gets_the_bytes_from_when_it_came_on() {
        let mut log = Log::default().with_terminal(true);
        log.write(Time::from_micros(1), Descriptor::Out, b"before\n");
        log.listen(7);
        log.write(Time::from_micros(2), Descriptor::Out, b"# ");
        log.write(Time::from_micros(3), Descriptor::Err, b"a\n");
        let pieces = [
            (Descriptor::Out, b"# ".to_vec()),
            (Descriptor::Err, b"a\r\n".to_vec()),
        ];
        assert_eq!(log.fetch(7), pieces);
        assert_eq!(log.fetch(7), []);
        let texts: Vec<&str> = log.since(0).0.map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["before\r", "a\r"]);
    }

    #[test]
    fn a_listener_that_takes_nothing_holds_the_writer_and_costs_no_more_memory() {
        let mut log = Log::for_listener(7);
        let mut heard = 0;
        for round in 0..3 {
            for _ in 0..100 {
                log.write(Time::default(), Descriptor::Out, &[b'x'; HELD_AT / 4]);
            }
            assert!(
                log.is_held() && log.is_held_by(7) && !log.is_held_by(8),
                "{round}"
            );
            heard += log.fetch(7).iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
            assert!(log.is_held(), "fetching is not taking");
            log.taken(7);
            assert!(!log.is_held());
        }
        assert_eq!(heard, 3 * LOST_AT);
    }
}
