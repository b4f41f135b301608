//! Admission plugin RuntimeClass: what a Pod of a class costs on top, and where it may run.
//!
//! Source: `plugin/pkg/admission/runtimeclass` and `pkg/util/tolerations`, v1.36.

use serde_json::Value;

use crate::apiserver::registry::read::{Fields as _, object_at};

/// Applies the class that the Pod names. The error says why the Pod is forbidden.
pub(super) fn admit(pod: &mut Value, classes: &[&Value]) -> Result<(), String> {
    let spec = object_at(pod, "spec");
    let Some(name) = spec["runtimeClassName"].as_str() else {
        return check_without_class(spec);
    };
    let Some(class) = classes.iter().find(|class| class["metadata"]["name"] == name) else {
        return Err(format!("pod rejected: RuntimeClass \"{name}\" not found"));
    };
    set_overhead(spec, &class["overhead"])?;
    set_scheduling(spec, &class["scheduling"])
}

const UNFOUNDED: &str = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
const OTHER: &str = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

fn check_without_class(spec: &Value) -> Result<(), String> {
    match spec.entries("overhead").next() {
        Some(_) => Err(UNFOUNDED.to_owned()),
        None => Ok(()),
    }
}

fn set_overhead(spec: &mut Value, overhead: &Value) -> Result<(), String> {
    if overhead.is_null() {
        return check_without_class(spec);
    }
    let fixed = &overhead["podFixed"];
    if spec.entries("overhead").next().is_some() && spec["overhead"] != *fixed {
        return Err(OTHER.to_owned());
    }
    if !fixed.is_null() {
        spec["overhead"] = fixed.clone();
    }
    Ok(())
}

fn set_scheduling(spec: &mut Value, scheduling: &Value) -> Result<(), String> {
    for (key, value) in scheduling.entries("nodeSelector") {
        let selector = object_at(spec, "nodeSelector");
        if selector.has(key) && selector[key] != *value {
            return Err(format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {}; pod.spec.nodeSelector[{key}] = {}",
                scheduling["nodeSelector"].text(key),
                selector.text(key)
            ));
        }
        selector[key] = value.clone();
    }
    let extra = scheduling.items("tolerations");
    if !extra.is_empty() {
        let all = [spec.items("tolerations"), extra].concat();
        spec["tolerations"] = merged(&all).into();
    }
    Ok(())
}

/// The tolerations without those that another one makes needless; of equal ones the first stays.
fn merged(all: &[Value]) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for (i, toleration) in all.iter().enumerate() {
        let is_covered = kept.iter().any(|other| covers(other, toleration))
            || (all[i + 1..].iter()).any(|other| other != toleration && covers(other, toleration));
        if !is_covered {
            kept.push(toleration.clone());
        }
    }
    kept
}

/// Whether `wide` tolerates all that `narrow` does, for as long.
fn covers(wide: &Value, narrow: &Value) -> bool {
    if wide == narrow {
        return true;
    }
    let matches_all_keys = wide.text("key").is_empty() && wide.text("operator") == "Exists";
    if wide.text("key") != narrow.text("key") && !matches_all_keys {
        return false;
    }
    if !wide.text("effect").is_empty() && wide.text("effect") != narrow.text("effect") {
        return false;
    }
    let seconds = |toleration: &Value| toleration.number("tolerationSeconds");
    if wide["effect"] == "NoExecute"
        && let Some(most) = seconds(wide)
        && seconds(narrow).is_none_or(|asked| asked > most)
    {
        return false;
    }
    match wide.text("operator") {
        "Exists" => true,
        "" | "Equal" => narrow.text("operator") != "Exists" && narrow.text("value") == wide.text("value"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn class() -> Value {
        json!({
            "metadata": {"name": "heavy"}, "overhead": {"podFixed": {"cpu": "500m"}},
            "scheduling": {"nodeSelector": {"vm": "yes"}, "tolerations": [{"key": "vm", "operator": "Exists"}]},
        })
    }

    fn admitted(mut pod: Value) -> Result<Value, String> {
        admit(&mut pod, &[&class()]).map(|()| pod["spec"].clone())
    }

    #[test]
    fn a_class_adds_its_cost_and_its_place() {
        let spec = admitted(json!({"spec": {"runtimeClassName": "heavy",
            "tolerations": [{"key": "vm", "operator": "Equal", "value": "x"}]}}))
        .unwrap();
        assert_eq!(spec["overhead"], json!({"cpu": "500m"}));
        assert_eq!(spec["nodeSelector"], json!({"vm": "yes"}));
        assert_eq!(spec["tolerations"], json!([{"key": "vm", "operator": "Exists"}]));
    }

    #[test]
    fn what_contradicts_the_class_is_forbidden() {
        let conflict =
            "conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; pod.spec.nodeSelector[vm] = no";
        let cases = [
            (
                json!({"runtimeClassName": "kata"}),
                "pod rejected: RuntimeClass \"kata\" not found",
            ),
            (json!({"overhead": {"cpu": "1"}}), UNFOUNDED),
            (
                json!({"runtimeClassName": "heavy", "overhead": {"cpu": "1"}}),
                OTHER,
            ),
            (
                json!({"runtimeClassName": "heavy", "nodeSelector": {"vm": "no"}}),
                conflict,
            ),
        ];
        for (spec, why) in cases {
            assert_eq!(admitted(json!({"spec": spec})), Err(why.to_owned()));
        }
    }
}
