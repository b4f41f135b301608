//! What is wrong with a Job: its selector, its spec, and what an update may not change.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/batch/validation`, v1.36.

use serde_json::Value;

use super::{CONTROLLER_UID, JOB_NAME, failure_policy, spec, success_policy, template_update};
use crate::apiserver::registry::read::Fields as _;
use crate::apiserver::registry::{labels, metadata, names, template};
use crate::label_selector;
use crate::status::field::Error;

/// A new Job.
pub(super) fn validate(job: &Value) -> Vec<Error> {
    check_job(job, true)
}

/// A changed Job; what a new one is held against is checked twice, as Kubernetes does.
pub(super) fn validate_update(new: &Value, old: &Value) -> Vec<Error> {
    let old_labels = &old["spec"]["template"]["metadata"]["labels"];
    // Jobs from before the labels had a prefix may stay without.
    let prefixed = old_labels.has(JOB_NAME[1]) && old_labels.has(CONTROLLER_UID[1]);
    let mut errors = check_job(new, prefixed);
    check_spec(&new["spec"], &mut errors);
    check_changes(new, old, &mut errors);
    errors
}

fn check_job(job: &Value, prefixed: bool) -> Vec<Error> {
    let mut errors = Vec::new();
    check_generated_selector(job, prefixed, &mut errors);
    check_spec(&job["spec"], &mut errors);
    check_host_name(job, &mut errors);
    errors
}

/// The labels that the server generated must all be there, and the selector must select by nothing else.
fn check_generated_selector(job: &Value, prefixed: bool, errors: &mut Vec<Error>) {
    let (spec, metadata) = (&job["spec"], &job["metadata"]);
    if spec.flag("manualSelector") || !spec.has("selector") {
        return;
    }
    let (uid, name) = (metadata.text("uid"), metadata.text("name"));
    let generations = if prefixed { 2 } else { 1 };
    let pairs: Vec<(&str, &str)> = (0..generations)
        .flat_map(|i| [(CONTROLLER_UID[i], uid), (JOB_NAME[i], name)])
        .collect();
    for (key, value) in &pairs {
        check_has_label(&spec["template"]["metadata"]["labels"], key, value, errors);
    }
    let expected: Value = pairs.into_iter().collect();
    let selector = &spec["selector"];
    if labels::is_usable(selector) && !label_selector::matches(selector, &expected) {
        let error = Error::invalid("spec.selector", selector.clone(), "`selector` not auto-generated");
        errors.push(error.showing(labels::shown(selector)));
    }
}

fn check_has_label(labels: &Value, key: &str, value: &str, errors: &mut Vec<Error>) {
    let field = format!("spec.template.metadata.labels[{key}]");
    let why = format!("must be '{value}'");
    match labels.get(key) {
        None => errors.push(Error::required(field, why)),
        Some(found) if found != value => errors.push(Error::invalid(field, labels.clone(), why)),
        Some(_) => {}
    }
}

fn check_spec(spec: &Value, errors: &mut Vec<Error>) {
    spec::check(spec, "spec", errors);
    let selector = &spec["selector"];
    match selector.is_null() {
        true => errors.push(Error::required("spec.selector", "")),
        false => labels::check_selector(selector, "spec.selector", errors),
    }
    if labels::is_usable(selector) {
        template::check_match(selector, &spec["template"], errors);
    }
}

/// The Pods of an Indexed Job get the Job's name and their index as host name.
fn check_host_name(job: &Value, errors: &mut Vec<Error>) {
    let completions = job["spec"].number("completions").unwrap_or_default();
    if !spec::is_indexed(&job["spec"]) || completions <= 0 {
        return;
    }
    let name = job["metadata"].text("name");
    let longest = format!("{name}-{}", completions - 1);
    if !names::label(&longest).is_empty() {
        let why = format!("will not able to create pod with invalid DNS label: {longest}");
        errors.push(Error::invalid("metadata.name", name, why));
    }
}

fn check_changes(new: &Value, old: &Value, errors: &mut Vec<Error>) {
    let (spec, old_spec) = (&new["spec"], &old["spec"]);
    check_completions(spec, old_spec, errors);
    let is_new = |key: &str| spec[key] != old_spec[key];
    if is_new("selector") {
        let selector = &spec["selector"];
        errors.push(immutable("selector", selector).showing(labels::shown(selector)));
    }
    template_update::check(new, old, errors);
    if is_new("completionMode") {
        errors.push(immutable("completionMode", &spec["completionMode"]));
    }
    if is_new("podFailurePolicy") {
        let policy = &spec["podFailurePolicy"];
        errors.push(immutable("podFailurePolicy", policy).showing(failure_policy::shown(policy)));
    }
    for key in ["backoffLimitPerIndex", "managedBy"] {
        if is_new(key) {
            errors.push(immutable(key, &spec[key]));
        }
    }
    if is_new("successPolicy") {
        let policy = &spec["successPolicy"];
        errors.push(immutable("successPolicy", policy).showing(success_policy::shown(policy)));
    }
}

fn immutable(key: &str, value: &Value) -> Error {
    Error::invalid(format!("spec.{key}"), value.clone(), metadata::IMMUTABLE)
}

/// Completions stay, but for an Indexed Job that is scaled as a whole.
fn check_completions(spec: &Value, old: &Value, errors: &mut Vec<Error>) {
    let completions = &spec["completions"];
    if *completions == old["completions"] {
        return;
    }
    if !spec::is_indexed(spec) {
        errors.push(immutable("completions", completions));
    } else if !completions.is_null() && *completions != spec["parallelism"] {
        let why = "can only be modified in tandem with spec.parallelism";
        errors.push(Error::invalid("spec.completions", completions.clone(), why));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(change: impl FnOnce(&mut Value)) -> Value {
        let mut job = json!({
            "metadata": {"name": "j", "uid": "u", "namespace": "n"},
            "spec": {"template": {"spec": {
                "restartPolicy": "Never", "containers": [{"name": "c", "image": "nginx:1.27"}],
            }}},
        });
        change(&mut job["spec"]);
        (super::super::STRATEGY.default)(&mut job);
        (super::super::STRATEGY.prepare_for_create)(&mut job, crate::clock::Time::default());
        job
    }

    fn texts(errors: &[Error]) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn labels_that_conflict_with_the_generated_ones_are_refused() {
        let job = job(|spec| spec["template"]["metadata"] = json!({"labels": {"job-name": "x"}}));
        let labels = &job["spec"]["template"]["metadata"]["labels"];
        let expected =
            format!("spec.template.metadata.labels[job-name]: Invalid value: {labels}: must be 'j'");
        assert_eq!(texts(&validate(&job)), [expected]);
    }

    #[test]
    fn completions_change_only_with_parallelism() {
        let indexed = |completions: i64, parallelism: i64| {
            job(|spec| {
                spec["completionMode"] = "Indexed".into();
                spec["completions"] = completions.into();
                spec["parallelism"] = parallelism.into();
            })
        };
        let old = indexed(3, 3);
        assert_eq!(texts(&validate_update(&indexed(4, 4), &old)), [""; 0]);
        assert_eq!(
            texts(&validate_update(&indexed(4, 3), &old)),
            ["spec.completions: Invalid value: 4: can only be modified in tandem with spec.parallelism"]
        );
    }

    #[test]
    fn what_was_set_once_stays() {
        let old = job(|_| {});
        let mut new = old.clone();
        new["spec"]["managedBy"] = "example.com/x".into();
        new["spec"]["completionMode"] = "Indexed".into();
        assert_eq!(
            texts(&validate_update(&new, &old)),
            [
                "spec.completionMode: Invalid value: \"Indexed\": field is immutable",
                "spec.managedBy: Invalid value: \"example.com/x\": field is immutable",
            ]
        );
        new = old.clone();
        new["spec"].as_object_mut().unwrap().remove("completions");
        assert_eq!(
            texts(&validate_update(&new, &old)),
            ["spec.completions: Invalid value: null: field is immutable"]
        );
    }

    #[test]
    fn an_index_must_fit_into_the_host_name() {
        let mut long = job(|spec| {
            spec["completionMode"] = "Indexed".into();
            spec["completions"] = 11.into();
        });
        long["spec"]["manualSelector"] = true.into();
        let name = "a".repeat(61);
        long["metadata"]["name"] = name.as_str().into();
        assert_eq!(
            texts(&validate(&long)),
            [format!(
                "metadata.name: Invalid value: \"{name}\": will not able to create pod with invalid DNS label: {name}-10"
            )]
        );
    }
}
