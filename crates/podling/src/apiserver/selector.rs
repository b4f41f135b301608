//! Selectors: which objects a list, a watch or a controller is about.

pub(crate) mod field;
pub(crate) mod label;
pub(crate) mod line;

use serde_json::Value;

use crate::resource::Resource;
use crate::status::Status;

/// What a list or a watch asks for: both selectors must match.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub(crate) labels: label::Selector,
    pub(crate) fields: field::Selector,
}

impl Selection {
    /// Reads the two selector parameters.
    ///
    /// # Errors
    /// 400 for what cannot be read or is not supported.
    pub(crate) fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Self, Status> {
        let labels = label::Selector::parse(labels).map_err(Status::bad_request)?;
        let fields = field::Selector::parse(resource, fields).map_err(Status::bad_request)?;
        Ok(Self { labels, fields })
    }

    /// Whether the object is selected.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.labels.matches(&object["metadata"]["labels"]) && self.fields.matches(object)
    }
}
