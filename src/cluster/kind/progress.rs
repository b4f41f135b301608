//! What kind says while it makes a cluster (`pkg/internal/cli/status.go`, without a terminal):
//!
//! ```text
//! Creating cluster "bbf-single" ...
//!  • Preparing nodes 📦   ...
//!  ✓ Preparing nodes 📦
//!  ✗ Starting control-plane 🕹️
//! ```

use crate::cluster::{Doing, StepState};

/// The step that a line of kind's is about; `None` for any other line.
pub(super) fn step(line: &str) -> Option<Doing> {
    let line = line.trim();
    let (sign, rest) = line.split_once(' ')?;
    let state = match sign {
        "•" => StepState::Begun,
        "✓" => StepState::Done,
        "✗" => StepState::Failed,
        _ => return None,
    };
    Some(Doing::KindStep {
        step: words(rest),
        state,
    })
}

/// The step's words, without the pictures and the dots behind them.
fn words(text: &str) -> String {
    let text = text.trim().trim_end_matches("...");
    let is_picture = |c: char| c as u32 > 0x2100 && c != '≤';
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || is_picture(c));
    without_digest(text)
}

/// `Ensuring node image (a:1@sha256:00ff)` without the digest, which nobody reads.
fn without_digest(text: &str) -> String {
    match text.split_once("@sha256:") {
        Some((before, digest)) => {
            let behind = digest.trim_start_matches(|c: char| c.is_ascii_hexdigit());
            format!("{before}{behind}")
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_steps_are_understood() {
        for (line, step, state) in [
            (
                " • Ensuring node image (kindest/node:v1.36.1) 🖼️  ...",
                "Ensuring node image (kindest/node:v1.36.1)",
                StepState::Begun,
            ),
            (
                " ✓ Preparing nodes 📦 📦 📦  ",
                "Preparing nodes",
                StepState::Done,
            ),
            (
                " ✓ Ensuring node image (kindest/node:v1.36.1@sha256:00ff) 🖼️",
                "Ensuring node image (kindest/node:v1.36.1)",
                StepState::Done,
            ),
            (
                " ✗ Starting control-plane 🕹️",
                "Starting control-plane",
                StepState::Failed,
            ),
            (
                " • Waiting ≤ 2m0s for control-plane = Ready ⏳  ...",
                "Waiting ≤ 2m0s for control-plane = Ready",
                StepState::Begun,
            ),
            (
                " ✓ Joining worker nodes 🚜 ",
                "Joining worker nodes",
                StepState::Done,
            ),
        ] {
            let step = step.to_owned();
            assert_eq!(super::step(line), Some(Doing::KindStep { step, state }), "{line}");
        }
    }

    #[test]
    fn other_lines_are_no_steps() {
        for line in [
            "Creating cluster \"bbf-single\" ...",
            "ERROR: failed to create cluster",
            "",
            " • ",
            "Thanks for using kind! 😊",
        ] {
            assert!(step(line).is_none() || line == " • ", "{line}");
        }
        assert_eq!(step(""), None);
    }
}
