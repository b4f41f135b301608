//! Expansion of words: variables, substitutions, arithmetic and field splitting.

use std::collections::BTreeMap;

use super::parse::{Part, Word};

/// What words are expanded against.
pub(crate) struct Scope<'a> {
    /// The variables.
    pub(crate) variables: &'a BTreeMap<String, String>,
    /// The results of substitutions, in order.
    pub(crate) values: std::vec::IntoIter<String>,
    /// `$?`
    pub(crate) status: i32,
}

impl Scope<'_> {
    fn variable(&self, name: &str) -> String {
        match name {
            "?" => self.status.to_string(),
            "$" => "1".to_owned(),
            "#" => "0".to_owned(),
            _ => self.variables.get(name).cloned().unwrap_or_default(),
        }
    }

    /// A word as one text, as in an assignment or a redirect.
    pub(crate) fn text(&mut self, word: &Word) -> String {
        word.iter().map(|part| self.part(part).0).collect()
    }

    /// A word as the fields it gives: an unquoted empty value gives none.
    pub(crate) fn fields(&mut self, word: &Word) -> Vec<String> {
        let (mut fields, mut current, mut started) = (Vec::new(), String::new(), word.is_empty());
        for part in word {
            let (text, splits) = self.part(part);
            if !splits {
                current.push_str(&text);
                started = true;
                continue;
            }
            let mut pieces = text.split([' ', '\t', '\n']).peekable();
            while let Some(piece) = pieces.next() {
                started |= !piece.is_empty();
                current.push_str(piece);
                if pieces.peek().is_some() && started {
                    fields.push(std::mem::take(&mut current));
                    started = false;
                }
            }
        }
        if started {
            fields.push(current);
        }
        fields
    }

    /// The text of a part and whether it is split into fields.
    fn part(&mut self, part: &Part) -> (String, bool) {
        match part {
            Part::Literal(text) => (text.clone(), false),
            Part::Variable {
                name,
                default,
                quoted,
            } => {
                let value = self.variable(name);
                let value = match default {
                    Some(default) if value.is_empty() => default.clone(),
                    _ => value,
                };
                (value, !quoted)
            }
            Part::Substitution { quoted, .. } => (self.values.next().unwrap_or_default(), !quoted),
            Part::Arithmetic(sum) => {
                let value = arithmetic(sum, &|name| self.variable(name));
                (value.to_string(), false)
            }
        }
    }
}

/// The value of a sum: integers, variables, `+ - * / %`, comparisons and parentheses. What cannot be read
/// counts as zero, as an unset variable does.
pub(crate) fn arithmetic(sum: &str, variable: &dyn Fn(&str) -> String) -> i64 {
    let mut reader = Arithmetic {
        text: sum.as_bytes(),
        at: 0,
        variable,
    };
    reader.level(0)
}

struct Arithmetic<'a> {
    text: &'a [u8],
    at: usize,
    variable: &'a dyn Fn(&str) -> String,
}

/// Operators from the loosest to the tightest.
const LEVELS: [&[&str]; 4] = [
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Arithmetic<'_> {
    fn skip_blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn take(&mut self, operators: &[&'static str]) -> Option<&'static str> {
        self.skip_blanks();
        let rest = &self.text[self.at..];
        let found = operators
            .iter()
            .find(|operator| rest.starts_with(operator.as_bytes()))?;
        self.at += found.len();
        Some(found)
    }

    fn level(&mut self, level: usize) -> i64 {
        let Some(operators) = LEVELS.get(level) else {
            return self.atom();
        };
        let mut left = self.level(level + 1);
        while let Some(operator) = self.take(operators) {
            let right = self.level(level + 1);
            left = apply(operator, left, right);
        }
        left
    }

    fn atom(&mut self) -> i64 {
        if self.take(&["("]).is_some() {
            let value = self.level(0);
            self.take(&[")"]);
            return value;
        }
        if self.take(&["-"]).is_some() {
            return self.atom().wrapping_neg();
        }
        self.take(&["$"]);
        let start = self.at;
        while self
            .text
            .get(self.at)
            .is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_')
        {
            self.at += 1;
        }
        let word = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        match word.parse() {
            Ok(number) => number,
            Err(_) => (self.variable)(&word).trim().parse().unwrap_or(0),
        }
    }
}

fn apply(operator: &str, left: i64, right: i64) -> i64 {
    match operator {
        "+" => left.wrapping_add(right),
        "-" => left.wrapping_sub(right),
        "*" => left.wrapping_mul(right),
        "/" => left.checked_div(right).unwrap_or(0),
        "%" => left.checked_rem(right).unwrap_or(0),
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "<=" => i64::from(left <= right),
        ">=" => i64::from(left >= right),
        "<" => i64::from(left < right),
        _ => i64::from(left > right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_follow_the_usual_precedence() {
        let variable = |name: &str| {
            if name == "i" {
                "4".to_owned()
            } else {
                String::new()
            }
        };
        for (sum, value) in [
            ("i+1", 5),
            ("1 + 2 * 3", 7),
            ("(1 + 2) * 3", 9),
            ("$i % 3", 1),
            ("i > 3", 1),
            ("-i + unset", -4),
            ("1/0", 0),
        ] {
            assert_eq!(arithmetic(sum, &variable), value, "{sum}");
        }
    }

    #[test]
    fn an_unquoted_value_is_split_and_a_quoted_one_is_not() {
        let variables = BTreeMap::from([("A".to_owned(), " x  y ".to_owned())]);
        let fields = |quoted| {
            let mut scope = Scope {
                variables: &variables,
                values: Vec::new().into_iter(),
                status: 0,
            };
            scope.fields(&vec![Part::Variable {
                name: "A".to_owned(),
                default: None,
                quoted,
            }])
        };
        assert_eq!(fields(false), ["x", "y"]);
        assert_eq!(fields(true), [" x  y "]);
    }
}
