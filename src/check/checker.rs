//! Watches a cluster and says how a lab stands, as it changes.
//!
//! It starts no task: whoever holds it drives it by awaiting [`Checker::changed`] or [`Checker::verdict_within`]. Times
//! are tokio's, so that tests can let them pass.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{BoxStream, FuturesUnordered, SelectAll, StreamExt as _};
use kube::Client;
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, Event};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::asking::ask;
use super::baseline::{INVENTORIED, api, in_scope};
use super::clock::Clock;
use super::evaluate::{Finding, Outcome, Scene};
use super::view::{Answer as Response, Demand, kinds_behind};
use super::window::{Windows, verdict_without_window};
use super::{Baseline, Condition, Message, Overall, Report, Role, Verdict, View};
use crate::kinds::Kind;
use crate::lab::{Answer, Definition, Lab, Target};

/// How often the cluster is asked whether it is there, besides what the watches tell.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// After how long a silent cluster counts as out of reach.
const SILENCE: Duration = Duration::from_secs(5);
/// How soon a broken watch is begun anew.
const RETRY: Duration = Duration::from_secs(1);
/// How soon something that was asked for is asked again: while it is wrong, and once it is right.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(15));
/// How long failures must last before a verdict is given early.
const SETTLED: Duration = Duration::from_secs(3);

/// What one of the watched sources has to say.
enum News {
    Watched(&'static str, Box<Result<Event<DynamicObject>, watcher::Error>>),
    Answered(Demand, Response),
    Heartbeat(Result<(), String>),
    Again(&'static str),
}

/// See the module.
pub struct Checker {
    client: Client,
    definition: Definition,
    baseline: Baseline,
    clock: Clock,
    view: View,
    windows: Windows,
    reports: Vec<Report>,
    listing: BTreeMap<&'static str, Vec<Value>>,
    watches: SelectAll<BoxStream<'static, News>>,
    pending: FuturesUnordered<BoxFuture<'static, News>>,
    asked: BTreeSet<Demand>,
    due: BTreeMap<Demand, Instant>,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker")
            .field("lab", &self.definition.id)
            .field("reports", &self.reports)
            .finish_non_exhaustive()
    }
}

impl Checker {
    /// Begins to watch the cluster for a lab. The baseline was taken before the break.
    pub fn start(client: Client, lab: &Lab, baseline: Baseline, namespace: &str, clock: Clock) -> Self {
        let kinds = kinds(&lab.definition, &baseline);
        let view = View::new(
            namespace,
            kinds.iter().map(|kind| kind.kind.to_owned()),
            clock.now(),
        );
        let mut checker = Self {
            client,
            definition: lab.definition.clone(),
            baseline,
            clock,
            view,
            windows: Windows::default(),
            reports: vec![],
            listing: BTreeMap::new(),
            watches: SelectAll::new(),
            pending: FuturesUnordered::new(),
            asked: BTreeSet::new(),
            due: BTreeMap::new(),
        };
        for kind in kinds {
            checker.watch(kind);
        }
        checker
            .pending
            .push(heartbeat(checker.client.clone(), Duration::ZERO).boxed());
        checker.judge();
        checker
    }

    /// How each objective and guard stands, in the order of the lab.
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// How the lab stands as a whole.
    pub fn overall(&self) -> Overall {
        Overall::of(&self.reports)
    }

    /// What is seen of the cluster.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// How a condition of the lab stands at this moment, such as the `when` of a hint.
    pub fn find(&self, condition: &Condition) -> Finding {
        Scene {
            view: &self.view,
            baseline: &self.baseline,
        }
        .find(condition)
    }

    /// What the learner must say to a question of the lab, as the cluster has it now.
    ///
    /// # Errors
    /// Why it can't be said, in words for the learner: what it is about is not there, or can't be read.
    pub fn answer(&self, answer: &Answer) -> Result<String, Message> {
        super::evaluate::answer(&self.view, answer)
    }

    /// Waits until the cluster changed or time passed in a way that makes any report read differently.
    pub async fn changed(&mut self) {
        loop {
            let before = self.reports.clone();
            self.step(None).await;
            if self.reports != before {
                return;
            }
        }
    }

    /// Waits until everything was read once, at most so long.
    pub async fn read_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while !self.view.is_complete() && Instant::now() < deadline {
            self.step(Some(deadline)).await;
        }
        self.view.is_complete()
    }

    /// Waits until a condition holds, at most so long.
    pub async fn holds_within(&mut self, condition: &Condition, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            if self.find(condition).outcome == Outcome::Holds {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            self.step(Some(deadline)).await;
        }
    }

    /// Waits until everything has passed, until something is wrong that won't become right by itself, or until the
    /// time is over, and says how the lab stands then.
    pub async fn verdict_within(&mut self, limit: Duration) -> Overall {
        let deadline = Instant::now() + limit;
        let mut hopeless_since: Option<Instant> = None;
        loop {
            let now = Instant::now();
            hopeless_since = if is_hopeless(&self.reports) {
                hopeless_since.or(Some(now))
            } else {
                None
            };
            let settled = hopeless_since.is_some_and(|since| now >= since + SETTLED);
            if self.overall() == Overall::Solved || settled || now >= deadline {
                return self.overall();
            }
            let next = hopeless_since.map_or(deadline, |since| deadline.min(since + SETTLED));
            self.step(Some(next)).await;
        }
    }

    /// Waits for one piece of news, the next moment at which a window is over, or `until`, and judges anew.
    pub async fn step(&mut self, until: Option<Instant>) {
        let alarm = [until, self.next_deadline()].into_iter().flatten().min();
        let news = {
            let alarm = async {
                match alarm {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(news) = self.watches.next() => Some(news),
                Some(news) = self.pending.next() => Some(news),
                () = alarm => None,
            }
        };
        if let Some(news) = news {
            self.take(news);
        }
        self.judge();
    }

    /// The next moment at which a window is over, or something is to be asked again.
    fn next_deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        let waiting = |report: &&Report| report.verdict == Verdict::Pending && report.held < report.needed;
        let windows = self
            .reports
            .iter()
            .filter(waiting)
            .filter(|report| !report.held.is_zero() || report.needed > Duration::ZERO);
        let windows = windows.map(|report| now + (report.needed - report.held).min(Duration::from_secs(1)));
        windows
            .chain(self.due.values().copied().filter(|due| *due > now))
            .chain(std::iter::once(now + HEARTBEAT))
            .min()
    }

    fn watch(&mut self, kind: Kind) {
        let scope = self.baseline.scope;
        let api = api(&self.client, kind, &self.view.namespace, scope);
        let stream = watcher::watcher(api, watcher::Config::default());
        // A watch ends with its first error: it is begun anew with a list, so that nothing was missed in between.
        let stream = stream.scan(false, move |failed, event| {
            let news = (!*failed).then(|| News::Watched(kind.kind, Box::new(event)));
            *failed |= matches!(&news, Some(News::Watched(_, event)) if event.is_err());
            std::future::ready(news)
        });
        self.watches.push(stream.boxed());
    }

    fn take(&mut self, news: News) {
        match news {
            News::Watched(kind, event) => match *event {
                Ok(event) => self.watched(kind, event),
                Err(error) => self.broken(kind, &error),
            },
            News::Again(kind) => {
                if let Some(kind) = Kind::of(kind) {
                    self.watch(kind);
                }
            }
            News::Heartbeat(result) => {
                self.view.unreachable = result.err();
                self.pending
                    .push(heartbeat(self.client.clone(), HEARTBEAT).boxed());
            }
            News::Answered(demand, answer) => {
                self.asked.remove(&demand);
                let fine = matches!(&answer, Response::Http { status, .. } if *status < 400);
                let again = if fine { ASK_AGAIN.1 } else { ASK_AGAIN.0 };
                self.due.insert(demand.clone(), Instant::now() + again);
                self.view.answer(demand, answer);
            }
        }
    }

    /// A watch broke. A kind that the cluster doesn't serve has no objects; any other is watched anew.
    fn broken(&mut self, kind: &'static str, error: &watcher::Error) {
        if is_not_served(error) {
            return self.view.replace(kind, []);
        }
        self.view.lose(kind, &reason(error));
        let again = async move {
            sleep(RETRY).await;
            News::Again(kind)
        };
        self.pending.push(again.boxed());
    }

    fn watched(&mut self, kind: &'static str, event: Event<DynamicObject>) {
        let json = |object| as_json(kind, &object);
        match event {
            Event::Init => {
                self.listing.insert(kind, vec![]);
            }
            Event::InitApply(object) => self.listing.entry(kind).or_default().push(json(object)),
            Event::InitDone => {
                let objects = self.listing.remove(kind).unwrap_or_default();
                self.view.replace(kind, objects);
            }
            Event::Apply(object) => self.view.put(kind, json(object)),
            Event::Delete(object) => self.view.remove(kind, &json(object)),
        }
    }

    /// Judges everything anew, and asks for what is missing for it.
    fn judge(&mut self) {
        self.view.now = self.clock.now();
        let now = Instant::now();
        let findings: Vec<Finding> = self.conditions().map(|condition| self.find(condition)).collect();
        let mut reports = vec![];
        let (objectives, guards) = findings.split_at(self.definition.objectives.len());
        for (objective, finding) in self.definition.objectives.iter().zip(objectives) {
            let needed = objective.window.into();
            let (verdict, held) = self.windows.judge(&objective.id, finding, needed, now);
            let (id, message) = (objective.id.clone(), finding.message.clone());
            reports.push(Report {
                id,
                role: Role::Objective,
                verdict,
                message,
                held,
                needed,
            });
        }
        for (guard, finding) in self.definition.guards.iter().zip(guards) {
            let verdict = verdict_without_window(finding.outcome);
            let (id, message, zero) = (guard.id.clone(), finding.message.clone(), Duration::ZERO);
            reports.push(Report {
                id,
                role: Role::Guard,
                verdict,
                message,
                held: zero,
                needed: zero,
            });
        }
        self.reports = reports;
        self.ask(now);
    }

    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let objectives = self
            .definition
            .objectives
            .iter()
            .map(|objective| &objective.condition);
        objectives.chain(self.definition.guards.iter().map(|guard| &guard.condition))
    }

    /// Sends the requests that conditions need.
    ///
    /// A request leaves traces (a line in the server's log), so HTTP is asked for only once everything else has
    /// passed: while the lab is broken, the learner sees nothing but their own requests and the kubelet's.
    fn ask(&mut self, now: Instant) {
        let quiet = self.quiet_parts_passed();
        if !quiet {
            self.view.forget_gets();
            self.due.retain(|demand, _| matches!(demand, Demand::Log(_)));
        }
        let scene = Scene {
            view: &self.view,
            baseline: &self.baseline,
        };
        let wanted: Vec<Demand> = self
            .definition
            .conditions()
            .into_iter()
            .flat_map(|(_, condition)| scene.demands(condition))
            .collect();
        for demand in wanted {
            let is_due = self.due.get(&demand).is_none_or(|due| *due <= now);
            let allowed = quiet || matches!(demand, Demand::Log(_));
            if is_due && allowed && !self.asked.contains(&demand) {
                self.asked.insert(demand.clone());
                let client = self.client.clone();
                let asked = async move {
                    let answer = ask(&client, &demand).await;
                    News::Answered(demand, answer)
                };
                self.pending.push(asked.boxed());
            }
        }
    }

    /// Whether all that can be judged without asking has passed.
    fn quiet_parts_passed(&self) -> bool {
        self.conditions()
            .zip(&self.reports)
            .all(|(condition, report)| asks(condition) || report.verdict == Verdict::Passed)
    }
}

/// An object as JSON, with its kind, which lists leave out.
fn as_json(kind: &str, object: &DynamicObject) -> Value {
    let mut json = serde_json::to_value(object).unwrap_or_default();
    if let Some(fields) = json.as_object_mut() {
        fields.insert("kind".to_owned(), kind.into());
    }
    json
}

/// Whether a condition needs an HTTP request.
fn asks(condition: &Condition) -> bool {
    let mut asks = false;
    condition.walk(&mut |part| asks |= matches!(part, Condition::Http(_)));
    asks
}

/// Nothing will pass by itself any more: a guard is violated, or something fails and nothing is on its way.
///
/// A request that waits until everything else has passed is not on its way.
fn is_hopeless(reports: &[Report]) -> bool {
    let failing = |report: &Report| report.verdict == Verdict::Failing;
    let waits = |report: &Report| matches!(report.message, Message::HttpWaiting { .. });
    let moving = |report: &Report| match report.verdict {
        Verdict::Pending => !waits(report),
        Verdict::Unknown => true,
        Verdict::Passed | Verdict::Failing => false,
    };
    reports
        .iter()
        .any(|report| report.role == Role::Guard && failing(report))
        || (reports.iter().any(failing) && !reports.iter().any(moving))
}

/// The kinds that a lab's conditions look at.
fn kinds(definition: &Definition, baseline: &Baseline) -> Vec<Kind> {
    let mut names = BTreeSet::new();
    for (_, condition) in definition.conditions() {
        condition.walk(&mut |part| {
            names.extend(part.targets().into_iter().flat_map(kinds_behind));
            names.extend(further_kinds(part).iter().map(|kind| (*kind).to_owned()));
        });
    }
    let answers = definition
        .questions
        .iter()
        .flat_map(|question| question.answer.objects.values());
    names.extend(answers.flat_map(|target: &Target| kinds_behind(target)));
    let wanted = |kind: &Kind| in_scope(*kind, baseline.scope);
    names
        .iter()
        .filter_map(|name| Kind::of(name))
        .filter(wanted)
        .collect()
}

fn further_kinds(condition: &Condition) -> &'static [&'static str] {
    match condition {
        Condition::Endpoints(_) => &["Service", "EndpointSlice"],
        Condition::EventSeen(_) => &["Event"],
        Condition::NothingElseChanged(_) => &INVENTORIED,
        _ => &[],
    }
}

async fn heartbeat(client: Client, delay: Duration) -> News {
    sleep(delay).await;
    News::Heartbeat(match timeout(SILENCE, client.apiserver_version()).await {
        Ok(Ok(_) | Err(kube::Error::Api(_))) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", SILENCE.as_secs())),
    })
}

fn is_not_served(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 404)
}

/// The innermost cause, which says most.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use http::Request;
    use kube::client::Body;

    use super::*;
    use crate::lab::Catalogue;

    fn lab() -> Lab {
        Catalogue::builtin().find("ch07-readiness").unwrap().clone()
    }

    fn baseline(lab: &Lab) -> Baseline {
        let parse = |file: &crate::lab::ManifestFile| crate::manifest::parse(&file.path, &file.text).unwrap();
        let objects = lab
            .manifests
            .iter()
            .flat_map(parse)
            .map(|document| document.object)
            .collect();
        Baseline {
            objects,
            ..Baseline::default()
        }
    }

    /// A checker whose API server answers every request like this.
    fn checker_of(
        answer: impl Fn(&str) -> Result<http::Response<Body>, std::io::Error> + Clone + Send + 'static,
    ) -> Checker {
        let service = tower::service_fn(move |request: Request<Body>| {
            let answer = answer(request.uri().path());
            let watch = request
                .uri()
                .query()
                .is_some_and(|query| query.contains("watch=true"));
            async move {
                // Nothing ever changes: a watch that could be begun has nothing to say.
                if watch && answer.is_ok() {
                    std::future::pending::<()>().await;
                }
                answer
            }
        });
        let lab = lab();
        Checker::start(
            Client::new(service, "default"),
            &lab,
            baseline(&lab),
            "default",
            Clock::of_this_machine(),
        )
    }

    fn json(value: &Value) -> http::Response<Body> {
        http::Response::new(Body::from(value.to_string().into_bytes()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_cannot_be_reached_is_unknown_and_never_failing() {
        let mut checker = checker_of(|_| Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused)));
        assert_eq!(
            checker.verdict_within(Duration::from_secs(60)).await,
            Overall::Unknown
        );
        let verdicts: BTreeSet<Verdict> = checker.reports().iter().map(|report| report.verdict).collect();
        assert_eq!(verdicts, BTreeSet::from([Verdict::Unknown]));
        assert!(
            matches!(checker.reports()[0].message, Message::Unreachable { .. }),
            "{:?}",
            checker.reports()[0]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_kind_that_may_not_be_read_is_unknown_while_the_rest_is_judged() {
        let mut checker = checker_of(|path| {
            Ok(match path {
                "/version" => json(
                    &serde_json::json!({"major": "1", "minor": "36", "gitVersion": "v1.36.2",
                    "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""}),
                ),
                path if path.ends_with("/pods") => {
                    let mut denied = json(&serde_json::json!({"kind": "Status", "status": "Failure",
                        "message": "pods is forbidden", "reason": "Forbidden", "code": 403}));
                    *denied.status_mut() = http::StatusCode::FORBIDDEN;
                    denied
                }
                _ => json(&serde_json::json!({"kind": "List", "apiVersion": "v1",
                    "metadata": {"resourceVersion": "1"}, "items": []})),
            })
        });
        checker.verdict_within(Duration::from_secs(20)).await;
        let report = |id: &str| checker.reports().iter().find(|report| report.id == id).unwrap();
        assert_eq!(report("stays-ready").verdict, Verdict::Unknown);
        assert_eq!(report("behind-service").verdict, Verdict::Failing);
    }

    #[test]
    fn only_what_a_lab_looks_at_is_watched() {
        let lab = lab();
        let all: Vec<&str> = kinds(&lab.definition, &baseline(&lab))
            .iter()
            .map(|kind| kind.kind)
            .collect();
        assert!(
            all.contains(&"Pod") && all.contains(&"EndpointSlice") && all.contains(&"Node"),
            "{all:?}"
        );
        assert!(!all.contains(&"Secret"));
        let shared = Baseline {
            scope: crate::check::Scope::Namespace,
            ..baseline(&lab)
        };
        let own: Vec<&str> = kinds(&lab.definition, &shared)
            .iter()
            .map(|kind| kind.kind)
            .collect();
        assert!(!own.contains(&"Node"), "{own:?}");
    }
}
