//! Sessions with the explorer in a real terminal: runs, edits, retries, an export, recordings.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

#[path = "terminal/pty.rs"]
mod pty;

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use pty::{PROGRAM, Setup, Terminal};
use serde_json::Value;

const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/recordings/demo.jsonl");
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";

/// The built-in model, with settings under which a run takes seconds.
fn quick(more: &[&str]) -> Terminal {
    let arguments = ["--samples", "4", "--seq-len", "32", "--eval", "eval.txt"];
    let text: String = slimgpt::demo::HELD_OUT.chars().take(6000).collect();
    let terminal = Setup::new(&[&arguments, more].concat()).size(120, 40).file("eval.txt", &text).start();
    terminal.wait_for_model();
    terminal
}

/// A run that takes as long as anybody wants to watch.
fn endless() -> Terminal {
    let terminal = Setup::new(&["--samples", "4000", "--seq-len", "128"]).size(120, 40).start();
    terminal.wait_for_model();
    terminal
}

fn run_json(dir: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(dir.join("run.json")).unwrap()).unwrap()
}

/// Quits; where layers were not exported it asks first.
#[track_caller]
fn quit(terminal: &mut Terminal) {
    terminal.keys("q");
    thread::sleep(Duration::from_millis(100));
    if terminal.contents().contains("Quit?") {
        terminal.keys("y");
    }
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn a_run_goes_to_its_end_and_what_it_made_can_be_exported() {
    let mut terminal = quick(&[]);
    terminal.keys("s");
    terminal.wait_for("pruning done");
    terminal.wait_for("● done");
    terminal.keys("E");
    terminal.wait_for("directory");
    terminal.keys(&format!("{DOWN}\x15slim"));
    terminal.wait_for(" slim ");
    terminal.keys("\r");
    terminal.wait_for("export done");
    let out = terminal.home().join("slim");
    let record = run_json(&out);
    assert_eq!(record["layers"].as_array().unwrap().len(), 12);
    // What was exported is not asked about.
    terminal.keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    let mut eval = Command::new(PROGRAM);
    eval.arg("eval").arg(&out).arg("--text").arg(terminal.home().join("eval.txt")).arg("--json");
    let told: Value = serde_json::from_slice(&eval.output().unwrap().stdout).unwrap();
    assert_eq!(told["perplexity"], record["perplexity"]["after"]);
}

#[test]
fn an_edited_ratio_is_what_the_layer_is_pruned_with() {
    let mut terminal = quick(&["--events", "events.jsonl"]);
    terminal.keys("3");
    terminal.keys("e");
    terminal.wait_until("a field", |screen| !screen.hide_cursor());
    terminal.keys("\x150.5\r");
    terminal.wait_until("no field", |screen| screen.hide_cursor());
    terminal.keys("1");
    terminal.wait_for("0.5000");
    terminal.keys("s");
    terminal.wait_for("pruning done");
    // A retry lies beside, and is put in force by hand.
    terminal.keys(&format!("g{UP}r"));
    terminal.wait_for("again");
    terminal.keys("\x150.25\r");
    terminal.wait_for("retry done");
    terminal.wait_for("●○");
    quit(&mut terminal);

    let events: Vec<Value> = fs::read_to_string(terminal.home().join("events.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ratios: Vec<(u64, f64)> = events
        .iter()
        .filter(|event| event["event"] == "layer_done" && event["record"]["index"] == 0)
        .map(|event| {
            let attempt = &event["attempt"];
            (attempt["number"].as_u64().unwrap(), attempt["method"]["ratio"].as_f64().unwrap())
        })
        .collect();
    assert_eq!(ratios, [(0, 0.5), (1, 0.25)]);
    // What was recorded can be watched.
    let file = terminal.home().join("events.jsonl");
    let mut replay = Setup::new(&["replay", file.to_str().unwrap(), "--speed", "max"]).size(120, 40).start();
    replay.wait_for("●○");
    quit(&mut replay);
}

#[test]
fn a_cancelled_run_ends_soon_and_the_explorer_stays() {
    let mut terminal = endless();
    terminal.keys("s");
    terminal.wait_for("calibrating");
    terminal.keys("x");
    terminal.wait_for("Cancel the run?");
    let asked = Instant::now();
    terminal.keys("y");
    terminal.wait_for("cancelled");
    assert!(asked.elapsed() < Duration::from_secs(5), "took {:?}", asked.elapsed());
    quit(&mut terminal);
}

#[test]
fn keys_are_answered_at_once_while_the_engine_works() {
    let mut terminal = endless();
    terminal.keys("s");
    terminal.wait_for("calibrating");
    let mut waits: Vec<Duration> = (0..12)
        .map(|_| {
            thread::sleep(Duration::from_millis(70));
            terminal.keys("?");
            let opened = terminal.wait_for("Prune all layers");
            terminal.keys("\x1b");
            let closed = terminal.wait_until("no help", |s| !s.contents().contains("Prune all layers"));
            opened.max(closed)
        })
        .collect();
    waits.sort();
    // Other tests run beside this one, so both cores have more than twice the work they can do: the fast ones tell.
    assert!(waits[0] < Duration::from_millis(33), "none took less than {:?}", waits[0]);
    assert!(waits[6] < Duration::from_millis(150), "half of them took longer than {:?}", waits[6]);
    quit(&mut terminal);
}

#[test]
fn a_run_at_work_does_not_hold_up_a_signal() {
    let mut terminal = endless();
    terminal.keys("s");
    terminal.wait_for("calibrating");
    let asked = Instant::now();
    terminal.signal("-TERM");
    assert_eq!(terminal.wait_for_exit(), 143);
    assert!(asked.elapsed() < Duration::from_secs(4), "took {:?}", asked.elapsed());
    terminal.assert_restored();
}

#[test]
fn a_recording_plays_to_its_end() {
    let mut terminal = Setup::new(&["replay", RECORDING, "--speed", "max"]).size(120, 40).start();
    terminal.wait_for("end of the recording");
    terminal.wait_for("● done");
    quit(&mut terminal);
}

#[test]
fn a_paused_recording_goes_on_step_by_step() {
    let mut terminal = Setup::new(&["replay", RECORDING, "--speed", "0.1"]).size(120, 40).start();
    terminal.wait_for_model();
    terminal.keys(" ");
    terminal.keys("6");
    let removals = |screen: &vt100::Screen| screen.contents().matches("removed").count();
    let before = terminal.contents().matches("removed").count();
    for step in 1..=3 {
        terminal.keys("n");
        terminal.wait_until("another removal", |screen| removals(screen) >= before + step);
    }
    terminal.keys("x");
    terminal.wait_for("end of the recording");
    quit(&mut terminal);
}

#[test]
fn what_is_no_recording_is_told_before_the_screen_is_entered() {
    for (text, told) in [("", "is empty"), ("hello\n", "line 1: expected an event")] {
        let mut terminal =
            Setup::new(&["replay", "events.jsonl"]).file("events.jsonl", text).size(200, 30).start();
        assert_eq!(terminal.wait_for_exit(), 2);
        assert!(terminal.contents().contains(told), "{}", terminal.contents());
        assert!(!terminal.written().contains("\x1b[?1049h"));
    }
}

#[test]
fn a_broken_line_in_a_recording_is_told_in_the_explorer() {
    let recorded = fs::read_to_string(RECORDING).unwrap();
    let mut lines: Vec<&str> = recorded.lines().take(40).collect();
    lines[20] = "{\"run\": 1}";
    let setup = Setup::new(&["replay", "events.jsonl", "--speed", "max"]).size(160, 40);
    let mut terminal = setup.file("events.jsonl", &lines.join("\n")).start();
    terminal.wait_for("line 21");
    quit(&mut terminal);
}

#[test]
fn a_model_may_be_called_like_a_command() {
    let setup = Setup::new(&["./prune"]).size(120, 40);
    let model = setup.directory("prune");
    for (name, bytes) in slimgpt::demo::FILES {
        fs::write(model.join(name), bytes).unwrap();
    }
    let mut terminal = setup.start();
    terminal.wait_for_model();
    quit(&mut terminal);
}
