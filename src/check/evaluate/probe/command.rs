//! Whether a probe's command succeeds whatever happens.
//!
//! Not a shell: it knows the ways in which people make a command succeed (`true`, `… || true`, `…; exit 0`, `echo ok`).
//! A command that it doesn't know may fail.

/// Whether a command with these arguments succeeds whatever happens to the server beside it.
pub(super) fn always_succeeds(argv: &[&str]) -> bool {
    match argv {
        [shell, option, script, ..]
            if is_shell(shell) && option.starts_with('-') && option.ends_with('c') =>
        {
            script_succeeds(script)
        }
        _ => simple_succeeds(argv),
    }
}

fn is_shell(program: &str) -> bool {
    ["sh", "bash", "ash", "dash"].contains(&base(program))
}

fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// The last command of a script decides; `a || b` succeeds if either always does, `a && b` only if both do.
fn script_succeeds(script: &str) -> bool {
    let commands: Vec<&str> = script
        .split([';', '\n'])
        .map(str::trim)
        .filter(|command| !command.is_empty())
        .collect();
    let leaves = |command: &&&str| command.split_whitespace().next() == Some("exit");
    let deciding = commands.iter().find(leaves).or(commands.last());
    deciding.is_none_or(|command| {
        command
            .split("||")
            .any(|alternative| alternative.split("&&").all(|part| line_succeeds(part.trim())))
    })
}

/// One command, or a pipe, whose last command decides.
fn line_succeeds(line: &str) -> bool {
    let last = line.rsplit('|').next().unwrap_or(line);
    let background = last.trim_end().ends_with('&');
    let words: Vec<&str> = last.split_whitespace().collect();
    background || simple_succeeds(&words)
}

fn simple_succeeds(argv: &[&str]) -> bool {
    let Some((program, arguments)) = argv.split_first() else {
        return true;
    };
    match base(program) {
        "true" | ":" | "echo" | "printf" | "sleep" | "date" | "hostname" | "pwd" | "env" | "id" | "uname"
        | "whoami" => true,
        "exit" => arguments.first().is_none_or(|code| *code == "0"),
        "busybox" => simple_succeeds(arguments),
        "ls" | "cat" | "stat" | "test" | "[" => arguments
            .iter()
            .filter(|word| !is_decoration(word))
            .all(|word| is_always_there(word)),
        _ => false,
    }
}

/// An option, a bracket, or where the output goes.
fn is_decoration(word: &str) -> bool {
    word.starts_with('-') || word == "]" || word.starts_with('>') || word.starts_with("2>")
}

/// A file that every container has.
fn is_always_there(path: &str) -> bool {
    const FILES: [&str; 8] = [
        "/",
        "/bin",
        "/etc",
        "/tmp",
        "/etc/hostname",
        "/etc/hosts",
        "/etc/passwd",
        "/etc/resolv.conf",
    ];
    FILES.contains(&path)
        || path.starts_with("/dev/")
        || path.starts_with("/proc")
        || path.starts_with("/sys")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_cannot_fail_are_known() {
        for argv in [
            vec!["true"],
            vec!["/bin/true"],
            vec!["sh", "-c", "exit 0"],
            vec!["/bin/sh", "-c", "wget -q localhost:8080/healthz || true"],
            vec!["bash", "-ec", "curl localhost; exit 0"],
            vec!["sh", "-c", "curl -f localhost | echo ok"],
            vec!["sh", "-c", "echo a && echo b"],
            vec!["sh", "-c", "curl -f localhost &"],
            vec!["cat", "/etc/hostname"],
            vec!["test", "-e", "/tmp"],
            vec!["sleep", "1"],
            vec!["sh", "-c", ""],
        ] {
            assert!(always_succeeds(&argv), "{argv:?}");
        }
    }

    #[test]
    fn commands_that_can_fail_are_left_alone() {
        for argv in [
            vec!["wget", "-q", "-O-", "localhost:8080/healthz"],
            vec!["sh", "-c", "wget -q localhost:8080/healthz"],
            vec!["sh", "-c", "echo probing; wget -q localhost:8080/healthz"],
            vec!["sh", "-c", "wget -q localhost || exit 1"],
            vec!["sh", "-c", "true && wget -q localhost"],
            vec!["cat", "/tmp/healthy"],
            vec!["false"],
        ] {
            assert!(!always_succeeds(&argv), "{argv:?}");
        }
    }
}
