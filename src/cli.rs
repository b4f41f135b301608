//! The command line: one file per command, what each prints, and the exit codes.

mod arguments;
mod bug;
mod cluster;
mod completions;
mod context;
mod doctor;
mod doing;
mod exit;
mod images;
mod lab;
mod live;
mod progress;
mod shell;
mod trouble;

pub use arguments::{
    Arguments, Check, ClusterCommand, ClusterKind, Command, Global, ImagesCommand, LabCommand, Play, Prepare,
    Save, Solution, Start, Test, Where,
};
pub use exit::Exit;

use crate::cluster::embedded;
use crate::platform::folders::Folders;
use crate::ui::printer::Printer;
use clap::Parser as _;
use context::Context;
use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use trouble::Trouble;

/// Runs bbf with the process's arguments.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => run(&arguments).into(),
        Err(error) => {
            // Help goes to stdout and ends well; anything else is a usage error.
            error.print().ok();
            if error.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::Done.into()
            }
        }
    }
}

fn run(arguments: &Arguments) -> Exit {
    let language = arguments.global.language();
    bug::install_hook();
    let run = || {
        let mut printer = Printer::standard(arguments.global.output, language);
        let result = execute(arguments, &mut printer);
        let result = result.and_then(|exit| match printer.lost() {
            Some(error) => Err(Trouble::Output(error.to_string())),
            None => Ok(exit),
        });
        result.unwrap_or_else(|trouble| {
            let (exit, complaint) = trouble.explain(language);
            printer.complain(&complaint);
            exit
        })
    };
    std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        bug::complain(&mut Printer::standard(arguments.global.output, language));
        Exit::Bug
    })
}

fn execute(arguments: &Arguments, printer: &mut Printer<'static>) -> Result<Exit, Trouble> {
    let virtual_time = match &arguments.command {
        Command::Lab {
            command: LabCommand::Test(test),
        } => test.virtual_time(),
        Command::Lab {
            command: LabCommand::Play(_),
        } => true,
        _ => false,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(virtual_time)
        .build()
        .map_err(|error| Trouble::Unexpected(error.to_string()))?;
    runtime.block_on(dispatch(arguments, printer))
}

async fn dispatch(arguments: &Arguments, printer: &mut Printer<'static>) -> Result<Exit, Trouble> {
    match &arguments.command {
        Command::Serve { folder } => {
            let served = embedded::serve(folder, &mut std::io::stdout()).await;
            return Ok(if served { Exit::Done } else { Exit::Environment });
        }
        Command::Completions { shell } => return Ok(completions::run(printer, *shell)),
        Command::Doctor => return doctor::run(printer, Folders::from_environment(), &arguments.global).await,
        _ => {}
    }
    let mut context = Context::new(&arguments.global, printer)?;
    match &arguments.command {
        Command::Lab { command } => lab(&mut context, command).await,
        Command::Cluster { command } => cluster(&mut context, command).await,
        Command::Images { command } => match command {
            ImagesCommand::Save(arguments) => images::save(&mut context, arguments).await,
            ImagesCommand::Load { file } => images::load(&mut context, file).await,
        },
        Command::Shell => shell::run(&mut context).await,
        Command::Progress => progress::run(&mut context),
        Command::Doctor | Command::Completions { .. } | Command::Serve { .. } => Ok(Exit::Done),
    }
}

async fn cluster(context: &mut Context<'_>, command: &ClusterCommand) -> Result<Exit, Trouble> {
    match command {
        ClusterCommand::List => cluster::list::run(context).await,
        ClusterCommand::Start { name } => cluster::start::run(context, name.as_deref()).await,
        ClusterCommand::Stop { name } => cluster::stop::run(context, name.as_deref()).await,
        ClusterCommand::Delete { name } => cluster::delete::run(context, name).await,
        ClusterCommand::Prepare(arguments) => cluster::prepare::run(context, arguments).await,
        ClusterCommand::Kubeconfig { name } => cluster::kubeconfig::run(context, name.as_deref()).await,
    }
}

async fn lab(context: &mut Context<'_>, command: &LabCommand) -> Result<Exit, Trouble> {
    match command {
        LabCommand::List(place) => lab::list::run(context, place).await,
        LabCommand::Show { lab } => lab::show::run(context, lab),
        LabCommand::Start(arguments) => lab::start::run(context, arguments).await,
        LabCommand::Status { lab } => lab::status::run(context, lab.as_deref()).await,
        LabCommand::Check(arguments) => lab::check::run(context, arguments).await,
        LabCommand::Hint { lab } => lab::hint::run(context, lab.as_deref()).await,
        LabCommand::Solution(arguments) => lab::solution::run(context, arguments),
        LabCommand::Reset { lab } => lab::reset::run(context, lab.as_deref()).await,
        LabCommand::Stop { lab } => lab::stop::run(context, lab.as_deref()).await,
        LabCommand::Play(arguments) => lab::play::run(context, arguments).await,
        LabCommand::Test(arguments) => lab::test::run(context, arguments).await,
    }
}
