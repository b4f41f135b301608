//! Accept headers: in which form an answer is wanted.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/negotiation`. Differs from Kubernetes: answers are JSON only,
//! which every client accepts beside its favourite.

use crate::status::{Details, Status};

/// The form of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// The objects themselves.
    Object,
    /// `meta.k8s.io` Table, as `kubectl get` asks for.
    Table,
    /// Only metadata.
    PartialObjectMetadata,
}

/// The form that an Accept header asks for.
///
/// # Errors
/// 406 if no form that is served is accepted.
pub(super) fn negotiate(accept: &str, watch: bool) -> Result<Form, Status> {
    if accept.trim().is_empty() {
        return Ok(Form::Object);
    }
    accept
        .split(',')
        .find_map(form_of)
        .ok_or_else(|| not_acceptable(watch))
}

fn form_of(clause: &str) -> Option<Form> {
    let mut parts = clause.split(';').map(str::trim);
    if !matches!(parts.next()?, "application/json" | "*/*" | "application/*") {
        return None;
    }
    let mut form = Form::Object;
    for parameter in parts {
        match parameter.split_once('=') {
            Some(("v", version)) if !matches!(version, "v1" | "v1beta1") => return None,
            Some(("as", "Table")) => form = Form::Table,
            Some(("as", "PartialObjectMetadata" | "PartialObjectMetadataList")) => {
                form = Form::PartialObjectMetadata;
            }
            // A form of another group, such as an aggregated discovery document, is none of a resource's.
            Some(("g", group)) if group != "meta.k8s.io" => return None,
            _ => {}
        }
    }
    Some(form)
}

fn not_acceptable(watch: bool) -> Status {
    let streams = match watch {
        true => ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch",
        false => "",
    };
    let message = format!(
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
         application/vnd.kubernetes.protobuf{streams}"
    );
    Status {
        details: Some(Box::<Details>::default()),
        ..Status::new(406, "NotAcceptable", message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_is_served_is_taken() {
        let kubectl_get = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        for (accept, form) in [
            ("", Form::Object),
            (
                "application/vnd.kubernetes.protobuf,application/json",
                Form::Object,
            ),
            (kubectl_get, Form::Table),
            ("text/html, */*", Form::Object),
            (
                "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
                Form::PartialObjectMetadata,
            ),
        ] {
            assert_eq!(negotiate(accept, false).ok(), Some(form), "{accept}");
        }
        assert_eq!(
            negotiate("text/plain", false).err().map(|status| status.code),
            Some(406)
        );
    }
}
