//! `bbf shell`: a shell in which kubectl reaches the lab's cluster, and only there. The learner's own kubeconfig is
//! neither read nor written.

use super::Exit;
use super::context::Context;
use super::trouble::Trouble;
use crate::platform::files::{self, Access};
use crate::platform::programs;
use crate::session;
use crate::ui::messages::commands;
use duct::cmd;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// How a shell is started so that its prompt names the lab.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    /// A start-up file that the shell reads, and its text.
    startup: Option<(PathBuf, String)>,
}

/// Opens the shell, and comes back when it ends.
pub(super) async fn run(context: &mut Context<'_>) -> Result<Exit, Trouble> {
    let at_hand = context.broken(None)?;
    context.connect(&at_hand).await?;
    let kubeconfig = context.provider_of(&at_hand)?.kubeconfig();
    let language = context.language();
    let shell = std::env::var_os("SHELL")
        .filter(|shell| !shell.is_empty())
        .unwrap_or_else(|| "/bin/sh".into());
    let folder = context.folders.clusters().join(at_hand.lab.id());
    let zdotdir = std::env::var_os("ZDOTDIR")
        .or_else(|| std::env::var_os("HOME"))
        .unwrap_or_default();
    let plan = plan(Path::new(&shell), at_hand.lab.id(), &folder, &zdotdir);
    if let Some((path, text)) = &plan.startup {
        let written = path.parent().map_or(Ok(()), files::make_folder);
        written
            .and_then(|()| files::write(path, text.as_bytes(), Access::Usual))
            .map_err(session::Error::from)?;
    }
    context
        .printer
        .status(&commands::shell_opened(language, at_hand.lab.id()));
    if programs::find("kubectl").is_none() {
        context.printer.note(&commands::shell_without_kubectl(language));
    }
    let mut command = cmd(&shell, &plan.arguments)
        .env("KUBECONFIG", kubeconfig)
        .env("BBF_LAB", at_hand.lab.id());
    for (name, value) in &plan.variables {
        command = command.env(name, value);
    }
    let work = context.folders.work(at_hand.lab.id());
    if work.is_dir() {
        command = command.dir(work);
    }
    command.unchecked().run().map_err(|error| Trouble::Shell {
        shell: shell.to_string_lossy().into_owned(),
        why: error.to_string(),
    })?;
    context.printer.status(&commands::shell_closed(language));
    Ok(Exit::Done)
}

fn plan(shell: &Path, lab: &str, folder: &Path, zdotdir: &OsString) -> Plan {
    let prompt = format!("({lab}) ");
    match shell.file_name().and_then(|name| name.to_str()) {
        Some("bash") => {
            let file = folder.join("bashrc");
            let text = format!("[ -f ~/.bashrc ] && . ~/.bashrc\nPS1=\"{prompt}$PS1\"\n");
            let arguments = vec!["--rcfile".into(), file.clone().into()];
            Plan {
                arguments,
                variables: vec![],
                startup: Some((file, text)),
            }
        }
        Some("zsh") => {
            let own = folder.join("zsh");
            let text = format!(
                "export ZDOTDIR=\"$BBF_ZDOTDIR\"\n[ -f \"$ZDOTDIR/.zshrc\" ] && . \"$ZDOTDIR/.zshrc\"\nPROMPT=\"{prompt}$PROMPT\"\n"
            );
            let variables = vec![("ZDOTDIR", own.clone().into()), ("BBF_ZDOTDIR", zdotdir.clone())];
            Plan {
                arguments: vec![],
                variables,
                startup: Some((own.join(".zshrc"), text)),
            }
        }
        // Plain shells take their prompt from the environment; others keep their own.
        _ => Plan {
            arguments: vec![],
            variables: vec![("PS1", format!("{prompt}$ ").into())],
            startup: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_names_the_lab_in_each_shell() {
        for (shell, file) in [
            ("/bin/bash", Some("/c/bashrc")),
            ("/usr/bin/zsh", Some("/c/zsh/.zshrc")),
            ("/bin/sh", None),
        ] {
            let plan = plan(Path::new(shell), "ch07-readiness", Path::new("/c"), &"/h".into());
            assert_eq!(
                plan.startup
                    .as_ref()
                    .map(|(path, _)| path.display().to_string())
                    .as_deref(),
                file
            );
            let said = plan
                .startup
                .map_or_else(|| format!("{:?}", plan.variables), |(_, text)| text);
            assert!(said.contains("(ch07-readiness) "), "{said}");
        }
    }
}
