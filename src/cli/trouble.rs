//! What went wrong, in the learner's language, with what to type next and the exit code.

mod existing;
mod kind;

pub(super) use existing::need;
pub(super) use kind::explain as explain_failure;

use super::exit::Exit;
use crate::cluster;
use crate::lab::{FindError, LabError, Language};
use crate::platform::files;
use crate::platform::folders::NoHome;
use crate::platform::lock;
use crate::session;
use crate::ui::messages::{clusters, trouble as say};
use crate::ui::printer::Complaint;
use std::io::ErrorKind;

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    NoHome(#[from] NoHome),
    #[error(transparent)]
    Find(#[from] FindError),
    #[error("{0}")]
    Pack(LabError),
    #[error(transparent)]
    Session(#[from] session::Error),
    /// Options that make no sense together; what is said about it.
    #[error("the options make no sense together")]
    Options(fn(Language) -> String),
    #[error("cancelled")]
    Cancelled {
        /// Why what is half made could not be removed, if it couldn't.
        left: Option<String>,
    },
    #[error("lab {lab} is running on {name}")]
    LabOnCluster { lab: String, name: String },
    #[error("no cluster {0}")]
    UnknownCluster(String),
    #[error("the shell {shell} could not be started: {why}")]
    Shell { shell: String, why: String },
    #[error("the terminal can't be used: {0}")]
    Terminal(String),
    #[error("the output could not be written: {0}")]
    Output(String),
    #[error("{0}")]
    Unexpected(String),
}

impl From<cluster::Error> for Trouble {
    fn from(error: cluster::Error) -> Self {
        session::Error::from(error).into()
    }
}

impl Trouble {
    /// The exit code, and what the learner is told.
    pub(super) fn explain(&self, language: Language) -> (Exit, Complaint) {
        match self {
            Self::NoHome(_) => environment(say::no_home(language), [say::set_bbf_home(language)]),
            Self::Find(error) => find(error, language),
            Self::Pack(error) => usage(say::broken_pack(language, error), []),
            Self::Session(error) => session(error, language),
            Self::Options(said) => usage(said(language), []),
            Self::Cancelled { left: None } => environment(clusters::cancelled(language), []),
            Self::Cancelled { left: Some(why) } => environment(clusters::cancelled_left(language, why), []),
            Self::LabOnCluster { lab, name } => usage(
                clusters::lab_on_cluster(language, lab, name),
                [say::stop_first(language, lab)],
            ),
            Self::UnknownCluster(name) => usage(
                say::unknown_cluster(language, name),
                [say::see_clusters(language)],
            ),
            Self::Shell { shell, why } => environment(say::shell_failed(language, shell, why), []),
            Self::Terminal(why) => {
                environment(say::terminal_failed(language, why), [say::use_plain(language)])
            }
            Self::Output(why) => environment(say::output_lost(language, why), [say::output_again(language)]),
            Self::Unexpected(why) => complaint(
                Exit::Environment,
                say::unexpected(language, why),
                [say::ask_doctor(language)],
            ),
        }
    }
}

fn complaint<const N: usize>(exit: Exit, what: String, next: [String; N]) -> (Exit, Complaint) {
    (
        exit,
        Complaint {
            what,
            next: next.into(),
        },
    )
}

fn usage<const N: usize>(what: String, next: [String; N]) -> (Exit, Complaint) {
    complaint(Exit::Usage, what, next)
}

fn environment<const N: usize>(what: String, next: [String; N]) -> (Exit, Complaint) {
    complaint(Exit::Environment, what, next)
}

fn find(error: &FindError, language: Language) -> (Exit, Complaint) {
    match error {
        FindError::Unknown { id, nearest } if nearest.is_empty() => {
            usage(say::unknown_lab(language, id), [say::see_all_labs(language)])
        }
        FindError::Unknown { id, nearest } => usage(
            say::unknown_lab(language, id),
            [
                say::did_you_mean(language, &nearest.join(", ")),
                say::see_all_labs(language),
            ],
        ),
        FindError::Broken(error) => usage(say::broken_lab(language, error), []),
    }
}

fn session(error: &session::Error, language: Language) -> (Exit, Complaint) {
    use session::Error;
    match error {
        Error::Files(error) => file(error, language),
        Error::Lock(lock::Error::File(error)) => file(error, language),
        Error::Lock(lock::Error::Held(holder)) => {
            environment(say::held_by(language, holder), [say::wait_and_retry(language)])
        }
        Error::Cluster(error) => cluster(error, language),
        Error::Baseline(error) => {
            environment(say::request_failed(language, error), [say::ask_doctor(language)])
        }
        Error::Break(error) => environment(
            say::break_not_applied(language, error),
            [say::ask_doctor(language)],
        ),
        Error::Lab(error) => usage(say::broken_lab(language, error), []),
        Error::NoLab => usage(say::no_lab_running(language), [say::start_one(language)]),
        Error::OtherLab { running, asked } => usage(
            say::other_lab_running(language, running, asked),
            [say::stop_first(language, running)],
        ),
        Error::OtherPlace { lab, place } => usage(
            clusters::other_place(language, lab, place.word()),
            [say::stop_first(language, lab)],
        ),
        Error::Unfinished(lab) => usage(
            say::not_finished_starting(language, lab),
            [say::start_again(language, lab)],
        ),
    }
}

fn cluster(error: &cluster::Error, language: Language) -> (Exit, Complaint) {
    use cluster::Error;
    match error {
        Error::Files(error) => file(error, language),
        Error::Damaged { path, why } => environment(
            say::cluster_file_damaged(language, &path.display(), why),
            [say::reset_lab(language)],
        ),
        Error::Spawn(error) => environment(
            say::cluster_not_started(language, error),
            [say::ask_doctor(language)],
        ),
        Error::Refused(why) => environment(
            say::cluster_not_started(language, why),
            [say::ask_doctor(language)],
        ),
        Error::Silent { log } => environment(
            say::cluster_silent(language, &log.display()),
            [say::ask_doctor(language)],
        ),
        Error::Unreachable(why) => environment(
            say::cluster_unreachable(language, why),
            [say::retry_check(language)],
        ),
        Error::Unauthenticated(why) => environment(
            clusters::unauthenticated(language, why),
            [clusters::log_in_again(language)],
        ),
        Error::NotReady(why) => environment(
            say::cluster_not_started(language, why),
            [say::reset_lab(language)],
        ),
        Error::Kind(failure) => kind::failed(failure, language),
        Error::Existing(refusal) => existing::refused(refusal, language),
        Error::Config(error) => usage(say::broken_lab(language, error), []),
        Error::AddOn(error) => environment(say::request_failed(language, error), [say::ask_doctor(language)]),
        Error::Stubborn { pid } => environment(
            say::cluster_stubborn(language, pid),
            [say::end_process(language, pid)],
        ),
    }
}

/// A file that could not be used is the environment's fault; the common reasons have words of their own.
fn file(error: &files::Error, language: Language) -> (Exit, Complaint) {
    let path = error.path.display();
    match error.source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            environment(say::disk_full(language, &path), [say::free_space(language)])
        }
        ErrorKind::ReadOnlyFilesystem => environment(
            say::read_only(language, &path),
            [say::choose_other_folder(language)],
        ),
        ErrorKind::PermissionDenied => environment(
            say::not_allowed(language, &path),
            [say::choose_other_folder(language)],
        ),
        _ => environment(
            say::file_failed(language, &path, &error.source),
            [say::ask_doctor(language)],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_trouble(kind: ErrorKind) -> Trouble {
        let error = files::Error {
            path: "/s/progress.json".into(),
            source: kind.into(),
        };
        session::Error::from(error).into()
    }

    #[test]
    fn each_trouble_has_its_code_and_says_what_to_do() {
        let unknown = FindError::Unknown {
            id: "x".to_owned(),
            nearest: vec!["y".to_owned()],
        };
        for (trouble, exit, says) in [
            (Trouble::from(NoHome), Exit::Environment, "BBF_HOME"),
            (unknown.into(), Exit::Usage, "y"),
            (session::Error::NoLab.into(), Exit::Usage, "bbf lab start"),
            (file_trouble(ErrorKind::StorageFull), Exit::Environment, "room"),
            (
                file_trouble(ErrorKind::ReadOnlyFilesystem),
                Exit::Environment,
                "BBF_HOME",
            ),
            (
                file_trouble(ErrorKind::PermissionDenied),
                Exit::Environment,
                "BBF_HOME",
            ),
            (file_trouble(ErrorKind::Other), Exit::Environment, "bbf doctor"),
        ] {
            for language in Language::ALL {
                let (code, complaint) = trouble.explain(language);
                assert_eq!(code, exit);
                assert!(!complaint.what.is_empty() && !complaint.next.is_empty());
            }
            let next = trouble.explain(Language::En).1.next.join(" ");
            assert!(next.contains(says), "{next}");
        }
    }
}
