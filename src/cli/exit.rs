//! The exit codes.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; for a check, solved.
    Done,
    /// Not solved yet.
    NotSolved,
    /// The command was not understood, or does not fit what is going on.
    Usage,
    /// The machine does not allow it: disk, port, permissions, a cluster that does not answer.
    Environment,
    /// A mistake of bbf's own.
    Bug,
}

impl Exit {
    /// The code that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotSolved => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Bug => 70,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
