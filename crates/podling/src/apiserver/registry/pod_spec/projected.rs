//! Projected volumes: several sources in one folder, in which each file has one source.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::read::Fields as _;
use super::volumes::{check_downward_item, check_file_path, check_given, check_items, check_mode};
use crate::status::field::Error;

const KINDS: [&str; 6] = [
    "secret",
    "configMap",
    "downwardAPI",
    "serviceAccountToken",
    "clusterTrustBundle",
    "podCertificate",
];
/// Ten minutes.
const LEAST_TOKEN_SECONDS: i64 = 600;
const MOST_TOKEN_SECONDS: i64 = 1 << 32;

/// Checks a projected volume at `path`.
pub(super) fn check(volume: &Value, path: &str, errors: &mut Vec<Error>) {
    check_mode(volume, "defaultMode", path, errors);
    let mut files = BTreeSet::new();
    for (i, source) in volume.items("sources").iter().enumerate() {
        let own = format!("{path}.sources[{i}]");
        for kind in ["secret", "configMap"]
            .into_iter()
            .filter(|kind| source.has(kind))
        {
            let (source, own) = (&source[kind], format!("{own}.{kind}"));
            check_given(source, "name", &own, errors);
            check_items(source, &own, errors);
            check_files(source, Some(source.text("name")), &mut files, path, errors);
        }
        if source.has("downwardAPI") {
            for item in source["downwardAPI"].items("items") {
                check_downward_item(item, &format!("{own}.downwardAPI"), errors);
            }
            check_files(&source["downwardAPI"], None, &mut files, path, errors);
        }
        if source.has("serviceAccountToken") {
            let field = format!("{own}.serviceAccountToken.expirationSeconds");
            check_lifetime(&source["serviceAccountToken"], &field, errors);
            // Kubernetes leaves the source out of this path.
            check_file_path(&source["serviceAccountToken"], path, errors);
        }
        if KINDS.iter().filter(|kind| source.has(kind)).count() > 1 {
            let why = "may not specify more than 1 volume type per source";
            errors.push(Error::forbidden(own, why));
        }
    }
}

/// Says of each file that stands in `files` already which source it comes from: its `name`, or else its own path.
fn check_files<'a>(
    source: &'a Value,
    name: Option<&str>,
    files: &mut BTreeSet<&'a str>,
    path: &str,
    errors: &mut Vec<Error>,
) {
    let paths = source.items("items").iter().map(|item| item.text("path"));
    for file in paths.filter(|file| !file.is_empty()) {
        if !files.insert(file) {
            let why = "conflicting duplicate paths";
            errors.push(Error::invalid(path, name.unwrap_or(file), why));
        }
    }
}

fn check_lifetime(token: &Value, field: &str, errors: &mut Vec<Error>) {
    let Some(seconds) = token.number("expirationSeconds") else {
        return;
    };
    let why = if seconds < LEAST_TOKEN_SECONDS {
        "may not specify a duration less than 10 minutes"
    } else if seconds > MOST_TOKEN_SECONDS {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return;
    };
    errors.push(Error::invalid(field, seconds, why));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_file_has_one_source() {
        let item = |path: &str| json!({"name": "n", "items": [{"key": "k", "path": path}]});
        let cases = [
            (json!([{"secret": item("a")}, {"configMap": item("b")}]), ""),
            (
                json!([{"secret": item("a")}, {"configMap": item("a")}]),
                "p: Invalid value: \"n\": conflicting duplicate paths",
            ),
            (
                json!([{"secret": item("a"), "configMap": item("b")}]),
                "p.sources[0]: Forbidden: may not specify more than 1 volume type per source",
            ),
            (
                json!([{"serviceAccountToken": {"path": "/t", "expirationSeconds": 5}}]),
                "p.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes; \
                 p.path: Invalid value: \"/t\": must be a relative path",
            ),
        ];
        for (sources, expected) in cases {
            let mut errors = Vec::new();
            check(&json!({"sources": sources}), "p", &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts.join("; "), expected, "{sources}");
        }
    }
}
