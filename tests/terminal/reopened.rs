//! Sessions of the explorer in a pseudo-terminal: left, killed, reopened, continued, deleted.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::pty::{Setup, Terminal};

const QUICK: [&str; 9] =
    ["--samples", "4", "--seq-len", "32", "--eval", "eval.txt", "--schedule", "log", "--by-parameters=false"];
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";

/// The built-in model, with settings that make a run take seconds.
fn quick() -> Terminal {
    let text: String = slimgpt::demo::HELD_OUT.chars().take(6000).collect();
    let terminal = Setup::new(&QUICK).size(120, 40).file("eval.txt", &text).start();
    terminal.wait_for_model();
    terminal
}

/// Another explorer in the home directory of the first one.
fn again(home: &Path, arguments: &[&str]) -> Terminal {
    let terminal = Setup::in_home(home, arguments).size(120, 40).start();
    terminal.wait_for_model();
    terminal
}

fn sessions(home: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home.join("state/slimgpt/sessions")) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn only_session(home: &Path) -> String {
    let found = sessions(home);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].file_name().unwrap().to_str().unwrap().to_string()
}

fn row(screen: &vt100::Screen, y: u16) -> String {
    screen.rows(0, screen.size().1.get()).nth(y.into()).unwrap_or_default()
}

fn done(screen: &vt100::Screen) -> usize {
    screen.contents().matches("● done").count()
}

#[track_caller]
fn quit(terminal: &mut Terminal) {
    terminal.keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn pruned_layers_choices_and_plans_are_restored() {
    let mut terminal = quick();
    let home = terminal.home();
    terminal.keys("s");
    terminal.wait_for("pruning done");
    let name = only_session(&home);
    terminal.keys("g\r");
    terminal.wait_for("attempt 0, ratio 0.0781");
    terminal.keys("r");
    terminal.wait_for("Retry layer 0");
    terminal.keys("\x150.5\r");
    terminal.wait_for("saved but not active");
    terminal.wait_for("attempt 0, one of 2");
    terminal.keys("\r");
    terminal.wait_for("attempt 1 is active; 11 later layers are stale");
    terminal.keys("1]+");
    terminal.wait_for("0.1597");
    quit(&mut terminal);
    let told = format!("Session {name}: open it again with slimgpt --session {name}");
    assert!(terminal.written().contains(&told), "{}", terminal.contents());

    let mut reopened = again(&home, &["--session", &name]);
    reopened.wait_for(&format!("Session {name} is open"));
    reopened.wait_for("◌ 11 stale");
    reopened.keys("2f");
    reopened.wait_for("attempt 1, one of 2");
    // The activation is undone across the restart, and later layers match the attempts they were solved with.
    reopened.keys("u");
    reopened.wait_for("Undone: the ratio of layer 1");
    reopened.keys("u");
    reopened.wait_for("Undone: the active attempt of layer 0");
    reopened.wait_until("nothing stale", |screen| !row(screen, 1).contains("stale"));
    reopened.keys("U");
    reopened.wait_for("◌ 11 stale");
    reopened.keys("R");
    reopened.wait_until("the run", |screen| row(screen, 0).contains("● pruning done"));
    reopened.keys("1");
    reopened.wait_until("all done", |screen| done(screen) == 12);
    quit(&mut reopened);
    assert_eq!(sessions(&home).len(), 1, "a single session was used");
}

#[test]
fn a_killed_run_can_be_resumed_from_the_list_of_sessions() {
    let mut terminal = quick();
    let home = terminal.home();
    terminal.keys("ts");
    terminal.wait_for("paused");
    // Without step mode, a run that has halted after a batch goes on.
    terminal.keys("t1");
    terminal.wait_until("some layers", |screen| done(screen) >= 2);
    terminal.kill();
    let name = only_session(&home);

    let mut next = again(&home, &QUICK);
    next.wait_for("Go on with the run of session");
    next.keys("n");
    next.keys("S");
    next.wait_for("layers left");
    next.keys("r");
    next.wait_until("the run", |screen| row(screen, 0).contains("● pruning done"));
    next.wait_until("all done", |screen| done(screen) == 12);
    assert_eq!(only_session(&home), name);
    next.keys("S");
    next.wait_for("open here");
    next.keys("d");
    next.wait_for("is open here; open another one, then delete it");
    next.keys("\x1b");
    next.wait_until("no list", |screen| !screen.contents().contains("╭ Sessions"));
    quit(&mut next);
}

#[test]
fn a_session_is_deleted_from_the_list() {
    let mut terminal = quick();
    let home = terminal.home();
    terminal.keys("s");
    terminal.wait_for("pruning done");
    quit(&mut terminal);

    let mut next = again(&home, &QUICK);
    next.keys("S");
    next.wait_for("● finished");
    next.keys(&format!("{DOWN}{UP}d"));
    next.wait_for("Delete session");
    next.keys("y");
    next.wait_for("No session yet");
    assert!(sessions(&home).is_empty());
    next.keys("\x1b");
    next.wait_until("no list", |screen| !screen.contents().contains("╭ Sessions"));
    quit(&mut next);
}

#[test]
fn a_session_in_use_by_another_process_is_not_opened() {
    let mut terminal = quick();
    terminal.keys("s");
    terminal.wait_for("pruning done");
    let pid = terminal.pid();
    let mut other = again(&terminal.home(), &QUICK);
    other.keys("S");
    other.wait_for(&format!("in use by {pid}"));
    other.keys("\r");
    other.wait_for(&format!("process {pid} is working on session"));
    other.keys("\x1b");
    other.wait_until("no list", |screen| !screen.contents().contains("╭ Sessions"));
    quit(&mut other);
    quit(&mut terminal);
}

#[test]
fn without_a_session_no_files_are_written() {
    let mut terminal = Setup::new(&[
        "--no-session",
        "--samples",
        "4",
        "--seq-len",
        "32",
        "--schedule",
        "log",
        "--by-parameters=false",
    ])
    .size(120, 40)
    .start();
    terminal.wait_for_model();
    terminal.keys("s");
    terminal.wait_for("pruning done");
    assert!(sessions(&terminal.home()).is_empty());
    terminal.keys("q");
    terminal.wait_for("have not been exported");
    terminal.keys("y");
    assert_eq!(terminal.wait_for_exit(), 0);
    assert!(!terminal.written().contains("open it again"));
}
