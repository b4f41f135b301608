//! The live view at work: keys in, changes of the cluster and saved manifests in, the screen out.

mod desk;
mod saves;

use super::Exit;
use super::context::{AtHand, Context};
use super::trouble::Trouble;
use crate::cluster::Connection;
use crate::platform::processes;
use crate::ui::messages::{labs, live as say};
use crate::ui::terminal::{self, Press, Screen};
use desk::{Desk, Next};
use saves::{SETTLE, Saves};
use std::time::Duration;
use tokio::time::Instant;

/// How often the Pods and the events are looked at besides when the checker has seen a change. Ages grow by the second.
const GLANCE: Duration = Duration::from_millis(500);

/// Shows the lab until the learner leaves.
pub(super) async fn run(
    context: &mut Context<'_>,
    at_hand: AtHand,
    connection: Connection,
) -> Result<Exit, Trouble> {
    let unusable = |error: std::io::Error| Trouble::Terminal(error.to_string());
    let id = at_hand.lab.id().to_owned();
    let provider = context.provider_of(&at_hand)?;
    let mut saves = Saves::of(&context.folders.work(&id));
    let mut desk = Desk::new(at_hand, connection, provider, context.language());
    // A signal that came before anyone listened would end bbf with the terminal taken.
    let asked_to_end = processes::asked_to_end().map_err(unusable)?;
    let screen = Screen::take().map_err(unusable)?;
    let ended = look_on(&mut desk, screen, &mut saves, asked_to_end).await;
    let language = context.language();
    context.say_damaged(&mut desk.at_hand.store);
    let text = match ended? {
        Next::Stopped => labs::lab_stopped(language, &id),
        Next::Leave | Next::Go => say::left_running(language, &id),
    };
    context.printer.status(&text);
    Ok(Exit::Done)
}

async fn look_on(
    desk: &mut Desk,
    mut screen: Screen,
    saves: &mut Saves,
    asked_to_end: impl Future<Output = ()>,
) -> Result<Next, Trouble> {
    let unusable = |error: std::io::Error| Trouble::Terminal(error.to_string());
    let mut presses = terminal::presses().map_err(unusable)?;
    let mut glances = tokio::time::interval(GLANCE);
    let mut ended = std::pin::pin!(asked_to_end);
    let mut settled: Option<Instant> = None;
    desk.glance().await?;
    loop {
        desk.prepare();
        desk.furthest = screen.draw(&desk.view).map_err(unusable)?;
        let settle = settled.unwrap_or_else(|| Instant::now() + SETTLE);
        let next = tokio::select! {
            () = desk.checker.changed() => desk.judge().await?,
            press = presses.recv() => desk.press(press.unwrap_or(Press::Leave)).await?,
            () = saves.next() => {
                settled = Some(Instant::now() + SETTLE);
                Next::Go
            }
            () = tokio::time::sleep_until(settle), if settled.is_some() => {
                settled = None;
                desk.apply_saved().await?
            }
            _ = glances.tick() => desk.glance().await?,
            _ = &mut ended => Next::Leave,
        };
        if next != Next::Go {
            return Ok(next);
        }
    }
}
