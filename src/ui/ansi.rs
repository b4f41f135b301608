//! Styled lines as text for a terminal, or as plain text for a pipe.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use std::fmt::Write as _;

/// The text of `lines`, with ANSI escape sequences if `colour`; each line ends with a line feed.
pub fn text(lines: &[Line<'_>], colour: bool) -> String {
    let mut text = String::new();
    for line in lines {
        for span in &line.spans {
            text.push_str(&styled(&span.content, span.style, colour));
        }
        text.push('\n');
    }
    text
}

/// `content` in a style, if `colour`.
pub fn styled(content: &str, style: Style, colour: bool) -> String {
    let codes = if colour { codes(style) } else { String::new() };
    if codes.is_empty() {
        content.to_owned()
    } else {
        format!("\x1b[{codes}m{content}\x1b[0m")
    }
}

fn codes(style: Style) -> String {
    let modifiers = [
        (Modifier::BOLD, "1"),
        (Modifier::DIM, "2"),
        (Modifier::ITALIC, "3"),
    ];
    let mut codes = String::new();
    for (modifier, code) in modifiers {
        if style.add_modifier.contains(modifier) {
            // Writing to a String can't fail.
            write!(codes, "{code};").ok();
        }
    }
    codes.push_str(style.fg.map_or("", foreground));
    codes.trim_end_matches(';').to_owned()
}

/// The colours that bbf uses.
fn foreground(colour: Color) -> &'static str {
    match colour {
        Color::Red => "31",
        Color::Green => "32",
        Color::Yellow => "33",
        Color::Cyan => "36",
        Color::DarkGray => "90",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Stylize as _;
    use ratatui::text::Span;

    #[test]
    fn a_pipe_gets_plain_text_and_a_terminal_gets_colours() {
        let lines = [Line::from(vec![Span::raw("a "), Span::raw("b").bold().cyan()])];
        assert_eq!(text(&lines, false), "a b\n");
        assert_eq!(text(&lines, true), "a \x1b[1;36mb\x1b[0m\n");
    }
}
