//! One turn of an autoscaler, as a plan: its new status, what is said about it, and the replicas that are wanted.
//!
//! Source: `reconcileAutoscaler` in `kubernetes/pkg/controller/podautoscaler/horizontal.go`, v1.36.

use serde_json::{Value, json};

use super::history::History;
use super::limits::{self, Bounds};
use super::metric_values::Measured;
use super::metrics::{self, Answer, Failure};
use super::status::{set_condition, set_numbers};
use super::target::Target;
use crate::clock::Time;
use crate::events::EventType;
use crate::storage::Object;

/// What is seen of the world.
#[derive(Debug)]
pub(super) struct Observed<'a> {
    /// What is scaled.
    pub(super) target: &'a Target,
    /// Its Pods.
    pub(super) pods: &'a [Object],
    /// The autoscalers that scale these Pods, if there are several.
    pub(super) rivals: Vec<String>,
    /// The resource metrics of the Pods; `None` where nothing serves them.
    pub(super) measured: Option<Measured>,
}

/// A new number of replicas.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Rescale {
    pub(super) replicas: i64,
    reason: String,
    metrics: Value,
}

/// What a turn comes to.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    autoscaler: &'a Value,
    now: Time,
    /// The new status.
    pub(super) status: Value,
    /// Kind, reason and message of each event.
    pub(super) events: Vec<(EventType, &'static str, String)>,
}

/// The replicas that the metrics ask for, with the reason and the metrics' status.
struct Wanted {
    replicas: i64,
    metric: String,
    metrics: Value,
}

impl<'a> Plan<'a> {
    pub(super) fn new(autoscaler: &'a Value, now: Time) -> Self {
        Self {
            autoscaler,
            now,
            status: autoscaler["status"].clone(),
            events: Vec::new(),
        }
    }

    fn set(&mut self, kind: &str, value: &str, why: (&str, &str)) {
        set_condition(&mut self.status, kind, value, why, self.now);
    }

    fn warn(&mut self, reason: &'static str, message: String) {
        self.events.push((EventType::Warning, reason, message));
    }

    /// The replicas that were last wanted.
    fn last_desired(&self) -> i64 {
        self.status["desiredReplicas"].as_i64().unwrap_or_default()
    }

    pub(super) fn fail_to_get_scale(&mut self, why: &str) {
        self.warn("FailedGetScale", why.to_owned());
        let message = format!("the HPA controller was unable to get the target's current scale: {why}");
        self.set("AbleToScale", "False", ("FailedGetScale", &message));
    }

    /// The target has its new number of replicas.
    pub(super) fn scaled(&mut self, target: &Target, rescale: &Rescale) {
        let Rescale { replicas, reason, .. } = rescale;
        let message = format!("the HPA controller was able to update the target scale to {replicas}");
        self.set("AbleToScale", "True", ("SucceededRescale", &message));
        let message = format!("New size: {replicas}; reason: {reason}");
        self.events
            .push((EventType::Normal, "SuccessfulRescale", message));
        self.status["lastScaleTime"] = self.now.rfc3339().into();
        set_numbers(&mut self.status, target.replicas, *replicas, &rescale.metrics);
    }

    pub(super) fn failed_to_scale(&mut self, target: &Target, rescale: &Rescale, why: &str) {
        let Rescale { replicas, reason, .. } = rescale;
        self.warn(
            "FailedRescale",
            format!("New size: {replicas}; reason: {reason}; error: {why}"),
        );
        let message = format!("the HPA controller was unable to update the target scale: {why}");
        self.set("AbleToScale", "False", ("FailedUpdateScale", &message));
        let (desired, metrics) = (self.last_desired(), self.status["currentMetrics"].clone());
        set_numbers(&mut self.status, target.replicas, desired, &metrics);
    }
}

/// Works the turn out; the answer is the new number of replicas, if there is to be one.
pub(super) fn decide(plan: &mut Plan<'_>, observed: &Observed<'_>, history: &mut History) -> Option<Rescale> {
    let spec = &plan.autoscaler["spec"];
    let got = "the HPA controller was able to get the target's current scale";
    plan.set("AbleToScale", "True", ("SucceededGetScale", got));
    let bounds = Bounds {
        current: observed.target.replicas,
        least: spec["minReplicas"].as_i64().unwrap_or(1),
        most: spec["maxReplicas"].as_i64().unwrap_or_default(),
    };
    let to_bound = |replicas, reason: &str| {
        Some(Rescale {
            replicas,
            reason: reason.to_owned(),
            metrics: Value::Null,
        })
    };
    let current = bounds.current;
    if current == 0 && bounds.least != 0 {
        let why = "scaling is disabled since the replica count of the target is zero";
        plan.set("ScalingActive", "False", ("ScalingDisabled", why));
        set_numbers(&mut plan.status, 0, 0, &Value::Null);
        return None;
    }
    if current > bounds.most {
        return to_bound(bounds.most, "Current number of replicas above Spec.MaxReplicas");
    }
    if current < bounds.least {
        return to_bound(bounds.least, "Current number of replicas below Spec.MinReplicas");
    }
    by_metrics(plan, observed, bounds, history)
}

fn by_metrics(
    plan: &mut Plan<'_>,
    observed: &Observed<'_>,
    bounds: Bounds,
    history: &mut History,
) -> Option<Rescale> {
    let wanted = match wanted(plan, observed) {
        Ok(wanted) => wanted,
        Err((why, metrics)) => {
            let desired = plan.last_desired();
            set_numbers(&mut plan.status, bounds.current, desired, &metrics);
            plan.warn("FailedComputeMetricsReplicas", why);
            return None;
        }
    };
    let reason = if wanted.replicas > bounds.current {
        format!("{} above target", wanted.metric)
    } else {
        "All metrics below target".to_owned()
    };
    let behavior = &plan.autoscaler["spec"]["behavior"];
    let limited = limits::normalize(behavior, bounds, wanted.replicas, history, plan.now);
    plan.set("AbleToScale", "True", limited.able);
    let is_limited = if limited.is_limited { "True" } else { "False" };
    plan.set("ScalingLimited", is_limited, limited.limit);
    if limited.replicas == bounds.current {
        set_numbers(&mut plan.status, bounds.current, bounds.current, &wanted.metrics);
        return None;
    }
    Some(Rescale {
        replicas: limited.replicas,
        // What the metrics ask for now may be what there is, while an older recommendation is carried out.
        reason: if wanted.replicas == bounds.current {
            String::new()
        } else {
            reason
        },
        metrics: wanted.metrics,
    })
}

/// The most that any metric asks for (`computeReplicasForMetrics`), or why there is nothing, with the metrics' status.
fn wanted(plan: &mut Plan<'_>, observed: &Observed<'_>) -> Result<Wanted, (String, Value)> {
    if observed.target.selector.is_none() {
        let why = "selector is required".to_owned();
        plan.warn("SelectorRequired", why.clone());
        let message = "the HPA target's scale is missing a selector";
        plan.set("ScalingActive", "False", ("InvalidSelector", message));
        return Err((why, Value::Null));
    }
    if !observed.rivals.is_empty() {
        let why = format!(
            "pods by selector {} are controlled by multiple HPAs: [{}]",
            observed.target.selector_line(),
            observed.rivals.join(" ")
        );
        plan.warn("AmbiguousSelector", why.clone());
        plan.set("ScalingActive", "False", ("AmbiguousSelector", &why));
        return Err((why, Value::Null));
    }
    let specs = plan.autoscaler["spec"]["metrics"]
        .as_array()
        .into_iter()
        .flatten();
    let computed: Vec<Result<Answer, Failure>> = specs
        .map(|metric| metrics::compute(plan.autoscaler, metric, observed, plan.now))
        .collect();
    combine(plan, &computed, observed.target.replicas)
}

fn combine(
    plan: &mut Plan<'_>,
    computed: &[Result<Answer, Failure>],
    current: i64,
) -> Result<Wanted, (String, Value)> {
    let mut best: Option<&Answer> = None;
    let mut statuses = Vec::new();
    let mut failures = Vec::new();
    for result in computed {
        match result {
            Ok(answer) => {
                statuses.push(answer.status.clone());
                if best.is_none_or(|best| best.replicas == 0 || answer.replicas > best.replicas) {
                    best = Some(answer);
                }
            }
            Err(failure) => {
                plan.warn(failure.reason, failure.told.clone());
                statuses.push(json!({"type": ""}));
                failures.push(failure);
            }
        }
    }
    let replicas = best.map_or(0, |best| best.replicas);
    if let Some(first) = failures.first()
        // With a metric missing, the others may only ask for more.
        && (failures.len() >= computed.len() || replicas < current)
    {
        let message = format!("the HPA was unable to compute the replica count: {}", first.told);
        plan.set("ScalingActive", "False", (first.reason, &message));
        let why = format!(
            "invalid metrics ({} invalid out of {}), first error is: {}",
            failures.len(),
            computed.len(),
            first.error
        );
        return Err((why, statuses.into()));
    }
    let metric = best.map(|best| best.name.clone()).unwrap_or_default();
    let message = format!("the HPA was able to successfully calculate a replica count from {metric}");
    plan.set("ScalingActive", "True", ("ValidMetricFound", &message));
    Ok(Wanted {
        replicas,
        metric,
        metrics: statuses.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::text;

    /// The reason of a condition in a status.
    fn reason_of<'a>(status: &'a Value, kind: &str) -> &'a str {
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let mut of_kind = conditions.filter(|condition| condition["type"] == kind);
        of_kind
            .next()
            .map_or("", |condition| text(condition, &["reason"]))
    }

    fn answer(replicas: i64, name: &str) -> Result<Answer, Failure> {
        Ok(Answer {
            replicas,
            name: name.to_owned(),
            status: json!({"type": name}),
        })
    }

    fn failure() -> Result<Answer, Failure> {
        Err(Failure {
            reason: "FailedGetResourceMetric",
            told: "no cpu".to_owned(),
            error: "failed to get cpu resource metric value: no cpu".to_owned(),
        })
    }

    #[test]
    fn the_metric_that_asks_for_most_decides() {
        let autoscaler = json!({});
        let mut plan = Plan::new(&autoscaler, Time::default());
        let wanted = combine(&mut plan, &[answer(2, "a"), answer(5, "b"), answer(3, "c")], 2).ok();
        assert_eq!(
            wanted.map(|wanted| (wanted.replicas, wanted.metric)),
            Some((5, "b".to_owned()))
        );
        assert_eq!(reason_of(&plan.status, "ScalingActive"), "ValidMetricFound");
    }

    #[test]
    fn with_a_metric_missing_the_others_may_only_ask_for_more() {
        let autoscaler = json!({});
        let cases = [
            (vec![failure(), answer(5, "b")], true),
            (vec![failure(), answer(1, "b")], false),
            (vec![failure()], false),
        ];
        for (computed, decides) in cases {
            let mut plan = Plan::new(&autoscaler, Time::default());
            let wanted = combine(&mut plan, &computed, 2);
            assert_eq!(wanted.is_ok(), decides, "{computed:?}");
            if let Err((why, metrics)) = wanted {
                let total = computed.len();
                assert_eq!(
                    why,
                    format!(
                        "invalid metrics (1 invalid out of {total}), first error is: failed to get cpu resource metric value: no cpu"
                    )
                );
                assert_eq!(metrics[0], json!({"type": ""}));
                assert_eq!(
                    reason_of(&plan.status, "ScalingActive"),
                    "FailedGetResourceMetric"
                );
            }
        }
    }
}
