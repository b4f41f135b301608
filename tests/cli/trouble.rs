//! What goes wrong around bbf: each a clear message with what to do, and the right exit code.

use crate::environment::Home;

#[test]
fn without_a_home_it_says_what_to_set() {
    let home = Home::new();
    let mut command = home.command("lab start ch07-readiness");
    let ended = home.ended(command.env_remove("HOME").output().unwrap()).code(3);
    assert!(ended.stderr.contains("export BBF_HOME="), "{ended:?}");
    let mut command = home.command("doctor");
    home.ended(command.env_remove("HOME").output().unwrap()).code(3);
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named() {
    let home = Home::new();
    std::fs::write(home.path("file"), "").unwrap();
    let mut command = home.command("lab start ch07-readiness");
    let ended = home
        .ended(command.env("BBF_HOME", home.path("file/state")).output().unwrap())
        .code(3);
    assert!(ended.stderr.contains("[HOME]/file/state"), "{ended:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn output_on_a_full_disk_is_not_taken_for_written() {
    let home = Home::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = home.command("lab list");
    let ended = home.ended(command.stdout(full).output().unwrap()).code(3);
    assert!(ended.stderr.contains("No space left"), "{ended:?}");
}

#[test]
fn commands_that_need_a_lab_say_how_to_start_one() {
    let home = Home::new();
    for line in [
        "lab check",
        "lab hint",
        "lab solution",
        "lab reset",
        "shell",
        "cluster stop",
        "cluster kubeconfig",
    ] {
        let ended = home.bbf(line).code(2);
        assert!(ended.stderr.contains("bbf lab start"), "{line}: {ended:?}");
    }
    home.bbf("lab stop").code(0);
    assert!(
        home.bbf("cluster stop nonsense")
            .code(2)
            .stderr
            .contains("bbf cluster list")
    );
}

#[test]
fn damaged_progress_is_kept_aside_and_said_and_nothing_is_lost() {
    let home = Home::new();
    home.bbf("lab start ch07-readiness").code(0);
    let path = home.state("progress.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    let ended = home.bbf("progress").code(0);
    assert!(ended.stderr.contains("progress.json.damaged-1"), "{ended:?}");
    assert!(ended.stdout.contains("ch07-readiness"), "{ended:?}");
}

#[test]
fn doctor_finds_a_machine_that_can_run_labs() {
    let home = Home::new();
    let report = home.bbf("doctor --output json").code(0).json();
    assert_eq!(report["well"], true, "{report}");
}
