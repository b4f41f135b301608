//! Who sends a request: what a transport found out about the sender, and on whose behalf it is sent.
//!
//! Source: `k8s.io/apiserver/pkg/authentication/user` and `.../request/{bearertoken,headerrequest}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::request::percent_decode;

/// The group of everybody who could be identified.
pub(crate) const AUTHENTICATED: &str = "system:authenticated";
/// The group of everybody who could not.
pub(crate) const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The name of everybody who could not be identified.
pub(crate) const ANONYMOUS: &str = "system:anonymous";
/// The group that may do anything, whatever roles say.
pub(crate) const MASTERS: &str = "system:masters";

/// `authentication/v1` UserInfo.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct UserInfo {
    /// The name.
    pub username: String,
    /// What tells users of the same name apart; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Whatever else the authenticator knows.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// A user of that name and groups.
    pub fn new(username: &str, groups: &[&str]) -> Self {
        Self {
            username: username.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }
}

/// What a transport knows of a request's sender.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Credentials {
    /// The transport has checked that it is the cluster's owner.
    #[default]
    Owner,
    /// None were given, or none of a kind that is known.
    None,
    /// A bearer token that the cluster must look into.
    Token(String),
    /// The transport vouches for this user.
    User(UserInfo),
}

impl Credentials {
    /// What an `Authorization` header says, if it is not one that the transport itself knows.
    pub fn from_authorization(header: Option<&str>) -> Self {
        let mut words = header.unwrap_or_default().trim().splitn(3, ' ');
        let is_bearer = words
            .next()
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
        match words.next() {
            Some(token) if is_bearer && !token.is_empty() => Self::Token(token.to_owned()),
            _ => Self::None,
        }
    }

    /// Whether it is the owner, which recordings leave out.
    pub fn is_owner(&self) -> bool {
        *self == Self::Owner
    }
}

/// On whose behalf a request is sent: the `Impersonate-*` headers.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Impersonation {
    /// `Impersonate-User`; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// `Impersonate-Uid`; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Each `Impersonate-Group`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Each `Impersonate-Extra-<key>`, by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

const EXTRA: &str = "impersonate-extra-";

impl Impersonation {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Takes a header, if it is about impersonation. A header that is given several times is taken several times.
    pub fn take_header(&mut self, name: &str, value: &str) {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "impersonate-user" => value.clone_into(&mut self.user),
            "impersonate-uid" => value.clone_into(&mut self.uid),
            "impersonate-group" => self.groups.push(value.to_owned()),
            _ => {
                if let Some(key) = name.strip_prefix(EXTRA) {
                    let values = self.extra.entry(percent_decode(key)).or_default();
                    values.push(value.to_owned());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_tokens_are_looked_into() {
        let token = |text: &str| Credentials::Token(text.to_owned());
        let cases = [
            (None, Credentials::None),
            (Some("Bearer abc"), token("abc")),
            (Some("bearer abc def"), token("abc")),
            (Some("Bearer "), Credentials::None),
            (Some("Bearer  abc"), Credentials::None),
            (Some("Basic YTpi"), Credentials::None),
        ];
        for (header, expected) in cases {
            assert_eq!(Credentials::from_authorization(header), expected, "{header:?}");
        }
    }

    #[test]
    fn headers_say_on_whose_behalf() {
        let mut impersonation = Impersonation::default();
        for (name, value) in [
            ("Accept", "x"),
            ("Impersonate-User", "jane"),
            ("Impersonate-Group", "a"),
            ("impersonate-group", "b"),
            ("Impersonate-Extra-Example.com%2fScopes", "view"),
        ] {
            impersonation.take_header(name, value);
        }
        assert_eq!(
            (impersonation.user.as_str(), impersonation.groups.len()),
            ("jane", 2)
        );
        assert_eq!(impersonation.extra["example.com/scopes"], ["view"]);
        assert!(!impersonation.is_none() && Impersonation::default().is_none());
    }
}
