//! Where a lab is to run, in the words of the command line. The record of a session keeps it, so that every later
//! command finds the same cluster without being told again.

use serde::{Deserialize, Serialize};

/// Where a lab is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "provider",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Place {
    /// On podling, in a background process.
    #[default]
    Embedded,
    /// On a cluster that bbf makes with kind.
    Kind {
        /// The image of its nodes; `None` for the pinned one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node_image: Option<String>,
    },
    /// On a cluster that is there already.
    Existing {
        /// The context of the learner's kubeconfig that leads to it.
        context: String,
    },
}

impl Place {
    /// The word of the command line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Kind { .. } => "kind",
            Self::Existing { .. } => "existing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_and_read_back() {
        for (place, text) in [
            (Place::Embedded, r#"{"provider":"embedded"}"#),
            (Place::Kind { node_image: None }, r#"{"provider":"kind"}"#),
            (
                Place::Kind {
                    node_image: Some("kindest/node:v1.36.1".to_owned()),
                },
                r#"{"provider":"kind","nodeImage":"kindest/node:v1.36.1"}"#,
            ),
            (
                Place::Existing {
                    context: "k3d-class".to_owned(),
                },
                r#"{"provider":"existing","context":"k3d-class"}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&place).unwrap(), text);
            assert_eq!(serde_json::from_str::<Place>(text).unwrap(), place);
        }
    }
}
