//! Lines of styled text broken to a width in terminal columns, in languages with and without spaces.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Characters that must not begin a line in Japanese.
const NEVER_FIRST: &str = "、。，．・：；？！ー）」』】〉》〕々ゃゅょっャュョッぁぃぅぇぉァィゥェォ,.:;?!)]}";

/// What is never broken: a word, a run of spaces, a wide character with the punctuation that clings to it.
#[derive(Debug, Clone, PartialEq)]
struct Unit {
    text: String,
    style: Style,
    width: usize,
    space: bool,
    wide: bool,
}

/// Breaks `spans` into lines of at most `width` columns; `first` and `rest` stand before the first and the further
/// lines, as in a list. A word longer than a line is broken where the line ends.
pub fn wrap(spans: &[Span<'_>], width: usize, first: &str, rest: &str) -> Vec<Line<'static>> {
    let room = width.saturating_sub(first.width().max(rest.width())).max(1);
    let mut lines: Vec<Vec<Unit>> = vec![vec![]];
    let mut used = 0;
    for unit in units(spans).into_iter().flat_map(|unit| split(unit, room)) {
        if used + unit.width > room && !unit.space {
            lines.push(vec![]);
            used = 0;
        }
        let Some(line) = lines.last_mut() else { continue };
        if unit.space && line.is_empty() {
            continue;
        }
        used += unit.width;
        line.push(unit);
    }
    let prefixes = std::iter::once(first).chain(std::iter::repeat(rest));
    lines
        .into_iter()
        .zip(prefixes)
        .map(|(units, prefix)| line(prefix, units))
        .collect()
}

fn line(prefix: &str, mut units: Vec<Unit>) -> Line<'static> {
    if units.last().is_some_and(|unit| unit.space) {
        units.pop();
    }
    let mut spans: Vec<Span<'static>> = vec![];
    if !prefix.is_empty() {
        spans.push(Span::raw(prefix.to_owned()));
    }
    for unit in units {
        match spans.last_mut() {
            Some(last) if last.style == unit.style => last.content.to_mut().push_str(&unit.text),
            _ => spans.push(Span::styled(unit.text, unit.style)),
        }
    }
    Line::from(spans)
}

fn units(spans: &[Span<'_>]) -> Vec<Unit> {
    let mut units: Vec<Unit> = vec![];
    for span in spans {
        for character in span.content.chars() {
            push(&mut units, character, span.style);
        }
    }
    units
}

fn push(units: &mut Vec<Unit>, character: char, style: Style) {
    let width = character.width().unwrap_or(0);
    let space = character == ' ' || character == '\n';
    let wide = width > 1;
    let joins = |last: &Unit| {
        let same = last.style == style && last.space == space && !(wide || last.wide);
        same || (NEVER_FIRST.contains(character) && !last.space && last.style == style)
    };
    match units.last_mut() {
        Some(last) if joins(last) => {
            last.text.push(if space { ' ' } else { character });
            last.width += width;
        }
        _ => {
            let text = if space {
                " ".to_owned()
            } else {
                character.to_string()
            };
            units.push(Unit {
                text,
                style,
                width: if space { 1 } else { width },
                space,
                wide,
            });
        }
    }
}

/// Pieces of at most `room` columns.
fn split(unit: Unit, room: usize) -> Vec<Unit> {
    if unit.width <= room {
        return vec![unit];
    }
    let mut pieces: Vec<Unit> = vec![];
    for character in unit.text.chars() {
        let width = character.width().unwrap_or(0);
        match pieces.last_mut() {
            Some(last) if last.width + width <= room => {
                last.text.push(character);
                last.width += width;
            }
            _ => pieces.push(Unit {
                text: character.to_string(),
                width,
                ..unit.clone()
            }),
        }
    }
    pieces
}

/// `text` cut to `width` columns, with `…` where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

/// `text` with spaces behind it up to `width` columns.
pub fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, width: usize, expected: &[&str]) {
        let lines = wrap(&[Span::raw(text)], width, "", "");
        assert_eq!(
            lines.iter().map(ToString::to_string).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn words_stay_whole_where_they_fit() {
        check("the Pod is not ready", 10, &["the Pod is", "not ready"]);
        check("abcdefghij", 4, &["abcd", "efgh", "ij"]);
        check("", 4, &[""]);
        check("a  b", 80, &["a  b"]);
    }

    #[test]
    fn japanese_breaks_between_characters_but_not_before_punctuation() {
        check("準備ができた。次へ", 8, &["準備がで", "きた。次", "へ"]);
        check("準備です。次", 8, &["準備で", "す。次"]);
        check("Podは準備中", 6, &["Podは", "準備中"]);
    }

    #[test]
    fn a_list_hangs_under_its_first_word() {
        let lines = wrap(&[Span::raw("one two three")], 9, "- ", "  ");
        assert_eq!(
            lines.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["- one two", "  three"]
        );
    }

    #[test]
    fn a_cut_text_says_so() {
        for (text, width, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("準備中", 5, "準備…"),
            ("準備中", 4, "準…"),
        ] {
            assert_eq!(cut(text, width), expected);
        }
        assert_eq!(pad("準", 4), "準  ");
    }
}
