//! The terminal session in README.md is what a learner sees.

use crate::environment::Home;

/// A command of the session and what is printed below it.
#[derive(Debug)]
struct Exchange<'a> {
    command: &'a str,
    shown: Vec<&'a str>,
}

fn session(readme: &str) -> Vec<Exchange<'_>> {
    let mut exchanges: Vec<Exchange<'_>> = Vec::new();
    let inside = readme
        .split("```console\n")
        .skip(1)
        .filter_map(|block| block.split("```").next());
    for line in inside.flat_map(str::lines) {
        match (line.strip_prefix("$ bbf "), exchanges.last_mut()) {
            (Some(command), _) => exchanges.push(Exchange {
                command,
                shown: Vec::new(),
            }),
            (None, Some(exchange)) => exchange.shown.push(line),
            (None, None) => panic!("the session begins with {line:?}"),
        }
    }
    exchanges
}

/// Whether `printed` is what is shown; a line `…` stands for any lines, a `…` at a line's end for any rest.
fn fits(shown: &[&str], printed: &[&str]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((&"…", rest)), _) => {
            fits(rest, printed) || printed.split_first().is_some_and(|(_, later)| fits(shown, later))
        }
        (Some((line, rest)), Some((own, later))) => line_fits(line, own) && fits(rest, later),
        _ => false,
    }
}

fn line_fits(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (shown.trim_end(), printed.trim_end());
    shown == printed
        || shown
            .strip_suffix('…')
            .is_some_and(|start| printed.starts_with(start))
}

#[test]
fn the_session_in_the_readme_is_true() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let session = session(&readme);
    assert!(session.len() >= 5, "{session:?}");
    let home = Home::new();
    for Exchange { command, shown } in session {
        let ended = home.bbf(command);
        let printed: Vec<&str> = ended.stdout.lines().collect();
        assert!(
            fits(&shown, &printed),
            "bbf {command} prints otherwise: {ended:?}"
        );
    }
}

#[test]
fn what_is_left_out_may_be_anything_and_nothing() {
    assert!(fits(&["a", "…", "c"], &["a", "c"]));
    assert!(fits(&["a", "…", "c"], &["a", "b", "b", "c"]));
    assert!(fits(&["pid …"], &["pid 7"]));
    assert!(!fits(&["a"], &["a", "b"]));
    assert!(!fits(&["a", "…", "c"], &["a", "b"]));
}
