//! CronJobs: defaults, generation, and what is wrong with one.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/batch/validation` and `pkg/registry/batch/cronjob/strategy.go`, v1.36.

use serde_json::{Value, json};

use super::job::{self, dns_label_warning, warnings_for_spec};
use super::numbers::{check_not_negative, check_one_of};
use super::read::{Fields as _, copy, object_at, set_default, set_default_for_zero};
use super::{PLAIN, Strategy, generation, labels, metadata};
use crate::cron::Schedule;
use crate::status::field::Error;
use crate::time_zone::TimeZone;

/// 63 characters of a Job's name less a dash and ten digits of minutes.
const LONGEST_NAME: usize = 52;
const LONGEST_ZONE_PART: usize = 14;
const POLICIES: [&str; 3] = ["Allow", "Forbid", "Replace"];

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| {
        generation::start(object);
        object["status"] = json!({});
    },
    prepare_for_update: |new, old| {
        copy(old, new, "status");
        generation::count_spec_change(new, old);
    },
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    validate,
    validate_update: |new, old| check_spec(&new["spec"], Some(&old["spec"])),
    warnings: |object| {
        let mut warnings = dns_label_warning(object);
        warnings.extend(template_warnings(object));
        warnings.extend(schedule_warning(object));
        warnings
    },
    warnings_on_update: Some(|new, old| {
        let is_new = new["metadata"]["generation"] != old["metadata"]["generation"];
        let mut warnings = if is_new {
            template_warnings(new)
        } else {
            Vec::new()
        };
        warnings.extend(schedule_warning(new));
        warnings
    }),
    checks_metadata_anew: false,
    ..PLAIN
};

fn default(object: &mut Value) {
    let spec = object_at(object, "spec");
    set_default_for_zero(spec, "concurrencyPolicy", "Allow");
    set_default(spec, "suspend", false);
    set_default(spec, "successfulJobsHistoryLimit", 3);
    set_default(spec, "failedJobsHistoryLimit", 1);
    let template = object_at(spec, "jobTemplate");
    metadata::drop_empty(object_at(template, "metadata"));
    job::default_template(object_at(template, "spec"));
}

fn template_warnings(object: &Value) -> Vec<String> {
    warnings_for_spec(&object["spec"]["jobTemplate"]["spec"], "spec.jobTemplate.spec")
}

fn schedule_warning(object: &Value) -> Option<String> {
    // The path is Kubernetes' own.
    object["spec"].text("schedule").contains("TZ").then(|| {
        "CRON_TZ or TZ used in spec.spec.schedule is not officially supported, see \
         https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
            .to_owned()
    })
}

fn validate(object: &Value) -> Vec<Error> {
    let mut errors = check_spec(&object["spec"], None);
    let name = object["metadata"].text("name");
    if name.len() > LONGEST_NAME {
        let why = format!("must be no more than {LONGEST_NAME} characters");
        errors.push(Error::invalid("metadata.name", name, why));
    }
    errors
}

/// Checks a spec; what an older one already had in it is tolerated.
fn check_spec(spec: &Value, old: Option<&Value>) -> Vec<Error> {
    let mut errors = Vec::new();
    check_schedule(spec, old, &mut errors);
    check_not_negative(spec, "spec", "startingDeadlineSeconds", &mut errors);
    if old.is_none_or(|old| old["timeZone"] != spec["timeZone"]) {
        check_time_zone(spec, &mut errors);
    }
    check_one_of(spec, "spec", "concurrencyPolicy", &POLICIES, &mut errors);
    check_job_template(&spec["jobTemplate"]["spec"], "spec.jobTemplate.spec", &mut errors);
    for key in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        check_not_negative(spec, "spec", key, &mut errors);
    }
    errors
}

fn check_schedule(spec: &Value, old: Option<&Value>, errors: &mut Vec<Error>) {
    let (field, schedule) = ("spec.schedule", spec.text("schedule"));
    if schedule.is_empty() {
        return errors.push(Error::required(field, ""));
    }
    if let Err(why) = Schedule::parse(schedule) {
        errors.push(Error::invalid(field, schedule, why));
    }
    if !schedule.contains("TZ") {
        return;
    }
    let had_zone = old.is_some_and(|old| old.text("schedule").contains("TZ"));
    let why = match had_zone {
        true if !spec.has("timeZone") => return,
        true => "cannot use both timeZone field and TZ or CRON_TZ in schedule",
        false => "cannot use TZ or CRON_TZ in schedule, use timeZone field instead",
    };
    errors.push(Error::invalid(field, schedule, why));
}

fn check_time_zone(spec: &Value, errors: &mut Vec<Error>) {
    let Some(zone) = spec["timeZone"].as_str() else {
        return;
    };
    let mut refuse = |why: String| errors.push(Error::invalid("spec.timeZone", zone, why));
    if zone.is_empty() {
        return refuse("timeZone must be nil or non-empty string".to_owned());
    }
    if !zone.split('/').all(is_zone_part) {
        return refuse(format!("unknown time zone {zone}"));
    }
    if zone.eq_ignore_ascii_case("Local") {
        let why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        refuse(why.to_owned());
    }
    // Go knows the name `Local` whatever the database has.
    if let Err(why) = TimeZone::find(zone)
        && zone != "Local"
    {
        refuse(why);
    }
}

fn is_zone_part(part: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || ".-_+".contains(c);
    !matches!(part, "" | "." | "..")
        && !part.starts_with('-')
        && part.len() <= LONGEST_ZONE_PART
        && part.chars().all(is_fine)
}

/// Checks the template of a Job, whose selector is always generated.
fn check_job_template(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    job::spec::check(spec, path, errors);
    let selector = &spec["selector"];
    if !selector.is_null() {
        let why = "`selector` will be auto-generated";
        let error = Error::invalid(format!("{path}.selector"), selector.clone(), why);
        errors.push(error.showing(labels::shown(selector)));
    }
    if spec.flag("manualSelector") {
        let field = format!("{path}.manualSelector");
        errors.push(Error::not_supported(field, true, &["nil", "false"]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron_job(change: impl FnOnce(&mut Value)) -> Value {
        let mut object = json!({
            "metadata": {"name": "cj"},
            "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {
                "restartPolicy": "Never", "containers": [{"name": "c", "image": "nginx:1.27"}],
            }}}}},
        });
        change(&mut object["spec"]);
        default(&mut object);
        object
    }

    #[test]
    fn time_zones_are_checked_as_kubernetes_does() {
        let local = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        let cases = [
            ("Asia/Tokyo", None),
            ("", Some("timeZone must be nil or non-empty string")),
            ("Mars/Base", Some("unknown time zone Mars/Base")),
            ("../etc", Some("unknown time zone ../etc")),
            ("Local", Some(local)),
        ];
        for (zone, why) in cases {
            let errors = validate(&cron_job(|spec| spec["timeZone"] = zone.into()));
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            let expected = why.map(|why| format!("spec.timeZone: Invalid value: {zone:?}: {why}"));
            assert_eq!(texts, Vec::from_iter(expected), "{zone}");
        }
    }

    #[test]
    fn a_zone_in_an_old_schedule_is_tolerated() {
        let zoned = cron_job(|spec| spec["schedule"] = "TZ=UTC * * * * *".into());
        assert_eq!((STRATEGY.validate_update)(&zoned, &zoned), []);
        assert_eq!(validate(&zoned).len(), 1);
        let mut both = zoned.clone();
        both["spec"]["timeZone"] = "UTC".into();
        let errors = (STRATEGY.validate_update)(&both, &zoned);
        assert_eq!(
            errors[0].detail,
            "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        );
    }

    #[test]
    fn the_template_brings_no_selector() {
        let object = cron_job(|spec| {
            spec["jobTemplate"]["spec"]["manualSelector"] = true.into();
            spec["jobTemplate"]["spec"]["selector"] = json!({"matchLabels": {"a": "b"}});
            spec["failedJobsHistoryLimit"] = (-1).into();
        });
        let texts: Vec<String> = validate(&object).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "spec.jobTemplate.spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\"}}: `selector` will be auto-generated",
                "spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: \"nil\", \"false\"",
                "spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
            ]
        );
    }
}
