//! Label selectors in their text form: `app=web,tier in (a,b),!old`. Those of objects are [`crate::label_selector`]'s.
//!
//! Source: `k8s.io/apimachinery/pkg/labels/selector.go`, whose grammar and errors these are.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::apiserver::registry::names;
use crate::label_selector::Operator;

/// All requirements must hold; no requirement selects everything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Selector {
    requirements: Vec<Requirement>,
}

/// One condition on a label.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

impl Selector {
    /// Reads the text form.
    ///
    /// # Errors
    /// Kubernetes' sentence about what was found and expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let requirements = Parser {
            tokens: tokens(text),
            at: 0,
        }
        .requirements()?;
        Ok(Self { requirements })
    }

    /// Whether an object with these labels is selected.
    pub(crate) fn matches(&self, labels: &Value) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.matches(labels))
    }
}

impl Requirement {
    fn new(key: &str, operator: Operator, values: &[&str]) -> Self {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        Self {
            key: key.to_owned(),
            operator,
            values,
        }
    }

    fn matches(&self, labels: &Value) -> bool {
        let label = labels.get(&self.key).and_then(Value::as_str);
        self.operator.holds(label, self.values.iter().map(String::as_str))
    }
}

/// The symbols of the grammar; everything else between blanks is a word.
const SYMBOLS: &[char] = &['=', '!', '(', ')', ',', '<', '>'];

fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut open: Option<bool> = None;
    for character in text.chars() {
        let symbol = SYMBOLS.contains(&character);
        if character.is_whitespace() {
            open = None;
            continue;
        }
        let joins = match (open, tokens.last()) {
            (Some(false), Some(_)) => !symbol,
            // Only `==` and `!=` are longer than one symbol.
            (Some(true), Some(last)) => symbol && character == '=' && (last == "=" || last == "!"),
            _ => false,
        };
        match tokens.last_mut().filter(|_| joins) {
            Some(last) => last.push(character),
            None => tokens.push(character.to_string()),
        }
        open = Some(symbol);
    }
    tokens
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn next(&mut self) -> String {
        let token = self.peek().to_owned();
        self.at += 1;
        token
    }

    fn requirements(mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                "" => return Ok(requirements),
                token if is_word(token) || token == "!" => {}
                token => {
                    return Err(format!(
                        "found '{token}', expected: !, identifier, or 'end of string'"
                    ));
                }
            }
            let requirement = self
                .requirement()
                .map_err(|why| format!("unable to parse requirement: {why}"))?;
            requirements.push(requirement);
            match self.next().as_str() {
                "" => return Ok(requirements),
                "," if is_word(self.peek()) || self.peek() == "!" => {}
                "," => return Err(format!("found '{}', expected: identifier after ','", self.peek())),
                token => return Err(format!("found '{token}', expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let absent = self.peek() == "!";
        if absent {
            self.at += 1;
        }
        let key = self.word()?;
        check_key(&key)?;
        if absent {
            return Ok(Requirement::new(&key, Operator::DoesNotExist, &[]));
        }
        if matches!(self.peek(), "" | ",") {
            return Ok(Requirement::new(&key, Operator::Exists, &[]));
        }
        let operator = self.operator()?;
        let set = matches!(
            self.tokens.get(self.at - 1).map(String::as_str),
            Some("in" | "notin")
        );
        let values = if set {
            self.set()?
        } else {
            vec![self.exact_value()?]
        };
        check_values(&key, operator, &values)?;
        Ok(Requirement {
            key,
            operator,
            values,
        })
    }

    fn word(&mut self) -> Result<String, String> {
        let token = self.next();
        if is_word(&token) {
            Ok(token)
        } else {
            Err(format!("found '{token}', expected: identifier"))
        }
    }

    fn operator(&mut self) -> Result<Operator, String> {
        match self.next().as_str() {
            "in" | "=" | "==" => Ok(Operator::In),
            "notin" | "!=" => Ok(Operator::NotIn),
            ">" => Ok(Operator::GreaterThan),
            "<" => Ok(Operator::LessThan),
            token => Err(format!("found '{token}', expected: in, notin, =, ==, !=, gt, lt")),
        }
    }

    fn exact_value(&mut self) -> Result<String, String> {
        if matches!(self.peek(), "" | ",") {
            Ok(String::new())
        } else {
            self.word()
        }
    }

    fn set(&mut self) -> Result<Vec<String>, String> {
        let open = self.next();
        if open != "(" {
            return Err(format!("found '{open}' expected: '('"));
        }
        if is_word(self.peek()) || matches!(self.peek(), "," | ")") {
            return self.set_values();
        }
        Err(format!(
            "found '{}', expected: ',', ')' or identifier",
            self.peek()
        ))
    }

    /// The values up to the closing bracket; between two commas stands the empty one.
    fn set_values(&mut self) -> Result<Vec<String>, String> {
        let mut values = Vec::new();
        loop {
            match self.next().as_str() {
                ")" => {
                    values.push(String::new());
                    return Ok(values);
                }
                "," => values.push(String::new()),
                word if is_word(word) => {
                    values.push(word.to_owned());
                    match self.next().as_str() {
                        ")" => return Ok(values),
                        "," => {}
                        token => return Err(format!("found '{token}', expected: ',' or ')'")),
                    }
                }
                token => return Err(format!("found '{token}', expected: ',', or identifier")),
            }
        }
    }
}

fn is_word(token: &str) -> bool {
    !token.is_empty() && !token.starts_with(SYMBOLS)
}

/// Kubernetes checks a key by itself, and has no name for the place where it stands.
fn check_key(key: &str) -> Result<(), String> {
    let wrong = names::qualified_name(key);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("<nil>: Invalid value: {key:?}: {}", wrong.join("; ")))
}

/// What is wrong with the values, which Kubernetes has sorted, and holds one of each.
fn check_values(key: &str, operator: Operator, values: &[String]) -> Result<(), String> {
    let values: BTreeSet<&String> = values.iter().collect();
    let mut errors = Vec::new();
    if matches!(operator, Operator::GreaterThan | Operator::LessThan) {
        let no_integer = values.iter().filter(|value| value.parse::<i64>().is_err());
        errors.extend(no_integer.map(|value| {
            format!(
                "values[0]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
            )
        }));
    }
    for (at, value) in values.iter().enumerate() {
        let wrong = names::label_value(value);
        if !wrong.is_empty() {
            let wrong = wrong.join("; ");
            errors.push(format!("values[{at}][{key}]: Invalid value: {value:?}: {wrong}"));
        }
    }
    match &errors[..] {
        [] => Ok(()),
        [error] => Err(error.clone()),
        _ => Err(format!("[{}]", errors.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_match_as_kubernetes_does() {
        let labels = json!({"app": "web", "tier": "a", "n": "5", "empty": ""});
        for (selector, matches) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier!=b", true),
            ("app!=web", false),
            ("gone!=x", true),
            ("tier in (a, b)", true),
            ("tier notin (a)", false),
            ("gone notin (a)", true),
            ("app", true),
            ("!app", false),
            ("!gone", true),
            ("n>4,n<6", true),
            ("empty=", true),
            ("app in (in,web)", true),
            ("empty in ()", true),
            ("empty in (a,)", true),
            ("empty in (,a)", true),
            ("app in (a,)", false),
        ] {
            assert_eq!(
                Selector::parse(selector).unwrap().matches(&labels),
                matches,
                "{selector}"
            );
        }
    }

    #[test]
    fn values_are_checked_and_all_that_are_wrong_are_told() {
        let label = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start \
                     and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
                     validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
        let integer = "for 'Gt', 'Lt' operators, the value must be an integer";
        let cases = [
            (
                "app=a/b",
                format!("values[0][app]: Invalid value: \"a/b\": {label}"),
            ),
            (
                "app in (ok,c/d,a/b,c/d)",
                format!(
                    "[values[0][app]: Invalid value: \"a/b\": {label}, values[1][app]: Invalid value: \"c/d\": {label}]"
                ),
            ),
            ("n>1.5", format!("values[0]: Invalid value: \"1.5\": {integer}")),
        ];
        for (selector, why) in cases {
            let error = Selector::parse(selector).unwrap_err();
            assert_eq!(error, format!("unable to parse requirement: {why}"));
        }
    }

    #[test]
    fn errors_say_what_was_found_and_expected() {
        for (selector, error) in [
            ("app=web=x", "found '=', expected: ',' or 'end of string'"),
            (
                "app in web",
                "unable to parse requirement: found 'web' expected: '('",
            ),
            (
                "app in (web",
                "unable to parse requirement: found '', expected: ',' or ')'",
            ),
            ("=web", "found '=', expected: !, identifier, or 'end of string'"),
            (
                "app web",
                "unable to parse requirement: found 'web', expected: in, notin, =, ==, !=, gt, lt",
            ),
            ("app=my app", "found 'app', expected: ',' or 'end of string'"),
            ("(app)", "found '(', expected: !, identifier, or 'end of string'"),
            ("app,,tier", "found ',', expected: identifier after ','"),
            ("app notin", "unable to parse requirement: found '' expected: '('"),
            (
                "app in (<)",
                "unable to parse requirement: found '<', expected: ',', ')' or identifier",
            ),
            (
                "app in (a,!)",
                "unable to parse requirement: found '!', expected: ',', or identifier",
            ),
            (
                "/app=web",
                "unable to parse requirement: <nil>: Invalid value: \"/app\": prefix part must be non-empty",
            ),
        ] {
            assert_eq!(Selector::parse(selector).unwrap_err(), error, "{selector}");
        }
    }
}
