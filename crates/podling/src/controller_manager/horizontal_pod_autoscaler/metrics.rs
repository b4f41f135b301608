//! What each metric of an autoscaler asks for.
//!
//! Source: `computeReplicasForMetric` in `kubernetes/pkg/controller/podautoscaler/horizontal.go`, v1.36.

use serde_json::{Value, json};

use super::decide::Observed;
use super::metric_values;
use super::replicas::{self, Proposal, Question, Tolerances};
use crate::clock::Time;
use crate::controller_manager::go_selector;
use crate::quantity::Quantity;
use crate::storage::text;

const NO_CUSTOM_METRICS: &str = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered";
const TOLERANCE: f64 = 0.1;

/// What a metric asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) replicas: i64,
    /// What people call it.
    pub(super) name: String,
    /// Its entry in `status.currentMetrics`.
    pub(super) status: Value,
}

/// Why a metric asks for nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Failure {
    /// Of the event and the condition.
    pub(super) reason: &'static str,
    /// What the event and the condition say.
    pub(super) told: String,
    /// What is said about it among other metrics.
    pub(super) error: String,
}

/// What one metric of `autoscaler` asks for.
pub(super) fn compute(
    autoscaler: &Value,
    metric: &Value,
    observed: &Observed<'_>,
    now: Time,
) -> Result<Answer, Failure> {
    match text(metric, &["type"]) {
        "Resource" => of_resource(autoscaler, metric, "resource", observed, now),
        "ContainerResource" => of_resource(autoscaler, metric, "containerResource", observed, now),
        "Pods" => Err(of_pods(metric)),
        "Object" => Err(of_object(autoscaler, metric)),
        "External" => Err(of_external(autoscaler, metric)),
        other => {
            let why = format!("unknown metric source type \"{other}\"");
            Err(Failure {
                reason: "InvalidMetricSourceType",
                told: why.clone(),
                error: why,
            })
        }
    }
}

/// The tolerances of an autoscaler (KEP-4951).
fn tolerances(behavior: &Value) -> Tolerances {
    let of = |direction: &str| {
        let tolerance = behavior[direction].get("tolerance")?;
        Quantity::from_json(tolerance).ok().map(Quantity::as_f64)
    };
    Tolerances {
        down: of("scaleDown").unwrap_or(TOLERANCE),
        up: of("scaleUp").unwrap_or(TOLERANCE),
    }
}

fn milli(quantity: &Value) -> i64 {
    Quantity::from_json(quantity).map_or(0, Quantity::milli_value)
}

fn of_resource(
    autoscaler: &Value,
    metric: &Value,
    source: &str,
    observed: &Observed<'_>,
    now: Time,
) -> Result<Answer, Failure> {
    let of = &metric[source];
    let question = Question {
        resource: text(of, &["name"]),
        container: text(of, &["container"]),
        current: observed.target.replicas,
        tolerances: tolerances(&autoscaler["spec"]["behavior"]),
        pods: observed.pods,
        now,
    };
    let (resource, container) = (question.resource, question.container);
    let namespace = text(autoscaler, &["metadata", "namespace"]);
    let proposal = propose(&question, &of["target"], namespace, observed);
    let proposal = proposal.map_err(|why| {
        let (reason, error) = if container.is_empty() {
            let error = format!("failed to get {resource} resource metric value: {why}");
            ("FailedGetResourceMetric", error)
        } else {
            let error = format!("failed to get {container} container metric value: {why}");
            ("FailedGetContainerResourceMetric", error)
        };
        Failure {
            reason,
            told: why,
            error,
        }
    })?;
    let mut current = json!({"averageValue": Quantity::from_milli(proposal.average).to_string()});
    let mut name = format!("{resource} resource");
    if let Some(share) = proposal.utilization {
        current["averageUtilization"] = share.into();
        let kind = if container.is_empty() { "" } else { "container " };
        name = format!("{resource} {kind}resource utilization (percentage of request)");
    }
    let mut status = json!({"type": metric["type"]});
    status[source] = json!({"name": resource, "current": current});
    if !container.is_empty() {
        status[source]["container"] = container.into();
    }
    Ok(Answer {
        replicas: proposal.replicas,
        name,
        status,
    })
}

fn propose(
    question: &Question<'_>,
    target: &Value,
    namespace: &str,
    observed: &Observed<'_>,
) -> Result<Proposal, String> {
    let resource = question.resource;
    let measured = observed.measured.as_ref();
    let metrics = || {
        let values = metric_values::of_resource(measured, namespace, resource, question.container);
        values.map_err(|why| format!("unable to get metrics for resource {resource}: {why}"))
    };
    if let Some(average) = target.get("averageValue") {
        let proposal = metrics().and_then(|metrics| replicas::for_value(question, metrics, milli(average)));
        return proposal.map_err(|why| format!("failed to get {resource} usage: {why}"));
    }
    if let Some(share) = target["averageUtilization"].as_i64() {
        let proposal = metrics().and_then(|metrics| replicas::for_utilization(question, metrics, share));
        return proposal.map_err(|why| format!("failed to get {resource} utilization: {why}"));
    }
    Err("invalid resource metric source: neither an average utilization target nor an average value (usage) target was set".to_owned())
}

fn of_pods(metric: &Value) -> Failure {
    let name = text(metric, &["pods", "metric", "name"]);
    let why = format!("unable to get metric {name}: {NO_CUSTOM_METRICS}");
    Failure {
        reason: "FailedGetPodsMetric",
        error: format!("failed to get pods metric value: {why}"),
        told: why,
    }
}

fn of_object(autoscaler: &Value, metric: &Value) -> Failure {
    let object = &metric["object"];
    // Kubernetes gives these texts in the wrong order.
    let why = format!(
        "unable to get metric {}: {} on {} {}/{NO_CUSTOM_METRICS}",
        text(object, &["metric", "name"]),
        text(object, &["describedObject", "kind"]),
        text(autoscaler, &["metadata", "namespace"]),
        text(object, &["describedObject", "name"]),
    );
    Failure {
        reason: "FailedGetObjectMetric",
        error: format!("failed to get object metric value: {why}"),
        told: why,
    }
}

fn of_external(autoscaler: &Value, metric: &Value) -> Failure {
    let external = &metric["external"];
    let name = text(external, &["metric", "name"]);
    let selector = &external["metric"]["selector"];
    let why = format!(
        "unable to get external metric {}/{name}/{}: unable to fetch metrics from external metrics API: the server could \
         not find the requested resource (get {name}.external.metrics.k8s.io)",
        text(autoscaler, &["metadata", "namespace"]),
        go_selector::printed(selector),
    );
    let error = match external["target"].get("averageValue") {
        Some(_) => format!("failed to get {name} external metric value: {why}"),
        None => format!("failed to get external metric {name}: {why}"),
    };
    Failure {
        reason: "FailedGetExternalMetric",
        told: why,
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_that_nobody_serves_say_so() {
        let autoscaler = json!({"metadata": {"namespace": "a"}});
        let queue = json!({"external": {"metric": {"name": "queue"}, "target": {"value": "1"}}});
        let external = of_external(&autoscaler, &queue);
        assert_eq!(
            external.told,
            "unable to get external metric a/queue/nil: unable to fetch metrics from external metrics API: the server could not find the requested resource (get queue.external.metrics.k8s.io)"
        );
        let object = json!({"object": {"metric": {"name": "rps"}, "describedObject": {"kind": "Ingress", "name": "i"}}});
        assert_eq!(
            of_object(&autoscaler, &object).error,
            "failed to get object metric value: unable to get metric rps: Ingress on a i/unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
        );
        let pods = json!({"pods": {"metric": {"name": "qps"}}});
        assert_eq!(
            of_pods(&pods).told,
            "unable to get metric qps: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
        );
    }

    #[test]
    fn a_behavior_may_set_its_own_tolerance() {
        let set = tolerances(&json!({"scaleUp": {"tolerance": "50m"}}));
        assert_eq!(set, Tolerances { down: 0.1, up: 0.05 });
    }
}
