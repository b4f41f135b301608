//! A container's log that is read on as it grows (`kubectl logs --follow`).

use super::serving::LogFormat;
use super::{LogPage, LogPosition, Nodes};
use crate::images::LogLine;
use crate::request::Chunk;

/// Once so many bytes are read the rest waits for the next reading, so that what waits for a slow client stays small.
const ENOUGH: usize = 64 * 1024;

/// Where the next line of a log is read.
#[derive(Debug)]
pub(crate) struct FollowedLog {
    /// Instead of a log: that there is none.
    first: Vec<LogLine>,
    next: LogPosition,
    format: LogFormat,
}

impl FollowedLog {
    /// Begins with a page's lines, which stand in the log behind each other, and goes on behind them.
    pub(super) fn new(page: LogPage, format: LogFormat) -> Self {
        let next = page.beginning();
        let first = if next.is_some() { Vec::new() } else { page.lines };
        Self {
            first,
            next: next.unwrap_or_default(),
            format,
        }
    }

    /// What was written since the last reading. The log ends with its container.
    pub(crate) fn read(&mut self, nodes: &Nodes) -> Chunk {
        let mut lines = std::mem::take(&mut self.first);
        let page = nodes.follow_log(&self.next, ENOUGH);
        lines.extend(page.lines);
        self.next = page.next;
        let bytes = self.format.print(&lines);
        if let Some(limit) = &mut self.format.limit {
            *limit -= bytes.len();
        }
        let is_full = self.format.limit == Some(0);
        Chunk {
            bytes,
            more: page.more && !is_full,
            ended: page.ended || is_full,
        }
    }
}
