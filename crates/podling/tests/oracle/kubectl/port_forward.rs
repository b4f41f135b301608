//! Steps with a `kubectl port-forward`: it is started, asked over HTTP on its local port, and ended.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{BETWEEN_COMMANDS, Ended, Kubectl, Running, Watcher};
use crate::replay::{Replay, Verdict};
use crate::text;

/// What stands for the local port.
const LOCAL: &str = "$LOCAL";

/// How long a kubectl that loses its connection may take to say so.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs one step.
pub(crate) fn step(replay: &mut Replay, kubectl: &mut Kubectl, step: &Value) -> Result<(), Verdict> {
    let failed = |error: io::Error| Verdict::Differs(format!("kubectl could not be run: {error}"));
    let (ended, answers, port) = run(replay, kubectl, step).map_err(failed)?;
    replay.settle(BETWEEN_COMMANDS);
    let difference = difference(replay, step, &ended, &answers, port);
    let line = step["portForward"]["argv"].to_string();
    replay.said(difference.map(|why| format!("kubectl {line}: {why}")))
}

fn run(replay: &mut Replay, kubectl: &mut Kubectl, step: &Value) -> io::Result<(Ended, Vec<Value>, u16)> {
    let port = free_port()?;
    let argv = step["portForward"]["argv"]
        .to_string()
        .replace(LOCAL, &port.to_string());
    let wanted = json!({"argv": serde_json::from_str::<Value>(&argv)?});
    let mut running = kubectl.start(replay, &wanted)?;
    let mut watcher = Watcher::new(replay, step);
    let mut answers = Vec::new();
    if listens(replay, &mut running, &mut watcher)? {
        for path in step["portForward"]["get"].as_array().into_iter().flatten() {
            let path = replay.own(path.as_str().unwrap_or_default());
            answers.push(get(replay, &mut watcher, port, &path));
        }
    }
    let status = match step["exit"].as_i64() {
        Some(_) => last_words(&mut running)?,
        None => running.child.try_wait()?.and_then(|status| status.code()),
    };
    Ok((running.end(status)?, answers, port))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Waits until kubectl listens; false if it ends or has had long enough.
fn listens(replay: &mut Replay, running: &mut Running, watcher: &mut Watcher) -> io::Result<bool> {
    loop {
        if running.child.try_wait()?.is_some() {
            return Ok(false);
        }
        // The line for IPv6 is the last, where there is IPv6.
        if running.has_said("[::1]") || watcher.has_waited() && running.has_said("Forwarding from") {
            return Ok(true);
        }
        if watcher.look(replay) {
            return Ok(false);
        }
    }
}

/// Asks on the local port while time passes in the cluster.
fn get(replay: &mut Replay, watcher: &mut Watcher, port: u16, path: &str) -> Value {
    let (to, from) = mpsc::channel();
    let asked = path.to_owned();
    thread::spawn(move || to.send(exchange(port, &asked)));
    loop {
        match from.try_recv() {
            Ok(Ok(answer)) => return parsed(path, &answer),
            Ok(Err(error)) => return json!({"path": path, "error": error.to_string()}),
            Err(_) if watcher.look(replay) => return json!({"path": path, "error": "no answer"}),
            Err(_) => {}
        }
    }
}

fn exchange(port: u16, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
        _ => Ok(answer),
    }
}

fn parsed(path: &str, answer: &[u8]) -> Value {
    let answer = String::from_utf8_lossy(answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return json!({"path": path, "error": "closed without an answer"});
    };
    let status = head.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
    json!({"path": path, "status": status, "body": body})
}

/// Waits for a kubectl that ends by itself.
fn last_words(running: &mut Running) -> io::Result<Option<i32>> {
    let started = std::time::Instant::now();
    while started.elapsed() < LAST_WORDS {
        if let Some(status) = running.child.try_wait()? {
            return Ok(status.code());
        }
        thread::sleep(super::LOOK);
    }
    Ok(None)
}

fn difference(
    replay: &mut Replay,
    step: &Value,
    ended: &Ended,
    answers: &[Value],
    port: u16,
) -> Option<String> {
    let recorded = step["answers"].as_array().map_or(&[][..], Vec::as_slice);
    for (at, recorded) in recorded.iter().enumerate() {
        let own = answers.get(at).unwrap_or(&Value::Null);
        for field in ["status", "body", "error"] {
            if let Some(why) = replay.comparer.difference(&recorded[field], &own[field]) {
                return Some(format!("GET {}: {field}{why}", recorded["path"]));
            }
        }
    }
    for (name, own) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
        let recorded = replay.own_names(step[name].as_str().unwrap_or_default());
        let recorded = recorded.replace(LOCAL, &port.to_string());
        if let Some(why) = text::difference(&mut replay.comparer, &recorded, own) {
            return Some(format!("{name} {why}"));
        }
    }
    let exit = ended.exit.map(i64::from);
    (step["exit"].as_i64() != exit).then(|| format!("exit {exit:?}, recorded {}", step["exit"]))
}
