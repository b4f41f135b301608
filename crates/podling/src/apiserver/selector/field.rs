//! Field selectors: `status.phase=Running,metadata.name!=x`.
//!
//! Source: `k8s.io/apimachinery/pkg/fields/selector.go`, and each kind's `AddFieldLabelConversionsFor…`.

use serde_json::Value;

use crate::resource::{
    EVENTS, EVENTS_V1, JOBS, NAMESPACES, NODES, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, Resource,
    SECRETS,
};

/// All terms must hold; no term selects everything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Selector {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Term {
    field: String,
    equal: bool,
    value: String,
}

const OF_PODS: &[&str] = &[
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.podIPs",
    "status.nominatedNodeName",
];
const OF_EVENTS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
];

fn supported_by(resource: &Resource) -> &'static [&'static str] {
    if resource == &PODS {
        OF_PODS
    } else if resource == &EVENTS || resource == &EVENTS_V1 {
        OF_EVENTS
    } else if resource == &NODES {
        &["spec.unschedulable"]
    } else if resource == &NAMESPACES {
        &["status.phase"]
    } else if resource == &SECRETS {
        &["type"]
    } else if resource == &REPLICA_SETS || resource == &REPLICATION_CONTROLLERS {
        &["status.replicas"]
    } else if resource == &JOBS {
        &["status.successful"]
    } else {
        &[]
    }
}

impl Selector {
    /// Reads the text form for a resource.
    ///
    /// # Errors
    /// Kubernetes' sentence about a term that cannot be read or a field that is not supported.
    pub(crate) fn parse(resource: &Resource, text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        for part in split_terms(text) {
            let term = Term::parse(part, text)?;
            check_field(resource, &term.field)?;
            terms.push(term);
        }
        Ok(Self { terms })
    }

    /// Whether the object is selected.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.terms
            .iter()
            .all(|term| (value_of(object, &term.field) == term.value) == term.equal)
    }
}

impl Term {
    fn parse(part: &str, whole: &str) -> Result<Self, String> {
        let unreadable = || format!("invalid selector: '{whole}'; can't understand '{part}'");
        let at = part.find('=').ok_or_else(unreadable)?;
        let (field, equal) = match part[..at].strip_suffix('!') {
            Some(field) => (field, false),
            None => (&part[..at], true),
        };
        let value = part[at + 1..].strip_prefix('=').unwrap_or(&part[at + 1..]);
        Ok(Self {
            field: field.to_owned(),
            equal,
            value: unescape(value)?,
        })
    }
}

/// The terms between commas that are not escaped.
fn split_terms(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, character) in text.char_indices() {
        if character == ',' && !escaped {
            parts.push(&text[start..at]);
            start = at + 1;
        }
        escaped = character == '\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

fn unescape(value: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => plain.push(escaped),
                other => {
                    return Err(format!(
                        "invalid field selector: invalid escape sequence: \\{}",
                        other.unwrap_or_default()
                    ));
                }
            },
            ',' | '=' => {
                return Err(format!(
                    "invalid field selector: unescaped character in value: {}",
                    u32::from(character)
                ));
            }
            plain_character => plain.push(plain_character),
        }
    }
    Ok(plain)
}

fn check_field(resource: &Resource, field: &str) -> Result<(), String> {
    let own = supported_by(resource);
    let named = field == "metadata.name"
        || (field == "metadata.namespace" && (resource.namespaced || own.is_empty()));
    if named || own.contains(&field) {
        return Ok(());
    }
    if own.is_empty() {
        return Err(format!(
            "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        ));
    }
    if resource == &JOBS {
        return Err(format!("field label {field:?} not supported for batchv1.Job"));
    }
    Err(format!("field label not supported: {field}"))
}

/// A field's value as selectors compare it.
fn value_of(object: &Value, field: &str) -> String {
    let path = match field {
        "source" => "source.component",
        "status.podIPs" => "status.podIP",
        "status.successful" => "status.succeeded",
        other => other,
    };
    let value = path.split('.').try_fold(object, |value, key| value.get(key));
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Number(number)) => number.to_string(),
        _ if field == "status.successful" => "0".to_owned(),
        _ if matches!(field, "spec.unschedulable" | "spec.hostNetwork") => "false".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::CONFIG_MAPS;

    #[test]
    fn terms_match_fields() {
        let pod =
            json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}});
        for (selector, matches) in [
            ("", true),
            ("metadata.name=p", true),
            ("metadata.name==p,status.phase!=Failed", true),
            ("spec.nodeName=", false),
            ("status.phase=Failed", false),
        ] {
            assert_eq!(
                Selector::parse(&PODS, selector).unwrap().matches(&pod),
                matches,
                "{selector}"
            );
        }
    }

    #[test]
    fn errors_are_kubernetes_own() {
        for (resource, selector, error) in [
            (
                &PODS,
                "metadata.name",
                "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
            ),
            (&PODS, "=x", "field label not supported: "),
            (
                &PODS,
                "metadata.name=a=b",
                "invalid field selector: unescaped character in value: 61",
            ),
            (
                &CONFIG_MAPS,
                "data=x",
                "\"data\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
            ),
        ] {
            assert_eq!(
                Selector::parse(resource, selector).unwrap_err(),
                error,
                "{selector}"
            );
        }
    }
}
