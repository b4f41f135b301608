//! The forms in which a body may come.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/negotiation`, `NegotiateInputSerializer`. Differs from
//! Kubernetes: CBOR, which is off by default there, is not read.

use crate::apiserver::json::Tree;
use crate::apiserver::yaml;
use crate::status::Status;

/// A request's body and what it is written in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Body<'a> {
    /// JSON.
    Json(&'a [u8]),
    /// YAML.
    Yaml(&'a [u8]),
    /// Kubernetes' protobuf.
    Protobuf(&'a [u8]),
}

impl<'a> Body<'a> {
    const MEDIA_TYPES: [&'static str; 3] = [
        "application/json",
        "application/yaml",
        "application/vnd.kubernetes.protobuf",
    ];

    /// The body of that media type (without parameters).
    ///
    /// # Errors
    /// 415 for a form that is not read.
    pub(crate) fn of(media_type: &str, bytes: &'a [u8]) -> Result<Self, Status> {
        let [json, yaml, protobuf] = Self::MEDIA_TYPES;
        match media_type {
            form if form == json => Ok(Self::Json(bytes)),
            form if form == yaml => Ok(Self::Yaml(bytes)),
            form if form == protobuf => Ok(Self::Protobuf(bytes)),
            _ => Err(Status::unsupported_media_type(&Self::MEDIA_TYPES)),
        }
    }
}

/// A YAML body as the JSON tree that it stands for; its keys in order, as Go's conversion leaves them.
///
/// # Errors
/// What is wrong with the YAML.
pub(super) fn yaml(text: &[u8]) -> Result<Tree, String> {
    let value = yaml::to_json(text).map_err(|why| format!("error converting YAML to JSON: {why}"))?;
    Ok(Tree::from(&value))
}
