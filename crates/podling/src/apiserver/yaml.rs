//! YAML in and out, as `sigs.k8s.io/yaml` reads and writes it.
//!
//! Differs from Kubernetes: errors are in our parser's words, and long texts are not folded.

use std::fmt::Write as _;

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

/// Writes a value as a document: keys in order, lists no further in than their key.
pub(crate) fn from_json(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(fields) if !fields.is_empty() => write_map(&mut out, fields, 0, false),
        Value::Array(items) if !items.is_empty() => write_list(&mut out, items, 0),
        flat => write_scalar(&mut out, flat, 0),
    }
    out
}

/// Writes a map's lines; the first one continues the line if `begun`.
fn write_map(out: &mut String, fields: &serde_json::Map<String, Value>, indent: usize, begun: bool) {
    for (at, (key, value)) in fields.iter().enumerate() {
        if at > 0 || !begun {
            indentation(out, indent);
        }
        out.push_str(&key_text(key));
        out.push(':');
        write_after_key(out, value, indent);
    }
}

fn write_after_key(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            write_map(out, fields, indent + 2, false);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            write_list(out, items, indent);
        }
        flat => {
            out.push(' ');
            write_scalar(out, flat, indent + 2);
        }
    }
}

fn write_list(out: &mut String, items: &[Value], indent: usize) {
    for item in items {
        indentation(out, indent);
        out.push_str("- ");
        match item {
            Value::Object(fields) if !fields.is_empty() => write_map(out, fields, indent + 2, true),
            Value::Array(items) if !items.is_empty() => {
                let mut inner = String::new();
                write_list(&mut inner, items, indent + 2);
                out.push_str(inner.trim_start());
            }
            flat => write_scalar(out, flat, indent + 2),
        }
    }
}

fn indentation(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn write_scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::String(text) if is_literal(text) => write_literal(out, text, indent),
        Value::String(text) => {
            out.push_str(&text_in_line(text));
            out.push('\n');
        }
        other => {
            out.push_str(&other.to_string());
            out.push('\n');
        }
    }
}

/// Whether a text stands as a block of lines behind `|`.
fn is_literal(text: &str) -> bool {
    text.contains('\n') && !text.ends_with(' ') && !text.contains(" \n") && text.chars().all(is_printable)
}

fn write_literal(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    match (text.strip_suffix('\n'), text.ends_with("\n\n") || text == "\n") {
        (None, _) => out.push('-'),
        (Some(_), true) => out.push('+'),
        (Some(_), false) => {}
    }
    out.push('\n');
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            indentation(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn key_text(key: &str) -> String {
    if key.contains('\n') {
        return double_quoted(key);
    }
    text_in_line(key)
}

/// Plain if that reads as the same text, else in quotes: double ones if it would read as something else.
fn text_in_line(text: &str) -> String {
    if text.contains('\n') || !text.chars().all(is_printable) || !reads_as_text(text) {
        double_quoted(text)
    } else if may_be_plain(text) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

fn is_printable(letter: char) -> bool {
    matches!(letter, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && letter != '\u{feff}'
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            other if is_printable(other) => quoted.push(other),
            other => {
                // Writing to a string cannot fail.
                let _ = match u32::from(other) {
                    code @ 0..=0xff => write!(quoted, "\\x{code:02X}"),
                    code @ 0x100..=0xffff => write!(quoted, "\\u{code:04X}"),
                    code => write!(quoted, "\\U{code:08X}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Whether YAML's syntax leaves the text alone when it stands without quotes.
fn may_be_plain(text: &str) -> bool {
    let indicator = text.starts_with([
        '#', ',', '[', ']', '{', '}', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`',
    ]);
    let mark = ["-", "?", ":"].iter().any(|mark| {
        text.strip_prefix(*mark)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    let document = text.starts_with("---") || text.starts_with("...");
    let inside = text.contains(": ") || text.contains(" #") || text.ends_with(':');
    let blanks = text.starts_with(' ') || text.ends_with(' ');
    !(indicator || mark || document || inside || blanks)
}

/// Whether the plain text is text in YAML 1.1, and not null, a truth value, a number or a time.
fn reads_as_text(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "", "~", "null", "y", "n", "yes", "no", "true", "false", "on", "off", "<<",
    ];
    let lower = text.to_ascii_lowercase();
    // Each word counts in lower case, in capitals, and with one capital.
    let cased = [lower.clone(), lower.to_ascii_uppercase(), capitalised(&lower)].contains(&text.to_owned());
    if cased && WORDS.contains(&lower.as_str()) {
        return false;
    }
    !(is_number(text) || is_time(text) || is_sexagesimal(text))
}

fn capitalised(lower: &str) -> String {
    let mut letters = lower.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn is_number(text: &str) -> bool {
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let in_base = |prefixes: [&str; 2], base: u32| {
        let digits = prefixes.iter().find_map(|prefix| unsigned.strip_prefix(prefix));
        digits.is_some_and(|digits| !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base)))
    };
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(plain.as_str(), ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    in_base(["0x", "0X"], 16) || in_base(["0b", "0B"], 2) || in_base(["0o", "0O"], 8) || is_float(unsigned)
}

/// `12`, `1.5`, `.5`, `5.`, each with an exponent or without.
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let figures = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !figures.is_empty() && digits(figures)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent_fits
}

/// A date, or a date and a time.
fn is_time(text: &str) -> bool {
    let date = text.get(..10).is_some_and(|date| {
        let figures = date
            .split('-')
            .map(|part| (part.len(), part.bytes().all(|byte| byte.is_ascii_digit())));
        figures.eq([(4, true), (2, true), (2, true)])
    });
    date && text
        .get(10..)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['T', 't', ' ']))
}

/// `1:30`, which YAML 1.1 takes for ninety.
fn is_sexagesimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let figures = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.next().is_some_and(figures)
        && unsigned.contains(':')
        && parts.all(|part| part.len() <= 2 && figures(part))
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

    #[test]
    fn maps_and_lists_are_laid_out_as_kubernetes_lays_them_out() {
        let object = json!({
            "spec": {"containers": [{"name": "c", "args": ["a", "b"]}, {}], "empty": [], "none": null},
            "list": [[1, 2], "x"],
        });
        let expected = "list:\n- - 1\n  - 2\n- x\nspec:\n  containers:\n  - args:\n    - a\n    - b\n    name: c\n  - {}\n  \
                        empty: []\n  none: null\n";
        assert_eq!(from_json(&object), expected);
    }

    #[test]
    fn texts_are_quoted_where_they_would_read_as_something_else() {
        let cases = [
            ("nginx:1.27", "nginx:1.27"),
            ("1", "\"1\""),
            ("0x1F", "\"0x1F\""),
            ("1e3", "\"1e3\""),
            ("100m", "100m"),
            ("1.2.3", "1.2.3"),
            ("true", "\"true\""),
            ("No", "\"No\""),
            ("nO", "nO"),
            ("", "\"\""),
            ("2026-01-05T09:00:00Z", "\"2026-01-05T09:00:00Z\""),
            ("12:30", "\"12:30\""),
            ("a: b", "'a: b'"),
            ("it's #1", "'it''s #1'"),
            ("it's", "it's"),
            ("* x", "'* x'"),
            ("- x", "'- x'"),
            ("-x", "-x"),
            ("a\tb", "\"a\\tb\""),
            ("'", "''''"),
        ];
        for (text, expected) in cases {
            assert_eq!(from_json(&json!(text)), format!("{expected}\n"), "{text}");
        }
    }

    #[test]
    fn texts_of_several_lines_are_blocks() {
        let cases = [
            ("a\nb\n", "k: |\n  a\n  b\n"),
            ("a\n\nb", "k: |-\n  a\n\n  b\n"),
            ("a\n\n", "k: |+\n  a\n\n"),
            (" a\nb", "k: |2-\n   a\n  b\n"),
            ("a \nb", "k: \"a \\nb\"\n"),
        ];
        for (text, expected) in cases {
            assert_eq!(from_json(&json!({"k": text})), expected, "{text:?}");
        }
    }
}
