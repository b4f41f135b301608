//! Where everything stands on the screen: one column up to 129 columns, two from there on.

use super::{Mood, Objective, View};
use crate::ui::markdown;
use crate::ui::messages::{labs, live as say};
use crate::ui::wrapping::{cut, pad, wrap};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;

/// From this width on, the text stands beside the cluster instead of above it.
const TWO_COLUMNS: u16 = 130;

/// Smaller than this, nothing can be shown.
const SMALLEST: (u16, u16) = (40, 12);

/// The most lines of news.
const MOST_NEWS: usize = 4;

/// The most Pods and events that are shown.
const MOST: (usize, usize) = (8, 5);

/// Draws the view; how far the text can be scrolled.
pub fn render(view: &View, area: Rect, buffer: &mut Buffer) -> usize {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        put(&[Line::from(say::too_small(view.language))], area, buffer);
        return 0;
    }
    let rows = Rows { area, next: area.y };
    let mut bottom = news(view, area.width);
    bottom.push(keys(view, area.width));
    let (header, middle, footer) = rows.around(1, u16::try_from(bottom.len()).unwrap_or(2));
    put(&[title(view, area.width)], header, buffer);
    put(&bottom, footer, buffer);
    if area.width >= TWO_COLUMNS {
        let left = Rect {
            width: middle.width / 2 - 1,
            ..middle
        };
        let right = Rect {
            x: left.right() + 2,
            width: middle.width - left.width - 2,
            ..middle
        };
        let lines = cluster_lines(view, right.width, right.height);
        put(&lines, right, buffer);
        text(view, left, buffer)
    } else {
        // A third of the screen is for the text, the rest for the cluster as far as it needs it.
        let lines = cluster_lines(view, middle.width, middle.height - middle.height / 3);
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(middle.height);
        let lower = Rect {
            y: middle.bottom() - height,
            height,
            ..middle
        };
        put(&lines, lower, buffer);
        text(
            view,
            Rect {
                height: middle.height - height,
                ..middle
            },
            buffer,
        )
    }
}

/// Gives an area out row by row.
struct Rows {
    area: Rect,
    next: u16,
}

impl Rows {
    /// `above` rows at the top, `below` rows at the bottom, and what is between.
    fn around(self, above: u16, below: u16) -> (Rect, Rect, Rect) {
        let Self { area, next } = self;
        let top = Rect {
            y: next,
            height: above,
            ..area
        };
        let middle = Rect {
            y: next + above,
            height: area.height - above - below,
            ..area
        };
        let bottom = Rect {
            y: area.bottom() - below,
            height: below,
            ..area
        };
        (top, middle, bottom)
    }
}

fn put(lines: &[Line<'_>], area: Rect, buffer: &mut Buffer) {
    for (row, line) in (area.y..area.bottom()).zip(lines) {
        line.render(
            Rect {
                y: row,
                height: 1,
                ..area
            },
            buffer,
        );
    }
}

fn title(view: &View, width: u16) -> Line<'static> {
    let (state, colour) = if view.solved {
        (say::solved(view.language), Color::Green)
    } else {
        (say::broken(view.language), Color::Red)
    };
    let room = usize::from(width).saturating_sub(unicode_width::UnicodeWidthStr::width(state.as_str()) + 4);
    Line::from(vec![
        Span::raw(format!(" {} ", pad(&cut(&view.title, room), room))).bold(),
        Span::styled(state, Style::new().fg(colour)).bold(),
    ])
    .reversed()
}

/// The latest news, in full as far as there is room: what a server says about a refused manifest is what the learner
/// needs, and its point is often at the end.
fn news(view: &View, width: u16) -> Vec<Line<'static>> {
    let colour = match view.news.mood {
        Mood::Plain => Color::DarkGray,
        Mood::Good => Color::Green,
        Mood::Bad => Color::Red,
        Mood::Question => Color::Yellow,
    };
    let mut lines = wrap(&[Span::raw(view.news.text.as_str())], usize::from(width), "", "");
    lines.truncate(MOST_NEWS);
    if lines.is_empty() {
        lines.push(Line::default());
    }
    lines.into_iter().map(|line| line.fg(colour)).collect()
}

fn keys(view: &View, width: u16) -> Line<'static> {
    Line::from(cut(&view.keys.join("  "), usize::from(width))).bold()
}

fn text(view: &View, area: Rect, buffer: &mut Buffer) -> usize {
    let lines = markdown::render(&view.text, usize::from(area.width));
    let furthest = lines.len().saturating_sub(usize::from(area.height));
    put(&lines[view.scroll.min(furthest)..], area, buffer);
    furthest
}

/// The objectives, the Pods and the events in at most `height` lines; the objectives' observations and the older
/// events give way first.
fn cluster_lines(view: &View, width: u16, height: u16) -> Vec<Line<'static>> {
    let (width, height) = (usize::from(width), usize::from(height));
    let pods = pods(view, width);
    let brief = objectives(view, width, false);
    let full = objectives(view, width, true);
    let least_events = 2.min(view.events.len().max(1));
    let room = |objectives: &[Line<'_>]| height.saturating_sub(objectives.len() + pods.len() + 1);
    let objectives = if room(&full) >= least_events { full } else { brief };
    let events = events(view, width, room(&objectives));
    objectives
        .into_iter()
        .chain(pods)
        .chain(events)
        .take(height)
        .collect()
}

fn heading(text: &str, width: usize) -> Line<'static> {
    let used = unicode_width::UnicodeWidthStr::width(text) + 4;
    Line::from(format!("── {text} {}", "─".repeat(width.saturating_sub(used)))).fg(Color::DarkGray)
}

fn objectives(view: &View, width: usize, with_observed: bool) -> Vec<Line<'static>> {
    let mut lines = vec![heading(&labs::objectives(view.language), width)];
    for objective in &view.objectives {
        lines.push(objective_line(objective, width));
        if with_observed {
            lines.push(Line::from(cut(&format!("  {}", objective.observed), width)).fg(Color::DarkGray));
        }
    }
    lines
}

fn objective_line(objective: &Objective, width: usize) -> Line<'static> {
    let text = cut(&objective.text, width.saturating_sub(2));
    Line::from(vec![
        Span::styled(objective.sign, Style::new().fg(objective.colour)),
        Span::raw(format!(" {text}")),
    ])
}

fn pods(view: &View, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![heading(&say::pods(view.language), width)];
    if view.pods.len() < 2 {
        lines.push(Line::from(say::no_pods(view.language)));
    } else {
        lines.extend(
            view.pods
                .iter()
                .take(MOST.0 + 1)
                .map(|row| Line::from(cut(row, width))),
        );
        let hidden = view.pods.len().saturating_sub(MOST.0 + 1);
        if hidden > 0 {
            lines.push(Line::from(format!("+{hidden}")).fg(Color::DarkGray));
        }
    }
    lines
}

fn events(view: &View, width: usize, room: usize) -> Vec<Line<'static>> {
    let mut lines = vec![heading(&say::events(view.language), width)];
    if view.events.is_empty() {
        lines.push(Line::from(say::no_events(view.language)));
    }
    let first = view.events.len().saturating_sub(room.min(MOST.1));
    lines.extend(view.events[first..].iter().map(|event| {
        let line = Line::from(cut(&event.text, width));
        if event.warning {
            line.fg(Color::Yellow)
        } else {
            line
        }
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Language;
    use crate::ui::live::{EventLine, News};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use snapbox::{assert_data_eq, str};

    fn view() -> View {
        let text = |text: &str| text.to_owned();
        View {
            language: Language::En,
            title: text("ch07-readiness  Ready, for ten seconds"),
            solved: false,
            text: text(
                "## Story\n\nThe Pod turns ready, then unready.\n\n## Task\n\nMake it stay ready.\n\n1. a\n2. b\n3. c",
            ),
            scroll: 0,
            objectives: vec![
                Objective {
                    sign: "✗",
                    colour: Color::Red,
                    text: text("The Pod stays ready for 40 s"),
                    observed: text("Pod httpserver-readiness: not ready"),
                },
                Objective {
                    sign: "…",
                    colour: Color::Yellow,
                    text: text("The Service has an endpoint"),
                    observed: text("0 of 1 addresses"),
                },
            ],
            pods: vec![
                text("NAME                   READY   STATUS    RESTARTS   AGE"),
                text("httpserver-readiness   0/1     Running   0          25s"),
            ],
            events: vec![EventLine {
                warning: true,
                text: text(
                    "Warning  Unhealthy  pod/httpserver-readiness  Readiness probe failed: HTTP probe failed with statuscode: 503 (x3)",
                ),
            }],
            news: News {
                mood: Mood::Plain,
                text: text("Save a manifest in ~/bbf/ch07-readiness to apply it."),
            },
            keys: vec![text("h hint"), text("q leave (cluster runs on)")],
        }
    }

    fn drawn(view: &View, width: u16, height: u16) -> (String, usize) {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut furthest = 0;
        terminal
            .draw(|frame| furthest = render(view, frame.area(), frame.buffer_mut()))
            .unwrap();
        let buffer = terminal.backend().buffer().clone();
        let row = |y| {
            (0..width)
                .map(|x| buffer[(x, y)].symbol())
                .collect::<String>()
                .trim_end()
                .to_owned()
        };
        (
            (0..height).map(row).collect::<Vec<_>>().join("\n") + "\n",
            furthest,
        )
    }

    #[test]
    fn everything_is_on_a_screen_of_80_by_24() {
        let (screen, furthest) = drawn(&view(), 80, 24);
        assert_eq!(furthest, 0);
        assert_data_eq!(
            screen,
            str![[r#"
 ch07-readiness  Ready, for ten seconds                             not solved
Story

The Pod turns ready, then unready.

Task

Make it stay ready.

1. a
2. b
3. c
── Objectives ──────────────────────────────────────────────────────────────────
✗ The Pod stays ready for 40 s
  Pod httpserver-readiness: not ready
… The Service has an endpoint
  0 of 1 addresses
── Pods ────────────────────────────────────────────────────────────────────────
NAME                   READY   STATUS    RESTARTS   AGE
httpserver-readiness   0/1     Running   0          25s
── Events ──────────────────────────────────────────────────────────────────────
Warning  Unhealthy  pod/httpserver-readiness  Readiness probe failed: HTTP prob…
Save a manifest in ~/bbf/ch07-readiness to apply it.
h hint  q leave (cluster runs on)

"#]]
        );
    }

    #[test]
    fn a_wide_screen_has_the_text_beside_the_cluster() {
        let (screen, _) = drawn(&view(), 140, 14);
        let second = screen.lines().nth(1).unwrap();
        assert!(
            second.starts_with("Story") && second.contains("── Objectives"),
            "{screen}"
        );
    }

    #[test]
    fn a_text_that_does_not_fit_is_scrolled_and_never_past_its_end() {
        let mut view = view();
        view.text = (1..=50)
            .map(|line| format!("- line {line}"))
            .collect::<Vec<_>>()
            .join("\n");
        view.scroll = 1000;
        let (screen, furthest) = drawn(&view, 80, 24);
        assert!(furthest > 0 && screen.contains("line 50"), "{screen}");
    }

    #[test]
    fn many_pods_and_long_japanese_texts_leave_room_for_the_keys() {
        let mut view = view();
        view.language = Language::Ja;
        view.pods
            .extend((0..40).map(|number| format!("web-{number}   1/1   Running")));
        view.objectives[0].text = "準備完了の状態を四十秒間保つこと。".repeat(6);
        for (width, height) in [(80, 24), (40, 12), (200, 50), (100, 13)] {
            let (screen, _) = drawn(&view, width, height);
            assert!(screen.contains("h hint"), "{width}x{height}\n{screen}");
        }
    }

    #[test]
    fn a_window_that_is_too_small_says_so() {
        assert!(drawn(&view(), 39, 24).0.contains("too small"));
        for (width, height) in [(1, 1), (3, 40), (40, 3)] {
            drawn(&view(), width, height);
        }
    }
}
