//! What a refused request answers: `metav1.Status`, with Kubernetes' own reasons and words.
//!
//! Source: `k8s.io/apimachinery/pkg/api/errors` and `.../pkg/util/validation/field`, v1.36.

use serde_json::{Value, json};

pub mod field;

/// A failed request, as kubectl prints it.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The HTTP status code.
    pub code: u16,
    /// `metav1.StatusReason`, such as `NotFound`; empty for none.
    pub reason: &'static str,
    /// The sentence for people.
    pub message: String,
    /// What the request was about.
    pub details: Option<Box<Details>>,
    /// Where a list that cannot go on as it began may go on; empty for nowhere (`metadata.continue`).
    pub continue_token: String,
}

/// The object or kind that a [`Status`] is about, and why it was refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// The object's name, or empty.
    pub name: String,
    /// The API group; empty for core.
    pub group: String,
    /// The kind or, as Kubernetes does for errors by resource, the resource name.
    pub kind: String,
    /// The object's UID, or empty.
    pub uid: String,
    /// Each reason for a refusal, as far as there are several.
    pub causes: Vec<Cause>,
    /// Seconds to wait before the next try; zero for none.
    pub retry_after_seconds: u32,
}

/// One reason for a refusal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cause {
    /// `metav1.CauseType`, such as `FieldValueRequired`.
    pub reason: String,
    /// The sentence for people.
    pub message: String,
    /// The field's path, or empty.
    pub field: String,
}

/// Group and resource (`deployments.apps`), or kind, as error messages name them.
pub(crate) fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

impl Status {
    /// A failure without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            continue_token: String::new(),
        }
    }

    fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        self.details = Some(Box::new(Details {
            name: name.into(),
            group: group.into(),
            kind: kind.into(),
            ..Details::default()
        }));
        self
    }

    /// 404: `pods "web" not found`.
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", qualified(resource, group));
        Self::new(404, "NotFound", message).about(group, resource, name)
    }

    /// 404 for a path that is served by nothing.
    pub fn no_such_path() -> Self {
        let mut status = Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        );
        status.details = Some(Box::default());
        status
    }

    /// 409: `pods "web" already exists`.
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", qualified(resource, group));
        Self::new(409, "AlreadyExists", message).about(group, resource, name)
    }

    /// 409: `Operation cannot be fulfilled on deployments.apps "web": {why}`.
    pub fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            qualified(resource, group)
        );
        Self::new(409, "Conflict", message).about(group, resource, name)
    }

    /// 409 for a stale resourceVersion.
    pub fn stale(group: &str, resource: &str, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(group, resource, name, why)
    }

    /// 403: `pods "web" is forbidden: {why}`.
    pub fn forbidden(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let object = qualified(resource, group);
        let message = match name {
            "" => format!("{object} is forbidden: {why}"),
            _ => format!("{object} \"{name}\" is forbidden: {why}"),
        };
        Self::new(403, "Forbidden", message).about(group, resource, name)
    }

    /// 400 with the given sentence.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 405: `the server does not allow this method on the requested resource`.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        let mut status = Self::new(405, "MethodNotAllowed", message);
        status.details = Some(Box::default());
        status
    }

    /// 415 for a body in a form that this server does not read.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 429: to be tried again, after so many seconds if that is known.
    pub fn too_many_requests(message: &str, retry_after_seconds: u32) -> Self {
        let mut status = Self::new(429, "TooManyRequests", message);
        status.details = Some(Box::new(Details {
            retry_after_seconds,
            ..Details::default()
        }));
        status
    }

    /// 413: `Request entity too large: {why}`.
    pub fn too_large(why: &str) -> Self {
        Self::new(
            413,
            "RequestEntityTooLarge",
            format!("Request entity too large: {why}"),
        )
    }

    /// 410: the watch's resourceVersion is older than what the server still remembers.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 500 with `Internal error occurred: {why}`.
    pub fn internal(why: &str) -> Self {
        let mut status = Self::new(500, "InternalError", format!("Internal error occurred: {why}"));
        let cause = Cause {
            message: why.to_owned(),
            ..Cause::default()
        };
        status.details = Some(Box::new(Details {
            causes: vec![cause],
            ..Details::default()
        }));
        status
    }

    /// 422: the object breaks rules of its kind, one cause for each (`errors.NewInvalid`).
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &[field::Error]) -> Self {
        let mut texts: Vec<String> = Vec::new();
        for text in errors.iter().map(ToString::to_string) {
            // Kubernetes often checks a field twice: the sentence says it once, the causes keep both.
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let all = match texts.as_slice() {
            [one] => one.clone(),
            _ => format!("[{}]", texts.join(", ")),
        };
        let message = format!("{} \"{name}\" is invalid: {all}", qualified(kind, group));
        let mut status = Self::new(422, "Invalid", message).about(group, kind, name);
        if let Some(details) = status.details.as_mut() {
            details.causes = errors.iter().map(field::Error::cause).collect();
        }
        status
    }

    /// The wire form, `kind: Status`.
    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.continue_token.is_empty() {
            body["metadata"]["continue"] = self.continue_token.as_str().into();
        }
        if !self.reason.is_empty() {
            body["reason"] = self.reason.into();
        }
        if let Some(details) = &self.details {
            body["details"] = details.to_json();
        }
        body
    }
}

impl Details {
    fn to_json(&self) -> Value {
        let mut body = json!({});
        let texts = [
            ("name", &self.name),
            ("group", &self.group),
            ("kind", &self.kind),
            ("uid", &self.uid),
        ];
        for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            body[key] = text.as_str().into();
        }
        if !self.causes.is_empty() {
            body["causes"] = self.causes.iter().map(Cause::to_json).collect();
        }
        if self.retry_after_seconds > 0 {
            body["retryAfterSeconds"] = self.retry_after_seconds.into();
        }
        body
    }
}

impl Cause {
    fn to_json(&self) -> Value {
        let mut body = json!({});
        let texts = [
            ("reason", &self.reason),
            ("message", &self.message),
            ("field", &self.field),
        ];
        for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            body[key] = text.as_str().into();
        }
        body
    }
}
