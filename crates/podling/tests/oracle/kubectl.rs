//! Running a real kubectl against a cluster whose time is moved by hand.
//!
//! Time stands still while kubectl works and passes while it waits: when it has a stream open and nothing more was
//! said for a moment, or when it asks nothing for a while (then as fast as outside).

pub(crate) mod port_forward;
pub(crate) mod printed;
mod terminal;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use podling::clock::Time;
use serde_json::Value;

use self::terminal::Typist;
use crate::replay::{Replay, Verdict};

/// Which kubectl to use, if not the one on the path.
const KUBECTL: &str = "KUBECTL";

/// Further kubectls, of other versions.
const KUBECTLS: &str = "KUBECTLS";

/// The minor version of Kubernetes that the recordings are of.
const RECORDED_MINOR: &str = "36";

/// How often a running kubectl is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// How long kubectl has to react to what a stream said before more time passes in the cluster.
const REACTION: Duration = Duration::from_millis(50);

/// How long kubectl may ask nothing, with no stream open, before it is taken to sleep.
const ASLEEP: Duration = Duration::from_millis(700);

/// The cluster time that passes at once.
const STEP: Duration = Duration::from_millis(50);

/// How long kubectl takes to start; controllers act meanwhile.
const BETWEEN_COMMANDS: Duration = Duration::from_millis(50);

/// How long a command may take in all, outside.
const PATIENCE: Duration = Duration::from_secs(40);

/// A kubectl, and its minor version.
pub(crate) struct Program {
    path: OsString,
    /// Such as `36`.
    pub(crate) minor: String,
}

impl Program {
    /// The kubectl that is compared to the letter: it must be of the version that was recorded.
    pub(crate) fn recorded() -> Result<Self, &'static str> {
        let path = std::env::var_os(KUBECTL).unwrap_or_else(|| "kubectl".into());
        match Self::at(path) {
            None => Err("no kubectl; install one of version 1.36, or name it in KUBECTL"),
            Some(program) if program.minor != RECORDED_MINOR => {
                Err("kubectl is not of version 1.36, as the recorded one; name such a one in KUBECTL")
            }
            Some(program) => Ok(program),
        }
    }

    /// The kubectls of other versions that `KUBECTLS` names, separated as in `PATH`.
    pub(crate) fn others() -> Vec<Self> {
        let paths = std::env::var_os(KUBECTLS).unwrap_or_default();
        std::env::split_paths(&paths)
            .filter_map(|path| Self::at(path.into()))
            .collect()
    }

    fn at(path: OsString) -> Option<Self> {
        let output = Command::new(&path)
            .args(["version", "--client", "--output=json"])
            .output()
            .ok()?;
        let version: Value = serde_json::from_slice(&output.stdout).ok()?;
        let minor = version["clientVersion"]["minor"].as_str()?.to_owned();
        Some(Self { path, minor })
    }
}

/// The folder and the configuration of one case's kubectl.
pub(crate) struct Kubectl {
    program: OsString,
    home: PathBuf,
    /// Commands that run beside the others.
    background: Vec<(Value, Running)>,
    commands: usize,
}

struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    /// Who types, where it is on a terminal.
    typist: Option<Typist>,
}

/// What a command came to.
struct Ended {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Kubectl {
    /// A new home, whose kubeconfig leads to `server`.
    pub(crate) fn new(program: &Program, case: &str, server: &str) -> io::Result<Self> {
        let case = case.replace('/', "-");
        let folder = format!("podling-oracle-{}-{}-{case}", std::process::id(), program.minor);
        let home = std::env::temp_dir().join(folder);
        fs::create_dir_all(home.join("work"))?;
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: oracle\n\
             clusters: [{{name: oracle, cluster: {{server: \"{server}\"}}}}]\n\
             users: [{{name: oracle, user: {{}}}}]\n\
             contexts: [{{name: oracle, context: {{cluster: oracle, user: oracle}}}}]\n"
        );
        fs::write(home.join("kubeconfig"), kubeconfig)?;
        Ok(Self {
            program: program.path.clone(),
            home,
            background: Vec::new(),
            commands: 0,
        })
    }

    fn start(&mut self, replay: &Replay, wanted: &Value) -> io::Result<Running> {
        self.commands += 1;
        let file = |what: &str| self.home.join(format!("{}.{what}", self.commands));
        let work = self.home.join("work");
        for (name, content) in wanted["files"].as_object().into_iter().flatten() {
            let path = work.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&work))?;
            fs::write(path, replay.own(content.as_str().unwrap_or_default()))?;
        }
        let (stdin, stdout, stderr) = (file("in"), file("out"), file("err"));
        fs::write(&stdin, replay.own(wanted["stdin"].as_str().unwrap_or_default()))?;
        let arguments = wanted["argv"].as_array().into_iter().flatten();
        let mut command = Command::new(&self.program);
        command
            .args(arguments.map(|argument| replay.own(argument.as_str().unwrap_or_default())))
            .current_dir(&work)
            .env("HOME", &self.home)
            .env("KUBECONFIG", self.home.join("kubeconfig"))
            .env("KUBECACHEDIR", self.home.join("cache"))
            .env("TZ", "UTC")
            .stdin(Stdio::from(File::open(&stdin)?))
            .stdout(Stdio::from(File::create(&stdout)?))
            .stderr(Stdio::from(File::create(&stderr)?));
        for (name, value) in wanted["env"].as_object().into_iter().flatten() {
            command.env(name, value.as_str().unwrap_or_default());
        }
        let lines = replay.own(wanted["stdin"].as_str().unwrap_or_default());
        let typist = (wanted["tty"] == true)
            .then(|| Typist::sit_down(&mut command, &stdout, &lines))
            .transpose()?;
        Ok(Running {
            child: command.spawn()?,
            stdout,
            stderr,
            typist,
        })
    }
}

impl Drop for Kubectl {
    fn drop(&mut self) {
        for (_, running) in &mut self.background {
            drop(running.child.kill());
            drop(running.child.wait());
        }
        drop(fs::remove_dir_all(&self.home));
    }
}

impl Running {
    /// Whether there is that text on its standard output.
    fn has_said(&self, text: &str) -> bool {
        fs::read_to_string(&self.stdout).is_ok_and(|said| said.contains(text))
    }

    fn end(mut self, exit: Option<i32>) -> io::Result<Ended> {
        if exit.is_none() {
            drop(self.child.kill());
            self.child.wait()?;
        }
        if self.typist.is_some() {
            // The screen is copied by a thread of its own.
            thread::sleep(REACTION);
        }
        let read = |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Ended {
            exit,
            stdout: read(&self.stdout)?,
            stderr: read(&self.stderr)?,
        })
    }
}

/// Runs one step.
pub(crate) fn step(replay: &mut Replay, kubectl: &mut Kubectl, step: &Value) -> Result<(), Verdict> {
    let failed = |error: io::Error| Verdict::Differs(format!("kubectl could not be run: {error}"));
    let wanted = &step["kubectl"];
    let running = kubectl.start(replay, wanted).map_err(failed)?;
    if wanted["background"] == true {
        let before = replay.cluster.activity();
        kubectl.background.push((step.clone(), running));
        wait_for_stream(replay, before.streams);
        replay.background_streams = replay.cluster.activity().streams;
        replay.time_passed_beside_kubectl = true;
        return Ok(());
    }
    let ended = wait(replay, running, step).map_err(failed)?;
    replay.settle(BETWEEN_COMMANDS);
    compare(replay, step, &ended)
}

/// Ends what still runs, and compares what it said.
pub(crate) fn finish(replay: &mut Replay, kubectl: &mut Kubectl) -> Result<(), Verdict> {
    thread::sleep(if kubectl.background.is_empty() {
        Duration::ZERO
    } else {
        REACTION
    });
    for (step, running) in std::mem::take(&mut kubectl.background) {
        let ended = running
            .end(None)
            .map_err(|error| Verdict::Differs(error.to_string()))?;
        compare(replay, &step, &ended)?;
    }
    Ok(())
}

fn wait_for_stream(replay: &Replay, before: usize) {
    let started = Instant::now();
    while replay.cluster.activity().streams <= before && started.elapsed() < PATIENCE / 8 {
        thread::sleep(LOOK);
    }
}

/// The cluster time at which the command is ended by the recorder, or has had long enough.
fn limit(replay: &Replay, step: &Value) -> (Time, bool) {
    let seconds = |value: &Value| value.as_f64().map(Duration::from_secs_f64);
    let now = replay.cluster.now();
    if let Some(timeout) = seconds(&step["kubectl"]["timeout"]) {
        return (now + timeout, true);
    }
    // A port-forward that never listened was ended by the recorder.
    let never_listened = step["exit"].is_null() && step["answers"].as_array().is_some_and(Vec::is_empty);
    if let Some(took) = seconds(&step["took"]).filter(|_| never_listened) {
        return (now + took, true);
    }
    // kubectl's own time-outs run outside; by then no more than the recorded time may have passed in the cluster.
    let timed_out = step["stderr"].to_string().contains("timed out");
    let allowed = match seconds(&step["took"]) {
        Some(took) if timed_out => took,
        Some(took) => took.mul_f64(1.5) + Duration::from_secs(5),
        None if timed_out => Duration::from_secs(1),
        None => Duration::from_secs(15),
    };
    (now + allowed, false)
}

/// Lets time pass in the cluster while a kubectl waits for it.
struct Watcher {
    limit: Time,
    /// How long that is from the start of the command.
    allowed: Duration,
    killed_then: bool,
    asked: u64,
    background: usize,
    started: Instant,
    stepped: Instant,
}

impl Watcher {
    fn new(replay: &Replay, step: &Value) -> Self {
        let (limit, killed_then) = limit(replay, step);
        Self {
            limit,
            allowed: limit.since(replay.cluster.now()),
            killed_then,
            asked: replay.cluster.activity().requests,
            background: replay.background_streams,
            started: Instant::now(),
            stepped: Instant::now(),
        }
    }

    /// Whether kubectl has had the time that it takes to sleep.
    fn has_waited(&self) -> bool {
        self.started.elapsed() > ASLEEP
    }

    /// Looks whether kubectl waits, and lets time pass if so; whether it has had long enough.
    fn look(&mut self, replay: &mut Replay) -> bool {
        let activity = replay.cluster.activity();
        let waits = activity.streams > self.background && activity.quiet >= REACTION;
        let sleeps =
            activity.requests > self.asked && activity.quiet >= ASLEEP && self.stepped.elapsed() >= STEP;
        let at_limit = replay.cluster.now() >= self.limit;
        if (waits || sleeps) && !at_limit {
            replay.settle(STEP);
            replay.time_passed_beside_kubectl = true;
            self.stepped = Instant::now();
        }
        // One that sleeps does so outside, where more time may have passed than in the cluster.
        let has_slept_enough = activity.streams <= self.background && self.started.elapsed() >= self.allowed;
        let over = self.killed_then && (at_limit && activity.quiet >= REACTION * 10 || has_slept_enough);
        if over || self.started.elapsed() > PATIENCE {
            // A command that the machine was too busy for says nothing about the cluster.
            replay.time_passed_beside_kubectl |= !over;
            return true;
        }
        thread::sleep(LOOK);
        false
    }
}

fn wait(replay: &mut Replay, mut running: Running, step: &Value) -> io::Result<Ended> {
    let mut watcher = Watcher::new(replay, step);
    loop {
        if let Some(status) = running.child.try_wait()? {
            return running.end(status.code());
        }
        let seen = fs::metadata(&running.stdout).is_ok_and(|screen| screen.len() > 0);
        if let Some(typist) = &mut running.typist {
            typist.type_on(replay.cluster.now(), seen)?;
        }
        if watcher.look(replay) {
            return running.end(None);
        }
    }
}

fn compare(replay: &mut Replay, step: &Value, ended: &Ended) -> Result<(), Verdict> {
    let line = step["kubectl"]["argv"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(" ");
    let difference = difference(replay, step, ended).map(|why| format!("kubectl {line}: {why}"));
    replay.said(difference)
}

fn difference(replay: &mut Replay, step: &Value, ended: &Ended) -> Option<String> {
    let argv = step["kubectl"]["argv"].as_array().into_iter().flatten();
    let argv: Vec<&str> = argv.filter_map(Value::as_str).collect();
    for (name, own) in [("stderr", &ended.stderr), ("stdout", &ended.stdout)] {
        let recorded = replay.own_names(step[name].as_str().unwrap_or_default());
        let (comparer, known) = (&mut replay.comparer, &replay.known_events);
        if let Some(why) = printed::difference(comparer, &argv, known, &recorded, own) {
            return Some(format!("{name} {why}"));
        }
    }
    let exit = ended.exit.map(i64::from);
    (step["exit"].as_i64() != exit).then(|| format!("exit {exit:?}, recorded {}", step["exit"]))
}
