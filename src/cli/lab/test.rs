//! `bbf lab test`
use crate::cli::Exit;
use crate::cli::arguments::Test;
use crate::cli::context::Context;
use crate::cli::trouble::Trouble;
pub(in crate::cli) async fn run(_: &mut Context<'_>, _: &Test) -> Result<Exit, Trouble> {
    Ok(Exit::Done)
}
