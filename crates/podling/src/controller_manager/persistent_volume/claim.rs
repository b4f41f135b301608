//! What is to be done about a claim (`syncUnboundClaim`, `syncBoundClaim`).

use serde_json::{Value, json};

use crate::events::Event;
use crate::quantity::Quantity;
use crate::storage::{Object, text};
use crate::volume::matching::{Search, find};
use crate::volume::{
    self, BIND_COMPLETED, BOUND_BY_CONTROLLER, SELECTED_NODE, capacity, class_of, differ_in_attributes,
    differ_in_mode, has_access_modes, is_annotated, is_bound_to, requested, waits_for_consumer,
};

/// What the plan depends on beside the claim.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// All volumes.
    pub(super) volumes: Vec<Object>,
    /// The claim's class, if it exists.
    pub(super) class: Option<Object>,
    /// The class of claims that name none.
    pub(super) default_class: Option<String>,
    /// The Pods that use the claim and have no node yet.
    pub(super) waiting_pods: Vec<String>,
}

/// What to do.
#[derive(Debug, PartialEq)]
pub(super) enum ClaimPlan {
    /// Bind it to this volume, or complete or confirm that.
    Bind(Object),
    /// Leave it Pending, and say why.
    Wait(Option<Why>),
    /// It is bound to nothing that is there.
    Lose(Why),
    /// Give it the default class, which came after it.
    TakeClass(String),
    /// Let this provisioner make a volume.
    Provision(String),
}

/// The reason and the sentence of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Why {
    is_warning: bool,
    reason: &'static str,
    message: String,
}

impl Why {
    fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            is_warning: false,
            reason,
            message: message.into(),
        }
    }

    fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            is_warning: true,
            reason,
            message: message.into(),
        }
    }

    /// The event that says so.
    pub(super) fn event(&self) -> Event<'_> {
        match self.is_warning {
            true => Event::warning(self.reason, &self.message),
            false => Event::normal(self.reason, &self.message),
        }
    }
}

/// What the event about a provisioner outside of the cluster says.
pub(super) fn external(provisioner: &str) -> String {
    format!(
        "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
    )
}

/// What to do about the claim.
pub(super) fn plan(claim: &Value, around: &Surroundings) -> ClaimPlan {
    let name = text(claim, &["spec", "volumeName"]);
    let named = |volume: &&Object| volume["metadata"]["name"] == name;
    let volume = around.volumes.iter().find(named);
    match (is_annotated(claim, BIND_COMPLETED), name) {
        (true, _) => confirm(claim, name, volume),
        (false, "") => look_for_one(claim, around),
        (false, _) => take_named(claim, volume),
    }
}

fn confirm(claim: &Value, name: &str, volume: Option<&Object>) -> ClaimPlan {
    let lost = |message: &str| ClaimPlan::Lose(Why::warning("ClaimLost", message));
    let Some(volume) = volume else {
        return lost(match name {
            "" => "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!",
            _ => "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
        });
    };
    let reference = &volume["spec"]["claimRef"];
    if reference.is_null() || reference["uid"] == claim["metadata"]["uid"] {
        return ClaimPlan::Bind(volume.clone());
    }
    let message = "Two claims are bound to the same volume, this one is bound incorrectly";
    ClaimPlan::Lose(Why::warning("ClaimMisbound", message))
}

fn look_for_one(claim: &Value, around: &Surroundings) -> ClaimPlan {
    let is_delayed = waits_for_consumer(around.class.as_deref());
    let volumes: Vec<&Value> = around.volumes.iter().map(AsRef::as_ref).collect();
    if let Some(found) = find(claim, &volumes, &Search::Binder(is_delayed)) {
        let same = |volume: &&Object| volume["metadata"]["name"] == found["metadata"]["name"];
        return match around.volumes.iter().find(same) {
            Some(volume) => ClaimPlan::Bind(volume.clone()),
            None => ClaimPlan::Wait(None),
        };
    }
    let names_none = claim["spec"].get("storageClassName").is_none() && class_of(claim).is_empty();
    if let Some(default) = around.default_class.as_ref().filter(|_| names_none) {
        return ClaimPlan::TakeClass(default.clone());
    }
    if is_delayed && !is_annotated(claim, SELECTED_NODE) {
        return ClaimPlan::Wait(Some(waiting_for(&around.waiting_pods)));
    }
    match class_of(claim) {
        "" => ClaimPlan::Wait(Some(Why::normal(
            "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set",
        ))),
        class => provision(class, around.class.as_deref()),
    }
}

fn waiting_for(pods: &[String]) -> Why {
    match pods {
        [] => Why::normal(
            "WaitForFirstConsumer",
            "waiting for first consumer to be created before binding",
        ),
        [pod] => Why::normal(
            "WaitForPodScheduled",
            format!("waiting for pod {pod} to be scheduled"),
        ),
        pods => Why::normal(
            "WaitForPodScheduled",
            format!("waiting for pods {} to be scheduled", pods.join(",")),
        ),
    }
}

fn provision(name: &str, class: Option<&Value>) -> ClaimPlan {
    let fail = |message: String| ClaimPlan::Wait(Some(Why::warning("ProvisioningFailed", message)));
    let Some(class) = class else {
        return fail(format!("storageclass.storage.k8s.io \"{name}\" not found"));
    };
    let provisioner = text(class, &["provisioner"]);
    // The provisioners that were once part of Kubernetes are gone.
    if provisioner.starts_with("kubernetes.io/") {
        return fail(format!("no volume plugin matched name: {provisioner}"));
    }
    ClaimPlan::Provision(provisioner.to_owned())
}

fn take_named(claim: &Value, volume: Option<&Object>) -> ClaimPlan {
    let Some(volume) = volume else {
        return ClaimPlan::Wait(None);
    };
    let name = text(volume, &["metadata", "name"]);
    if !volume["spec"]["claimRef"].is_object() {
        return match unsatisfied(claim, volume) {
            None => ClaimPlan::Bind(volume.clone()),
            Some(why) => {
                let message = format!("Cannot bind to requested volume \"{name}\": {why}");
                ClaimPlan::Wait(Some(Why::warning("VolumeMismatch", message)))
            }
        };
    }
    if is_bound_to(volume, claim) {
        return ClaimPlan::Bind(volume.clone());
    }
    let message = format!("volume \"{name}\" already bound to a different claim.");
    ClaimPlan::Wait(Some(Why::warning("FailedBinding", message)))
}

/// Why the claim can't have the volume that it names.
fn unsatisfied(claim: &Value, volume: &Value) -> Option<String> {
    let name = text(volume, &["metadata", "name"]);
    let reasons = [
        (
            volume["metadata"].get("deletionTimestamp").is_some(),
            format!("the volume is marked for deletion \"{name}\""),
        ),
        (
            capacity(volume) < requested(claim),
            "requested PV is too small".to_owned(),
        ),
        (
            class_of(volume) != class_of(claim),
            "storageClassName does not match".to_owned(),
        ),
        (
            differ_in_attributes(volume, claim),
            "volumeAttributesClassName does not match".to_owned(),
        ),
        (
            differ_in_mode(volume, claim),
            "incompatible volumeMode".to_owned(),
        ),
        (
            !has_access_modes(volume, claim),
            "incompatible accessMode".to_owned(),
        ),
    ];
    reasons
        .into_iter()
        .find(|(broken, _)| *broken)
        .map(|(_, why)| why)
}

/// The claim with its half of the binding; `None` if it has that already.
pub(super) fn bound(claim: &Value, volume: &Value) -> Option<Value> {
    let mut new = claim.clone();
    if claim["spec"]["volumeName"] != volume["metadata"]["name"] {
        new["spec"]["volumeName"] = volume["metadata"]["name"].clone();
        volume::annotate(&mut new, BOUND_BY_CONTROLLER, "yes");
    }
    if !is_annotated(claim, BIND_COMPLETED) {
        volume::annotate(&mut new, BIND_COMPLETED, "yes");
    }
    (new != *claim).then_some(new)
}

/// The claim's next status. What it holds is taken over from the volume in the moment it is bound, and not later.
pub(super) fn status(old: &Value, phase: &str, volume: Option<&Value>) -> Value {
    let mut status = old.clone();
    if !status.is_object() {
        status = json!({});
    }
    let becomes_bound = old["phase"] != phase;
    status["phase"] = phase.into();
    let Some(volume) = volume else {
        if let Some(status) = status.as_object_mut() {
            status.remove("accessModes");
            status.remove("capacity");
        }
        return status;
    };
    status["accessModes"] = volume["spec"]["accessModes"].clone();
    let held = Quantity::from_json(&old["capacity"]["storage"]).ok();
    if becomes_bound && held != Some(capacity(volume)) {
        status["capacity"]["storage"] = volume["spec"]["capacity"]["storage"].clone();
    }
    status
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn claim(spec: &Value, annotations: &Value) -> Value {
        let mut claim = json!({
            "metadata": {"namespace": "a", "name": "c", "uid": "u", "annotations": annotations},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Pending"},
        });
        for (key, value) in spec.as_object().unwrap() {
            claim["spec"][key] = value.clone();
        }
        claim
    }

    fn volume(spec: &Value) -> Object {
        let mut volume = json!({"metadata": {"name": "v"}, "status": {"phase": "Available"},
            "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"}}});
        for (key, value) in spec.as_object().unwrap() {
            volume["spec"][key] = value.clone();
        }
        Arc::new(volume)
    }

    fn class(provisioner: &str, mode: &str) -> Option<Object> {
        Some(Arc::new(
            json!({"provisioner": provisioner, "volumeBindingMode": mode}),
        ))
    }

    fn waits(reason: &'static str, message: &str) -> ClaimPlan {
        ClaimPlan::Wait(Some(Why::normal(reason, message)))
    }

    fn fails(reason: &'static str, message: &str) -> ClaimPlan {
        ClaimPlan::Wait(Some(Why::warning(reason, message)))
    }

    #[test]
    fn a_claim_without_a_volume_looks_for_one() {
        let fast = || claim(&json!({"storageClassName": "fast"}), &json!({}));
        let with_class = |class| Surroundings {
            class,
            ..Surroundings::default()
        };
        let selected = claim(&json!({"storageClassName": "fast"}), &json!({SELECTED_NODE: "n"}));
        let cases = [
            (
                claim(&json!({"storageClassName": ""}), &json!({})),
                Surroundings {
                    volumes: vec![volume(&json!({}))],
                    ..Surroundings::default()
                },
                ClaimPlan::Bind(volume(&json!({}))),
            ),
            (
                claim(&json!({}), &json!({})),
                Surroundings::default(),
                waits(
                    "FailedBinding",
                    "no persistent volumes available for this claim and no storage class is set",
                ),
            ),
            (
                claim(&json!({}), &json!({})),
                Surroundings {
                    default_class: Some("standard".into()),
                    ..Surroundings::default()
                },
                ClaimPlan::TakeClass("standard".into()),
            ),
            (
                fast(),
                Surroundings::default(),
                fails(
                    "ProvisioningFailed",
                    "storageclass.storage.k8s.io \"fast\" not found",
                ),
            ),
            (
                fast(),
                with_class(class("kubernetes.io/no-provisioner", "Immediate")),
                fails(
                    "ProvisioningFailed",
                    "no volume plugin matched name: kubernetes.io/no-provisioner",
                ),
            ),
            (
                fast(),
                with_class(class("e.io/x", "Immediate")),
                ClaimPlan::Provision("e.io/x".into()),
            ),
            (
                fast(),
                with_class(class("e.io/x", "WaitForFirstConsumer")),
                waits(
                    "WaitForFirstConsumer",
                    "waiting for first consumer to be created before binding",
                ),
            ),
            (
                fast(),
                Surroundings {
                    waiting_pods: vec!["p".into(), "q".into()],
                    ..with_class(class("e.io/x", "WaitForFirstConsumer"))
                },
                waits("WaitForPodScheduled", "waiting for pods p,q to be scheduled"),
            ),
            (
                selected,
                with_class(class("e.io/x", "WaitForFirstConsumer")),
                ClaimPlan::Provision("e.io/x".into()),
            ),
        ];
        for (claim, around, expected) in cases {
            assert_eq!(plan(&claim, &around), expected, "{claim}");
        }
    }

    #[test]
    fn a_claim_that_names_its_volume_gets_it_or_says_why_not() {
        let named = claim(&json!({"volumeName": "v", "storageClassName": ""}), &json!({}));
        let taken = json!({"claimRef": {"namespace": "a", "name": "other", "uid": "x"}});
        let mismatch = |why: &str| {
            let message = format!("Cannot bind to requested volume \"v\": {why}");
            fails("VolumeMismatch", &message)
        };
        let cases = [
            (volume(&json!({})), ClaimPlan::Bind(volume(&json!({})))),
            (
                volume(&json!({"capacity": {"storage": "1Mi"}})),
                mismatch("requested PV is too small"),
            ),
            (
                volume(&json!({"storageClassName": "x"})),
                mismatch("storageClassName does not match"),
            ),
            (
                volume(&json!({"accessModes": ["ReadOnlyMany"]})),
                mismatch("incompatible accessMode"),
            ),
            (
                volume(&taken),
                fails(
                    "FailedBinding",
                    "volume \"v\" already bound to a different claim.",
                ),
            ),
        ];
        for (volume, expected) in cases {
            let around = Surroundings {
                volumes: vec![volume],
                ..Surroundings::default()
            };
            assert_eq!(plan(&named, &around), expected);
        }
        assert_eq!(plan(&named, &Surroundings::default()), ClaimPlan::Wait(None));
    }

    #[test]
    fn a_bound_claim_is_lost_with_its_volume() {
        let bound = claim(&json!({"volumeName": "v"}), &json!({BIND_COMPLETED: "yes"}));
        let lost = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
        assert_eq!(
            plan(&bound, &Surroundings::default()),
            ClaimPlan::Lose(Why::warning("ClaimLost", lost))
        );
    }

    #[test]
    fn the_status_takes_over_what_the_volume_holds() {
        let volume = volume(&json!({}));
        let bound = status(&json!({"phase": "Pending"}), "Bound", Some(&volume));
        assert_eq!(
            bound,
            json!({"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"}})
        );
        assert_eq!(status(&bound, "Lost", None), json!({"phase": "Lost"}));
    }
}
