//! Comparing an answer with a recorded one, in which volatile values are words in angle brackets.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// What each word in angle brackets stands for.
const WORDS: [(&str, &str); 22] = [
    ("<uid>", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ("<rv>", r"\d+"),
    (
        "<time>",
        r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)|\d{4}/\d\d/\d\d \d\d:\d\d:\d\d|\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}|.{4,40}?)",
    ),
    (
        "<age>",
        r"(\d+y)?(\d+d)?(\d+h)?(\d+m)?(\d+(\.\d+)?s)?(\d+(\.\d+)?ms)?|<unknown>|<invalid>",
    ),
    ("<ip>", r"(\d{1,3}\.){3}\d{1,3}"),
    ("<nodeport>", r"3[0-2]\d{3}"),
    ("<token>", r"\S+"),
    ("<containerid>", r"[0-9a-f]{64}"),
    ("<digest>", r"[0-9a-f]{64}"),
    // Behind a dot it is an event's, the nanoseconds of its time.
    (r"\.<hash>", r"\.[0-9a-f]{16}"),
    ("<hash>", r"[0-9a-z]{1,10}"),
    ("<suffix>", r"[0-9a-z]{5}"),
    ("<eventid>", r"[0-9a-f]+"),
    ("<minutes>", r"\d+"),
    ("<port>", r"\d+"),
    ("<host>", r"\S+"),
    ("<node>", r"\S+"),
    ("<server>", r"\S+"),
    ("<continue>", r"\S+"),
    // kubectl reckons with its own clock, which is ahead of the cluster's.
    ("<invalid>", r"<invalid>|\d+[ydhms]\S*"),
    // busybox's has the time at which it was built behind it.
    ("<version>", r"\S+( \(\d{4}-[^)]*\))?"),
    ("<ca>", r"[\s\S]*?"),
];

/// What the recorder left as its machine had it, in escaped texts, and what stands for it: the size of the images
/// that were at hand, the dates of files, the names of events in `get --output wide`, and the machine's own name.
static UNTIDIED: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let words = [
        (r"Image size: \d+ bytes", r"Image size: \d+ bytes"),
        (
            r" [A-Z][a-z]{2} [ \d]\d \d\d:\d\d ",
            r" [A-Z][a-z]{2} [ \d]\d \d\d:\d\d ",
        ),
        (r"\\\.[0-9a-f]{16}", r"\.[0-9a-f]{16}"),
        (r"default\\-scheduler\\-vm", r"default-scheduler-\S+"),
    ];
    words
        .into_iter()
        .filter_map(|(left, stands_for)| Some((Regex::new(left).ok()?, stands_for)))
        .collect()
});

/// Compares texts and values, remembering the patterns it made.
#[derive(Debug, Default)]
pub(crate) struct Comparer {
    patterns: BTreeMap<String, Option<Regex>>,
}

impl Comparer {
    /// The first difference, with its path; `None` if there is none.
    pub(crate) fn difference(&mut self, recorded: &Value, actual: &Value) -> Option<String> {
        self.differ("", recorded, actual)
    }

    fn differ(&mut self, path: &str, recorded: &Value, actual: &Value) -> Option<String> {
        match (recorded, actual) {
            (Value::Object(recorded), Value::Object(actual)) => {
                for (key, value) in recorded {
                    let Some(own) = self.field(key, actual) else {
                        return Some(format!("{path}.{key}: missing, recorded {}", short(value)));
                    };
                    if let Some(difference) = self.differ(&format!("{path}.{key}"), value, own) {
                        return Some(difference);
                    }
                }
                let extra = actual
                    .keys()
                    .find(|key| !recorded.keys().any(|known| self.text(known, key)))?;
                Some(format!(
                    "{path}.{extra}: {}, recorded nothing",
                    short(&actual[extra])
                ))
            }
            // Objects with generated names come in a random order.
            (Value::Array(recorded), Value::Array(actual))
                if self.same_in_another_order(recorded, actual) =>
            {
                None
            }
            (Value::Array(recorded), Value::Array(actual)) => {
                let differs = recorded
                    .iter()
                    .zip(actual)
                    .enumerate()
                    .find_map(|(at, (recorded, actual))| {
                        self.differ(&format!("{path}[{at}]"), recorded, actual)
                    });
                differs.or_else(|| {
                    (recorded.len() != actual.len())
                        .then(|| format!("{path}: {} items, recorded {}", actual.len(), recorded.len()))
                })
            }
            (Value::String(recorded), Value::String(actual)) if self.text(recorded, actual) => None,
            (Value::String(recorded), Value::Number(number)) if self.text(recorded, &number.to_string()) => {
                None
            }
            _ if recorded == actual => None,
            _ => Some(format!("{path}: {}, recorded {}", short(actual), short(recorded))),
        }
    }

    fn same_in_another_order(&mut self, recorded: &[Value], actual: &[Value]) -> bool {
        let generated = |value: &Value| {
            ["<hash>", "<suffix>", "<eventid>"]
                .iter()
                .any(|word| value.to_string().contains(word))
        };
        if recorded.len() != actual.len() || !recorded.iter().any(generated) {
            return false;
        }
        let mut left: Vec<&Value> = actual.iter().collect();
        recorded.iter().all(|recorded| {
            let found = left
                .iter()
                .position(|actual| self.difference(recorded, actual).is_none());
            found.is_some_and(|at| !left.remove(at).is_null())
        })
    }

    fn field<'a>(&mut self, key: &str, actual: &'a serde_json::Map<String, Value>) -> Option<&'a Value> {
        if key.contains('<') {
            return actual
                .iter()
                .find(|(own, _)| self.text(key, own))
                .map(|(_, value)| value);
        }
        actual.get(key)
    }

    /// Whether every field of `recorded` is there with its value; more fields may be.
    pub(crate) fn contains(&mut self, recorded: &Value, actual: &Value) -> bool {
        match (recorded, actual) {
            (Value::Object(recorded), Value::Object(actual)) => recorded.iter().all(|(key, value)| {
                self.field(key, actual)
                    .is_some_and(|own| self.contains(value, own))
            }),
            (Value::Array(recorded), Value::Array(actual)) => {
                recorded.len() == actual.len()
                    && recorded
                        .iter()
                        .zip(actual)
                        .all(|(recorded, actual)| self.contains(recorded, actual))
            }
            _ => self.difference(recorded, actual).is_none(),
        }
    }

    /// Whether a text is what was recorded.
    pub(crate) fn text(&mut self, recorded: &str, actual: &str) -> bool {
        if recorded == actual {
            return true;
        }
        let pattern = self
            .patterns
            .entry(recorded.to_owned())
            .or_insert_with(|| pattern_of(recorded));
        pattern.as_ref().is_some_and(|pattern| pattern.is_match(actual))
    }
}

/// A pattern for a text with words in angle brackets; `None` for one without.
fn pattern_of(recorded: &str) -> Option<Regex> {
    let mut pattern = regex::escape(recorded);
    for (word, stands_for) in WORDS {
        // Escaping leaves angle brackets alone.
        pattern = pattern.replace(word, &format!("(?:{stands_for})"));
    }
    for (left, stands_for) in UNTIDIED.iter() {
        pattern = left
            .replace_all(&pattern, regex::NoExpand(stands_for))
            .into_owned();
    }
    (pattern != regex::escape(recorded))
        .then(|| Regex::new(&format!("^(?:{pattern})$")).ok())
        .flatten()
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_in_angle_brackets_stand_for_what_changes() {
        let mut comparer = Comparer::default();
        assert!(comparer.text("web-<hash>-<suffix>", "web-5bc7ccb8dd-7wlh4"));
        assert!(comparer.text("web.<hash>", "web.1887ca1cd38ef328"));
        assert!(!comparer.text("web-<hash>", "web-1887ca1cd38ef328"));
        assert!(comparer.text("<age>", "3m20s"));
        assert!(!comparer.text("<rv>", "x"));
        for (recorded, own, same) in [
            ("Image size: 3493109 bytes.", "Image size: 70 bytes.", true),
            ("root 4096 Nov 21 03:09 /etc", "root 4096 Jan  5 09:00 /etc", true),
            (
                "root 4096 Nov 21 03:09 /etc",
                "root 4095 Jan  5 09:00 /etc",
                false,
            ),
            ("1  p.18e9f08f6fb7175d", "1  p.1887ca1c9cb8dd28", true),
            ("default-scheduler-vm  x", "default-scheduler-node  x", true),
        ] {
            assert_eq!(comparer.text(recorded, own), same, "{own}");
        }
        assert_eq!(
            comparer.difference(&json!({"a": "<rv>"}), &json!({"a": "5"})),
            None
        );
        assert!(
            comparer
                .difference(&json!({"a": 1}), &json!({"a": 1, "b": 2}))
                .is_some()
        );
    }
}
