//! A container's log that is read on as it grows (`kubectl logs --follow`).

use super::serving::LogFormat;
use super::{LogPage, LogPosition, Nodes};
use crate::images::LogLine;
use crate::request::Chunk;

/// What was written and is not read yet, and where the rest will be.
#[derive(Debug)]
pub(crate) struct FollowedLog {
    unread: Vec<LogLine>,
    next: LogPosition,
    ended: bool,
    format: LogFormat,
}

impl FollowedLog {
    /// Begins with a page and goes on behind it.
    pub(super) fn new(page: LogPage, format: LogFormat) -> Self {
        Self {
            unread: page.lines,
            next: page.next,
            ended: page.ended,
            format,
        }
    }

    /// What was written since the last reading. The log ends with its container.
    pub(crate) fn read(&mut self, nodes: &Nodes) -> Chunk {
        let mut lines = std::mem::take(&mut self.unread);
        if !self.ended {
            let page = nodes.follow_log(&self.next);
            lines.extend(page.lines);
            (self.next, self.ended) = (page.next, page.ended);
        }
        let bytes = self.format.print(&lines);
        if let Some(limit) = &mut self.format.limit {
            *limit -= bytes.len();
        }
        Chunk {
            bytes,
            ended: self.ended || self.format.limit == Some(0),
        }
    }
}
