//! What Go's `encoding/json` does to some letters of a text, so that JSON can stand in HTML and JavaScript.

/// Valid JSON, with those letters as escapes.
pub(crate) fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '<' => escaped.push_str(r"\u003c"),
            '>' => escaped.push_str(r"\u003e"),
            '&' => escaped.push_str(r"\u0026"),
            '\u{2028}' => escaped.push_str(r"\u2028"),
            '\u{2029}' => escaped.push_str(r"\u2029"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_html_are_escaped() {
        assert_eq!(escaped(r#"{"a":"b"}"#), r#"{"a":"b"}"#);
        assert_eq!(
            escaped("\"a && b > c\u{2028}<\""),
            r#""a \u0026\u0026 b \u003e c\u2028\u003c""#
        );
    }
}
