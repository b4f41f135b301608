//! Accept headers: in which form and in which encoding an answer is wanted.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/negotiation`, `github.com/munnerz/goautoneg`, and go-restful,
//! which looks at the header before. Differs from Kubernetes: answers are JSON or YAML, never protobuf, which every
//! client accepts beside its favourite.

use crate::status::{Details, Status};

/// The media types in which a whole answer could come.
const WHOLE: [&str; 3] = [
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];

/// Those of a watch.
const STREAMS: [&str; 2] = [
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];

/// The form of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// The objects themselves.
    Object,
    /// `meta.k8s.io` Table, as `kubectl get` asks for.
    Table,
    /// Only metadata, of one object.
    PartialObjectMetadata,
    /// Only metadata, of a list.
    PartialObjectMetadataList,
}

/// What an answer is written in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Encoding {
    Json,
    Yaml,
}

/// What kind of answer is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Endpoint {
    /// One object, or the outcome of a write.
    Object,
    /// A list.
    List,
    /// A watch.
    Watch,
}

/// What was agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Accepted {
    pub(crate) form: Form,
    /// The version of `meta.k8s.io` for forms that are not the object's own.
    pub(crate) version: &'static str,
}

/// One clause of an Accept header that names something that can be served.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clause<'a> {
    pub(super) encoding: Encoding,
    parameters: Vec<(&'a str, &'a str)>,
    quality: f64,
    /// 0 for a full type, 1 for `application/*`, 2 for `*/*`.
    vagueness: u8,
}

/// The clauses of a header that can be served, the favourite first. No header accepts JSON.
pub(super) fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let accept = match accept.trim() {
        "" => "application/json",
        accept => accept,
    };
    let mut clauses: Vec<Clause<'_>> = accept.split(',').filter_map(Clause::parse).collect();
    clauses.sort_by(|a, b| {
        let by_quality = b.quality.total_cmp(&a.quality);
        by_quality.then(a.vagueness.cmp(&b.vagueness))
    });
    clauses
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (encoding, vagueness) = match parts.next()? {
            "application/json" => (Encoding::Json, 0),
            "application/yaml" => (Encoding::Yaml, 0),
            "application/*" => (Encoding::Json, 1),
            "*/*" => (Encoding::Json, 2),
            _ => return None,
        };
        let mut parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
        let quality = parameters
            .iter()
            .find(|(name, _)| *name == "q")
            .and_then(|(_, value)| value.parse().ok());
        parameters.retain(|(name, _)| *name != "q");
        Some(Self {
            encoding,
            parameters,
            quality: quality.unwrap_or(1.0),
            vagueness,
        })
    }

    /// The value of a parameter; empty for none.
    pub(super) fn parameter(&self, name: &str) -> &'a str {
        let found = self.parameters.iter().find(|(own, _)| *own == name);
        found.map_or("", |(_, value)| value)
    }

    /// The form that the clause asks for; `None` if no resource is served in it.
    fn form(&self) -> Option<Accepted> {
        let (kind, group, version) = (self.parameter("as"), self.parameter("g"), self.parameter("v"));
        if (kind, group, version) == ("", "", "") {
            return Some(Accepted {
                form: Form::Object,
                version: "meta.k8s.io/v1",
            });
        }
        let version = match (group, version) {
            ("meta.k8s.io", "v1") => "meta.k8s.io/v1",
            ("meta.k8s.io", "v1beta1") => "meta.k8s.io/v1beta1",
            _ => return None,
        };
        let form = match kind {
            "Table" => Form::Table,
            "PartialObjectMetadata" => Form::PartialObjectMetadata,
            "PartialObjectMetadataList" => Form::PartialObjectMetadataList,
            _ => return None,
        };
        Some(Accepted { form, version })
    }
}

/// The form that an Accept header asks for.
///
/// # Errors
/// 406 if no form that is served is accepted.
pub(super) fn negotiate(accept: &str, endpoint: Endpoint) -> Result<Accepted, Status> {
    if !produces(accept, endpoint) {
        return Err(no_representation(endpoint));
    }
    let found = clauses(accept)
        .into_iter()
        .find_map(|clause| clause.form().map(|form| (clause.encoding, form)));
    match (found, endpoint) {
        (None, Endpoint::Object | Endpoint::List) => Err(not_acceptable(&WHOLE)),
        // YAML cannot be cut into events.
        (None | Some((Encoding::Yaml, _)), Endpoint::Watch) => Err(not_acceptable(&STREAMS)),
        (Some((_, form)), _) => Ok(form),
    }
}

/// Whether go-restful finds a route: it compares whole media types, and knows no `application/*`.
fn produces(accept: &str, endpoint: Endpoint) -> bool {
    accept.trim().is_empty()
        || accept.split(',').any(|clause| {
            let media_type = clause.split(';').next().unwrap_or_default().trim();
            media_type == "*/*" || available(endpoint).contains(&media_type)
        })
}

fn available(endpoint: Endpoint) -> Vec<&'static str> {
    match endpoint {
        Endpoint::Object => WHOLE.to_vec(),
        Endpoint::List | Endpoint::Watch => [&WHOLE[..], &STREAMS].concat(),
    }
}

fn no_representation(endpoint: Endpoint) -> Status {
    let message = format!(
        "406: Not Acceptable\n\nAvailable representations: {}",
        available(endpoint).join(", ")
    );
    Status {
        details: Some(Box::<Details>::default()),
        ..Status::new(406, "NotAcceptable", message)
    }
}

fn not_acceptable(accepted: &[&str]) -> Status {
    let message = format!(
        "only the following media types are accepted: {}",
        accepted.join(", ")
    );
    Status::new(406, "NotAcceptable", message)
}

/// 406 for a document about the server itself.
pub(super) fn no_whole_form() -> Status {
    not_acceptable(&WHOLE)
}

/// What the answer to a header is written in.
pub(super) fn encoding(accept: &str) -> Encoding {
    clauses(accept)
        .first()
        .map_or(Encoding::Json, |clause| clause.encoding)
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
                "application/json;as=Table;v=v9;g=meta.k8s.io,application/json",
                Form::Object,
            ),
            (
                "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
                Form::PartialObjectMetadataList,
            ),
            (
                "application/json;q=0.1,application/json;as=Table;v=v1;g=meta.k8s.io;q=0.9",
                Form::Table,
            ),
        ] {
            let accepted = negotiate(accept, Endpoint::Object).unwrap();
            assert_eq!(accepted.form, form, "{accept}");
        }
    }

    #[test]
    fn what_is_not_served_is_refused_in_the_words_of_who_notices() {
        let message = |accept: &str, endpoint| negotiate(accept, endpoint).unwrap_err().message;
        let whole = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
        let streams = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
        assert_eq!(
            message("text/plain", Endpoint::Object),
            format!("406: Not Acceptable\n\nAvailable representations: {whole}")
        );
        assert_eq!(
            message("application/*", Endpoint::List),
            format!("406: Not Acceptable\n\nAvailable representations: {whole}, {streams}")
        );
        assert_eq!(
            message("application/json;as=Table;v=v2;g=meta.k8s.io", Endpoint::List),
            format!("only the following media types are accepted: {whole}")
        );
        assert_eq!(
            message("application/yaml", Endpoint::Watch),
            format!("only the following media types are accepted: {streams}")
        );
    }

    #[test]
    fn the_favourite_decides_the_encoding() {
        let cases = [
            ("", Encoding::Json),
            ("application/yaml", Encoding::Yaml),
            ("application/yaml;q=0.5, application/json", Encoding::Json),
            ("*/*, application/yaml", Encoding::Yaml),
        ];
        for (accept, expected) in cases {
            assert_eq!(encoding(accept), expected, "{accept}");
        }
    }
}
