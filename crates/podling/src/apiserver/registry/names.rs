//! What names, labels, keys and ports must look like, in the words of
//! `k8s.io/apimachinery/pkg/util/validation`. Each function answers what is wrong; nothing when all is well.

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// The greatest length of a DNS label.
const LABEL_LENGTH: usize = 63;
/// The greatest length of a DNS name.
const SUBDOMAIN_LENGTH: usize = 253;

/// What `metadata.name` of a kind must look like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rule {
    /// Dots allowed: most kinds.
    Subdomain,
    /// A single DNS label: namespaces, services.
    Label,
    /// Anything that can stand in a path.
    PathSegment,
}

impl Rule {
    /// What is wrong with `name`; for a prefix (`generateName`) a dash at the end is fine.
    pub(super) fn check(self, name: &str, is_prefix: bool) -> Vec<String> {
        let masked = match name.strip_suffix('-') {
            Some(start) if is_prefix && !start.is_empty() => format!("{start}a"),
            _ => name.to_owned(),
        };
        match self {
            Self::Subdomain => subdomain(&masked),
            Self::Label => label(&masked),
            Self::PathSegment => path_segment(name),
        }
    }
}

fn too_many_characters(most: usize) -> String {
    format!("must be no more than {most} characters")
}

fn is_lower_alphanumeric(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    text.starts_with(is_lower_alphanumeric)
        && text.ends_with(is_lower_alphanumeric)
        && text.chars().all(|c| is_lower_alphanumeric(c) || c == '-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

/// A DNS label (RFC 1123).
pub(super) fn label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > LABEL_LENGTH {
        wrong.push(too_many_characters(LABEL_LENGTH));
    }
    if !is_label(text) {
        let why = if is_subdomain(text) {
            "must not contain dots"
        } else {
            LABEL
        };
        wrong.push(why.to_owned());
    }
    wrong
}

/// A DNS name (RFC 1123).
pub(super) fn subdomain(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > SUBDOMAIN_LENGTH {
        wrong.push(too_many_characters(SUBDOMAIN_LENGTH));
    }
    if !is_subdomain(text) {
        wrong.push(SUBDOMAIN.to_owned());
    }
    wrong
}

/// A DNS name whose first label is `*`.
pub(super) fn wildcard_subdomain(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > SUBDOMAIN_LENGTH {
        wrong.push(too_many_characters(SUBDOMAIN_LENGTH));
    }
    if !text.strip_prefix("*.").is_some_and(is_subdomain) {
        wrong.push(WILDCARD.to_owned());
    }
    wrong
}

/// What can stand between two slashes of a path (`IsValidPathSegmentName`).
pub(super) fn path_segment(text: &str) -> Vec<String> {
    if text == "." || text == ".." {
        return vec![format!("may not be '{text}'")];
    }
    let forbidden = ["/", "%"].into_iter().filter(|part| text.contains(part));
    forbidden
        .map(|part| format!("may not contain '{part}'"))
        .collect()
}

/// Letters, digits, `-`, `_`, `.`, with a letter or digit at both ends.
fn is_qualified_part(text: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(is_alphanumeric)
        && text.ends_with(is_alphanumeric)
        && text.chars().all(|c| is_alphanumeric(c) || "-_.".contains(c))
}

/// A label key: a name with an optional DNS prefix, `example.com/tier`.
pub(crate) fn qualified_name(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let name = match parts.as_slice() {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                wrong.extend(subdomain(prefix).into_iter().map(|w| format!("prefix part {w}")));
            }
            name
        }
        _ => {
            return vec![format!(
                "a valid label key {QUALIFIED} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_LENGTH {
        wrong.push(format!("name part must be no more than {LABEL_LENGTH} bytes"));
    }
    if !is_qualified_part(name) {
        wrong.push(format!("name part {QUALIFIED}"));
    }
    wrong
}

/// A label's value, which may be empty.
pub(crate) fn label_value(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > LABEL_LENGTH {
        wrong.push(format!("must be no more than {LABEL_LENGTH} bytes"));
    }
    if !text.is_empty() && !is_qualified_part(text) {
        wrong.push(LABEL_VALUE.to_owned());
    }
    wrong
}

/// A key in a ConfigMap or a Secret.
pub(super) fn config_key(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > SUBDOMAIN_LENGTH {
        wrong.push(too_many_characters(SUBDOMAIN_LENGTH));
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if text.is_empty() || !text.chars().all(is_allowed) {
        wrong.push(CONFIG_KEY.to_owned());
    }
    match text {
        "." => wrong.push("must not be '.'".to_owned()),
        ".." => wrong.push("must not be '..'".to_owned()),
        _ if text.starts_with("..") => wrong.push("must not start with '..'".to_owned()),
        _ => {}
    }
    wrong
}

/// A port's name (RFC 6335).
pub(super) fn port_name(text: &str) -> Vec<String> {
    let is_allowed = |c: char| is_lower_alphanumeric(c) || c == '-';
    let rules = [
        (text.len() > 15, "must be no more than 15 characters"),
        (
            text.is_empty() || !text.chars().all(is_allowed),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (
            !text.contains(|c: char| c.is_ascii_lowercase()),
            "must contain at least one letter (a-z)",
        ),
        (text.contains("--"), "must not contain consecutive hyphens"),
        (
            text.starts_with('-') || text.ends_with('-'),
            "must not begin or end with a hyphen",
        ),
    ];
    rules
        .into_iter()
        .filter(|(broken, _)| *broken)
        .map(|(_, why)| why.to_owned())
        .collect()
}

/// A port number.
pub(super) fn port_number(port: i64) -> Option<&'static str> {
    (!(1..=65535).contains(&port)).then_some("must be between 1 and 65535, inclusive")
}

/// An environment variable's name.
pub(super) fn env_var_name(text: &str) -> Vec<String> {
    let is_allowed = |c: char| matches!(c, ' '..='~') && c != '=';
    if !text.is_empty() && text.chars().all(is_allowed) {
        return Vec::new();
    }
    let why =
        "a valid environment variable name must consist only of printable ASCII characters other than '='";
    vec![why.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_held_against_their_rule() {
        let long = "a".repeat(64);
        type Case<'a> = (fn(&str) -> Vec<String>, &'a str, &'a [&'a str]);
        let cases: &[Case<'_>] = &[
            (label, "web-1", &[]),
            (label, "my.web", &["must not contain dots"]),
            (label, "Web", &[LABEL]),
            (label, &long, &["must be no more than 63 characters"]),
            (subdomain, "a.b-c", &[]),
            (subdomain, "a..b", &[SUBDOMAIN]),
            (label_value, "", &[]),
            (label_value, "my app", &[LABEL_VALUE]),
            (label_value, &long, &["must be no more than 63 bytes"]),
            (qualified_name, "example.com/Tier", &[]),
            (qualified_name, "/x", &["prefix part must be non-empty"]),
            (port_name, "http-1", &[]),
            (port_name, "123", &["must contain at least one letter (a-z)"]),
            (config_key, "a b", &[CONFIG_KEY]),
            (config_key, "..x", &["must not start with '..'"]),
            (env_var_name, "a.b", &[]),
        ];
        for (rule, name, wrong) in cases {
            assert_eq!(rule(name), *wrong, "{name}");
        }
    }

    #[test]
    fn a_role_may_be_called_anything_that_fits_in_a_path() {
        let check = |name: &str| Rule::PathSegment.check(name, false);
        assert!(check("system:node-Reader").is_empty());
        assert_eq!(check(".."), ["may not be '..'"]);
        assert_eq!(check("a/b%"), ["may not contain '/'", "may not contain '%'"]);
    }

    #[test]
    fn a_generated_names_prefix_may_end_in_a_dash() {
        assert!(Rule::Subdomain.check("web-", true).is_empty());
        assert!(!Rule::Subdomain.check("web-", false).is_empty());
        assert!(!Rule::Subdomain.check("-", true).is_empty());
    }
}
