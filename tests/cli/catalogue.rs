//! Looking around: list, show, completions, help, language.

use crate::environment::Home;
use snapbox::{assert_data_eq, str};

#[test]
fn the_list_names_the_labs_and_leaves_nothing_behind() {
    let home = Home::new();
    let ended = home.bbf("lab list").code(0);
    assert_data_eq!(
        ended.stdout,
        str![[r#"
LAB               TITLE                       MINUTES   STATE
ch07-readiness    Ready, for ten seconds      10        -
...
"#]]
    );
    assert_eq!(ended.stderr, "");
    assert_eq!(std::fs::read_dir(home.path("")).unwrap().count(), 0);
}

#[test]
fn the_list_speaks_japanese_and_json() {
    let home = Home::new();
    assert!(
        home.bbf("lab list --lang ja")
            .code(0)
            .stdout
            .contains("10秒だけReadyなPod")
    );
    let mut command = home.command("lab list");
    let ended = home
        .ended(command.env("LANG", "ja_JP.UTF-8").output().unwrap())
        .code(0);
    assert!(ended.stdout.contains("題名"), "{ended:?}");
    let labs = home.bbf("lab list --output json").code(0).json();
    assert_eq!(labs["labs"][0]["id"], "ch07-readiness");
    assert_eq!(labs["labs"][0]["state"], "new");
}

#[test]
fn a_lab_is_shown_without_being_started() {
    let home = Home::new();
    let ended = home.bbf("lab show ch07-readiness").code(0);
    assert!(ended.stdout.contains("Ready, for ten seconds") && ended.stdout.contains("Objectives"));
    assert!(!ended.stdout.contains('\x1b'), "a pipe gets no colours");
    let shown = home.bbf("--output json lab show ch07-readiness").code(0).json();
    assert!(shown["objectives"].as_array().unwrap().len() >= 2);
}

#[test]
fn an_unknown_lab_gets_the_nearest_names() {
    let ended = Home::new().bbf("lab start ch07-redyness").code(2);
    assert_eq!(ended.stdout, "");
    assert_data_eq!(
        ended.stderr,
        str![[r#"
error: There is no lab “ch07-redyness”.
 next: Did you mean ch07-readiness[..]?
 next: See all labs: bbf lab list

"#]]
    );
}

#[test]
fn usage_errors_end_with_2_and_help_with_0() {
    let home = Home::new();
    for line in [
        "",
        "lab",
        "lab start",
        "lab start a --nonsense",
        "--lang de lab list",
        "nonsense",
    ] {
        home.bbf(line).code(2);
    }
    for line in ["--help", "lab --help", "--version"] {
        home.bbf(line).code(0);
    }
}

#[test]
fn completions_are_for_a_shell() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            Home::new()
                .bbf(&format!("completions {shell}"))
                .code(0)
                .stdout
                .contains("bbf")
        );
    }
}

#[test]
fn a_pack_with_a_mistake_names_file_line_and_column() {
    let home = Home::new();
    let lab = home.path("pack/labs/mine");
    std::fs::create_dir_all(&lab).unwrap();
    std::fs::write(lab.join("lab.yaml"), "formatVersion: 1\nid: mine\nchapterr: 7\n").unwrap();
    let ended = home.bbf("--labs pack lab show mine").code(2);
    assert!(ended.stderr.contains("lab.yaml:3:1: "), "{ended:?}");
    assert!(
        home.bbf("--labs pack lab list")
            .code(0)
            .stderr
            .contains("lab.yaml:3:1")
    );
}
