//! Comparing what kubectl printed with what it printed at the recording: padding does not count, and neither does
//! the order of rows and blocks with generated names.

use crate::compare::Comparer;

/// The words in rows whose order is random.
const GENERATED: [&str; 2] = ["<hash>", "<suffix>"];

/// What separates the descriptions of several objects.
const BLOCK: &str = "\n\n\n";

/// The first difference; `None` if there is none.
pub(crate) fn difference(comparer: &mut Comparer, recorded: &str, actual: &str) -> Option<String> {
    let tidy = |text: &str| in_tens_of_milliseconds(&without_padding(text));
    let (recorded, actual) = (tidy(recorded), tidy(actual));
    if recorded.contains(BLOCK) && is_generated(&recorded) {
        let recorded: Vec<&str> = recorded.split(BLOCK).collect();
        let mut left: Vec<&str> = actual.split(BLOCK).collect();
        let unmatched = recorded.iter().find(|block| {
            let found = left
                .iter()
                .position(|own| lines_differ(comparer, block, own).is_none());
            found.is_none_or(|at| left.remove(at).is_empty())
        });
        if unmatched.is_none() && left.is_empty() {
            return None;
        }
    }
    lines_differ(comparer, &recorded, &actual)
}

fn is_generated(text: &str) -> bool {
    GENERATED.iter().any(|word| text.contains(word))
}

fn lines_differ(comparer: &mut Comparer, recorded: &str, actual: &str) -> Option<String> {
    if comparer.text(recorded, actual) {
        return None;
    }
    let recorded: Vec<&str> = recorded.lines().collect();
    let mut actual: Vec<&str> = actual.lines().collect();
    for (at, line) in recorded.iter().enumerate() {
        // Rows with generated names stand together; the first that fits takes this one's place.
        let rows = recorded[at..]
            .iter()
            .take_while(|row| is_generated(row) || *row == line)
            .count();
        let end = actual.len().min(at + rows);
        let fits = (at..end).find(|own| comparer.text(line, actual[*own]));
        match fits {
            Some(found) => actual.swap(at, found),
            None => {
                let own = actual.get(at).copied().unwrap_or("nothing more");
                return Some(format!("line {}: {own:?}, recorded {line:?}", at + 1));
            }
        }
    }
    actual
        .get(recorded.len())
        .map(|line| format!("a further line: {line:?}"))
}

/// Each run of two or more blanks as two, none at the end of a line.
pub(crate) fn without_padding(text: &str) -> String {
    let tidy = |line: &str| {
        let mut tidied = String::new();
        let mut blanks = 0;
        for letter in line.trim_end().chars() {
            blanks = if letter == ' ' { blanks + 1 } else { 0 };
            if blanks <= 2 {
                tidied.push(letter);
            }
        }
        tidied
    };
    let text = text.split('\n').map(tidy).collect::<Vec<_>>().join("\n");
    // curl looks at its clock when the time is over, or a millisecond later.
    text.replace("001 milliseconds", "000 milliseconds")
}

/// What curl measured, to ten milliseconds: a timeout of five seconds comes after 5000 or 5001.
fn in_tens_of_milliseconds(text: &str) -> String {
    const UNIT: &str = " milliseconds";
    let mut parts: Vec<String> = text.split(UNIT).map(str::to_owned).collect();
    let measured = parts.len() - 1;
    for part in &mut parts[..measured] {
        let is_digit = |letter: &char| letter.is_ascii_digit();
        if part.chars().rev().take_while(is_digit).count() > 1 {
            part.pop();
            part.push('0');
        }
    }
    parts.join(UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_the_order_of_generated_names_do_not_count() {
        let mut comparer = Comparer::default();
        let recorded = "NAME  READY\nweb-<suffix>  1/1\nweb-<suffix>  0/1\n";
        let cases = [
            ("NAME        READY\nweb-abcde   0/1\nweb-fghij   1/1\n", true),
            ("NAME        READY\nweb-abcde   1/1\nweb-fghij   1/1\n", false),
            ("NAME        READY\nweb-abcde   1/1\n", false),
        ];
        for (actual, same) in cases {
            assert_eq!(
                difference(&mut comparer, recorded, actual).is_none(),
                same,
                "{actual}"
            );
        }
    }

    #[test]
    fn a_millisecond_more_or_less_does_not_count() {
        let mut comparer = Comparer::default();
        let after = |time: &str| format!("curl: (28) Connection timed out after {time} milliseconds");
        let mut same = |a: &str, b: &str| difference(&mut comparer, &after(a), &after(b)).is_none();
        assert!(same("5000", "5001"));
        assert!(!same("5000", "6000"));
    }
}
