//! A stand-in for `kind` and `docker` (or `podman`), for tests: it speaks their command lines as far as bbf uses them, and its clusters
//! are podling's. Under which name it was started says which of them it is.
//!
//! `STAND_IN_ROOT` names the folder that is its world: containers, images, and a file `fail` that says what is broken in it
//! at the moment (`docker-down`, `disk-full`, `no-network`, `port-taken`, `hang`, `old-kind`, and `overtaken`: someone else is faster with a cluster). Every call is noted in `calls`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

mod docker;
mod kind;
mod world;

use std::error::Error;
use std::process::ExitCode;

use world::World;

/// What a command comes to: nothing more to say, or what is said on stderr before it ends with 1.
type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Outcome {
    let (program, arguments) = words.split_first().ok_or("no arguments")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if let ["__serve", folder] = arguments {
        runtime.block_on(bbf::cluster::embedded::serve(
            folder.as_ref(),
            &mut std::io::stdout(),
        ));
        return Ok(());
    }
    let world = World::open()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    world.note(name, arguments)?;
    match name {
        "kind" => runtime.block_on(kind::run(&world, arguments)),
        "docker" | "podman" => runtime.block_on(docker::run(&world, name, arguments)),
        _ => Err(format!("{name} is neither kind nor docker nor podman").into()),
    }
}

/// The value of an option, as in `--name X`.
fn option<'a>(arguments: &[&'a str], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|word| *word == name)?;
    arguments.get(at + 1).copied()
}
