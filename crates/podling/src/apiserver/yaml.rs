//! YAML in and out, as `sigs.k8s.io/yaml` reads and writes it.
//!
//! Differs from Kubernetes: errors are in our parser's words.

use serde_json::Value;

/// Reads one YAML document as JSON: `yes` is true, `0644` is 420, the last of two equal keys counts.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn to_json(text: &[u8]) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
    };
    serde_saphyr::from_slice_with_options(text, options).map_err(|error| format!("yaml: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_is_read_as_kubectl_reads_it() {
        let cases = [
            (
                "a: yes\nb: 0644\nc: 'on'\n",
                json!({"a": true, "b": 420, "c": "on"}),
            ),
            ("{\"a\": [1, null]}", json!({"a": [1, null]})),
            ("a: 1\na: 2\n", json!({"a": 2})),
            ("", json!(null)),
        ];
        for (text, expected) in cases {
            assert_eq!(to_json(text.as_bytes()).unwrap(), expected, "{text}");
        }
        assert!(to_json(b"a: [").unwrap_err().starts_with("yaml: "));
    }
}
