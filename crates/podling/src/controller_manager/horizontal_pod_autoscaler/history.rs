//! What the controller remembers of an autoscaler: its recommendations, and when it scaled by how much.

use std::time::Duration;

use serde_json::Value;

use crate::clock::Time;

/// A recommendation, before it was evened out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Recommendation {
    replicas: i64,
    at: Time,
}

/// A change of the number of replicas.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Scaling {
    change: i64,
    at: Time,
}

/// The past of one autoscaler.
#[derive(Clone, Debug)]
pub(super) struct History {
    recommendations: Vec<Recommendation>,
    ups: Vec<Scaling>,
    downs: Vec<Scaling>,
}

impl History {
    /// The history of an autoscaler that is seen for the first time.
    pub(super) fn new(replicas: i64, now: Time) -> Self {
        Self {
            recommendations: vec![Recommendation { replicas, at: now }],
            ups: Vec::new(),
            downs: Vec::new(),
        }
    }

    /// The least recommendation after `cutoff`, or `replicas` if that is less.
    pub(super) fn least_since(&self, cutoff: Time, replicas: i64) -> i64 {
        self.since(cutoff).fold(replicas, i64::min)
    }

    /// The greatest recommendation after `cutoff`, or `replicas` if that is more.
    pub(super) fn most_since(&self, cutoff: Time, replicas: i64) -> i64 {
        self.since(cutoff).fold(replicas, i64::max)
    }

    fn since(&self, cutoff: Time) -> impl Iterator<Item = i64> {
        let recent = self.recommendations.iter().filter(move |one| one.at > cutoff);
        recent.map(|one| one.replicas)
    }

    /// Remembers a recommendation; those before `cutoff` are of no use any more.
    pub(super) fn recommend(&mut self, replicas: i64, now: Time, cutoff: Time) {
        self.recommendations.retain(|one| one.at >= cutoff);
        self.recommendations.push(Recommendation { replicas, at: now });
    }

    /// How many replicas the last `period` added, and how many it took away.
    pub(super) fn changes(&self, period: Duration, now: Time) -> (i64, i64) {
        let cutoff = now - period;
        let sum = |scalings: &[Scaling]| {
            let recent = scalings.iter().filter(|one| one.at > cutoff);
            recent.map(|one| one.change).sum()
        };
        (sum(&self.ups), sum(&self.downs))
    }

    /// Remembers a change, where the policies of `behavior` may ask for it.
    pub(super) fn store_scaling(&mut self, behavior: &Value, from: i64, to: i64, now: Time) {
        if behavior.is_null() {
            return;
        }
        let (scalings, rules) = if to > from {
            (&mut self.ups, &behavior["scaleUp"])
        } else {
            (&mut self.downs, &behavior["scaleDown"])
        };
        let policies = rules["policies"].as_array().into_iter().flatten();
        let longest = policies
            .filter_map(|policy| policy["periodSeconds"].as_u64())
            .max();
        let cutoff = now - Duration::from_secs(longest.unwrap_or_default());
        scalings.retain(|one| one.at >= cutoff);
        scalings.push(Scaling {
            change: (to - from).abs(),
            at: now,
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn recommendations_count_while_they_are_recent() {
        let mut history = History::new(1, at(0));
        history.recommend(8, at(10), at(-300));
        history.recommend(3, at(100), at(-200));
        assert_eq!(history.most_since(at(5), 2), 8);
        assert_eq!(history.most_since(at(10), 2), 3);
        assert_eq!(history.least_since(at(-1), 2), 1);
        history.recommend(4, at(320), at(20));
        assert_eq!(history.most_since(at(0), 2), 4);
    }

    #[test]
    fn changes_count_within_a_period() {
        let behavior = json!({"scaleUp": {"policies": [{"periodSeconds": 60}]}});
        let mut history = History::new(1, at(0));
        history.store_scaling(&behavior, 1, 4, at(10));
        history.store_scaling(&behavior, 4, 6, at(50));
        history.store_scaling(&behavior, 6, 5, at(55));
        assert_eq!(history.changes(Duration::from_secs(60), at(60)), (5, 1));
        assert_eq!(history.changes(Duration::from_secs(15), at(60)), (2, 1));
        history.store_scaling(&Value::Null, 5, 9, at(60));
        assert_eq!(history.changes(Duration::from_secs(15), at(60)), (2, 1));
    }
}
