//! The live view on a terminal: what it shows, what its keys do, and that the terminal is given back.

use crate::environment::{Home, edit, kill};
use crate::screen::Screen;

const SMALL: (u16, u16) = (80, 24);
const WIDE: (u16, u16) = (140, 40);
const MANIFEST: &str = "bbf/ch07-readiness/pod-readiness.yaml";

#[test]
fn the_task_the_objectives_the_pods_and_the_keys_are_on_the_screen() {
    let home = Home::new();
    for size in [SMALL, WIDE] {
        let mut screen = Screen::run(&home, "lab start ch07-readiness", size);
        for text in [
            "ch07-readiness  Ready, for ten seconds",
            "not solved",
            "Objectives",
            "The Pod stays ready.",
            "READY   STATUS",
            "q leave, lab runs on",
        ] {
            screen.shows(text);
        }
        screen.press("q");
        let (status, left) = screen.ended();
        assert!(status.success(), "{status:?}");
        assert!(left.contains("Lab ch07-readiness runs on."), "{left}");
    }
    home.bbf("lab status").code(0);
}

#[test]
fn a_saved_manifest_is_applied_and_a_refused_one_says_why_and_changes_nothing() {
    let home = Home::new();
    let screen = Screen::run(&home, "lab start ch07-readiness", SMALL);
    screen.shows("Save a manifest");
    let manifest = home.path(MANIFEST);
    edit(&manifest, "readinessProbe:", "readynessProbe:");
    screen.shows("readynessProbe");
    edit(&manifest, "readynessProbe:", "readinessProbe:");
    edit(
        &manifest,
        "image: blux2/delayfailserver:1.1",
        "image: blux2/hello-server:2.0",
    );
    screen.shows("Applied pod-readiness.yaml");
}

#[test]
fn hints_and_the_task_are_read_with_keys_and_scrolled() {
    let home = Home::new();
    let mut screen = Screen::run(&home, "lab start ch07-readiness", SMALL);
    screen.shows("h hint");
    screen.press("h");
    screen.shows("Hint 1 of 5");
    screen.press("t");
    screen.hides("Hint 1 of 5");
    screen.shows("A small web server");
    screen.press("\x1b[6~");
    screen.hides("A small web server");
    screen.press("\x1b[5~");
    screen.shows("A small web server");
    let progress = home.bbf("progress --output json").code(0).json();
    assert_eq!(progress["labs"]["ch07-readiness"]["hints"], 1);
}

#[test]
fn what_can_not_be_taken_back_is_asked_first() {
    let home = Home::new();
    let mut screen = Screen::run(&home, "lab start ch07-readiness", SMALL);
    screen.shows("x stop lab");
    for (key, question) in [
        ("s", "Show the solution?"),
        ("r", "Put everything back"),
        ("x", "Put the lab away"),
    ] {
        screen.press(key);
        screen.shows(question);
        screen.press("n");
        screen.hides(question);
    }
    let progress = home.bbf("progress --output json").code(0).json();
    assert_eq!(progress["labs"]["ch07-readiness"]["solutionShown"], false);
    screen.press("x");
    screen.shows("y yes");
    screen.press("y");
    let (status, _) = screen.ended();
    assert!(status.success(), "{status:?}");
    let after = home.bbf("lab status").code(0);
    assert!(after.stdout.contains("No lab is running"), "{after:?}");
}

#[test]
fn every_way_out_gives_the_terminal_back_and_leaves_the_lab_running() {
    let home = Home::new();
    type Out = fn(&mut Screen);
    let ways: [Out; 4] = [
        |screen| screen.press("\x03"),
        |screen| screen.press("\x1b"),
        |screen| kill("-TERM", screen.pid()),
        |screen| kill("-HUP", screen.pid()),
    ];
    for way in ways {
        let mut screen = Screen::run(&home, "lab start ch07-readiness", SMALL);
        screen.shows("q leave");
        way(&mut screen);
        let (status, left) = screen.ended();
        assert!(status.success() && left.contains("runs on"), "{status:?}\n{left}");
    }
    let list = home.bbf("cluster list --output json").code(0).json();
    assert_eq!(list["clusters"][0]["state"], "running");
}

#[test]
fn another_size_is_drawn_anew() {
    let home = Home::new();
    let screen = Screen::run(&home, "--lang ja lab start ch07-readiness", SMALL);
    screen.shows("未解決");
    screen.resize(30, 8);
    screen.shows("ウィンドウが小さ");
    screen.resize(100, 32);
    let text = screen.shows("q 閉じる");
    assert!(text.contains("ch07-readiness"), "{text}");
}

#[test]
fn a_cluster_that_is_killed_is_brought_back_while_the_view_looks_on() {
    let home = Home::new();
    let screen = Screen::run(&home, "lab start ch07-readiness", SMALL);
    screen.shows("q leave");
    kill("-KILL", home.server_pid("ch07-readiness"));
    screen.shows("brought back");
    screen.shows("READY   STATUS");
}
