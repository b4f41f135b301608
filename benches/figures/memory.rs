//! What a process weighs.

use std::process::Command;

use crate::Outcome;

/// The word that makes this program weigh something, and nothing else.
const WEIGH: &str = "--weigh";

/// The bytes that so many of something take, weighed in a process of their own, so that no memory is used a second time.
pub(crate) fn weighed_apart(what: &str, count: usize) -> Outcome<u64> {
    let output = Command::new(std::env::current_exe()?)
        .args([WEIGH, what, &count.to_string()])
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// What this process was started to weigh, and how many of it; `None` for one that was not.
pub(crate) fn asked_to_weigh() -> Outcome<Option<(String, usize)>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != WEIGH).skip(1);
    let (Some(what), Some(count)) = (arguments.next(), arguments.next()) else {
        return Ok(None);
    };
    Ok(Some((what, count.parse()?)))
}

/// Resident memory of a process in bytes. Zero where there is no `/proc`.
pub(crate) fn resident(process: &str) -> Outcome<u64> {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) else {
        return Ok(0);
    };
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// Bytes as mebibytes, for people.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1 << 20) as f64)
}
