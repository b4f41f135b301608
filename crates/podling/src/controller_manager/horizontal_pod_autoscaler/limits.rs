//! From what the metrics ask for to what is done: evened out, not too fast, and within the bounds.
//!
//! Source: `normalizeDesiredReplicas` and `normalizeDesiredReplicasWithBehaviors` in
//! `kubernetes/pkg/controller/podautoscaler/horizontal.go`, v1.36.

use std::time::Duration;

use serde_json::Value;

use super::history::History;
use crate::clock::Time;
use crate::storage::text;

/// Without a behavior, replicas go only when nothing asked for them in so long.
const DOWNSCALE_STABILIZATION: Duration = Duration::from_secs(5 * 60);
/// Without a behavior, at most twice as many replicas at a time, or so many.
const SCALE_UP_MINIMUM: i64 = 4;

/// Reason and message of a condition.
type Why = (&'static str, &'static str);

const READY: Why = ("ReadyForNewScale", "recommended size matches current size");
const UP_STABILIZED: Why = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);
const DOWN_STABILIZED: Why = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);
const WITHIN_RANGE: Why = (
    "DesiredWithinRange",
    "the desired count is within the acceptable range",
);
const UP_LIMIT: Why = (
    "ScaleUpLimit",
    "the desired replica count is increasing faster than the maximum scale rate",
);
const DOWN_LIMIT: Why = (
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
);
const TOO_MANY: Why = (
    "TooManyReplicas",
    "the desired replica count is more than the maximum replica count",
);
const TOO_FEW: Why = (
    "TooFewReplicas",
    "the desired replica count is less than the minimum replica count",
);

/// The bounds of an autoscaler and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) current: i64,
    pub(super) least: i64,
    pub(super) most: i64,
}

/// What is done, with the reasons that the conditions AbleToScale and ScalingLimited give.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Limited {
    pub(super) replicas: i64,
    pub(super) able: Why,
    pub(super) is_limited: bool,
    pub(super) limit: Why,
}

/// What is done about `desired` replicas.
pub(super) fn normalize(
    behavior: &Value,
    bounds: Bounds,
    desired: i64,
    history: &mut History,
    now: Time,
) -> Limited {
    let (stabilized, why) = if behavior.is_null() {
        let cutoff = now - DOWNSCALE_STABILIZATION;
        let stabilized = history.most_since(cutoff, desired);
        history.recommend(desired, now, cutoff);
        (stabilized, DOWN_STABILIZED)
    } else {
        stabilize(behavior, bounds, desired, history, now)
    };
    let (replicas, limit) = if behavior.is_null() {
        by_rules(bounds, stabilized)
    } else {
        by_rate(behavior, bounds, stabilized, history, now)
    };
    Limited {
        replicas,
        able: if stabilized == desired { READY } else { why },
        is_limited: replicas != stabilized,
        limit,
    }
}

/// The recommendation between the least and the greatest that the windows remember.
fn stabilize(behavior: &Value, bounds: Bounds, desired: i64, history: &mut History, now: Time) -> (i64, Why) {
    let window = |direction: &str, otherwise: Duration| {
        let seconds = behavior[direction]["stabilizationWindowSeconds"].as_u64();
        seconds.map_or(otherwise, Duration::from_secs)
    };
    let up = now - window("scaleUp", Duration::ZERO);
    let down = now - window("scaleDown", DOWNSCALE_STABILIZATION);
    let (least, most) = (
        history.least_since(up, desired),
        history.most_since(down, desired),
    );
    history.recommend(desired, now, up.min(down));
    let stabilized = bounds.current.max(least).min(most);
    let why = if desired >= bounds.current {
        UP_STABILIZED
    } else {
        DOWN_STABILIZED
    };
    (stabilized, why)
}

/// Without a behavior. Example: one replica of at most ten may become four at once, four may become eight.
fn by_rules(bounds: Bounds, desired: i64) -> (i64, Why) {
    let limit = (2 * bounds.current).max(SCALE_UP_MINIMUM);
    let (most, why) = if bounds.most > limit {
        (limit, UP_LIMIT)
    } else {
        (bounds.most, TOO_MANY)
    };
    if desired < bounds.least {
        (bounds.least, TOO_FEW)
    } else if desired > most {
        (most, why)
    } else {
        (desired, WITHIN_RANGE)
    }
}

/// With a behavior: its policies say how many replicas may come and go in a period.
fn by_rate(behavior: &Value, bounds: Bounds, desired: i64, history: &History, now: Time) -> (i64, Why) {
    let current = bounds.current;
    if desired > current {
        let limit = up_limit(&behavior["scaleUp"], current, history, now).max(current);
        let (most, why) = if bounds.most > limit {
            (limit, UP_LIMIT)
        } else {
            (bounds.most, TOO_MANY)
        };
        if desired > most {
            return (most, why);
        }
    } else if desired < current {
        let limit = down_limit(&behavior["scaleDown"], current, history, now).min(current);
        let (least, why) = if bounds.least < limit {
            (limit, DOWN_LIMIT)
        } else {
            (bounds.least, TOO_FEW)
        };
        if desired < least {
            return (least, why);
        }
    }
    (desired, WITHIN_RANGE)
}

fn policies(rules: &Value) -> impl Iterator<Item = &Value> {
    rules["policies"].as_array().into_iter().flatten()
}

/// The replicas at the beginning of a policy's period.
fn at_start_of_period(policy: &Value, current: i64, history: &History, now: Time) -> i64 {
    let period = Duration::from_secs(policy["periodSeconds"].as_u64().unwrap_or_default());
    let (added, taken) = history.changes(period, now);
    current - added + taken
}

/// Example: at four replicas, `Pods 4` allows eight and `Percent 50` allows six; with `Min` six count, else eight.
fn up_limit(rules: &Value, current: i64, history: &History, now: Time) -> i64 {
    let allowed = policies(rules).map(|policy| {
        let start = at_start_of_period(policy, current, history, now);
        let value = policy["value"].as_i64().unwrap_or_default();
        match text(policy, &["type"]) {
            "Pods" => start + value,
            _ => (start * (100 + value) + 99).div_euclid(100),
        }
    });
    match text(rules, &["selectPolicy"]) {
        "Disabled" => current,
        "Min" => allowed.min().unwrap_or(current),
        _ => allowed.max().unwrap_or(current),
    }
}

/// Example: at ten replicas, `Pods 4` allows six and `Percent 50` allows five; with `Min` six count, else five.
fn down_limit(rules: &Value, current: i64, history: &History, now: Time) -> i64 {
    let allowed = policies(rules).map(|policy| {
        let start = at_start_of_period(policy, current, history, now);
        let value = policy["value"].as_i64().unwrap_or_default();
        match text(policy, &["type"]) {
            "Pods" => start - value,
            _ => start * (100 - value) / 100,
        }
    });
    match text(rules, &["selectPolicy"]) {
        "Disabled" => current,
        "Min" => allowed.max().unwrap_or(current),
        _ => allowed.min().unwrap_or(current),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    fn bounds(current: i64) -> Bounds {
        Bounds {
            current,
            least: 1,
            most: 10,
        }
    }

    #[test]
    fn without_a_behavior_replicas_double_at_most() {
        let cases = [
            (1, 1, (1, WITHIN_RANGE)),
            (1, 8, (4, UP_LIMIT)),
            (4, 9, (8, UP_LIMIT)),
            (8, 40, (10, TOO_MANY)),
            (4, 0, (1, TOO_FEW)),
        ];
        for (current, desired, expected) in cases {
            assert_eq!(
                by_rules(bounds(current), desired),
                expected,
                "{current} to {desired}"
            );
        }
    }

    #[test]
    fn replicas_go_only_when_nothing_asked_for_them_in_five_minutes() {
        let mut history = History::new(8, at(0));
        let soon = normalize(&Value::Null, bounds(8), 2, &mut history, at(60));
        assert_eq!((soon.replicas, soon.able), (8, DOWN_STABILIZED));
        let later = normalize(&Value::Null, bounds(8), 2, &mut history, at(400));
        assert_eq!((later.replicas, later.able), (2, READY));
    }

    #[test]
    fn policies_limit_what_comes_and_goes_in_a_period() {
        let behavior = json!({
            "scaleUp": {"selectPolicy": "Min", "stabilizationWindowSeconds": 0, "policies": [
                {"type": "Pods", "value": 4, "periodSeconds": 60},
                {"type": "Percent", "value": 50, "periodSeconds": 60},
            ]},
            "scaleDown": {"selectPolicy": "Max", "stabilizationWindowSeconds": 0, "policies": [
                {"type": "Percent", "value": 10, "periodSeconds": 60},
            ]},
        });
        let mut history = History::new(4, at(0));
        let up = normalize(&behavior, bounds(4), 9, &mut history, at(100));
        assert_eq!((up.replicas, up.limit, up.is_limited), (6, UP_LIMIT, true));
        history.store_scaling(&behavior, 4, 6, at(100));
        let again = normalize(&behavior, bounds(6), 9, &mut history, at(115));
        assert_eq!(again.replicas, 6);
        let down = normalize(&behavior, bounds(10), 1, &mut history, at(500));
        assert_eq!((down.replicas, down.limit), (9, DOWN_LIMIT));
    }

    #[test]
    fn a_disabled_direction_stands_still() {
        let behavior = json!({"scaleUp": {"selectPolicy": "Disabled"}, "scaleDown": {"selectPolicy": "Disabled",
            "stabilizationWindowSeconds": 0}});
        let mut history = History::new(4, at(0));
        for desired in [1, 9] {
            let limited = normalize(&behavior, bounds(4), desired, &mut history, at(100));
            assert_eq!(limited.replicas, 4, "{desired}");
        }
    }
}
