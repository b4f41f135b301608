//! How many replicas a resource metric asks for.
//!
//! Source: `kubernetes/pkg/controller/podautoscaler/replica_calculator.go`, v1.36.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::metric_values::{PodMetric, PodMetrics};
use super::name_of;
use crate::clock::Time;
use crate::controller_manager::ownership::is_deleted;
use crate::controller_manager::pod;
use crate::pod_condition;
use crate::quantity::Quantity;
use crate::storage::{Object, text};

/// The CPU of a Pod that started so lately may be that of its start.
const CPU_INITIALIZATION: Duration = Duration::from_secs(5 * 60);
/// A Pod that became unready so soon after its start was never ready.
const INITIAL_READINESS_DELAY: Duration = Duration::from_secs(30);

/// How far a ratio may be from one before anything is scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tolerances {
    /// Below one.
    pub(super) down: f64,
    /// Above one.
    pub(super) up: f64,
}

impl Tolerances {
    fn hold(self, ratio: f64) -> bool {
        (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up)
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    /// `cpu` or `memory`.
    pub(super) resource: &'a str,
    /// The container that is meant; empty for the whole Pod.
    pub(super) container: &'a str,
    /// The replicas there should be now.
    pub(super) current: i64,
    /// How exact the answer is.
    pub(super) tolerances: Tolerances,
    /// The Pods of the target.
    pub(super) pods: &'a [Object],
    /// The present time.
    pub(super) now: Time,
}

/// What a metric asks for, and what it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Proposal {
    pub(super) replicas: i64,
    /// In per cent of the request, where that is the target.
    pub(super) utilization: Option<i64>,
    /// The average over the Pods, in thousandths.
    pub(super) average: i64,
}

/// The Pods by what their metrics are worth.
#[derive(Debug, Default)]
struct Groups {
    ready: i64,
    unready: BTreeSet<String>,
    missing: BTreeSet<String>,
    ignored: BTreeSet<String>,
}

/// How much of the target is used: the ratio, and the values that people see.
struct Ratio {
    ratio: f64,
    utilization: Option<i64>,
    average: i64,
}

/// Replicas for a utilization target in per cent of the requests.
///
/// # Errors
/// Why there is no answer, in Kubernetes' words.
pub(super) fn for_utilization(
    question: &Question<'_>,
    metrics: PodMetrics,
    target: i64,
) -> Result<Proposal, String> {
    let (metrics, groups) = countable(question, metrics)?;
    let requests = requests(question)?;
    // A Pod that is not measured is taken to use all that it asked for when that keeps it alive.
    let fallback = |pod: &str| {
        let request = requests.get(pod).copied().unwrap_or_default();
        request * target.max(100) / 100
    };
    let ratio = |metrics: &PodMetrics| utilization(metrics, &requests, target);
    propose(question, metrics, &groups, fallback, ratio)
}

/// Replicas for a target in thousandths of the resource for each Pod.
///
/// # Errors
/// As [`for_utilization`].
pub(super) fn for_value(
    question: &Question<'_>,
    metrics: PodMetrics,
    target: i64,
) -> Result<Proposal, String> {
    let (metrics, groups) = countable(question, metrics)?;
    propose(
        question,
        metrics,
        &groups,
        |_| target,
        |metrics| {
            let average = average(metrics.values().map(|metric| metric.value));
            Ok(Ratio {
                ratio: average as f64 / target as f64,
                utilization: None,
                average,
            })
        },
    )
}

/// The metrics that count, and the groups of Pods.
fn countable(question: &Question<'_>, mut metrics: PodMetrics) -> Result<(PodMetrics, Groups), String> {
    if question.pods.is_empty() {
        return Err("no pods returned by selector while calculating replica count".to_owned());
    }
    let groups = group(question, &metrics);
    metrics.retain(|pod, _| !groups.ignored.contains(pod) && !groups.unready.contains(pod));
    if metrics.is_empty() {
        return Err("did not receive metrics for targeted pods (pods might be unready)".to_owned());
    }
    Ok((metrics, groups))
}

/// Example: three ready Pods at 90 % of a target of 50 % have a ratio of 1.8 and become ceil(5.4) = 6.
fn propose(
    question: &Question<'_>,
    mut metrics: PodMetrics,
    groups: &Groups,
    when_missing: impl Fn(&str) -> i64,
    ratio_of: impl Fn(&PodMetrics) -> Result<Ratio, String>,
) -> Result<Proposal, String> {
    let seen = ratio_of(&metrics)?;
    let proposal = |replicas| Proposal {
        replicas,
        utilization: seen.utilization,
        average: seen.average,
    };
    let keep = Ok(proposal(question.current));
    let (ratio, tolerances) = (seen.ratio, question.tolerances);
    let scales_up_with_unready = !groups.unready.is_empty() && ratio > 1.0;
    if !scales_up_with_unready && groups.missing.is_empty() {
        if tolerances.hold(ratio) {
            return keep;
        }
        return Ok(proposal(ceil(ratio * groups.ready as f64)));
    }
    let mut assume = |pod: &str, value: i64| {
        let metric = PodMetric {
            at: question.now,
            window: Duration::ZERO,
            value,
        };
        metrics.insert(pod.to_owned(), metric);
    };
    for pod in &groups.missing {
        if ratio < 1.0 {
            assume(pod, when_missing(pod));
        } else if ratio > 1.0 {
            assume(pod, 0);
        }
    }
    if scales_up_with_unready {
        for pod in &groups.unready {
            assume(pod, 0);
        }
    }
    let assumed = ratio_of(&metrics)?.ratio;
    let turned = (ratio < 1.0 && assumed > 1.0) || (ratio > 1.0 && assumed < 1.0);
    if tolerances.hold(assumed) || turned {
        return keep;
    }
    let replicas = ceil(assumed * metrics.len() as f64);
    let against =
        (assumed < 1.0 && replicas > question.current) || (assumed > 1.0 && replicas < question.current);
    if against { keep } else { Ok(proposal(replicas)) }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a number of Pods; Kubernetes cuts it off in the same way"
)]
fn ceil(replicas: f64) -> i64 {
    replicas.ceil() as i64
}

fn average(values: impl ExactSizeIterator<Item = i64>) -> i64 {
    let count = i64::try_from(values.len()).unwrap_or(i64::MAX).max(1);
    values.sum::<i64>() / count
}

fn utilization(metrics: &PodMetrics, requests: &BTreeMap<String, i64>, target: i64) -> Result<Ratio, String> {
    let known: Vec<(i64, i64)> = metrics
        .iter()
        .filter_map(|(pod, metric)| Some((metric.value, *requests.get(pod)?)))
        .collect();
    let used: i64 = known.iter().map(|(used, _)| used).sum();
    let requested: i64 = known.iter().map(|(_, requested)| requested).sum();
    if requested == 0 {
        return Err("no metrics returned matched known pods".to_owned());
    }
    let share = used * 100 / requested;
    Ok(Ratio {
        ratio: share as f64 / target as f64,
        utilization: Some(share),
        average: average(known.iter().map(|(used, _)| *used)),
    })
}

fn group(question: &Question<'_>, metrics: &PodMetrics) -> Groups {
    let mut groups = Groups::default();
    for pod in question.pods {
        let name = name_of(pod).to_owned();
        let phase = pod::phase(pod);
        let metric = metrics.get(&name);
        if is_deleted(pod) || phase == "Failed" {
            groups.ignored.insert(name);
        } else if phase == "Pending" {
            groups.unready.insert(name);
        } else {
            match metric {
                None => {
                    groups.missing.insert(name);
                }
                Some(metric) if question.resource == "cpu" && is_starting(pod, metric, question.now) => {
                    groups.unready.insert(name);
                }
                Some(_) => groups.ready += 1,
            }
        }
    }
    groups
}

/// Whether a Pod's CPU is not to be counted, because the Pod is not ready or was not while it was measured.
fn is_starting(pod: &Value, metric: &PodMetric, now: Time) -> bool {
    let condition = pod_condition::of(pod, "Ready");
    let started = Time::parse(text(pod, &["status", "startTime"]));
    let (Some(condition), Some(started)) = (condition, started) else {
        return true;
    };
    let changed = Time::parse(text(condition, &["lastTransitionTime"])).unwrap_or_default();
    let is_unready = condition["status"] == "False";
    if started + CPU_INITIALIZATION > now {
        is_unready || metric.at < changed + metric.window
    } else {
        is_unready && started + INITIAL_READINESS_DELAY > changed
    }
}

/// What each Pod asks for, in thousandths.
fn requests(question: &Question<'_>) -> Result<BTreeMap<String, i64>, String> {
    let pods = question.pods.iter();
    pods.map(|pod| Ok((name_of(pod).to_owned(), request(question, pod)?)))
        .collect()
}

fn request(question: &Question<'_>, pod: &Value) -> Result<i64, String> {
    let (resource, container) = (question.resource, question.container);
    let amount = |requests: &Value| {
        let amount = Quantity::from_json(requests.get(resource)?).ok()?;
        Some(amount.milli_value())
    };
    let of_pod = &pod["spec"]["resources"]["requests"];
    if container.is_empty() && of_pod.as_object().is_some_and(|requests| !requests.is_empty()) {
        return amount(of_pod)
            .ok_or_else(|| format!("missing pod-level request for {resource} in Pod {}", name_of(pod)));
    }
    let list = |key: &str| pod["spec"][key].as_array().into_iter().flatten();
    let sidecars = list("initContainers").filter(|container| container["restartPolicy"] == "Always");
    let mut sum = None;
    for spec in list("containers").chain(sidecars) {
        let name = text(spec, &["name"]);
        if !container.is_empty() && container != name {
            continue;
        }
        let request = amount(&spec["resources"]["requests"]).ok_or_else(|| {
            format!(
                "missing request for {resource} in container {name} of Pod {}",
                name_of(pod)
            )
        })?;
        sum = Some(sum.unwrap_or(0) + request);
    }
    match sum {
        Some(sum) => Ok(sum),
        None if container.is_empty() => Ok(0),
        None => Err(format!("container {container} not found in Pod {}", name_of(pod))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOLERANCES: Tolerances = Tolerances { down: 0.1, up: 0.1 };

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    /// A Pod that asks for 100m of CPU and has been ready since its start.
    fn pod(name: &str, phase: &str, ready: &str) -> Object {
        Object::new(json!({
            "metadata": {"name": name},
            "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "100m"}}}]},
            "status": {"phase": phase, "startTime": at(0).rfc3339(), "conditions": [
                {"type": "Ready", "status": ready, "lastTransitionTime": at(0).rfc3339()},
            ]},
        }))
    }

    fn metrics(values: &[(&str, i64)]) -> PodMetrics {
        let metric = |value| PodMetric {
            at: at(1000),
            window: Duration::from_secs(15),
            value,
        };
        values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), metric(*value)))
            .collect()
    }

    fn question(pods: &[Object]) -> Question<'_> {
        Question {
            resource: "cpu",
            container: "",
            current: i64::try_from(pods.len()).unwrap(),
            tolerances: TOLERANCES,
            pods,
            now: at(1000),
        }
    }

    #[test]
    fn replicas_follow_the_ratio_beyond_the_tolerance() {
        let pods = [pod("a", "Running", "True"), pod("b", "Running", "True")];
        let cases = [
            ([50, 50], (2, 50)),
            ([54, 54], (2, 54)),
            ([56, 56], (3, 56)),
            ([200, 200], (8, 200)),
            ([10, 10], (1, 10)),
        ];
        for (used, (replicas, utilization)) in cases {
            let metrics = metrics(&[("a", used[0]), ("b", used[1])]);
            let proposal = for_utilization(&question(&pods), metrics, 50).unwrap();
            assert_eq!(
                (proposal.replicas, proposal.utilization),
                (replicas, Some(utilization)),
                "{used:?}"
            );
        }
    }

    #[test]
    fn pods_that_are_not_measured_weigh_against_the_change() {
        let pods = [
            pod("a", "Running", "True"),
            pod("b", "Running", "True"),
            pod("c", "Pending", "False"),
        ];
        // Up: the Pod without a value uses nothing. (150 + 0 + 0) / 300 = 50 %: no change.
        let up = for_utilization(&question(&pods), metrics(&[("a", 150)]), 50).unwrap();
        assert_eq!((up.replicas, up.utilization), (3, Some(150)));
        // Down: it uses all it asked for. (10 + 100) / 200 = 55 %: the direction would turn.
        let down = for_utilization(&question(&pods[..2]), metrics(&[("a", 10)]), 50).unwrap();
        assert_eq!(down.replicas, 2);
    }

    #[test]
    fn a_value_target_needs_no_requests() {
        let pods = [pod("a", "Running", "True"), pod("b", "Running", "True")];
        let proposal = for_value(&question(&pods), metrics(&[("a", 300), ("b", 100)]), 100).unwrap();
        let expected = Proposal {
            replicas: 4,
            utilization: None,
            average: 200,
        };
        assert_eq!(proposal, expected);
    }

    #[test]
    fn what_is_missing_is_named() {
        let bare = Object::new(
            json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]},
            "status": {"phase": "Running", "startTime": at(0).rfc3339(), "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": at(0).rfc3339()}]}}),
        );
        let used = metrics(&[("p", 10)]);
        let error = |pods: &[Object], container, metrics: PodMetrics| {
            let question = Question {
                container,
                ..question(pods)
            };
            for_utilization(&question, metrics, 50).unwrap_err()
        };
        let cases = [
            (
                error(std::slice::from_ref(&bare), "", used.clone()),
                "missing request for cpu in container c of Pod p",
            ),
            (
                error(std::slice::from_ref(&bare), "x", used.clone()),
                "container x not found in Pod p",
            ),
            (
                error(&[], "", used),
                "no pods returned by selector while calculating replica count",
            ),
            (
                error(&[pod("q", "Pending", "False")], "", metrics(&[("q", 10)])),
                "did not receive metrics for targeted pods (pods might be unready)",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn a_young_pod_counts_one_window_after_it_became_ready() {
        let ready_since = |seconds: i64| {
            json!({"status": {"startTime": at(900).rfc3339(), "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": at(seconds).rfc3339()}]}})
        };
        let metric = PodMetric {
            at: at(1000),
            window: Duration::from_secs(15),
            value: 1,
        };
        assert!(is_starting(&ready_since(990), &metric, at(1000)));
        assert!(!is_starting(&ready_since(985), &metric, at(1000)));
    }
}
