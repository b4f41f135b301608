//! What is said when a cluster that is there already can't be used.

use super::{environment, usage};
use crate::cli::exit::Exit;
use crate::cluster::existing::{Need, Refusal};
use crate::lab::Language;
use crate::ui::messages::{clusters as say, trouble};
use crate::ui::printer::Complaint;

pub(super) fn refused(refusal: &Refusal, language: Language) -> (Exit, Complaint) {
    match refusal {
        Refusal::NoKubeconfig(why) => {
            environment(say::no_kubeconfig(language, why), [say::ask_kubectl(language)])
        }
        Refusal::NoContext { context, known } if known.is_empty() => usage(
            say::no_context(language, context),
            [say::no_contexts(language), say::ask_kubectl(language)],
        ),
        Refusal::NoContext { context, known } => usage(
            say::no_context(language, context),
            [say::known_contexts(language, &known.join(", "))],
        ),
        Refusal::Unfit { lab, needs } => usage(
            say::unfit(language, lab, &list(needs, language)),
            [say::play_elsewhere(language)],
        ),
        Refusal::Denied(what) => environment(
            say::denied(language, &what.join(", ")),
            [say::ask_admin(language)],
        ),
        Refusal::Pods(said) => environment(say::pods_refused(language, said), [say::ask_admin(language)]),
        Refusal::NamespaceTaken(name) => environment(say::namespace_taken(language, name), []),
        Refusal::NamespaceStays(name) => environment(
            say::namespace_stays(language, name),
            [say::look_at_namespace(language, name)],
        ),
        Refusal::Gone(name) => environment(
            say::namespace_gone(language, name),
            [trouble::reset_lab(language)],
        ),
        Refusal::NotOurs(context) => usage(say::not_ours(language, context), []),
    }
}

/// What a lab needs, in words.
pub(in crate::cli) fn need(need: &Need, language: Language) -> String {
    match need {
        Need::Nodes(count) => say::need_nodes(language, count),
        Need::Port(port) => say::need_port(language, port),
        Need::ClusterObject(object) => say::need_cluster_object(language, object),
        Need::Namespace(name) => say::need_namespace(language, name),
        Need::WholeCluster => say::need_whole_cluster(language),
    }
}

fn list(needs: &[Need], language: Language) -> String {
    let said: Vec<String> = needs.iter().map(|it| need(it, language)).collect();
    said.join(match language {
        Language::En => ", ",
        Language::Ja => "、",
    })
}
