//! The rows of Jobs and CronJobs.

use serde_json::{Value, json};

use super::duration::human;
use super::workload::containers;
use super::{NONE, age, items, length, number, or, since};
use crate::apiserver::selector::line::label_selector;
use crate::clock::Time;
use crate::storage::text;

/// What a Job's row says, by the first condition that is True, from the end of its life to the beginning.
const STATES: [&str; 5] = [
    "Complete",
    "Failed",
    "Suspended",
    "FailureTarget",
    "SuccessCriteriaMet",
];

/// Name, Status, Completions, Duration, Age, Containers, Images, Selector.
pub(super) fn job(job: &Value, now: Time) -> Value {
    json!([
        text(job, &["metadata", "name"]),
        state(job),
        completions(job),
        duration(&job["status"], now),
        age(job, now),
        containers(job, "name"),
        containers(job, "image"),
        or(&label_selector(&job["spec"]["selector"]), NONE),
    ])
}

fn state(job: &Value) -> &'static str {
    let has = |kind: &str| {
        let mut conditions = items(job, &["status", "conditions"]);
        conditions.any(|condition| condition["type"] == kind && condition["status"] == "True")
    };
    let (ends, others) = STATES.split_at(2);
    let first = |kinds: &[&'static str]| kinds.iter().copied().find(|kind| has(kind));
    let leaving = job["metadata"]["deletionTimestamp"]
        .is_string()
        .then_some("Terminating");
    first(ends)
        .or(leaving)
        .or_else(|| first(others))
        .unwrap_or("Running")
}

/// `2/3`; `0/1 of 4` for a work queue of several Pods.
fn completions(job: &Value) -> String {
    let succeeded = number(job, &["status", "succeeded"]);
    let parallelism = number(job, &["spec", "parallelism"]);
    match job["spec"]["completions"].as_i64() {
        Some(completions) => format!("{succeeded}/{completions}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    }
}

/// How long it took, or has taken so far.
fn duration(status: &Value, now: Time) -> String {
    let time = |key: &str| Time::parse(text(status, &[key]));
    let end = time("completionTime").unwrap_or(now);
    time("startTime").map_or_else(String::new, |start| human(end.since(start)))
}

/// Name, Schedule, Timezone, Suspend, Active, Last Schedule, Age, Containers, Images, Selector.
pub(super) fn cron_job(cron_job: &Value, now: Time) -> Value {
    let (spec, status) = (&cron_job["spec"], &cron_job["status"]);
    let last = match text(status, &["lastScheduleTime"]) {
        "" => NONE.to_owned(),
        time => since(time, now),
    };
    let suspend = match spec["suspend"].as_bool() {
        Some(true) => "True",
        Some(false) => "False",
        None => "<unset>",
    };
    let template = &spec["jobTemplate"];
    json!([
        text(cron_job, &["metadata", "name"]),
        text(spec, &["schedule"]),
        or(text(spec, &["timeZone"]), NONE),
        suspend,
        length(&status["active"]),
        last,
        age(cron_job, now),
        containers(template, "name"),
        containers(template, "image"),
        or(&label_selector(&template["spec"]["selector"]), NONE),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        Time::parse("2026-01-01T00:05:00Z").unwrap()
    }

    #[test]
    fn a_jobs_state_is_its_last_condition() {
        let of = |kinds: &[&str]| -> Value {
            let conditions = kinds.iter().map(|kind| json!({"type": kind, "status": "True"}));
            json!({"status": {"conditions": conditions.collect::<Value>()}})
        };
        let cases: [(&[&str], &str); 5] = [
            (&[], "Running"),
            (&["SuccessCriteriaMet"], "SuccessCriteriaMet"),
            (&["SuccessCriteriaMet", "Complete"], "Complete"),
            (&["FailureTarget", "Failed"], "Failed"),
            (&["Suspended"], "Suspended"),
        ];
        for (conditions, expected) in cases {
            assert_eq!(state(&of(conditions)), expected, "{conditions:?}");
        }
        let mut leaving = of(&["Suspended"]);
        leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert_eq!(state(&leaving), "Terminating");
    }

    #[test]
    fn completions_depend_on_the_kind_of_job() {
        let cases = [
            (json!({"completions": 3}), "2/3"),
            (json!({"parallelism": 1}), "2/1"),
            (json!({"parallelism": 4}), "2/1 of 4"),
        ];
        for (spec, expected) in cases {
            let job = json!({"spec": spec, "status": {"succeeded": 2}});
            assert_eq!(completions(&job), expected);
        }
    }

    #[test]
    fn durations_end_with_the_job() {
        let cases = [
            (json!({}), ""),
            (json!({"startTime": "2026-01-01T00:04:00Z"}), "60s"),
            (
                json!({"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:07Z"}),
                "7s",
            ),
        ];
        for (status, expected) in cases {
            assert_eq!(duration(&status, now()), expected, "{status}");
        }
    }

    #[test]
    fn a_cron_job_shows_its_schedule_and_its_jobs() {
        let object = json!({
            "metadata": {"name": "cj", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"schedule": "@hourly", "timeZone": "Asia/Tokyo", "suspend": false, "jobTemplate": {
                "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}}}},
            "status": {"active": [{}, {}], "lastScheduleTime": "2026-01-01T00:04:00Z"},
        });
        assert_eq!(
            cron_job(&object, now()),
            json!([
                "cj",
                "@hourly",
                "Asia/Tokyo",
                "False",
                2,
                "60s",
                "5m",
                "c",
                "nginx:1.27",
                NONE
            ])
        );
    }
}
