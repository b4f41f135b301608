//! Showing stored objects: as themselves, as a Table, or as metadata only.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/response.go`.

use serde_json::{Value, json};

mod listing;

use self::listing::Item;
use crate::apiserver::negotiation::{Endpoint, Form, negotiate};
use crate::apiserver::{registry, tables, versions};
use crate::clock::Time;
use crate::request::{Request, Response};
use crate::resource::Resource;
use crate::status::Status;
use crate::storage::Object;

/// How the answers to one request are shown.
#[derive(Clone, Debug)]
pub(crate) struct Presentation {
    form: Form,
    /// The version of `meta.k8s.io` for forms that are not the object's own.
    version: &'static str,
    include: Include,
    /// Whether a watch has already sent the columns of its table.
    headed: bool,
}

/// What a Table row holds beside its cells (`includeObject`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Include {
    /// Nothing.
    None,
    /// The object's metadata.
    Metadata,
    /// The whole object.
    Object,
}

impl Presentation {
    /// How the object that a request is about, or a write's outcome, is shown.
    ///
    /// # Errors
    /// 406 for forms that are not served, 400 for a bad `includeObject`.
    pub(super) fn of(request: &Request) -> Result<Self, Status> {
        Self::at(request, Endpoint::Object)
    }

    /// Reads the Accept header and `includeObject`.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(super) fn at(request: &Request, endpoint: Endpoint) -> Result<Self, Status> {
        let accepted = negotiate(&request.accept, endpoint)?;
        let form = accepted.form;
        let include = match form {
            Form::Table => include_of(request.parameter("includeObject").unwrap_or_default().as_str())?,
            _ => Include::Metadata,
        };
        Ok(Self {
            form,
            version: accepted.version,
            include,
            headed: false,
        })
    }

    /// Refuses the form of a single object for a list.
    pub(super) fn check_list(&self, resource: &Resource) -> Result<(), Status> {
        if self.form != Form::PartialObjectMetadata {
            return Ok(());
        }
        Err(Status::new(
            406,
            "NotAcceptable",
            format!(
                "you requested PartialObjectMetadata, but the requested object is a list (*{}.{}List)",
                go_package(resource),
                resource.kind
            ),
        ))
    }

    /// Refuses the form of a list for a single object.
    pub(super) fn check_object(&self, resource: &Resource) -> Result<(), Status> {
        if self.form != Form::PartialObjectMetadataList {
            return Ok(());
        }
        Err(Status::new(
            406,
            "NotAcceptable",
            format!(
                "you requested PartialObjectMetadataList, but the requested object is not a list (*{}.{})",
                go_package(resource),
                resource.kind
            ),
        ))
    }

    /// A single object.
    pub(super) fn object(&self, resource: &'static Resource, object: &Value, now: Time) -> Value {
        match self.form {
            Form::Object => versions::shown_as(resource, object).into_owned(),
            Form::Table => self.table(resource, &versions::shown_as(resource, object), now),
            Form::PartialObjectMetadata | Form::PartialObjectMetadataList => self.partial(object),
        }
    }

    /// The answer that holds a list with its metadata.
    pub(super) fn list(
        &self,
        resource: &'static Resource,
        objects: &[Object],
        metadata: &Value,
        now: Time,
    ) -> Response {
        let bytes = match self.form {
            Form::Object => {
                let items = objects
                    .iter()
                    .map(|object| Item(versions::shown_as(resource, object)));
                let kind = format!("{}List", resource.kind);
                listing::objects(&resource.api_version(), &kind, metadata, Some(items))
            }
            Form::Table => {
                let rows = objects.iter().map(|object| {
                    let shown = versions::shown_as(resource, object);
                    let mut row = tables::row(resource, &shown, now, self.include);
                    self.set_version(&mut row);
                    row
                });
                listing::table(self.version, resource, metadata, rows)
            }
            Form::PartialObjectMetadata | Form::PartialObjectMetadataList => {
                // Go appends to a list that does not exist yet.
                let items = (!objects.is_empty()).then(|| objects.iter().map(|object| self.partial(object)));
                listing::objects(self.version, "PartialObjectMetadataList", metadata, items)
            }
        };
        Response::whole(200, "application/json", bytes)
    }

    /// The object of a watch event.
    pub(crate) fn watched(&mut self, resource: &'static Resource, object: &Value, now: Time) -> Value {
        let mut shown = self.object(resource, object, now);
        if self.form == Form::Table {
            if self.headed {
                shown["columnDefinitions"] = Value::Null;
            }
            self.headed = true;
        }
        shown
    }

    /// The object of a BOOKMARK event.
    pub(crate) fn bookmark(&self, resource: &Resource, metadata: &Value) -> Value {
        match self.form {
            Form::Object => {
                json!({"kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata})
            }
            Form::Table => json!({
                "kind": "Table", "apiVersion": self.version, "metadata": metadata,
                "columnDefinitions": null, "rows": [],
            }),
            Form::PartialObjectMetadata | Form::PartialObjectMetadataList => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": self.version, "metadata": metadata})
            }
        }
    }

    /// A Scale, whichever workload it is of.
    pub(super) fn scale(&self, scale: &Value, now: Time) -> Value {
        match self.form {
            Form::Object => scale.clone(),
            Form::Table => self.versioned(tables::render_scale(scale, now, self.include)),
            Form::PartialObjectMetadata | Form::PartialObjectMetadataList => self.partial(scale),
        }
    }

    fn table(&self, resource: &'static Resource, shown: &Value, now: Time) -> Value {
        self.versioned(tables::render(resource, shown, now, self.include))
    }

    /// The table in the version of `meta.k8s.io` that was asked for.
    fn versioned(&self, mut table: Value) -> Value {
        table["apiVersion"] = self.version.into();
        for row in table["rows"].as_array_mut().into_iter().flatten() {
            self.set_version(row);
        }
        table
    }

    fn set_version(&self, row: &mut Value) {
        if row["object"]["kind"] == "PartialObjectMetadata" {
            row["object"]["apiVersion"] = self.version.into();
        }
    }

    fn partial(&self, object: &Value) -> Value {
        let metadata = registry::internal_metadata(object);
        json!({"kind": "PartialObjectMetadata", "apiVersion": self.version, "metadata": metadata})
    }
}

/// The Go package of the server's own form of a kind.
fn go_package(resource: &Resource) -> &'static str {
    match resource.group.split('.').next() {
        None | Some("") => "core",
        Some(package) => package,
    }
}

fn include_of(text: &str) -> Result<Include, Status> {
    match text {
        "" | "Metadata" => Ok(Include::Metadata),
        "Object" => Ok(Include::Object),
        "None" => Ok(Include::None),
        other => Err(Status::bad_request(format!(
            "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: must be 'Metadata', \
             'Object', 'None', or empty"
        ))),
    }
}
