//! What is said when a kind cluster could not be had.

use super::environment;
use crate::cli::exit::Exit;
use crate::cluster::kind::{Failure, OLDEST, PINNED};
use crate::lab::Language;
use crate::ui::messages::{clusters as say, trouble};
use crate::ui::printer::Complaint;

/// What is said about it, without the exit code.
pub(in crate::cli) fn explain(failure: &Failure, language: Language) -> Complaint {
    failed(failure, language).1
}

pub(super) fn failed(failure: &Failure, language: Language) -> (Exit, Complaint) {
    let or_embedded = || say::or_embedded(language);
    match failure {
        Failure::NoRuntime => environment(
            say::no_runtime(language),
            [say::install_docker(language), or_embedded()],
        ),
        Failure::NoSuchRuntime(runtime) => environment(
            say::no_such_runtime(language, runtime),
            [say::choose_runtime(language, runtime), or_embedded()],
        ),
        Failure::NoKind => environment(
            say::no_kind(language),
            [say::install_kind(language), or_embedded()],
        ),
        Failure::OldKind { version } => environment(
            say::old_kind(language, version, &format!("v{}.{}", OLDEST.0, OLDEST.1)),
            [say::install_kind(language), or_embedded()],
        ),
        Failure::NotRunning { runtime, said } => environment(
            say::not_running(language, runtime, said),
            [say::start_runtime(language, runtime), or_embedded()],
        ),
        Failure::NotAllowed { runtime, said } => environment(
            say::not_allowed(language, runtime, said),
            [say::join_group(language), or_embedded()],
        ),
        Failure::DiskFull { said } => environment(say::disk_full(language, said), [say::prune(language)]),
        Failure::NoNetwork { said } => environment(
            say::no_network(language, said),
            [say::use_archive(language), or_embedded()],
        ),
        Failure::RateLimited { said } => {
            environment(say::rate_limited(language, said), [say::log_in_or_wait(language)])
        }
        Failure::NoSuchImage { said } => {
            let versions = PINNED.map(|(version, _)| version).join(", ");
            environment(
                say::no_such_image(language, said),
                [say::pinned_images(language, &versions)],
            )
        }
        Failure::PortTaken { port } => {
            environment(say::port_taken(language, port), [say::free_port(language, port)])
        }
        Failure::OpenFiles { said } => {
            environment(say::open_files(language, said), [say::raise_inotify(language)])
        }
        Failure::AlreadyThere => environment(
            say::runtime_failed(language, failure),
            [trouble::wait_and_retry(language)],
        ),
        Failure::Foreign(name) => environment(
            say::foreign(language, name),
            [say::remove_foreign(language, name)],
        ),
        Failure::Gone(name) => environment(say::gone(language, name), [say::make_again(language)]),
        Failure::InUse { name, holder } => environment(
            say::in_use(language, name, holder),
            [trouble::wait_and_retry(language)],
        ),
        Failure::Other { said, log: Some(log) } => environment(
            say::kind_failed(language, said),
            [
                say::all_it_said(language, &log.display()),
                trouble::ask_doctor(language),
            ],
        ),
        Failure::Other { said, log: None } => environment(
            say::runtime_failed(language, said),
            [trouble::ask_doctor(language)],
        ),
    }
}
