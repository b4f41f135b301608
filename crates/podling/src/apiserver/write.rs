//! Creating and replacing objects: the order of steps that every write takes.
//!
//! Source: `k8s.io/apiserver/pkg/registry/generic/registry/store.go` and `.../registry/rest/{create,update}.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::authorization::{self, Attributes, escalation, rules};
use super::decode::GroupVersionKind;
use super::{ApiServer, WriteOptions, admission, decode, deletion, managed_fields, registry, service_ip};
use crate::quota::Attempt;
use crate::resource::{
    ENDPOINTS, EVENTS, LEASES, LIMIT_RANGES, NAMESPACES, POD_DISRUPTION_BUDGETS, RESOURCE_QUOTAS, Resource,
    SERVICE_ACCOUNTS, SERVICES,
};
use crate::status::{Status, field};
use crate::storage::{Object, Store, text};

mod binding;

/// Which object a write is about.
#[derive(Clone, Debug)]
pub(super) struct Target<'a> {
    pub(super) resource: &'static Resource,
    pub(super) subresource: Option<&'a str>,
    pub(super) namespace: String,
    pub(super) name: String,
    /// Whether the write is a patch, to which a UID is a field like others and not a precondition.
    pub(super) patch: bool,
}

/// Whether `metadata.managedFields` is still to be worked out for a write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ownership {
    /// What changes becomes the writer's.
    Tracked,
    /// Server-side apply has already said who owns what.
    Applied,
}

/// The longest name that `generateName` gives: 63 characters less five random ones.
const LONGEST_GENERATED_BASE: usize = 58;

/// How often a taken generated name is drawn again.
const NAME_ATTEMPTS: usize = 8;

impl<'a> Target<'a> {
    pub(super) fn of(resource: &'static Resource, subresource: Option<&'a str>, object: &Value) -> Self {
        Self {
            resource,
            subresource,
            namespace: text(object, &["metadata", "namespace"]).to_owned(),
            name: text(object, &["metadata", "name"]).to_owned(),
            patch: false,
        }
    }

    pub(super) fn not_found(&self) -> Status {
        Status::not_found(self.resource.group, self.resource.plural, &self.name)
    }

    /// The object was to be applied to one of this UID, but there is none.
    pub(super) fn no_such_uid(&self, object: &Value) -> Status {
        let uid = text(object, &["metadata", "uid"]);
        self.conflict(&format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        ))
    }

    fn conflict(&self, why: &str) -> Status {
        let resource = match self.subresource {
            Some("binding") => "pods/binding",
            _ => self.resource.plural,
        };
        Status::conflict(self.resource.group, resource, &self.name, why)
    }
}

/// Whether a PUT of a missing object creates it (`AllowCreateOnUpdate`).
fn creates_on_update(resource: &Resource) -> bool {
    let others = [&SERVICES, &ENDPOINTS, &LEASES, &EVENTS, &LIMIT_RANGES];
    others.contains(&resource) || resource.group == rules::GROUP
}

/// Whether a PUT may leave `resourceVersion` out (`AllowUnconditionalUpdate`).
fn updates_unconditionally(resource: &Resource) -> bool {
    ![&LEASES, &POD_DISRUPTION_BUDGETS].contains(&resource)
}

impl ApiServer {
    pub(super) fn create_with(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        mut object: Value,
        options: &WriteOptions,
        ownership: Ownership,
    ) -> Result<Object, Status> {
        check_shape(&object)?;
        settle_namespace(resource, namespace, &mut object)?;
        if !text(&object, &["metadata", "resourceVersion"]).is_empty() {
            return Err(Status::new(
                500,
                "",
                "resourceVersion should not be set on objects to be created",
            ));
        }
        registry::default(resource, &mut object);
        self.give_identity(resource, &mut object);
        // Before admission and allocation: what the server itself adds belongs to nobody.
        if ownership == Ownership::Tracked {
            let writer = options.writer(None, self.now());
            managed_fields::track_update(None, &mut object, GroupVersionKind::of(resource), &writer);
        }
        self.admit(resource, namespace, &mut object)?;
        self.refuse_escalation(resource, &object, None)?;
        registry::prepare_for_create(resource, &mut object, self.now());
        refuse_invalid(resource, &object, &registry::validate_create(resource, &object))?;
        let charged = self.admission_check(resource, None, &object, None)?;
        self.refuse_taken(resource, &object)?;
        self.allocate(resource, &mut object)?;
        self.charge(charged, options)?;
        registry::default_stored(resource, &mut object);
        decode::tidy(resource, &mut object);
        Ok(self.put(resource, object, options.dry_run))
    }

    /// Gives a new object its UID, its time and, if it asks for one, its name.
    fn give_identity(&mut self, resource: &'static Resource, object: &mut Value) {
        let generate = text(object, &["metadata", "generateName"]).to_owned();
        if text(object, &["metadata", "name"]).is_empty() && !generate.is_empty() {
            object["metadata"]["name"] = self.generated_name(resource, object, &generate).into();
        }
        object["metadata"]["uid"] = self.rng.uuid().into();
        object["metadata"]["creationTimestamp"] = self.now().rfc3339().into();
        remove_metadata(
            object,
            &["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"],
        );
    }

    fn admit(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        object: &mut Value,
    ) -> Result<(), Status> {
        // The plugins look things up in the store while they draw from the generator beside it.
        let mut rng = self.rng.clone();
        let admitted = admission::admit_create(resource, namespace, object, &self.store, &mut rng);
        self.rng = rng;
        admitted
    }

    /// A user may not give others what they do not have; components may.
    fn refuse_escalation(&self, resource: &Resource, new: &Value, old: Option<&Value>) -> Result<(), Status> {
        match &self.user {
            Some(user) => escalation::check(self, user, resource, new, old),
            None => Ok(()),
        }
    }

    /// Who replaces or applies what is not there must be allowed to create it.
    pub(super) fn require_creation(&self, target: &Target<'_>) -> Result<(), Status> {
        let Some(user) = &self.user else {
            return Ok(());
        };
        let attributes = Attributes {
            user,
            verb: "create",
            group: target.resource.group,
            resource: target.resource.plural,
            namespace: &target.namespace,
            name: &target.name,
            ..Attributes::default()
        };
        authorization::require(self, &attributes)
    }

    /// What admission says about a sound object: the quotas that it is charged to.
    fn admission_check(
        &self,
        resource: &'static Resource,
        subresource: Option<&str>,
        new: &Value,
        old: Option<&Value>,
    ) -> Result<Vec<Value>, Status> {
        let attempt = Attempt {
            resource,
            subresource,
            new,
            old,
            now: self.now(),
        };
        admission::validate(&attempt, &self.store)
    }

    /// What the client should know about an object that admission let through.
    pub(super) fn admission_warnings(
        &self,
        target: &Target<'_>,
        new: &Value,
        old: Option<&Value>,
    ) -> Vec<String> {
        match target.subresource {
            None | Some("ephemeralcontainers" | "resize") => {
                admission::warnings(target.resource, new, old, &self.store)
            }
            Some(_) => Vec::new(),
        }
    }

    /// Stores what quotas have become.
    fn charge(&mut self, quotas: Vec<Value>, options: &WriteOptions) -> Result<(), Status> {
        let own = WriteOptions {
            dry_run: options.dry_run,
            ..WriteOptions::by("kube-apiserver")
        };
        for quota in quotas {
            self.update(&RESOURCE_QUOTAS, Some("status"), quota, &own)?;
        }
        Ok(())
    }

    /// Gives a Service its addresses and ports.
    fn allocate(&mut self, resource: &'static Resource, object: &mut Value) -> Result<(), Status> {
        if resource != &SERVICES {
            return Ok(());
        }
        let place = Target::of(resource, None, object);
        let is_other = |other: &&Value| {
            let other = Target::of(resource, None, other);
            (other.namespace, other.name) != (place.namespace.clone(), place.name.clone())
        };
        let others = self
            .store
            .list(&SERVICES, None)
            .map(AsRef::as_ref)
            .filter(is_other);
        let others: Vec<&Value> = others.collect();
        service_ip::allocate(object, others.into_iter(), &mut self.rng)
            .map_err(|errors| Status::invalid(resource.group, resource.kind, &place.name, &errors))
    }

    fn generated_name(&mut self, resource: &'static Resource, object: &Value, generate: &str) -> String {
        let base: String = generate.chars().take(LONGEST_GENERATED_BASE).collect();
        let namespace = text(object, &["metadata", "namespace"]).to_owned();
        let mut name = String::new();
        for _ in 0..NAME_ATTEMPTS {
            name = format!("{base}{}", self.rng.name_suffix(5));
            if self.get(resource, &namespace, &name).is_none() {
                break;
            }
        }
        name
    }

    fn refuse_taken(&self, resource: &'static Resource, object: &Value) -> Result<(), Status> {
        let target = Target::of(resource, None, object);
        let Some(existing) = self.get(resource, &target.namespace, &target.name) else {
            return Ok(());
        };
        let mut status = Status::already_exists(resource.group, resource.plural, &target.name);
        if existing["metadata"].get("deletionTimestamp").is_some() {
            status.message = format!("object is being deleted: {}", status.message);
        }
        Err(status)
    }

    /// Replaces an object by what `make` gives for the stored one.
    pub(super) fn update_with(
        &mut self,
        target: &Target<'_>,
        options: &WriteOptions,
        ownership: Ownership,
        make: impl FnOnce(&Value) -> Result<Value, Status>,
    ) -> Result<Object, Status> {
        let resource = target.resource;
        let Some(old) = self.get(resource, &target.namespace, &target.name).cloned() else {
            return self.create_for_update(target, options, ownership, make);
        };
        let mut new = make(&old)?;
        check_shape(&new)?;
        check_preconditions(target, &new, &old)?;
        keep_identity(&mut new, &old);
        registry::default(resource, &mut new);
        if ownership == Ownership::Tracked {
            let writer = options.writer(target.subresource, self.now());
            managed_fields::track_update(Some(&old), &mut new, GroupVersionKind::of(resource), &writer);
        }
        admission::admit_update(resource, &mut new, &old);
        self.refuse_escalation(resource, &new, Some(&old))?;
        registry::prepare_for_update(resource, target.subresource, &mut new, &old, self.now());
        let errors = registry::validate_update(resource, target.subresource, &new, &old);
        refuse_invalid(resource, &new, &errors)?;
        let charged = self.admission_check(resource, target.subresource, &new, Some(&old))?;
        self.charge(charged, options)?;
        self.allocate(resource, &mut new)?;
        decode::tidy(resource, &mut new);
        Ok(self.store_update(resource, new, old, options.dry_run))
    }

    fn store_update(
        &mut self,
        resource: &'static Resource,
        new: Value,
        old: Object,
        dry_run: bool,
    ) -> Object {
        if deletion::is_complete(&new) {
            return self.finish_deletion(resource, new, dry_run);
        }
        if same_but_for_ownership_times(&new, &old) {
            old
        } else {
            self.put(resource, new, dry_run)
        }
    }

    /// The write that took the last finalizer away removes the object.
    fn finish_deletion(&mut self, resource: &'static Resource, last: Value, dry_run: bool) -> Object {
        if dry_run {
            return Arc::new(last);
        }
        let target = Target::of(resource, None, &last);
        let object = self.store.put(resource, last);
        self.store.remove(resource, &target.namespace, &target.name);
        object
    }

    fn create_for_update(
        &mut self,
        target: &Target<'_>,
        options: &WriteOptions,
        ownership: Ownership,
        make: impl FnOnce(&Value) -> Result<Value, Status>,
    ) -> Result<Object, Status> {
        if target.subresource.is_some() || !creates_on_update(target.resource) {
            return Err(target.not_found());
        }
        self.require_creation(target)?;
        let mut new = make(&json!({}))?;
        remove_metadata(&mut new, &["resourceVersion"]);
        self.create_with(target.resource, &target.namespace, new, options, ownership)
    }
}

/// Refuses what is no object with metadata at all, so that the steps after can rely on it.
fn check_shape(object: &Value) -> Result<(), Status> {
    let sound = object.is_object() && object.get("metadata").is_none_or(Value::is_object);
    if sound {
        Ok(())
    } else {
        Err(Status::bad_request(
            "the object provided is no object with metadata",
        ))
    }
}

/// Puts the namespace of the request into the object, or refuses an object of another.
fn settle_namespace(resource: &Resource, namespace: &str, object: &mut Value) -> Result<(), Status> {
    if !resource.namespaced {
        remove_metadata(object, &["namespace"]);
        return Ok(());
    }
    let own = text(object, &["metadata", "namespace"]);
    if !own.is_empty() && own != namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    object["metadata"]["namespace"] = namespace.into();
    Ok(())
}

fn remove_metadata(object: &mut Value, keys: &[&str]) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in keys {
            metadata.remove(*key);
        }
    }
}

fn check_preconditions(target: &Target<'_>, new: &Value, old: &Value) -> Result<(), Status> {
    let (uid, old_uid) = (text(new, &["metadata", "uid"]), text(old, &["metadata", "uid"]));
    if !target.patch && !uid.is_empty() && uid != old_uid {
        return Err(target.conflict(&format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{}/{}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {old_uid}",
            target.resource.plural, target.namespace, target.name
        )));
    }
    let version = text(new, &["metadata", "resourceVersion"]);
    if version.is_empty() && target.subresource.is_none() && !updates_unconditionally(target.resource) {
        let error = field::Error::invalid("metadata.resourceVersion", 0, "must be specified for an update");
        return Err(Status::invalid(
            target.resource.group,
            target.resource.plural,
            &target.name,
            &[error],
        ));
    }
    if !version.is_empty() && version.parse::<u64>().is_err() {
        return Err(Status::new(
            500,
            "",
            format!("strconv.ParseUint: parsing {version:?}: invalid syntax"),
        ));
    }
    if !version.is_empty() && version != text(old, &["metadata", "resourceVersion"]) {
        return Err(Status::stale(
            target.resource.group,
            target.resource.plural,
            &target.name,
        ));
    }
    Ok(())
}

/// What every update keeps, whatever it says.
const KEPT: [&str; 4] = [
    "namespace",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
];

/// What an update may leave out, but not change; validation looks at the rest.
const FILLED_IN: [&str; 3] = ["uid", "creationTimestamp", "deletionTimestamp"];

fn keep_identity(new: &mut Value, old: &Value) {
    for key in ["apiVersion", "kind"] {
        new[key] = old[key].clone();
    }
    for key in FILLED_IN {
        if new["metadata"].get(key).is_none_or(Value::is_null)
            && let Some(value) = old["metadata"].get(key)
        {
            new["metadata"][key] = value.clone();
        }
    }
    for key in KEPT {
        match old["metadata"].get(key) {
            Some(value) => new["metadata"][key] = value.clone(),
            None => remove_metadata(new, &[key]),
        }
    }
}

fn refuse_invalid(resource: &Resource, object: &Value, errors: &[field::Error]) -> Result<(), Status> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(
        resource.group,
        resource.kind,
        text(object, &["metadata", "name"]),
        errors,
    ))
}

/// Whether a write would change nothing but the times in `managedFields`; such a write is not stored.
fn same_but_for_ownership_times(new: &Value, old: &Value) -> bool {
    let without = |object: &Value| {
        let mut object = object.clone();
        let entries = object["metadata"]
            .get_mut("managedFields")
            .and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
            entry.remove("time");
        }
        object
    };
    new == old || without(new) == without(old)
}

impl admission::Lookup for Store {
    fn namespace(&self, name: &str) -> Option<&Value> {
        self.get(&NAMESPACES, "", name).map(AsRef::as_ref)
    }

    fn service_account(&self, namespace: &str, name: &str) -> Option<&Value> {
        self.get(&SERVICE_ACCOUNTS, namespace, name).map(AsRef::as_ref)
    }

    fn cluster_wide(&self, resource: &'static Resource) -> Vec<&Value> {
        self.list(resource, None).map(AsRef::as_ref).collect()
    }

    fn of_namespace<'a>(&'a self, resource: &'static Resource, namespace: &'a str) -> Vec<&'a Value> {
        self.list(resource, Some(namespace)).map(AsRef::as_ref).collect()
    }
}
