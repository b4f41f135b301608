//! Field errors: what is wrong at which path, in the words of `field.Error`.

use std::fmt;

use serde_json::Value;

use super::Cause;
use crate::html_escape::escaped;

/// A rule that a field breaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// Which kind of rule.
    pub kind: ErrorKind,
    /// The path, such as `spec.containers[0].image`.
    pub field: String,
    /// The refused value.
    pub value: Value,
    /// What a right value would be.
    pub detail: String,
    /// The value as Kubernetes prints it where that is not its JSON with sorted keys; empty where it prints none.
    pub shown: Option<String>,
}

/// `field.ErrorType`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ErrorKind {
    /// The field must have a value.
    Required,
    /// The value breaks a rule.
    Invalid,
    /// The value is none of the allowed ones.
    NotSupported,
    /// The value stands twice where it may stand once.
    Duplicate,
    /// The field may not be set, or not be changed.
    Forbidden,
    /// The value names something that does not exist.
    NotFound,
    /// The text is too long.
    TooLong,
    /// The list is too long.
    TooMany,
    /// The value has the wrong type.
    TypeInvalid,
}

impl Error {
    /// `{field}: Required value` with an optional detail.
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Required,
            field: field.into(),
            value: Value::Null,
            detail: detail.into(),
            shown: None,
        }
    }

    /// `{field}: Invalid value: {value}: {detail}`.
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Invalid,
            field: field.into(),
            value: value.into(),
            detail: detail.into(),
            shown: None,
        }
    }

    /// `{field}: Invalid value: {detail}`, for a rule about several fields together: no value is shown.
    pub fn invalid_as_a_whole(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(field, Value::Null, detail).showing("")
    }

    /// `{field}: Unsupported value: {value}: supported values: "a", "b"` (the values in the order given).
    pub fn not_supported(field: impl Into<String>, value: impl Into<Value>, supported: &[&str]) -> Self {
        let quoted: Vec<String> = supported.iter().map(|v| format!("\"{v}\"")).collect();
        let detail = if quoted.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", quoted.join(", "))
        };
        Self {
            kind: ErrorKind::NotSupported,
            field: field.into(),
            value: value.into(),
            detail,
            shown: None,
        }
    }

    /// `{field}: Duplicate value: {value}`.
    pub fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            kind: ErrorKind::Duplicate,
            field: field.into(),
            value: value.into(),
            detail: String::new(),
            shown: None,
        }
    }

    /// `{field}: Forbidden: {detail}`.
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Forbidden,
            field: field.into(),
            value: Value::Null,
            detail: detail.into(),
            shown: None,
        }
    }

    /// `{field}: Not found: {value}`.
    pub fn not_found(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            kind: ErrorKind::NotFound,
            field: field.into(),
            value: value.into(),
            detail: String::new(),
            shown: None,
        }
    }

    /// `{field}: Too long: may not be more than {most} bytes`.
    pub fn too_long(field: impl Into<String>, most: usize) -> Self {
        let detail = format!("may not be more than {most} bytes");
        Self {
            kind: ErrorKind::TooLong,
            field: field.into(),
            value: Value::Null,
            detail,
            shown: None,
        }
    }

    /// `{field}: Too many: {actual}: must have at most {most} items`.
    pub fn too_many(field: impl Into<String>, actual: usize, most: usize) -> Self {
        let detail = format!(
            "must have at most {most} item{}",
            if most == 1 { "" } else { "s" }
        );
        Self {
            kind: ErrorKind::TooMany,
            field: field.into(),
            value: actual.into(),
            detail,
            shown: None,
        }
    }

    /// The same error with its value printed as `text`.
    #[must_use]
    pub fn showing(mut self, text: impl Into<String>) -> Self {
        self.shown = Some(text.into());
        self
    }

    /// The message without the field, as a cause carries it.
    pub fn body(&self) -> String {
        let title = self.kind.title();
        let shows_value = !matches!(
            self.kind,
            ErrorKind::Required | ErrorKind::Forbidden | ErrorKind::TooLong
        );
        let shown = shows_value.then(|| self.shown());
        let mut body = match shown.filter(|shown| !shown.is_empty()) {
            Some(shown) => format!("{title}: {shown}"),
            None => title.to_owned(),
        };
        if !self.detail.is_empty() {
            body = format!("{body}: {}", self.detail);
        }
        body
    }

    /// The value as it is printed: a text in double quotes, anything else as Go's JSON.
    fn shown(&self) -> String {
        match (&self.shown, &self.value) {
            (Some(shown), _) => escaped(shown),
            (None, Value::String(text)) => format!("{text:?}"),
            (None, other) => escaped(&other.to_string()),
        }
    }

    pub(super) fn cause(&self) -> Cause {
        Cause {
            reason: self.kind.cause().to_owned(),
            message: self.body(),
            field: self.field.clone(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

impl ErrorKind {
    const fn title(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Duplicate => "Duplicate value",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not found",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
        }
    }

    const fn cause(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotFound => "FieldValueNotFound",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_as_kubernetes_writes_them() {
        let cases = [
            (Error::required("spec.a", ""), "spec.a: Required value"),
            (
                Error::invalid("spec.a", -1, "must be greater than or equal to 0"),
                "spec.a: Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                Error::not_supported("spec.a", "X", &["A", "B"]),
                "spec.a: Unsupported value: \"X\": supported values: \"A\", \"B\"",
            ),
            (
                Error::invalid("spec.a", "<a>", "must not be <a>"),
                "spec.a: Invalid value: \"<a>\": must not be <a>",
            ),
            (
                Error::invalid("spec.a", vec!["<a>"], "must not hold <a>"),
                "spec.a: Invalid value: [\"\\u003ca\\u003e\"]: must not hold <a>",
            ),
            (
                Error::too_long("metadata.name", 63),
                "metadata.name: Too long: may not be more than 63 bytes",
            ),
        ];
        for (error, text) in cases {
            assert_eq!(error.to_string(), text);
        }
    }
}
