//! The commands that images bring along, in busybox's manner and words.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stdin::{Stdin, take_line};
use crate::clock::Time;
use crate::images::files::{FileError, Files, normalize};

mod archive;
mod filters;
mod processes;

/// What a command works on.
pub(crate) struct Io<'a, 'w> {
    /// The present.
    pub(crate) now: Time,
    /// The files.
    pub(crate) files: &'a mut Files<'w>,
    /// The variables, all of them exported.
    pub(crate) variables: &'a mut BTreeMap<String, String>,
    /// The working directory.
    pub(crate) directory: &'a mut String,
    /// The traps, by signal name.
    pub(crate) traps: &'a mut BTreeMap<String, String>,
    /// What a pipe or a file brings to standard input; without it, `stdin` is that of the whole process.
    pub(crate) input: Option<Vec<u8>>,
    /// Standard input of the whole process.
    pub(crate) stdin: &'a mut Stdin,
    /// The commands that run: the container's first process, and the one beside it if this is another.
    pub(crate) processes: &'a [String],
    /// Standard output, as text.
    pub(crate) out: String,
    /// Standard output behind that text, as bytes that need not be text.
    pub(crate) raw: Vec<u8>,
    /// Standard error.
    pub(crate) err: String,
}

impl Io<'_, '_> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn error(&mut self, text: &str) -> Outcome {
        self.err.push_str(text);
        self.err.push('\n');
        Outcome::Done(1)
    }

    fn path(&self, path: &str) -> String {
        normalize(self.directory, path)
    }
}

/// How a command ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// At once, with that status.
    Done(i32),
    /// After a while, with status 0.
    Sleep(Duration),
    /// When the jobs have ended.
    Wait,
    /// Never.
    Forever,
    /// When more has come to standard input: the command is run again then.
    Input,
    /// Never, and what is added to the file behind that many bytes is printed.
    Follow(String, usize),
    /// As the lines that come to standard input say.
    Interpret,
    /// At once, when the container's first process has got a signal.
    Signal(String),
    /// When the network has answered.
    Call,
    /// As the given script does.
    Shell(String),
    /// It ends the shell, with the last status if none is given.
    Exit(Option<i32>),
}

/// What is found in `$PATH` of a busybox or Debian image.
const APPLETS: [&str; 39] = [
    "[", "ash", "basename", "bash", "cat", "cut", "date", "dd", "dirname", "echo", "env", "expr", "false",
    "grep", "head", "hostname", "id", "kill", "ls", "mkdir", "nslookup", "printenv", "printf", "ps", "pwd",
    "rm", "seq", "sh", "sleep", "sort", "tail", "tar", "test", "touch", "tr", "true", "uname", "wc", "wget",
];

/// Whether an image with the usual tools has a program of that name.
pub(crate) fn is_installed(name: &str) -> bool {
    APPLETS.contains(&name) || matches!(name, "curl" | "whoami" | "tee" | "uniq" | "nproc")
}

/// Whether a command's changes of variables stay.
pub(crate) fn keeps_variables(name: &str) -> bool {
    matches!(name, "read" | "export" | "unset" | "local")
}

/// Runs a command with its arguments; the first word is its name.
pub(crate) fn run(words: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let (name, arguments) = words.split_first().map_or(("", words), |(n, a)| (n.as_str(), a));
    let program = name
        .strip_prefix("/usr/local/bin/")
        .or_else(|| name.rsplit_once('/').map(|(_, p)| p));
    let name = program.unwrap_or(name);
    builtin(name, arguments, io)
        .or_else(|| on_files(name, arguments, io))
        .or_else(|| filters::run(name, arguments, io))
        .or_else(|| archive::run(name, arguments, io))
        .or_else(|| processes::run(name, arguments, io))
        .or_else(|| about_system(name, arguments, io))
        .unwrap_or_else(|| {
            io.error(&format!("sh: {name}: not found"));
            Outcome::Done(127)
        })
}

fn builtin(name: &str, arguments: &[String], io: &mut Io<'_, '_>) -> Option<Outcome> {
    let outcome = match name {
        "true" | ":" | "set" | "umask" => Outcome::Done(0),
        "false" => Outcome::Done(1),
        "exit" => Outcome::Exit(arguments.first().map(|code| code.parse().unwrap_or(2) & 0xFF)),
        "wait" => Outcome::Wait,
        "sleep" => sleep(arguments, io),
        "sh" | "ash" | "bash" | "dash" => nested_shell(arguments, io),
        "exec" | "command" | "nohup" => return Some(run(arguments, io)),
        "eval" => Outcome::Shell(arguments.join(" ")),
        "cd" => change_directory(arguments, io),
        "export" | "local" => export(arguments, io),
        "unset" => {
            arguments.iter().for_each(|name| drop(io.variables.remove(name)));
            Outcome::Done(0)
        }
        "read" => read(arguments, io),
        "trap" => trap(arguments, io),
        "test" => Outcome::Done(i32::from(!test(arguments, io))),
        "[" => Outcome::Done(i32::from(!test(
            arguments.strip_suffix(&["]".to_owned()]).unwrap_or(arguments),
            io,
        ))),
        "curl" | "wget" | "nslookup" => Outcome::Call,
        _ => return None,
    };
    Some(outcome)
}

fn nested_shell(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    match arguments {
        [flag, script, ..] if flag.starts_with('-') && flag.ends_with('c') => Outcome::Shell(script.clone()),
        [file, ..] if !file.starts_with('-') => {
            let path = io.path(file);
            match io.files.read(&path) {
                Ok(script) => Outcome::Shell(String::from_utf8_lossy(script).into_owned()),
                Err(error) => {
                    io.error(&format!("sh: can't open '{file}': {}", error.text()));
                    Outcome::Done(2)
                }
            }
        }
        _ => match &io.input {
            Some(script) => Outcome::Shell(String::from_utf8_lossy(script).into_owned()),
            None => Outcome::Interpret,
        },
    }
}

/// `sleep 1.5`, `sleep 2m`, `sleep infinity`.
fn sleep(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let mut seconds = 0.0;
    for argument in arguments {
        if argument == "infinity" {
            return Outcome::Forever;
        }
        let (number, factor) = match argument.chars().last() {
            Some('s') => (&argument[..argument.len() - 1], 1.0),
            Some('m') => (&argument[..argument.len() - 1], 60.0),
            Some('h') => (&argument[..argument.len() - 1], 3600.0),
            Some('d') => (&argument[..argument.len() - 1], 86_400.0),
            _ => (argument.as_str(), 1.0),
        };
        match number.parse::<f64>() {
            Ok(value) if (0.0..1e9).contains(&value) => seconds += value * factor,
            _ => return io.error(&format!("sleep: invalid number '{argument}'")),
        }
    }
    Outcome::Sleep(Duration::from_secs_f64(seconds))
}

fn change_directory(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let target = arguments.first().map_or("/root", String::as_str);
    let path = io.path(target);
    if !io.files.is_directory(&path) {
        io.error(&format!(
            "sh: cd: can't cd to {target}: No such file or directory"
        ));
        return Outcome::Done(2);
    }
    *io.directory = path;
    Outcome::Done(0)
}

fn export(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    for argument in arguments {
        if let Some((name, value)) = argument.split_once('=') {
            io.variables.insert(name.to_owned(), value.to_owned());
        }
    }
    Outcome::Done(0)
}

fn read(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let line = match &mut io.input {
        Some(piped) => take_line(piped),
        None => match io.stdin.take_line() {
            None if !io.stdin.take_end() => return Outcome::Input,
            line => line,
        },
    };
    let Some(line) = line else {
        return Outcome::Done(1);
    };
    let line = String::from_utf8_lossy(&line).into_owned();
    let names: Vec<&String> = arguments.iter().filter(|name| !name.starts_with('-')).collect();
    let mut words = line.trim().splitn(names.len().max(1), [' ', '\t']);
    for name in names {
        io.variables
            .insert(name.clone(), words.next().unwrap_or_default().to_owned());
    }
    Outcome::Done(0)
}

fn trap(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    if let Some((action, signals)) = arguments.split_first() {
        for signal in signals {
            let name = match signal.trim_start_matches("SIG") {
                "15" => "TERM",
                "2" => "INT",
                name => name,
            };
            io.traps.insert(name.to_owned(), action.clone());
        }
    }
    Outcome::Done(0)
}

fn test(arguments: &[String], io: &Io<'_, '_>) -> bool {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Some(at) = words.iter().position(|word| *word == "-o") {
        return test(&arguments[..at], io) || test(&arguments[at + 1..], io);
    }
    if let Some(at) = words.iter().position(|word| *word == "-a") {
        return test(&arguments[..at], io) && test(&arguments[at + 1..], io);
    }
    let number = |text: &str| text.trim().parse::<i64>().unwrap_or(0);
    match words.as_slice() {
        ["!", ..] => !test(&arguments[1..], io),
        ["-z", text] => text.is_empty(),
        ["-n", text] => !text.is_empty(),
        ["-d", path] => io.files.is_directory(&io.path(path)),
        ["-f" | "-r" | "-w", path] => io.files.read(&io.path(path)).is_ok(),
        ["-s", path] => io
            .files
            .read(&io.path(path))
            .is_ok_and(|content| !content.is_empty()),
        ["-e", path] => io.files.read(&io.path(path)) != Err(FileError::Missing),
        [left, "=" | "==", right] => left == right,
        [left, "!=", right] => left != right,
        [left, "-eq", right] => number(left) == number(right),
        [left, "-ne", right] => number(left) != number(right),
        [left, "-lt", right] => number(left) < number(right),
        [left, "-le", right] => number(left) <= number(right),
        [left, "-gt", right] => number(left) > number(right),
        [left, "-ge", right] => number(left) >= number(right),
        [text] => !text.is_empty(),
        _ => false,
    }
}

fn on_files(name: &str, arguments: &[String], io: &mut Io<'_, '_>) -> Option<Outcome> {
    let paths: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let flags: String = arguments
        .iter()
        .filter(|argument| argument.starts_with('-'))
        .cloned()
        .collect();
    let mut status = 0;
    match name {
        "touch" => {
            for path in paths {
                let full = io.path(path);
                if let Err(error) = io.files.write(&full, b"", true) {
                    status = 1;
                    io.error(&format!("touch: {path}: {}", error.text()));
                }
            }
        }
        "rm" => {
            for path in paths {
                let full = io.path(path);
                if !io.files.remove(&full, flags.contains('r')) && !flags.contains('f') {
                    status = 1;
                    io.error(&format!("rm: can't remove '{path}': No such file or directory"));
                }
            }
        }
        "mkdir" => {
            for path in paths {
                let full = io.path(path);
                io.files.make_directory(&full);
            }
        }
        "ls" => return Some(list(&paths, &flags, io)),
        "dd" => return Some(copy_blocks(arguments, io)),
        _ => return None,
    }
    Some(Outcome::Done(status))
}

fn list(paths: &[&String], flags: &str, io: &mut Io<'_, '_>) -> Outcome {
    let here = ".".to_owned();
    let mut status = 0;
    let alone = [&here];
    for path in if paths.is_empty() { &alone[..] } else { paths } {
        let full = io.path(path);
        let is_directory = io.files.is_directory(&full);
        if !is_directory && io.files.read(&full).is_err() {
            io.error(&format!("ls: {path}: No such file or directory"));
            status = 1;
            continue;
        }
        if !is_directory || flags.contains('d') {
            let line = listed(&full, path, flags, io);
            io.line(&line);
            continue;
        }
        if flags.contains('l') {
            io.line("total 0");
        }
        for name in io.files.list(&full) {
            let line = listed(&normalize(&full, &name), &name, flags, io);
            io.line(&line);
        }
    }
    Outcome::Done(status)
}

/// A name, with `-l` behind its details as busybox pads them.
fn listed(full: &str, name: &str, flags: &str, io: &Io<'_, '_>) -> String {
    if !flags.contains('l') {
        return name.to_owned();
    }
    let time = io.now.timestamp().strftime("%b %e %H:%M").to_string();
    match io.files.read(full) {
        Ok(content) => format!(
            "-rw-r--r--    1 root     root     {:>9} {time} {name}",
            content.len()
        ),
        Err(_) => format!("drwxrwxrwx    2 root     root          4096 {time} {name}"),
    }
}

/// `dd if=/dev/zero of=FILE bs=1M count=20`: writes zeros; nothing else of dd is served.
fn copy_blocks(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let value = |name: &str| {
        let prefix = format!("{name}=");
        arguments
            .iter()
            .find_map(|argument| argument.strip_prefix(&prefix))
    };
    let size = |text: &str| {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let factor = match &text[digits.len()..] {
            "k" | "K" => 1 << 10,
            "m" | "M" => 1 << 20,
            _ => 1,
        };
        digits.parse::<usize>().unwrap_or(0).saturating_mul(factor)
    };
    // More than this is not kept: the emulator's memory is the learner's own.
    let most = 64 << 20;
    let bytes = size(value("bs").unwrap_or("512")).saturating_mul(size(value("count").unwrap_or("1")));
    let Some(target) = value("of") else {
        return Outcome::Done(0);
    };
    let path = io.path(target);
    match io.files.write(&path, &vec![0; bytes.min(most)], false) {
        Ok(()) => Outcome::Done(0),
        Err(error) => io.error(&format!("dd: can't open '{target}': {}", error.text())),
    }
}

fn about_system(name: &str, arguments: &[String], io: &mut Io<'_, '_>) -> Option<Outcome> {
    match name {
        "date" => {
            let form = arguments.iter().find_map(|argument| argument.strip_prefix('+'));
            let text = io
                .now
                .timestamp()
                .strftime(form.unwrap_or("%a %b %e %H:%M:%S UTC %Y"))
                .to_string();
            io.line(&text);
        }
        "pwd" => {
            let directory = io.directory.clone();
            io.line(&directory);
        }
        "hostname" => {
            let name = io.variables.get("HOSTNAME").cloned().unwrap_or_default();
            io.line(&name);
        }
        "env" | "printenv" => return Some(environment(arguments, io)),
        "uname" => io.line("Linux"),
        "whoami" => io.line("root"),
        "id" => io.line("uid=0(root) gid=0(root) groups=0(root)"),
        "nproc" => io.line("2"),
        _ => return None,
    }
    Some(Outcome::Done(0))
}

fn environment(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    if let Some(name) = arguments.first() {
        return match io.variables.get(name).cloned() {
            Some(value) => {
                io.line(&value);
                Outcome::Done(0)
            }
            None => Outcome::Done(1),
        };
    }
    for (name, value) in io.variables.clone() {
        io.line(&format!("{name}={value}"));
    }
    Outcome::Done(0)
}
