//! Label selectors in their text form: `app=web,tier in (a,b),!old`. Those of objects are [`crate::label_selector`]'s.
//!
//! Source: `k8s.io/apimachinery/pkg/labels/selector.go`, whose grammar and errors these are.

use serde_json::Value;

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

/// The longest value of a label.
const LONGEST_VALUE: usize = 63;

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
        let mut values = Vec::new();
        loop {
            let value = if is_word(self.peek()) {
                self.next()
            } else {
                String::new()
            };
            values.push(value);
            match self.next().as_str() {
                ")" => return Ok(values),
                "," => {}
                token => return Err(format!("found '{token}', expected: ',' or ')'")),
            }
        }
    }
}

fn is_word(token: &str) -> bool {
    !token.is_empty() && !token.starts_with(SYMBOLS)
}

fn check_key(key: &str) -> Result<(), String> {
    let name = key.rsplit('/').next().unwrap_or_default();
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let outer = |c: char| c.is_ascii_alphanumeric();
    let sound = name.chars().all(inner) && name.starts_with(outer) && name.ends_with(outer);
    if sound {
        return Ok(());
    }
    Err(format!(
        "key: Invalid value: {key:?}: name part must consist of alphanumeric characters, '-', '_' or '.', and must \
         start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for \
         validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    ))
}

fn check_values(key: &str, operator: Operator, values: &[String]) -> Result<(), String> {
    if matches!(operator, Operator::GreaterThan | Operator::LessThan)
        && let Some(value) = values.first().filter(|value| value.parse::<i64>().is_err())
    {
        return Err(format!(
            "values[0]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
        ));
    }
    match values.iter().position(|value| value.len() > LONGEST_VALUE) {
        Some(at) => Err(format!(
            "values[{at}][{key}]: Invalid value: {:?}: must be no more than {LONGEST_VALUE} bytes",
            values[at]
        )),
        None => Ok(()),
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
        ] {
            assert_eq!(
                Selector::parse(selector).unwrap().matches(&labels),
                matches,
                "{selector}"
            );
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
        ] {
            assert_eq!(Selector::parse(selector).unwrap_err(), error, "{selector}");
        }
    }
}
