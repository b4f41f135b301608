//! StatefulSets: defaults, validation, and the few fields of the spec that may change.
//!
//! Source: `k8s.io/kubernetes/pkg/registry/apps/statefulset` and `ValidateStatefulSet`, v1.36, where the feature
//! `MaxUnavailableStatefulSet` is off: `updateStrategy.rollingUpdate.maxUnavailable` is dropped.

use serde_json::{Value, json};

use super::internal_form::{self, Field, Kind, Struct};
use super::metadata::invalid_for_each;
use super::names::{self, Rule};
use super::numbers::check_not_negative;
use super::read::{Fields as _, copy, items_mut, object_at, remove, set_default, set_default_for_zero};
use super::workload::{StatusRules, WORKLOAD, drop_zeros, prepare_for_create};
use super::{Strategy, generation, persistent_volume_claim, pod_defaults, pod_warnings, template};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| {
        prepare_for_create(object);
        drop_max_unavailable(object);
    },
    prepare_for_update: |new, old| {
        copy(old, new, "status");
        drop_max_unavailable(new);
        generation::count_spec_change(new, old);
    },
    name: Rule::Label,
    validate: |object| {
        let mut errors = Vec::new();
        check_spec(&object["spec"], None, &mut errors);
        errors
    },
    validate_update: |new, old| {
        let (new, old, mut errors) = (&new["spec"], &old["spec"], Vec::new());
        check_spec(new, Some(old), &mut errors);
        check_change(new, old, &mut errors);
        errors
    },
    validate_status_update: |new, old| STATUS.check(new, old),
    warnings,
    checks_metadata_anew: false,
    ..WORKLOAD
};

const STATUS: StatusRules = StatusRules {
    counts: &[
        "replicas",
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
        "availableReplicas",
        "observedGeneration",
        "collisionCount",
    ],
    bounds: &[
        ("readyReplicas", "replicas", "status.replicas"),
        ("currentReplicas", "replicas", "status.replicas"),
        ("updatedReplicas", "replicas", "status.replicas"),
        ("availableReplicas", "replicas", "status.replicas"),
        ("availableReplicas", "readyReplicas", "status.readyReplicas"),
    ],
};

/// The fields of the spec that an update may change.
const MUTABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];
const ONLY: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

const ROLLING_UPDATE: &Struct = &[
    Field("Partition", "partition", Kind::Number),
    Field("MaxUnavailable", "maxUnavailable", Kind::Pointer),
];
const UPDATE_STRATEGY: &Struct = &[
    Field("Type", "type", Kind::Text),
    Field("RollingUpdate", "rollingUpdate", Kind::Optional(ROLLING_UPDATE)),
];

fn default(object: &mut Value) {
    let spec = object_at(object, "spec");
    drop_zeros(spec, &["minReadySeconds"]);
    set_default_for_zero(spec, "podManagementPolicy", "OrderedReady");
    let strategy = object_at(spec, "updateStrategy");
    if strategy.text("type").is_empty() {
        strategy["type"] = "RollingUpdate".into();
        set_default(strategy, "rollingUpdate", json!({}));
    }
    if strategy["type"] == "RollingUpdate" && strategy.has("rollingUpdate") {
        set_default(&mut strategy["rollingUpdate"], "partition", 0);
    }
    let retention = object_at(spec, "persistentVolumeClaimRetentionPolicy");
    for key in ["whenDeleted", "whenScaled"] {
        set_default_for_zero(retention, key, "Retain");
    }
    set_default(spec, "replicas", 1);
    set_default(spec, "revisionHistoryLimit", 10);
    pod_defaults::template(object_at(spec, "template"));
    for claim in items_mut(spec, "volumeClaimTemplates") {
        claim["apiVersion"] = "v1".into();
        claim["kind"] = "PersistentVolumeClaim".into();
        persistent_volume_claim::default(claim);
    }
}

fn drop_max_unavailable(object: &mut Value) {
    // Without a key that is not there: null would count as a change of the spec.
    if let Some(rolling) = object.pointer_mut("/spec/updateStrategy/rollingUpdate") {
        remove(rolling, "maxUnavailable");
    }
}

/// What is wrong with a spec; what an update leaves as it was is not checked again.
fn check_spec(spec: &Value, old: Option<&Value>, errors: &mut Vec<Error>) {
    match spec.text("podManagementPolicy") {
        "OrderedReady" | "Parallel" => {}
        other => {
            let why = "must be 'OrderedReady' or 'Parallel'";
            errors.push(Error::invalid("spec.podManagementPolicy", other, why));
        }
    }
    check_strategy(&spec["updateStrategy"], errors);
    for key in ["whenDeleted", "whenScaled"] {
        let policy = spec["persistentVolumeClaimRetentionPolicy"].text(key);
        if !matches!(policy, "Retain" | "Delete") {
            let field = format!("spec.persistentVolumeClaimRetentionPolicy.{key}");
            errors.push(Error::not_supported(field, policy, &["Retain", "Delete"]));
        }
    }
    let claims = spec.items("volumeClaimTemplates");
    if old.is_none_or(|old| old.items("volumeClaimTemplates") != claims) {
        for (i, claim) in claims.iter().enumerate() {
            let path = format!("spec.volumeClaimTemplates[{i}].spec");
            persistent_volume_claim::check_spec(&claim["spec"], &path, errors);
        }
    }
    check_not_negative(spec, "spec", "replicas", errors);
    check_not_negative(spec, "spec", "minReadySeconds", errors);
    check_not_negative(&spec["ordinals"], "spec.ordinals", "start", errors);
    let service = spec.text("serviceName");
    if old.is_none() && !service.is_empty() {
        errors.extend(invalid_for_each(
            "spec.serviceName",
            service,
            names::label(service),
        ));
    }
    check_pods(spec, old, errors);
}

fn check_strategy(strategy: &Value, errors: &mut Vec<Error>) {
    let field = "spec.updateStrategy";
    let rolling = &strategy["rollingUpdate"];
    match strategy.text("type") {
        "OnDelete" if rolling.is_null() => {}
        "OnDelete" => {
            let why = "only allowed for updateStrategy 'RollingUpdate'";
            let error = Error::invalid(format!("{field}.rollingUpdate"), rolling.clone(), why);
            errors.push(error.showing(internal_form::compact(rolling, ROLLING_UPDATE)));
        }
        "RollingUpdate" => {
            check_not_negative(rolling, &format!("{field}.rollingUpdate"), "partition", errors);
        }
        _ => {
            let why = "must be 'RollingUpdate' or 'OnDelete'";
            let error = Error::invalid(field, strategy.clone(), why);
            errors.push(error.showing(internal_form::compact(strategy, UPDATE_STRATEGY)));
        }
    }
}

/// What is wrong with the selector and the template.
fn check_pods(spec: &Value, old: Option<&Value>, errors: &mut Vec<Error>) {
    let (selector, own) = (&spec["selector"], &spec["template"]);
    template::check_selector(selector, "empty selector is invalid for statefulset", errors);
    if template::check_usable(selector, "", errors) {
        template::check_match(selector, own, errors);
        if old.is_some_and(|old| old["template"]["spec"] == own["spec"]) {
            template::check_metadata(&own["metadata"], "spec.template", errors);
        } else {
            template::check_template(&with_claims(spec), "spec.template", errors);
        }
    }
    template::check_runs_always(&own["spec"], "StatefulSet", errors);
}

/// The template with the volumes that each Pod will have: a claim takes the place of a volume of its name.
fn with_claims(spec: &Value) -> Value {
    let mut template = spec["template"].clone();
    let mut volumes = template["spec"].items("volumes").to_vec();
    for claim in spec.items("volumeClaimTemplates") {
        let name = claim["metadata"].text("name");
        let volume = json!({"name": name, "persistentVolumeClaim": {"claimName": name}});
        match volumes.iter_mut().find(|volume| volume.text("name") == name) {
            Some(own) => *own = volume,
            None => volumes.push(volume),
        }
    }
    template["spec"]["volumes"] = volumes.into();
    template
}

fn check_change(new: &Value, old: &Value, errors: &mut Vec<Error>) {
    let mut fixed = new.clone();
    for key in MUTABLE {
        copy(old, &mut fixed, key);
    }
    if fixed != *old {
        errors.push(Error::forbidden("spec", ONLY));
    }
}

fn warnings(object: &Value) -> Vec<String> {
    let spec = &object["spec"];
    let mut warnings = pod_warnings::of_template(&spec["template"], "spec.template");
    for (i, claim) in spec.items("volumeClaimTemplates").iter().enumerate() {
        // The capital letter is Kubernetes'.
        let field = format!("spec.volumeClaimTemplates[{i}].Spec.resources.requests[storage]");
        let amount = &claim["spec"]["resources"]["requests"]["storage"];
        warnings.extend(persistent_volume_claim::fractional_bytes(amount, &field));
    }
    if spec.number("revisionHistoryLimit").is_some_and(|limit| limit < 0) {
        let warning = "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended";
        warnings.push(warning.to_owned());
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Value {
        let mut set = json!({"metadata": {"name": "web"}, "spec": {
            "serviceName": "web", "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        }});
        default(&mut set);
        set
    }

    fn texts(errors: &[Error]) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_named_strategy_keeps_what_it_left_out() {
        let strategy = |given: Value| {
            let mut set = json!({"spec": {"updateStrategy": given}});
            default(&mut set);
            set["spec"]["updateStrategy"].clone()
        };
        let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}});
        assert_eq!(strategy(json!({})), rolling);
        assert_eq!(
            strategy(json!({"type": "RollingUpdate"})),
            json!({"type": "RollingUpdate"})
        );
        assert_eq!(strategy(json!({"type": "OnDelete"})), json!({"type": "OnDelete"}));
    }

    #[test]
    fn a_write_that_changes_nothing_keeps_the_generation() {
        let mut old = set();
        old["metadata"]["generation"] = 1.into();
        old["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
        let mut new = old.clone();
        (STRATEGY.prepare_for_update)(&mut new, &old);
        assert_eq!(new, old);
    }

    #[test]
    fn claims_count_as_volumes_of_the_template() {
        let mut set = set();
        let mounts = json!([{"name": "data", "mountPath": "/data"}]);
        set["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = mounts;
        assert_eq!(
            texts(&(STRATEGY.validate)(&set)),
            ["spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"data\""]
        );
        let claim = |spec: Value| json!([{"metadata": {"name": "data"}, "spec": spec}]);
        let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
        set["spec"]["volumeClaimTemplates"] = claim(spec);
        default(&mut set);
        assert_eq!(texts(&(STRATEGY.validate)(&set)), [""; 0]);
        set["spec"]["volumeClaimTemplates"] = claim(json!({"resources": {"requests": {"storage": "1Gi"}}}));
        default(&mut set);
        assert_eq!(
            texts(&(STRATEGY.validate)(&set)),
            [
                "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required"
            ]
        );
    }

    #[test]
    fn values_out_of_range_are_refused_in_kubernetes_words() {
        let cases = [
            (
                "replicas",
                json!(-1),
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                "ordinals",
                json!({"start": -1}),
                "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                "updateStrategy",
                json!({"type": "OnDelete", "rollingUpdate": {"partition": 1}}),
                "spec.updateStrategy.rollingUpdate: Invalid value: {\"Partition\":1,\"MaxUnavailable\":null}: only allowed for updateStrategy 'RollingUpdate'",
            ),
            (
                "persistentVolumeClaimRetentionPolicy",
                json!({"whenDeleted": "Keep", "whenScaled": "Retain"}),
                "spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: \"Keep\": supported values: \"Retain\", \"Delete\"",
            ),
            (
                "selector",
                json!({}),
                "spec.selector: Invalid value: {}: empty selector is invalid for statefulset",
            ),
        ];
        for (key, value, expected) in cases {
            let mut set = set();
            set["spec"][key] = value;
            assert_eq!(texts(&(STRATEGY.validate)(&set)), [expected], "{key}");
        }
    }

    #[test]
    fn only_some_fields_may_change() {
        let old = set();
        let changed = |key: &str, value: Value| {
            let mut new = old.clone();
            new["spec"][key] = value;
            texts(&(STRATEGY.validate_update)(&new, &old))
        };
        assert!(changed("replicas", json!(3)).is_empty());
        assert!(changed("minReadySeconds", json!(3)).is_empty());
        let refused = [format!("spec: Forbidden: {ONLY}")];
        assert_eq!(changed("serviceName", json!("Other")), refused);
        assert_eq!(changed("podManagementPolicy", json!("Parallel")), refused);
    }
}
