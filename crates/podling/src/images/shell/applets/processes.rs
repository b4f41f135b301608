//! The commands about processes: `ps`, `kill`, and nginx's own way to signal itself.
//!
//! Differs from Linux: seen are the container's first process, the command that runs beside it and `ps` itself.

use super::{Io, Outcome};

/// The signals that a person sends, by number.
const SIGNALS: [(&str, &str); 14] = [
    ("1", "HUP"),
    ("2", "INT"),
    ("3", "QUIT"),
    ("6", "ABRT"),
    ("9", "KILL"),
    ("10", "USR1"),
    ("11", "SEGV"),
    ("12", "USR2"),
    ("13", "PIPE"),
    ("14", "ALRM"),
    ("15", "TERM"),
    ("17", "CHLD"),
    ("18", "CONT"),
    ("19", "STOP"),
];

/// What a command has that does not run as the container's first process: numbers that are not drawn by lot.
const SECOND: usize = 7;

/// Runs a command about processes; `None` if there is none of that name.
pub(crate) fn run(name: &str, arguments: &[String], io: &mut Io<'_, '_>) -> Option<Outcome> {
    match name {
        "kill" => Some(kill(arguments, io)),
        "ps" => {
            list(arguments, io);
            Some(Outcome::Done(0))
        }
        "nginx" => nginx(arguments, io),
        _ => None,
    }
}

/// The numbers and commands of the processes, with that of the command that looks.
fn processes<'a>(io: &'a Io<'_, '_>, own: &'a str) -> Vec<(usize, &'a str)> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    for (at, command) in io.processes.iter().enumerate() {
        found.push((if at == 0 { 1 } else { SECOND }, command));
    }
    if found.last().is_none_or(|(_, command)| *command != own) {
        found.push((SECOND + io.processes.len(), own));
    }
    found
}

fn list(arguments: &[String], io: &mut Io<'_, '_>) {
    let own = std::iter::once("ps")
        .chain(arguments.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join(" ");
    let rows: Vec<String> = processes(io, &own)
        .into_iter()
        .map(|(number, command)| format!("{number:>5} root      0:00 {command}"))
        .collect();
    io.line("PID   USER     TIME  COMMAND");
    rows.iter().for_each(|row| io.line(row));
}

/// `kill -TERM 1`: a signal for the container's first process.
fn kill(arguments: &[String], io: &mut Io<'_, '_>) -> Outcome {
    let mut words = arguments.iter();
    let mut signal = "TERM".to_owned();
    let mut target = None;
    while let Some(word) = words.next() {
        match word.strip_prefix('-') {
            Some("s") => signal = words.next().cloned().unwrap_or_default(),
            Some(name) if !name.is_empty() => signal = name.to_owned(),
            _ => target = Some(word),
        }
    }
    let signal = signal.trim_start_matches("SIG").to_owned();
    let named = SIGNALS
        .iter()
        .find(|(number, name)| *number == signal || *name == signal);
    match (target, named) {
        (Some(target), _) if target.parse::<usize>().is_err() => {
            io.error(&format!("sh: invalid number '{target}'"))
        }
        (Some(target), _) if target != "1" => {
            io.error(&format!("sh: can't kill pid {target}: No such process"))
        }
        (Some(_), Some((_, name))) => Outcome::Signal((*name).to_owned()),
        (Some(_), None) => io.error(&format!("sh: bad signal name '{signal}'")),
        (None, _) => io.error("sh: you need to specify whom to kill"),
    }
}

/// `nginx -s quit` and the like; only where nginx is the first process.
fn nginx(arguments: &[String], io: &mut Io<'_, '_>) -> Option<Outcome> {
    if !io
        .processes
        .first()
        .is_some_and(|first| first.starts_with("nginx"))
    {
        return None;
    }
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["-t"] => {
            let file = "/etc/nginx/nginx.conf";
            io.error(&format!("nginx: the configuration file {file} syntax is ok"));
            io.error(&format!("nginx: configuration file {file} test is successful"));
            Some(Outcome::Done(0))
        }
        ["-s", what] => {
            let signal = match *what {
                "stop" => "TERM",
                "quit" => "QUIT",
                "reload" => "HUP",
                "reopen" => "USR1",
                _ => return Some(io.error(&format!("nginx: invalid option: \"-s {what}\""))),
            };
            let time = io.now.timestamp().strftime("%Y/%m/%d %H:%M:%S").to_string();
            io.error(&format!(
                "{time} [notice] {SECOND}#{SECOND}: signal process started"
            ));
            Some(Outcome::Signal(signal.to_owned()))
        }
        _ => Some(io.error("nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)")),
    }
}
