//! `bbf lab start`: a cluster with the break applied, and on a terminal the live view.

use super::task;
use crate::cli::Exit;
use crate::cli::arguments::Start;
use crate::cli::context::{AtHand, Context, place, unless_cancelled};
use crate::cli::trouble::Trouble;
use crate::cluster::{Connection, Provider};
use crate::lab::Texts;
use crate::session::steps::{self, Notice, Opening, Running, Started};
use crate::ui::markdown;
use crate::ui::messages::{clusters, labs};
use crate::ui::printer::Output;
use std::io::IsTerminal as _;

/// Starts a lab.
pub(in crate::cli) async fn run(context: &mut Context<'_>, arguments: &Start) -> Result<Exit, Trouble> {
    let lab = context.lab(&arguments.lab)?;
    let mut store = context.store()?;
    let place = place(&arguments.place, lab.id(), &mut store)?;
    let provider = context.provider(&lab, &place)?;
    let lab = lab.rehomed(&provider.namespace());
    let opening = Opening {
        lab: &lab,
        pack: context.pack_of(&lab),
        place: place.clone(),
        provider: provider.as_ref(),
        readme: &task::readme(&lab, context.language()),
        command: &format!("bbf lab start {}", lab.id()),
    };
    let started = unless_cancelled(provider.as_ref(), steps::start(&mut store, opening)).await;
    context.say_damaged(&mut store);
    if started.is_err() && !provider.traits().own_time {
        // The failure itself is what has to be told.
        steps::give_up(&mut store, &lab, &place, provider.as_ref())
            .await
            .ok();
    }
    let live = !arguments.no_live && on_terminal(context);
    match started? {
        Started::Fresh(Running {
            record,
            connection,
            notices,
        }) => {
            say(context, &notices);
            say_traits(context, provider.as_ref());
            context
                .printer
                .status(&labs::lab_started(context.language(), lab.id()));
            show(context, AtHand { store, record, lab }, connection, live).await
        }
        Started::Already(record) => {
            context
                .printer
                .note(&labs::lab_already_running(context.language(), lab.id()));
            let at_hand = AtHand { store, record, lab };
            if live {
                let connection = context.connect(&at_hand).await?;
                return show(context, at_hand, connection, live).await;
            }
            let exit = super::status::show(context, at_hand).await?;
            context.printer.status(&labs::how_to_resume(context.language()));
            Ok(exit)
        }
    }
}

fn on_terminal(context: &Context<'_>) -> bool {
    let interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    interactive && context.printer.output == Output::Text
}

/// Says what a step did besides what was asked of it.
pub(super) fn say(context: &mut Context<'_>, notices: &[Notice]) {
    let language = context.language();
    for notice in notices {
        let text = match notice {
            Notice::Interrupted => labs::start_was_interrupted(language),
            Notice::WorkFileKept { file, kept } => labs::work_file_kept(language, file, &kept.display()),
        };
        context.printer.note(&text);
    }
}

async fn show(
    context: &mut Context<'_>,
    at_hand: AtHand,
    connection: Connection,
    live: bool,
) -> Result<Exit, Trouble> {
    if live {
        return crate::cli::live::run(context, at_hand, connection).await;
    }
    print_task(context, &at_hand)?;
    Ok(Exit::Done)
}

/// Says what is otherwise on this cluster than on the embedded one.
fn say_traits(context: &mut Context<'_>, provider: &dyn Provider) {
    let (language, traits) = (context.language(), provider.traits());
    let namespace = clusters::trait_namespace(language, &provider.namespace());
    let told = [
        (!traits.whole_cluster, namespace),
        (traits.pulls_images, clusters::trait_images(language)),
        (!traits.own_time, clusters::trait_time(language)),
    ];
    for (_, text) in told.into_iter().filter(|(differs, _)| *differs) {
        context.printer.note(&text);
    }
}

fn print_task(context: &mut Context<'_>, at_hand: &AtHand) -> Result<(), Trouble> {
    let AtHand { lab, record, .. } = at_hand;
    let language = context.language();
    let folder = context.folders.work(lab.id());
    let kubeconfig = context.provider_of(at_hand)?.kubeconfig();
    context.printer.json(&serde_json::json!({
        "lab": lab.id(),
        "title": lab.definition.title(language),
        "task": lab.texts(language).map(Texts::task),
        "namespace": record.namespace,
        "place": record.place,
        "kubeconfig": kubeconfig,
        "folder": folder,
    }));
    let lines = markdown::render(&task::markdown(lab, language), context.printer.width());
    context.printer.lines(&lines);
    context.printer.line("");
    context
        .printer
        .line(&labs::how_to_work(language, &folder.display()));
    context.printer.line(&labs::how_to_check(language));
    Ok(())
}
