//! What happens when bbf itself is at fault: the terminal is given back, nothing is lost, and the learner can report it.

use crate::platform::folders::Folders;
use crate::ui::messages::trouble;
use crate::ui::printer::{Complaint, Printer};
use std::backtrace::Backtrace;
use std::path::PathBuf;

/// Has panics written down where the learner finds them, with the terminal as it was.
pub(super) fn install_hook() {
    std::panic::set_hook(Box::new(|panic| {
        crate::ui::terminal::restore();
        let report = format!(
            "bbf {} on {}\n{panic}\n{}\n",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            Backtrace::force_capture()
        );
        // There is nobody left to tell if this fails.
        std::fs::write(report_file(), report).ok();
    }));
}

/// Tells the learner about a panic that the hook has written down.
pub(super) fn complain(printer: &mut Printer<'_>) {
    let language = printer.language;
    printer.complain(&Complaint {
        what: trouble::bug(language, env!("CARGO_PKG_VERSION")),
        next: vec![trouble::report_bug(language, &report_file().display())],
    });
}

fn report_file() -> PathBuf {
    let folder = Folders::from_environment().map(|folders| folders.state().to_owned());
    let folder = folder
        .ok()
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(std::env::temp_dir);
    folder.join("bug-report.txt")
}
