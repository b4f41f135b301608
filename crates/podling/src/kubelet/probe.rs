//! A probe's worker: when it runs and what its results mean (Kubernetes: `pkg/kubelet/prober/worker.go`).
//!
//! Each probe of a container has a ticker that begins when the pod is set up and is not moved by a restart. A
//! sync that finds a started container not ready runs the readiness probe at once and moves that ticker.

use std::time::Duration;

use serde_json::Value;

use crate::clock::Time;

/// Which probe.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    /// Whether the container must be restarted.
    Liveness,
    /// Whether it gets traffic.
    Readiness,
    /// Whether it has started.
    Startup,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Liveness, Self::Readiness, Self::Startup];

    /// The name as events begin with it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
            Self::Startup => "Startup",
        }
    }

    /// The container's field.
    pub(super) const fn field(self) -> &'static str {
        match self {
            Self::Liveness => "livenessProbe",
            Self::Readiness => "readinessProbe",
            Self::Startup => "startupProbe",
        }
    }
}

/// What the last results of a probe mean.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Nothing is known yet (startup).
    Unknown,
    /// It succeeds.
    Success,
    /// It fails.
    Failure,
}

/// What one run of a probe found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// Success.
    Success,
    /// Success with a remark (a redirect elsewhere).
    Warning(String),
    /// Failure, with what the event says.
    Failure(String),
    /// The probe itself could not be run.
    Errored(String),
}

/// The container as its status shows it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct View {
    /// Its ID; empty if there is none.
    pub(super) id: String,
    /// When it was started, if it runs.
    pub(super) running: Option<Time>,
    /// Whether it counts as started.
    pub(super) started: bool,
}

/// What a worker does at its moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Nothing.
    Skip,
    /// The container is new: its first verdict is to be made known; then as said.
    Begin(bool),
    /// Run the probe.
    Probe,
}

/// The settings of a probe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Settings {
    /// The whole probe, as in the spec.
    pub(super) spec: Value,
    /// Between two runs.
    pub(super) period: Duration,
    /// For one run.
    pub(super) timeout: Duration,
    initial_delay: Duration,
    success_threshold: u64,
    failure_threshold: u64,
}

impl Settings {
    /// Reads a probe; absent fields have Kubernetes' defaults.
    pub(super) fn new(spec: &Value) -> Self {
        let number = |field: &str, default| spec[field].as_u64().unwrap_or(default);
        Self {
            spec: spec.clone(),
            period: Duration::from_secs(number("periodSeconds", 10).max(1)),
            timeout: Duration::from_secs(number("timeoutSeconds", 1).max(1)),
            initial_delay: Duration::from_secs(number("initialDelaySeconds", 0)),
            success_threshold: number("successThreshold", 1).max(1),
            failure_threshold: number("failureThreshold", 3).max(1),
        }
    }
}

/// The worker of one probe of one container.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    /// Which probe.
    pub(super) kind: Kind,
    /// Its settings.
    pub(super) settings: Settings,
    /// When the ticker fires next.
    pub(super) next: Time,
    /// A run that has been begun: when it ends, and with what.
    pub(super) running: Option<(Time, Outcome)>,
    /// Whether a run outside the ticker is wanted.
    pub(super) wanted: bool,
    container: String,
    on_hold: bool,
    last: Option<bool>,
    run: u64,
    verdict: Option<Verdict>,
}

impl Worker {
    /// A worker whose ticker begins now; its first run is at once.
    pub(super) fn new(kind: Kind, spec: &Value, now: Time) -> Self {
        Self {
            kind,
            settings: Settings::new(spec),
            next: now,
            running: None,
            wanted: false,
            container: String::new(),
            on_hold: false,
            last: None,
            run: 0,
            verdict: None,
        }
    }

    /// The verdict about the container of that ID, if there is one.
    pub(super) fn verdict(&self, id: &str) -> Option<Verdict> {
        self.verdict.filter(|_| self.container == id)
    }

    /// Decides what to do now.
    pub(super) fn step(&mut self, view: &View, now: Time) -> Step {
        if view.id.is_empty() {
            return Step::Skip;
        }
        let is_new = self.container != view.id;
        if is_new {
            self.container.clone_from(&view.id);
            self.on_hold = false;
            self.verdict = Some(match self.kind {
                Kind::Liveness => Verdict::Success,
                Kind::Readiness => Verdict::Failure,
                Kind::Startup => Verdict::Unknown,
            });
        }
        let runs = self.may_run(view, now);
        match (is_new, runs) {
            (true, runs) => Step::Begin(runs),
            (false, true) => Step::Probe,
            (false, false) => Step::Skip,
        }
    }

    fn may_run(&self, view: &View, now: Time) -> bool {
        let Some(started) = view.running else {
            return false;
        };
        // The status has whole seconds, and the delay counts from what the status says.
        let old_enough = now.since(started.with_whole_seconds()) >= self.settings.initial_delay;
        let gated = (self.kind == Kind::Startup) == view.started;
        !self.on_hold && old_enough && !gated
    }

    /// Counts a run's outcome; the new verdict if it is another than before.
    pub(super) fn record(&mut self, outcome: &Outcome) -> Option<Verdict> {
        let success = match outcome {
            Outcome::Success | Outcome::Warning(_) => true,
            Outcome::Failure(_) => false,
            Outcome::Errored(_) => return None,
        };
        self.run = if self.last == Some(success) {
            self.run + 1
        } else {
            1
        };
        self.last = Some(success);
        let threshold = if success {
            self.settings.success_threshold
        } else {
            self.settings.failure_threshold
        };
        if self.run < threshold {
            return None;
        }
        let verdict = if success {
            Verdict::Success
        } else {
            Verdict::Failure
        };
        if self.kind == Kind::Startup || self.kind == Kind::Liveness && !success {
            self.on_hold = true;
            self.run = 0;
        }
        let before = self.verdict.replace(verdict);
        (before != Some(verdict)).then_some(verdict)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(millis: i64) -> Time {
        Time::from_micros(millis * 1000)
    }

    fn view(started: i64, has_started: bool) -> View {
        View {
            id: "a".into(),
            running: Some(at(started)),
            started: has_started,
        }
    }

    fn failure() -> Outcome {
        Outcome::Failure("no".into())
    }

    #[test]
    fn a_new_container_begins_with_its_kinds_own_verdict() {
        for (kind, verdict, runs) in [
            (Kind::Liveness, Verdict::Success, true),
            (Kind::Readiness, Verdict::Failure, true),
            (Kind::Startup, Verdict::Unknown, false),
        ] {
            let mut worker = Worker::new(kind, &json!({}), at(0));
            assert_eq!(worker.step(&View::default(), at(0)), Step::Skip);
            assert_eq!(worker.step(&view(0, true), at(0)), Step::Begin(runs));
            assert_eq!(worker.verdict("a"), Some(verdict));
            assert_eq!(worker.verdict("b"), None);
        }
    }

    #[test]
    fn the_initial_delay_counts_from_the_whole_second_of_the_start() {
        let mut worker = Worker::new(Kind::Liveness, &json!({"initialDelaySeconds": 5}), at(0));
        worker.step(&view(400, true), at(400));
        assert_eq!(worker.step(&view(400, true), at(4900)), Step::Skip);
        assert_eq!(worker.step(&view(400, true), at(5300)), Step::Probe);
    }

    #[test]
    fn a_verdict_needs_its_threshold_in_a_row() {
        let mut worker = Worker::new(Kind::Liveness, &json!({}), at(0));
        worker.step(&view(0, true), at(0));
        let verdicts: Vec<Option<Verdict>> = [
            failure(),
            failure(),
            Outcome::Success,
            failure(),
            failure(),
            failure(),
        ]
        .iter()
        .map(|outcome| worker.record(outcome))
        .collect();
        assert_eq!(verdicts, [None, None, None, None, None, Some(Verdict::Failure)]);
        assert_eq!(
            worker.step(&view(0, true), at(1)),
            Step::Skip,
            "held until the next container"
        );
        let next = View {
            id: "b".into(),
            ..view(1, true)
        };
        assert_eq!(worker.step(&next, at(2)), Step::Begin(true));
    }

    #[test]
    fn an_error_of_the_probe_itself_counts_for_nothing() {
        let mut worker = Worker::new(Kind::Readiness, &json!({"failureThreshold": 1}), at(0));
        worker.step(&view(0, true), at(0));
        assert_eq!(worker.record(&Outcome::Errored("x".into())), None);
        assert_eq!(worker.record(&Outcome::Success), Some(Verdict::Success));
        assert_eq!(worker.record(&failure()), Some(Verdict::Failure));
    }

    #[test]
    fn the_startup_probe_gates_the_others() {
        let mut readiness = Worker::new(Kind::Readiness, &json!({}), at(0));
        assert_eq!(readiness.step(&view(0, false), at(0)), Step::Begin(false));
        assert_eq!(readiness.step(&view(0, true), at(0)), Step::Probe);
        let mut startup = Worker::new(Kind::Startup, &json!({}), at(0));
        assert_eq!(startup.step(&view(0, false), at(0)), Step::Begin(true));
        assert_eq!(startup.record(&Outcome::Success), Some(Verdict::Success));
        assert_eq!(startup.step(&view(0, true), at(0)), Step::Skip);
    }
}
