//! Standard input of a process: what has come and was not read yet.

/// What a pipe holds on Linux.
const PIPE: usize = 64 * 1024;

/// A process's standard input.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stdin {
    waiting: Vec<u8>,
    open: bool,
    /// Whether a reader meets an end although the input stays open, as Ctrl-D on a terminal does once.
    end_once: bool,
    /// Whether something has come, or the end, since [`wait`](Self::wait).
    news: bool,
}

impl Stdin {
    /// An input to which something can still come; the default one is at its end.
    pub(crate) fn open() -> Self {
        Self {
            open: true,
            ..Self::default()
        }
    }

    /// Bytes come.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.open && !bytes.is_empty() {
            self.waiting.extend_from_slice(bytes);
            self.news = true;
        }
    }

    /// Nothing more will come.
    pub(crate) const fn close(&mut self) {
        self.open = false;
        self.news = true;
    }

    /// The present reader meets an end.
    pub(crate) const fn end_once(&mut self) {
        self.end_once = true;
        self.news = true;
    }

    /// A reader has taken all there is and waits for more.
    pub(crate) const fn wait(&mut self) {
        self.news = false;
    }

    /// Whether a waiting reader should look again.
    pub(crate) const fn has_news(&self) -> bool {
        self.news
    }

    /// Whether who writes to it need not wait.
    pub(crate) const fn has_room(&self) -> bool {
        self.waiting.len() < PIPE
    }

    /// Whether more can come.
    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }

    /// All that waits.
    pub(crate) fn take_all(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.waiting)
    }

    /// The next line with its end; what is left without an end counts as one once nothing more will come.
    pub(crate) fn take_line(&mut self) -> Option<Vec<u8>> {
        if self.waiting.contains(&b'\n') || !self.open {
            take_line(&mut self.waiting)
        } else {
            None
        }
    }

    /// Whether there is an end for the present reader, who has then met it. What still waits comes before it.
    pub(crate) const fn take_end(&mut self) -> bool {
        let ended = self.end_once || !self.open;
        self.end_once = false;
        ended
    }
}

/// Takes the first line, or all where there is no line feed; `None` if there is nothing.
pub(crate) fn take_line(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    if bytes.is_empty() {
        return None;
    }
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(bytes.len(), |at| at + 1);
    let rest = bytes.split_off(end);
    Some(std::mem::replace(bytes, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_the_rest_at_the_end() {
        let mut stdin = Stdin::open();
        stdin.push(b"one\ntw");
        assert_eq!(stdin.take_line().as_deref(), Some(&b"one\n"[..]));
        assert_eq!((stdin.take_line(), stdin.take_end()), (None, false));
        stdin.push(b"o");
        stdin.close();
        assert_eq!(stdin.take_line().as_deref(), Some(&b"two"[..]));
        assert_eq!((stdin.take_line(), stdin.take_end()), (None, true));
    }

    #[test]
    fn an_end_on_a_terminal_is_met_once() {
        let mut stdin = Stdin::open();
        stdin.wait();
        stdin.end_once();
        assert!(stdin.has_news());
        assert_eq!((stdin.take_end(), stdin.take_end()), (true, false));
    }
}
