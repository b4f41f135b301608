//! Tolerations and topology spread constraints.

use serde_json::Value;

use super::super::label_keys;
use super::super::labels;
use super::super::names;
use super::super::read::Fields as _;
use super::invalid_for_each;
use crate::status::field::Error;

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
const ACTIONS: [&str; 2] = ["DoNotSchedule", "ScheduleAnyway"];
const POLICIES: [&str; 2] = ["Honor", "Ignore"];

/// Checks tolerations at `path`.
pub(in super::super) fn check_tolerations(tolerations: &[Value], path: &str, errors: &mut Vec<Error>) {
    for (i, toleration) in tolerations.iter().enumerate() {
        check_toleration(toleration, &format!("{path}[{i}]"), errors);
    }
}

fn check_toleration(toleration: &Value, path: &str, errors: &mut Vec<Error>) {
    let text = |key| toleration.text(key);
    let (key, operator, value, effect) = (text("key"), text("operator"), text("value"), text("effect"));
    if !key.is_empty() {
        errors.extend(invalid_for_each(
            &format!("{path}.key"),
            key,
            names::qualified_name(key),
        ));
    }
    let field = format!("{path}.operator");
    if key.is_empty() && operator != "Exists" {
        let why =
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        errors.push(Error::invalid(field.as_str(), operator, why));
    }
    if toleration.has("tolerationSeconds") && effect != "NoExecute" {
        let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        errors.push(Error::invalid(format!("{path}.effect"), effect, why));
    }
    match operator {
        "" | "Equal" => {
            let wrong = names::label_value(value);
            if !wrong.is_empty() {
                errors.push(Error::invalid(field, value, wrong.join(";")));
            }
        }
        "Exists" if !value.is_empty() => {
            errors.push(Error::invalid(
                field,
                value,
                "value must be empty when `operator` is 'Exists'",
            ));
        }
        "Exists" => {}
        other => errors.push(Error::not_supported(field, other, &["Equal", "Exists"])),
    }
    if !effect.is_empty() && !EFFECTS.contains(&effect) {
        errors.push(Error::not_supported(format!("{path}.effect"), effect, &EFFECTS));
    }
}

/// Checks topology spread constraints at `path`.
pub(super) fn check_spread(constraints: &[Value], path: &str, errors: &mut Vec<Error>) {
    for (i, constraint) in constraints.iter().enumerate() {
        let own = format!("{path}[{i}]");
        check_constraint(constraint, &own, errors);
        let identity = |c: &Value| [c["topologyKey"].clone(), c["whenUnsatisfiable"].clone()];
        let later = constraints.iter().skip(i + 1);
        if later.map(identity).any(|other| other == identity(constraint)) {
            let shown = format!(
                "{{{}, {}}}",
                constraint.text("topologyKey"),
                constraint.text("whenUnsatisfiable")
            );
            errors.push(Error::duplicate(
                format!("{own}.{{topologyKey, whenUnsatisfiable}}"),
                shown,
            ));
        }
        check_min_domains(constraint, &own, errors);
        label_keys::check(constraint, &own, errors);
        labels::check_selector(
            &constraint["labelSelector"],
            &format!("{own}.labelSelector"),
            errors,
        );
    }
}

fn check_constraint(constraint: &Value, path: &str, errors: &mut Vec<Error>) {
    let skew = constraint.number("maxSkew").unwrap_or_default();
    if skew <= 0 {
        errors.push(Error::invalid(
            format!("{path}.maxSkew"),
            skew,
            "must be greater than zero",
        ));
    }
    if constraint.text("topologyKey").is_empty() {
        errors.push(Error::required(format!("{path}.topologyKey"), "can not be empty"));
    }
    let choices: [(&str, &[&str], bool); 3] = [
        ("whenUnsatisfiable", &ACTIONS, true),
        ("nodeAffinityPolicy", &POLICIES, false),
        ("nodeTaintsPolicy", &POLICIES, false),
    ];
    for (key, supported, is_needed) in choices {
        let value = constraint.text(key);
        if (is_needed || constraint.has(key)) && !supported.contains(&value) {
            errors.push(Error::not_supported(format!("{path}.{key}"), value, supported));
        }
    }
}

fn check_min_domains(constraint: &Value, path: &str, errors: &mut Vec<Error>) {
    let Some(domains) = constraint.number("minDomains") else {
        return;
    };
    let field = format!("{path}.minDomains");
    if domains <= 0 {
        errors.push(Error::invalid(
            field.as_str(),
            domains,
            "must be greater than zero",
        ));
    }
    let action = constraint.text("whenUnsatisfiable");
    if action != "DoNotSchedule" {
        let why = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
        errors.push(Error::invalid(field, domains, why));
    }
}
