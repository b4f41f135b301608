//! Names of resources such as `cpu`, `pods`, `example.com/gpu`, and which of them may stand where.
//!
//! Source: `validateResourceName` and its like in `pkg/apis/core/validation`, `pkg/apis/core/helper/helpers.go`.

use serde_json::Value;

use super::metadata::invalid_for_each;
use super::names;
use super::numbers::NEGATIVE;
use crate::quantity::Quantity;
use crate::status::field::Error;

const FOR_CONTAINERS: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
/// What a quota may limit under a plain name.
const FOR_QUOTAS: [&str; 19] = [
    "configmaps",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];
/// What is counted in whole numbers, beside devices.
const WHOLE: [&str; 9] = [
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];
const HUGE_PAGES: &str = "hugepages-";

/// Pages of another size than usual, which can't be given twice.
pub(super) fn is_huge_page(name: &str) -> bool {
    name.starts_with(HUGE_PAGES)
}

/// A name of Kubernetes' own.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// A device such as `example.com/gpu`: whole numbers only, and requests equal limits.
pub(super) fn is_extended(name: &str) -> bool {
    let in_a_quota = format!("requests.{name}");
    !is_native(name) && !name.starts_with("requests.") && names::qualified_name(&in_a_quota).is_empty()
}

/// Whether more of it may be given away than there is.
pub(super) fn may_be_overcommitted(name: &str) -> bool {
    is_native(name) && !is_huge_page(name)
}

/// Whether a quota knows the name.
pub(super) fn is_for_quotas(name: &str) -> bool {
    FOR_QUOTAS.contains(&name) || is_huge_page(name.strip_prefix("requests.").unwrap_or(name))
}

/// The name is a known one, or has a prefix; whether it is at least well-formed.
pub(super) fn check(name: &str, field: &str, errors: &mut Vec<Error>) -> bool {
    let wrong = names::qualified_name(name);
    let is_sound = wrong.is_empty();
    errors.extend(invalid_for_each(field, name, wrong));
    let is_known = name.contains('/') || is_for_quotas(name) || name == "storage";
    if is_sound && !is_known {
        let why = "must be a standard resource type or fully qualified";
        errors.push(Error::invalid(field, name, why));
    }
    is_sound
}

/// The name is one of something that a container can ask for.
pub(super) fn check_for_container(name: &str, field: &str, errors: &mut Vec<Error>) {
    check(name, field, errors);
    let is_plain = !name.contains('/');
    let why = match is_plain {
        true if !FOR_CONTAINERS.contains(&name) && !is_huge_page(name) => {
            "must be a standard resource for containers"
        }
        false if !is_native(name) && !is_extended(name) => "doesn't follow extended resource name standard",
        _ => return,
    };
    errors.push(Error::invalid(field, name, why));
}

/// The name is one of something that a quota can limit.
pub(super) fn check_for_quota(name: &str, field: &str, errors: &mut Vec<Error>) {
    check(name, field, errors);
    if !name.contains('/') && !is_for_quotas(name) {
        errors.push(Error::invalid(
            field,
            name,
            "must be a standard resource for quota",
        ));
    }
}

/// The amount is not negative, and whole where parts make no sense.
pub(super) fn check_amount(name: &str, amount: &Value, field: &str, errors: &mut Vec<Error>) {
    let Ok(quantity) = Quantity::from_json(amount) else {
        return;
    };
    if quantity.is_negative() {
        errors.push(Error::invalid(field, quantity.to_string(), NEGATIVE));
    }
    if (WHOLE.contains(&name) || is_extended(name)) && !quantity.is_whole() {
        errors.push(Error::invalid(field, quantity.to_string(), "must be an integer"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn wrong(check: impl Fn(&str, &str, &mut Vec<Error>), name: &str) -> Vec<String> {
        let mut errors = Vec::new();
        check(name, "f", &mut errors);
        errors.into_iter().map(|error| error.detail).collect()
    }

    #[test]
    fn names_fit_where_they_stand() {
        let unknown = "must be a standard resource type or fully qualified";
        let not_container = "must be a standard resource for containers";
        for (name, expected) in [
            ("cpu", vec![]),
            ("hugepages-2Mi", vec![]),
            ("example.com/gpu", vec![]),
            ("cpus", vec![unknown, not_container]),
            ("pods", vec![not_container]),
            (
                "requests.example.com/gpu",
                vec!["doesn't follow extended resource name standard"],
            ),
        ] {
            assert_eq!(wrong(check_for_container, name), expected, "{name}");
        }
        for (name, expected) in [
            ("pods", vec![]),
            ("count/deployments.apps", vec![]),
            ("requests.hugepages-2Mi", vec![]),
            ("storage", vec!["must be a standard resource for quota"]),
            ("cpus", vec![unknown, "must be a standard resource for quota"]),
        ] {
            assert_eq!(wrong(check_for_quota, name), expected, "{name}");
        }
    }
}
