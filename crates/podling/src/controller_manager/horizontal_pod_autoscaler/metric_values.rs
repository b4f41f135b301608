//! What the resource metrics API says about some Pods.
//!
//! Source: `kubernetes/pkg/controller/podautoscaler/metrics/client.go`, v1.36.

use std::collections::BTreeMap;
use std::time::Duration;

use super::name_of;
use crate::clock::Time;
use crate::metrics::{Metrics, Usage};
use crate::storage::{Object, text};

/// One Pod's value of a resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct PodMetric {
    /// The end of the span that was measured.
    pub(super) at: Time,
    /// Its length.
    pub(super) window: Duration,
    /// In thousandths.
    pub(super) value: i64,
}

/// Values by the name of the Pod.
pub(super) type PodMetrics = BTreeMap<String, PodMetric>;

/// What the API has about each Pod: its containers.
pub(super) type Measured = BTreeMap<String, Vec<(String, Usage)>>;

/// What the API has about `pods`; `None` where nothing serves it.
pub(super) fn all(metrics: Option<&Metrics>, pods: &[Object]) -> Option<Measured> {
    let metrics = metrics?;
    let measured = pods.iter().filter_map(|pod| {
        let containers = metrics.pod(text(pod, &["metadata", "namespace"]), name_of(pod))?;
        let containers = containers
            .into_iter()
            .map(|(name, usage)| (name.to_owned(), usage));
        Some((name_of(pod).to_owned(), containers.collect()))
    });
    Some(measured.collect())
}

/// The values of one resource: of whole Pods, or of the container of that name.
///
/// # Errors
/// Why there are none, in Kubernetes' words.
pub(super) fn of_resource(
    measured: Option<&Measured>,
    namespace: &str,
    resource: &str,
    container: &str,
) -> Result<PodMetrics, String> {
    let measured = measured.ok_or_else(|| {
        "unable to fetch metrics from resource metrics API: the server could not find the requested resource \
         (get pods.metrics.k8s.io)"
            .to_owned()
    })?;
    if measured.is_empty() {
        return Err("no metrics returned from resource metrics API".to_owned());
    }
    let mut values = PodMetrics::new();
    for (pod, containers) in measured {
        if container.is_empty() {
            values.extend(of_pod(containers, resource).map(|metric| (pod.clone(), metric)));
            continue;
        }
        let (_, usage) = containers.iter().find(|(name, _)| name == container).ok_or_else(|| {
            format!(
                "failed to get container metrics: container {container} not present in metrics for pod {namespace}/{pod}"
            )
        })?;
        values.extend(of_usage(usage, resource).map(|metric| (pod.clone(), metric)));
    }
    Ok(values)
}

/// The sum over a Pod's containers; nothing if one of them has no such value.
fn of_pod(containers: &[(String, Usage)], resource: &str) -> Option<PodMetric> {
    let values: Option<Vec<PodMetric>> = containers
        .iter()
        .map(|(_, usage)| of_usage(usage, resource))
        .collect();
    let values = values?;
    let sum = values.iter().map(|metric| metric.value).sum();
    values.first().map(|first| PodMetric { value: sum, ..*first })
}

/// Example: 1,200,001 billionths of a CPU are 2 thousandths, rounded up.
fn of_usage(usage: &Usage, resource: &str) -> Option<PodMetric> {
    let thousandths = match resource {
        "cpu" => usage.nano_cpus.div_ceil(1_000_000),
        "memory" => usage.memory.saturating_mul(1000),
        _ => return None,
    };
    Some(PodMetric {
        at: usage.at,
        window: usage.window,
        value: i64::try_from(thousandths).unwrap_or(i64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        let usage = |nano_cpus, memory| Usage {
            at: Time::default(),
            window: Duration::from_secs(15),
            nano_cpus,
            memory,
        };
        let containers = vec![
            ("app".to_owned(), usage(1_200_001, 10)),
            ("side".to_owned(), usage(3_000_000, 20)),
        ];
        Measured::from([("p".to_owned(), containers)])
    }

    #[test]
    fn a_pod_uses_what_its_containers_use() {
        let values = |resource, container| {
            let values = of_resource(Some(&measured()), "a", resource, container)?;
            Ok(values.get("p").map(|metric| metric.value))
        };
        assert_eq!(values("cpu", ""), Ok(Some(5)));
        assert_eq!(values("cpu", "side"), Ok(Some(3)));
        assert_eq!(values("memory", ""), Ok(Some(30_000)));
        assert_eq!(values("disk", ""), Ok(None));
        assert_eq!(
            values("cpu", "nope"),
            Err(
                "failed to get container metrics: container nope not present in metrics for pod a/p"
                    .to_owned()
            )
        );
    }

    #[test]
    fn an_api_without_values_says_so() {
        let none = Measured::new();
        assert_eq!(
            of_resource(Some(&none), "a", "cpu", ""),
            Err("no metrics returned from resource metrics API".to_owned())
        );
        let missing = of_resource(None, "a", "cpu", "").unwrap_err();
        assert!(missing.ends_with("(get pods.metrics.k8s.io)"), "{missing}");
    }
}
