//! Markdown as lines of styled text: what labs are written in. Headings, paragraphs, lists, quotes, code.
//!
//! Nothing is fetched and nothing is clickable: a link shows its text, and its address where that differs.

use super::wrapping::wrap;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

/// The lines of `markdown`, at most `width` columns wide except in code blocks, which are never broken.
pub fn render(markdown: &str, width: usize) -> Vec<Line<'static>> {
    let mut writer = Writer {
        width,
        ..Writer::default()
    };
    for event in Parser::new(markdown) {
        writer.take(event);
    }
    writer.flush();
    writer.lines
}

/// The style of code, in a line and in blocks.
pub fn code_style() -> Style {
    Style::new().fg(Color::Cyan)
}

#[derive(Default)]
struct Writer {
    width: usize,
    lines: Vec<Line<'static>>,
    spans: Vec<Span<'static>>,
    /// The number of the next item of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// What stands before the item's first line, until that is written.
    bullet: Option<String>,
    /// How far the lines of the item are moved to the right.
    indent: usize,
    strong: usize,
    emphasis: usize,
    heading: bool,
    code_block: bool,
    quotes: usize,
    link: Option<String>,
}

impl Writer {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.code_block => self.code_lines(&text),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => self.spans.push(Span::styled(code.to_string(), code_style())),
            Event::SoftBreak => self.soft_break(),
            Event::HardBreak => self.flush(),
            Event::Rule => self.lines.push(Line::from("─".repeat(self.width.min(40)))),
            Event::InlineHtml(_) | Event::Html(_) => {}
            other => self.other(&other),
        }
    }

    /// What this reader has no syntax for arrives as text.
    fn other(&mut self, event: &Event<'_>) {
        if let Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) = event {
            self.text(text);
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.separate(),
            Tag::Heading { .. } => {
                self.separate();
                self.heading = true;
            }
            Tag::CodeBlock(_) => {
                self.flush();
                self.separate();
                self.code_block = true;
            }
            Tag::List(number) => {
                self.flush();
                if self.lists.is_empty() {
                    self.separate();
                }
                self.lists.push(number);
            }
            Tag::Item => self.start_item(),
            Tag::BlockQuote(_) => self.quotes += 1,
            Tag::Strong => self.strong += 1,
            Tag::Emphasis => self.emphasis += 1,
            Tag::Link { dest_url, .. } => self.link = Some(dest_url.to_string()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.flush(),
            TagEnd::Heading(_) => {
                self.flush();
                self.heading = false;
            }
            TagEnd::CodeBlock => self.code_block = false,
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
            }
            TagEnd::Item => {
                self.flush();
                self.bullet = None;
                self.indent = self.indent.saturating_sub(3);
            }
            TagEnd::BlockQuote(_) => self.quotes = self.quotes.saturating_sub(1),
            TagEnd::Strong => self.strong = self.strong.saturating_sub(1),
            TagEnd::Emphasis => self.emphasis = self.emphasis.saturating_sub(1),
            TagEnd::Link => self.end_link(),
            _ => {}
        }
    }

    fn start_item(&mut self) {
        self.flush();
        let bullet = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "•  ".to_owned(),
        };
        self.bullet = Some(format!("{}{bullet}", " ".repeat(self.indent)));
        self.indent += 3;
    }

    fn end_link(&mut self) {
        let Some(address) = self.link.take() else { return };
        let shown = self.spans.last().is_some_and(|span| span.content == address);
        if !shown {
            self.spans.push(Span::raw(format!(" ({address})")));
        }
    }

    fn text(&mut self, text: &str) {
        let mut style = Style::new();
        if self.heading || self.strong > 0 {
            style = style.add_modifier(Modifier::BOLD);
        }
        if self.emphasis > 0 {
            style = style.add_modifier(Modifier::ITALIC);
        }
        self.spans.push(Span::styled(text.to_owned(), style));
    }

    /// A line break in the source is a space between words, but nothing between Japanese characters.
    fn soft_break(&mut self) {
        let last = self.spans.last().and_then(|span| span.content.chars().last());
        if last.is_none_or(|character| character.is_ascii()) {
            self.spans.push(Span::raw(" "));
        }
    }

    fn code_lines(&mut self, text: &str) {
        let indent = " ".repeat(self.indent + 2);
        for line in text.lines() {
            self.lines.push(Line::from(vec![
                Span::raw(indent.clone()),
                Span::styled(line.to_owned(), code_style()),
            ]));
        }
    }

    /// A blank line before the next block, except at the start and inside a list's item.
    fn separate(&mut self) {
        let blank = self.lines.last().is_none_or(|line| line.width() == 0);
        if !blank && self.bullet.is_none() {
            self.lines.push(Line::default());
        }
    }

    fn flush(&mut self) {
        if self.spans.is_empty() {
            return;
        }
        let spans = std::mem::take(&mut self.spans);
        let quote = "│ ".repeat(self.quotes);
        let rest = format!("{}{quote}", " ".repeat(self.indent));
        let first = self
            .bullet
            .take()
            .map_or_else(|| rest.clone(), |bullet| format!("{bullet}{quote}"));
        self.lines.extend(wrap(&spans, self.width, &first, &rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(markdown: &str, width: usize) -> String {
        render(markdown, width)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_blocks_of_a_lab_text_are_laid_out() {
        let text = "## What happened\n\nThe Pod `web` is **not**\nready.\n\n- look at the log\n- look at the\n  \
                    [probe](https://k8s.io)\n\n1. one\n2. two\n\n```console\n$ kubectl get pods\n```\n";
        let expected = "What happened\n\nThe Pod web is not ready.\n\n•  look at the log\n•  look at the probe\n   \
                        (https://k8s.io)\n\n1. one\n2. two\n\n  $ kubectl get pods";
        assert_eq!(plain(text, 26), expected);
    }

    #[test]
    fn japanese_paragraphs_join_without_a_space() {
        assert_eq!(plain("準備が\nできた", 80), "準備ができた");
    }

    #[test]
    fn code_and_stress_are_styled() {
        let lines = render("a `b` **c**", 80);
        let styles: Vec<_> = lines[0]
            .spans
            .iter()
            .map(|span| (span.content.trim(), span.style))
            .collect();
        assert!(styles.contains(&("b", code_style())));
        assert!(styles.contains(&("c", Style::new().add_modifier(Modifier::BOLD))));
    }

    #[test]
    fn any_text_is_laid_out_without_a_panic() {
        for text in [
            "",
            "\n",
            "- \n",
            "> a\n>> b",
            "<b>x</b>",
            "![i](u)",
            "[a]",
            "1. \n   1. x",
            "```",
            "| a |\n|--|\n| b |",
        ] {
            for width in [0, 1, 5] {
                render(text, width);
            }
        }
    }
}
