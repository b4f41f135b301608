//! PodTemplates: a template that stands alone.
//!
//! Source: `k8s.io/kubernetes/pkg/registry/core/podtemplate`, v1.36.

use super::read::object_at;
use super::{PLAIN, Strategy, generation, pod_defaults, pod_warnings, template};

pub(super) const STRATEGY: Strategy = Strategy {
    default: |object| pod_defaults::template_alone(object_at(object, "template")),
    prepare_for_create: |object, _| generation::start(object),
    prepare_for_update: |new, old| {
        let changed = new["template"] != old["template"];
        generation::count(new, old, changed);
    },
    validate: |object| {
        let mut errors = Vec::new();
        template::check_template(&object["template"], "template", &mut errors);
        errors
    },
    validate_update: |new, _| {
        let mut errors = Vec::new();
        template::check_template(&new["template"], "template", &mut errors);
        errors
    },
    warnings: |object| pod_warnings::of_template(&object["template"], "template"),
    checks_metadata_anew: false,
    ..PLAIN
};
