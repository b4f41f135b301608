//! Jobs and CronJobs on a live node: how they run, pause, fail, end and go.

use podling::{Components, Request};
use serde_json::{Value, json};

use crate::scene::{Scene, name};

const PODS: &str = "/api/v1/namespaces/default/pods";
const EVENTS: &str = "/api/v1/namespaces/default/events";
const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";
const CRON_JOBS: &str = "/apis/batch/v1/namespaces/default/cronjobs";
const JOB: &str = "/apis/batch/v1/namespaces/default/jobs/work";
const CRON_JOB: &str = "/apis/batch/v1/namespaces/default/cronjobs/tick";

impl Scene {
    /// A cluster with one ready node, half a minute past a full hour.
    fn of_jobs() -> Self {
        let mut scene = Self::new(5, &["n1"], Components::default());
        scene.wait(30.0);
        scene
    }

    /// The same with a Job `work` of that spec, whose container runs `script`.
    fn with_job(script: &str, spec: &Value) -> Self {
        let mut scene = Self::of_jobs();
        let spec = with_template(spec.clone(), script);
        scene.call("POST", JOBS, &json!({"metadata": {"name": "work"}, "spec": spec}));
        scene
    }

    /// The same with a CronJob `tick` each minute, whose Pods run `script`.
    fn with_cron_job(script: &str, spec: &Value) -> Self {
        let mut scene = Self::of_jobs();
        let mut spec = spec.clone();
        if spec["schedule"].is_null() {
            spec["schedule"] = "* * * * *".into();
        }
        spec["jobTemplate"] = json!({"spec": with_template(json!({}), script)});
        scene.call(
            "POST",
            CRON_JOBS,
            &json!({"metadata": {"name": "tick"}, "spec": spec}),
        );
        scene
    }

    fn change(&mut self, path: &str, spec: &Value) {
        self.call("PATCH", path, &json!({"spec": spec}));
    }

    /// The Job's status.
    fn status(&mut self) -> Value {
        self.get(JOB)["status"].clone()
    }

    /// The Job's conditions that are True, each with its reason.
    fn conditions(&mut self) -> Vec<String> {
        let status = self.status();
        let conditions = status["conditions"].as_array().into_iter().flatten();
        conditions
            .filter(|condition| condition["status"] == "True")
            .map(|condition| format!("{}: {}", text(&condition["type"]), text(&condition["reason"])))
            .collect()
    }

    /// The reasons of the events about an object, in their order.
    fn reasons(&mut self, about: &str) -> Vec<String> {
        let events = self.items(&format!("{EVENTS}?fieldSelector=involvedObject.name={about}"));
        let mut reasons: Vec<(String, String)> = events
            .iter()
            .map(|event| (text(&event["firstTimestamp"]), text(&event["reason"])))
            .collect();
        reasons.sort_by(|a, b| a.0.cmp(&b.0));
        reasons.into_iter().map(|(_, reason)| reason).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn with_template(mut spec: Value, script: &str) -> Value {
    let policy = spec["template"]["spec"]["restartPolicy"]
        .as_str()
        .unwrap_or("Never")
        .to_owned();
    spec["template"] = json!({"spec": {
        "restartPolicy": policy, "terminationGracePeriodSeconds": 5,
        "containers": [{"name": "c", "image": "busybox:1.36.1", "command": ["sh", "-c", script]}],
    }});
    spec
}

#[test]
fn a_suspended_job_has_no_pods_and_begins_anew() {
    let mut scene = Scene::with_job("sleep 1000", &json!({"parallelism": 2, "completions": 2}));
    scene.wait(5.0);
    let before = scene.status();
    assert_eq!(before["active"], 2);
    assert_eq!(before["ready"], 2);
    scene.change(JOB, &json!({"suspend": true}));
    scene.wait(20.0);
    let status = scene.status();
    assert_eq!(scene.items(PODS), [] as [Value; 0]);
    assert_eq!(scene.conditions(), ["Suspended: JobSuspended"]);
    assert!(
        status["startTime"].is_null() && status["failed"].is_null(),
        "{status}"
    );
    // What the cluster can't give is changed while nothing runs.
    let resources = json!({"template": {"spec": {"containers": [{
        "name": "c", "image": "busybox:1.36.1", "command": ["sh", "-c", "sleep 1000"],
        "resources": {"requests": {"cpu": "100m"}},
    }]}}});
    scene.change(JOB, &resources);
    scene.change(JOB, &json!({"suspend": false}));
    scene.wait(5.0);
    let status = scene.status();
    assert_eq!(status["active"], 2);
    assert!(text(&status["startTime"]) > text(&before["startTime"]));
    assert_eq!(status["conditions"][0]["reason"], "JobResumed");
    let pod = scene.items(PODS)[0].clone();
    assert_eq!(
        pod["spec"]["containers"][0]["resources"]["requests"]["cpu"],
        "100m"
    );
    let reasons = scene.reasons("work");
    assert!(
        reasons.contains(&"Suspended".into()) && reasons.contains(&"Resumed".into()),
        "{reasons:?}"
    );
}

#[test]
fn a_deadline_ends_a_job_with_what_still_runs() {
    let mut scene = Scene::with_job("sleep 1000", &json!({"activeDeadlineSeconds": 20}));
    scene.wait(19.0);
    assert_eq!(scene.conditions(), [""; 0]);
    scene.wait(15.0);
    assert_eq!(
        scene.conditions(),
        ["FailureTarget: DeadlineExceeded", "Failed: DeadlineExceeded"]
    );
    let status = scene.status();
    assert_eq!(status["failed"], 1);
    assert!(
        status["active"].is_null() && status["completionTime"].is_null(),
        "{status}"
    );
    assert_eq!(
        scene.reasons("work"),
        ["SuccessfulCreate", "SuccessfulDelete", "DeadlineExceeded"]
    );
}

#[test]
fn an_index_that_fails_too_often_does_not_hold_up_the_others() {
    let script = "[ $JOB_COMPLETION_INDEX != 1 ]";
    let spec =
        json!({"completionMode": "Indexed", "completions": 3, "parallelism": 3, "backoffLimitPerIndex": 1});
    let mut scene = Scene::with_job(script, &spec);
    scene.wait(8.0);
    let status = scene.status();
    assert_eq!(status["completedIndexes"], "0,2");
    assert_eq!(status["failedIndexes"], "");
    // The failed Pod waits, uncounted, until the next one knows of its failure.
    assert!(status["failed"].is_null(), "{status}");
    scene.wait(20.0);
    assert_eq!(
        scene.conditions(),
        ["FailureTarget: FailedIndexes", "Failed: FailedIndexes"]
    );
    let status = scene.status();
    assert_eq!(
        (&status["failedIndexes"], &status["failed"]),
        (&json!("1"), &json!(2))
    );
    let counts: Vec<String> = scene
        .items(&format!(
            "{PODS}?labelSelector=batch.kubernetes.io/job-completion-index=1"
        ))
        .iter()
        .map(|pod| text(&pod["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"]))
        .collect();
    assert!(
        counts.contains(&"0".into()) && counts.contains(&"1".into()),
        "{counts:?}"
    );
    let held = scene
        .items(PODS)
        .iter()
        .any(|pod| !pod["metadata"]["finalizers"].is_null());
    assert!(!held, "a finalizer is left");
}

#[test]
fn a_success_policy_ends_what_still_runs() {
    let script = "[ $JOB_COMPLETION_INDEX = 0 ] || sleep 1000";
    let spec = json!({"completionMode": "Indexed", "completions": 3, "parallelism": 3,
        "successPolicy": {"rules": [{"succeededIndexes": "0"}]}});
    let mut scene = Scene::with_job(script, &spec);
    scene.wait(6.0);
    assert_eq!(scene.conditions(), ["SuccessCriteriaMet: SuccessPolicy"]);
    assert_eq!(scene.status()["terminating"], 2);
    scene.wait(15.0);
    assert_eq!(
        scene.conditions(),
        ["SuccessCriteriaMet: SuccessPolicy", "Complete: SuccessPolicy"]
    );
    let status = scene.status();
    assert_eq!(
        (&status["succeeded"], &status["completedIndexes"]),
        (&json!(1), &json!("0"))
    );
    assert!(status["failed"].is_null(), "{status}");
    assert_eq!(status["conditions"][1]["message"], "Matched rules at index 0");
}

#[test]
fn an_indexed_job_is_scaled_as_a_whole() {
    let spec = json!({"completionMode": "Indexed", "completions": 3, "parallelism": 3});
    let mut scene = Scene::with_job("sleep 1000", &spec);
    scene.wait(4.0);
    scene.change(JOB, &json!({"completions": 1, "parallelism": 1}));
    scene.wait(10.0);
    let indexes: Vec<String> = scene
        .items(PODS)
        .iter()
        .map(|pod| text(&pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]))
        .collect();
    assert_eq!(indexes, ["0"]);
    scene.change(JOB, &json!({"completions": 2, "parallelism": 2}));
    scene.wait(4.0);
    assert_eq!(scene.items(PODS).len(), 2);
    assert!(scene.status()["failed"].is_null());
}

#[test]
fn restarts_in_place_count_towards_the_limit() {
    let spec = json!({"backoffLimit": 2, "template": {"spec": {"restartPolicy": "OnFailure"}}});
    let mut scene = Scene::with_job("exit 3", &spec);
    scene.wait(5.0);
    assert_eq!(scene.conditions(), [""; 0]);
    scene.wait(40.0);
    assert_eq!(
        scene.conditions(),
        [
            "FailureTarget: BackoffLimitExceeded",
            "Failed: BackoffLimitExceeded"
        ]
    );
    // The Pod was still to restart its container, so it was removed.
    assert_eq!(scene.items(PODS), [] as [Value; 0]);
    assert_eq!(scene.status()["failed"], 1);
}

#[test]
fn a_pod_is_replaced_at_once_or_only_when_it_has_ended() {
    for policy in ["TerminatingOrFailed", "Failed"] {
        let mut scene = Scene::with_job("sleep 1000", &json!({"podReplacementPolicy": policy}));
        scene.wait(4.0);
        let pod = name(&scene.items(PODS)[0]).to_owned();
        scene.call("DELETE", &format!("{PODS}/{pod}"), &Value::Null);
        // A replacement waits at least for the back-off of 10 s, a Pod's end for 5 s.
        scene.wait(3.0);
        assert_eq!(scene.status()["terminating"], 1, "{policy}");
        assert_eq!(scene.status()["failed"].is_null(), policy == "Failed", "{policy}");
        scene.wait(30.0);
        let status = scene.status();
        assert_eq!(
            (&status["active"], &status["failed"]),
            (&json!(1), &json!(1)),
            "{policy}"
        );
    }
}

#[test]
fn a_job_of_another_controller_is_left_alone() {
    let mut scene = Scene::with_job("true", &json!({"managedBy": "example.com/queue"}));
    scene.wait(10.0);
    assert_eq!(scene.status(), json!({}));
    assert_eq!(scene.items(PODS), [] as [Value; 0]);
}

#[test]
fn what_a_deleted_job_leaves_behind_depends_on_the_policy() {
    for (policy, left) in [("Background", 0), ("Foreground", 0), ("Orphan", 1)] {
        let mut scene = Scene::with_job("sleep 1000", &json!({}));
        scene.wait(4.0);
        scene.call(
            "DELETE",
            &format!("{JOB}?propagationPolicy={policy}"),
            &Value::Null,
        );
        scene.wait(20.0);
        assert_eq!(scene.items(JOBS), [] as [Value; 0], "{policy}");
        let pods = scene.items(PODS);
        assert_eq!(pods.len(), left, "{policy}");
        for pod in pods {
            assert!(pod["metadata"]["ownerReferences"].is_null(), "{policy}");
            assert!(pod["metadata"]["finalizers"].is_null(), "{policy}");
        }
    }
}

#[test]
fn an_orphan_is_adopted_by_a_job_that_selects_it() {
    let mut scene = Scene::of_jobs();
    let spec = with_template(json!({}), "sleep 1000")["template"]["spec"].clone();
    let pod = json!({"metadata": {"name": "stray", "labels": {"app": "stray"}}, "spec": spec});
    scene.call("POST", PODS, &pod);
    let mut spec = with_template(json!({"manualSelector": true}), "sleep 1000");
    spec["selector"] = json!({"matchLabels": {"app": "stray"}});
    spec["template"]["metadata"] = json!({"labels": {"app": "stray"}});
    scene.call("POST", JOBS, &json!({"metadata": {"name": "work"}, "spec": spec}));
    scene.wait(5.0);
    let pods = scene.items(PODS);
    assert_eq!(pods.iter().map(name).collect::<Vec<_>>(), ["stray"]);
    assert_eq!(pods[0]["metadata"]["ownerReferences"][0]["name"], "work");
    assert_eq!(
        pods[0]["metadata"]["finalizers"],
        json!(["batch.kubernetes.io/job-tracking"])
    );
    assert_eq!(scene.status()["active"], 1);
}

#[test]
fn a_finished_job_goes_after_its_time() {
    let mut scene = Scene::with_job("true", &json!({"ttlSecondsAfterFinished": 30}));
    scene.wait(20.0);
    assert_eq!(
        scene.conditions(),
        [
            "SuccessCriteriaMet: CompletionsReached",
            "Complete: CompletionsReached"
        ]
    );
    scene.wait(20.0);
    assert_eq!((scene.items(JOBS).len(), scene.items(PODS).len()), (0, 0));
}

#[test]
fn a_cron_job_keeps_as_many_jobs_as_it_is_told() {
    let mut scene = Scene::with_cron_job("true", &json!({"successfulJobsHistoryLimit": 2}));
    scene.wait(300.0);
    let jobs = scene.items(JOBS);
    assert_eq!(jobs.len(), 2);
    assert_eq!(scene.items(PODS).len(), 2, "Pods go with their Jobs");
    let status = scene.get(CRON_JOB)["status"].clone();
    assert_eq!(status["lastScheduleTime"], "2026-01-05T09:05:00Z");
    assert_eq!(status["lastSuccessfulTime"], jobs[1]["status"]["completionTime"]);
    assert!(scene.reasons("tick").contains(&"SuccessfulDelete".into()));
}

#[test]
fn a_job_that_still_runs_may_forbid_the_next() {
    let spec = json!({"concurrencyPolicy": "Forbid"});
    let mut scene = Scene::with_cron_job("sleep 1000", &spec);
    scene.wait(130.0);
    assert_eq!(scene.items(JOBS).len(), 1);
    assert!(scene.reasons("tick").contains(&"JobAlreadyActive".into()));
    let job = name(&scene.items(JOBS)[0]).to_owned();
    scene.call(
        "DELETE",
        &format!("{JOBS}/{job}?propagationPolicy=Background"),
        &Value::Null,
    );
    scene.wait(1.0);
    let reasons = scene.reasons("tick");
    assert!(reasons.contains(&"MissingJob".into()), "{reasons:?}");
    // The minute that was missed is made up for at once.
    let later = name(&scene.items(JOBS)[0]).to_owned();
    assert!(later > job, "{later}");
}

#[test]
fn a_schedule_is_read_in_its_time_zone() {
    let spec = json!({"schedule": "2 18 * * *", "timeZone": "Asia/Tokyo"});
    let mut scene = Scene::with_cron_job("true", &spec);
    scene.wait(60.0);
    assert_eq!(scene.items(JOBS).len(), 0);
    scene.wait(40.0);
    let jobs = scene.items(JOBS);
    assert_eq!(jobs.len(), 1);
    assert_eq!(
        jobs[0]["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"],
        "2026-01-05T18:02:00+09:00"
    );
}

#[test]
fn a_new_schedule_and_a_pause_are_respected() {
    let mut scene = Scene::with_cron_job("true", &json!({"schedule": "0 0 1 1 *"}));
    scene.wait(120.0);
    assert_eq!(scene.items(JOBS).len(), 0);
    scene.change(CRON_JOB, &json!({"schedule": "*/2 * * * *"}));
    scene.wait(120.0);
    let made = scene.items(JOBS).len();
    assert!(made > 0);
    scene.change(CRON_JOB, &json!({"suspend": true}));
    scene.wait(300.0);
    assert_eq!(scene.items(JOBS).len(), made);
}

#[test]
fn a_start_that_comes_too_late_is_missed() {
    let spec = json!({"suspend": true, "startingDeadlineSeconds": 5, "schedule": "* * * * *"});
    let mut scene = Scene::with_cron_job("true", &spec);
    scene.wait(105.0);
    // Ten to fifteen seconds past the minute: what was due then is too old.
    scene.change(CRON_JOB, &json!({"suspend": false}));
    scene.wait(10.0);
    assert_eq!(scene.items(JOBS).len(), 0);
    scene.wait(45.0);
    assert_eq!(scene.items(JOBS).len(), 1);
}

#[test]
fn a_deleted_cron_job_takes_its_jobs_and_pods_with_it() {
    let mut scene = Scene::with_cron_job("sleep 1000", &json!({}));
    scene.wait(40.0);
    assert_eq!((scene.items(JOBS).len(), scene.items(PODS).len()), (1, 1));
    scene.call("DELETE", CRON_JOB, &Value::Null);
    scene.wait(20.0);
    assert_eq!((scene.items(JOBS).len(), scene.items(PODS).len()), (0, 0));
}

#[test]
fn a_namespace_takes_its_running_jobs_with_it() {
    let mut scene = Scene::of_jobs();
    scene.call(
        "POST",
        "/api/v1/namespaces",
        &json!({"metadata": {"name": "lab"}}),
    );
    scene.wait(1.0);
    let spec = with_template(json!({"parallelism": 2}), "sleep 1000");
    let jobs = "/apis/batch/v1/namespaces/lab/jobs";
    scene.call("POST", jobs, &json!({"metadata": {"name": "work"}, "spec": spec}));
    scene.wait(5.0);
    assert_eq!(scene.items("/api/v1/namespaces/lab/pods").len(), 2);
    scene.call("DELETE", "/api/v1/namespaces/lab", &Value::Null);
    scene.wait(40.0);
    let gone = scene
        .cluster
        .handle(&Request::new("GET", "/api/v1/namespaces/lab"));
    assert_eq!(gone.status, 404, "{}", gone.body_json());
}
