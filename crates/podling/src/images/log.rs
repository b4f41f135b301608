//! What a container has written: lines with the time of each, the oldest dropped when there are too many.

use std::collections::VecDeque;

use crate::clock::Time;

/// A container keeps about this many bytes of log.
const CAPACITY: usize = 1 << 20;

/// One line of a container's log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLine {
    /// When it was written.
    pub time: Time,
    /// The line without its end.
    pub text: String,
}

/// A container's log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    lines: VecDeque<LogLine>,
    bytes: usize,
    dropped: u64,
    partial: String,
}

impl Log {
    /// Adds a whole line.
    pub(crate) fn line(&mut self, time: Time, text: impl Into<String>) {
        let text = text.into();
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

    /// Adds text; a line is complete at its line feed.
    pub(crate) fn write(&mut self, time: Time, text: &str) {
        for piece in text.split_inclusive('\n') {
            match piece.strip_suffix('\n') {
                Some(end) => {
                    let line = std::mem::take(&mut self.partial) + end;
                    self.line(time, line);
                }
                None => self.partial.push_str(piece),
            }
        }
    }

    /// Ends a line that has no line feed, as the runtime does when the container ends.
    pub(crate) fn flush(&mut self, time: Time) {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.line(time, line);
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
        text.push_str(&partial);
        text
    }
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
        log.write(Time::from_micros(1), "a\nb");
        log.write(Time::from_micros(2), "c\n");
        let texts: Vec<&str> = log.since(0).0.map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["a", "bc"]);
    }
}
