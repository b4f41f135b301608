//! `/metrics/resource` in Prometheus' text format
//! (Kubernetes: `pkg/kubelet/metrics/collectors/resource_metrics.go`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::clock::Time;
use crate::metrics::Counter;

/// What one container has used.
#[derive(Clone, Debug)]
pub(super) struct Used {
    pub(super) container: String,
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) counter: Counter,
}

/// What there is to tell of a node.
#[derive(Clone, Debug, Default)]
pub(super) struct ResourceMetrics {
    pub(super) node: Option<Counter>,
    pub(super) containers: Vec<Used>,
}

/// One metric with its samples: labels, value and, if it has one, the moment.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: &'static str,
    samples: Vec<(String, f64, Option<Time>)>,
}

impl ResourceMetrics {
    /// The metrics in the order of their names.
    pub(super) fn print(&self) -> String {
        let mut out = String::new();
        for family in self.families().iter().filter(|family| !family.samples.is_empty()) {
            family.print(&mut out);
        }
        out
    }

    fn families(&self) -> Vec<Family> {
        let seconds = |counter: &Counter| counter.cpu.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a sample is a float64")]
        let bytes = |counter: &Counter| counter.memory as f64;
        vec![
            Family {
                name: "container_cpu_usage_seconds_total",
                help: "[STABLE] Cumulative cpu time consumed by the container in core-seconds",
                kind: "counter",
                samples: self.of_containers(seconds),
            },
            Family {
                name: "container_memory_working_set_bytes",
                help: "[STABLE] Current working set of the container in bytes",
                kind: "gauge",
                samples: self.of_containers(bytes),
            },
            Family {
                name: "container_start_time_seconds",
                help: "[STABLE] Start time of the container since unix epoch in seconds",
                kind: "gauge",
                samples: self.start_times(),
            },
            Family {
                name: "node_cpu_usage_seconds_total",
                help: "[STABLE] Cumulative cpu time consumed by the node in core-seconds",
                kind: "counter",
                samples: self.of_node(seconds),
            },
            Family {
                name: "node_memory_working_set_bytes",
                help: "[STABLE] Current working set of the node in bytes",
                kind: "gauge",
                samples: self.of_node(bytes),
            },
            Family {
                name: "pod_cpu_usage_seconds_total",
                help: "[STABLE] Cumulative cpu time consumed by the pod in core-seconds",
                kind: "counter",
                samples: self.of_pods(seconds),
            },
            Family {
                name: "pod_memory_working_set_bytes",
                help: "[STABLE] Current working set of the pod in bytes",
                kind: "gauge",
                samples: self.of_pods(bytes),
            },
            Family {
                name: "resource_scrape_error",
                help: "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise",
                kind: "gauge",
                samples: vec![(String::new(), 0.0, None)],
            },
        ]
    }

    fn of_containers(&self, value: impl Fn(&Counter) -> f64) -> Vec<(String, f64, Option<Time>)> {
        let sample = |used: &Used| (used.labels(), value(&used.counter), Some(used.counter.at));
        self.containers.iter().map(sample).collect()
    }

    fn start_times(&self) -> Vec<(String, f64, Option<Time>)> {
        let sample = |used: &Used| {
            let started = used.counter.started.timestamp().as_duration().as_secs_f64();
            (used.labels(), started, None)
        };
        self.containers.iter().map(sample).collect()
    }

    fn of_node(&self, value: impl Fn(&Counter) -> f64) -> Vec<(String, f64, Option<Time>)> {
        let sample = |counter: &Counter| (String::new(), value(counter), Some(counter.at));
        self.node.iter().map(sample).collect()
    }

    fn of_pods(&self, value: impl Fn(&Counter) -> f64) -> Vec<(String, f64, Option<Time>)> {
        let mut pods: BTreeMap<String, (f64, Time)> = BTreeMap::new();
        for used in &self.containers {
            let labels = format!("{{namespace=\"{}\",pod=\"{}\"}}", used.namespace, used.pod);
            let pod = pods.entry(labels).or_insert((0.0, used.counter.at));
            pod.0 += value(&used.counter);
        }
        let sample = |(labels, (value, at)): (String, (f64, Time))| (labels, value, Some(at));
        pods.into_iter().map(sample).collect()
    }
}

impl Used {
    fn labels(&self) -> String {
        format!(
            "{{container=\"{}\",namespace=\"{}\",pod=\"{}\"}}",
            self.container, self.namespace, self.pod
        )
    }
}

impl Family {
    fn print(&self, out: &mut String) {
        let Self { name, help, kind, .. } = self;
        // Writing to a string cannot fail.
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (labels, value, at) in &self.samples {
            let _ = write!(out, "{name}{labels} {}", float(*value));
            if let Some(at) = at {
                let _ = write!(out, " {}", at.timestamp().as_millisecond());
            }
            out.push('\n');
        }
    }
}

/// From a million on, and below a ten thousandth, numbers have an exponent.
const MOST_FIGURES: i32 = 6;

/// A number as Go's `strconv.FormatFloat(value, 'g', -1, 64)` writes it. Example: 36,864,000 is `3.6864e+07`.
fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..MOST_FIGURES).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, expected) in [
            (0.0, "0"),
            (0.5, "0.5"),
            (12.25, "12.25"),
            (100_000.0, "100000"),
            (36_864_000.0, "3.6864e+07"),
            (0.000_01, "1e-05"),
        ] {
            assert_eq!(float(value), expected);
        }
    }

    #[test]
    fn a_pod_uses_what_its_containers_use() {
        let used = |container: &str, millis: u64| Used {
            container: container.to_owned(),
            namespace: "d".to_owned(),
            pod: "p".to_owned(),
            counter: Counter {
                started: Time::from_micros(1_000_000),
                at: Time::from_micros(5_000_000),
                cpu: Duration::from_millis(millis),
                memory: 4096,
            },
        };
        let metrics = ResourceMetrics {
            node: None,
            containers: vec![used("a", 250), used("b", 500)],
        };
        let text = metrics.print();
        for line in [
            "container_cpu_usage_seconds_total{container=\"a\",namespace=\"d\",pod=\"p\"} 0.25 5000",
            "container_start_time_seconds{container=\"b\",namespace=\"d\",pod=\"p\"} 1",
            "pod_cpu_usage_seconds_total{namespace=\"d\",pod=\"p\"} 0.75 5000",
            "pod_memory_working_set_bytes{namespace=\"d\",pod=\"p\"} 8192 5000",
            "resource_scrape_error 0",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}\n{text}");
        }
        assert!(!text.contains("node_cpu"));
    }
}
