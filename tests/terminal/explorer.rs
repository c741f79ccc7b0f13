//! The explorer in a real terminal: runs, edits, retries, an export, recordings.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::pty::{PROGRAM, Setup, Terminal};
use serde_json::Value;

const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/recordings/demo.jsonl");
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";

/// The built-in model, with settings that make a run take seconds.
fn quick(more: &[&str]) -> Terminal {
    let arguments = [
        "--samples",
        "4",
        "--seq-len",
        "32",
        "--eval",
        "eval.txt",
        "--schedule",
        "log",
        "--by-parameters=false",
    ];
    let text: String = slimgpt::demo::HELD_OUT.chars().take(6000).collect();
    let terminal = Setup::new(&[&arguments, more].concat()).size(120, 40).file("eval.txt", &text).start();
    terminal.wait_for_model();
    terminal
}

/// A run that never ends during a test.
fn endless() -> Terminal {
    let terminal =
        Setup::new(&["--samples", "4000", "--seq-len", "128", "--schedule", "log", "--by-parameters=false"])
            .size(120, 40)
            .start();
    terminal.wait_for_model();
    terminal
}

fn run_json(dir: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(dir.join("run.json")).unwrap()).unwrap()
}

fn row(screen: &vt100::Screen, y: u16) -> String {
    let columns = screen.size().1.get();
    screen.rows(0, columns).nth(y.into()).unwrap_or_default()
}

/// Number of layers shown as done on the Layers screen.
fn done(screen: &vt100::Screen) -> usize {
    screen.contents().matches("● done").count()
}

/// Quits. If layers were not exported, the explorer asks for confirmation.
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
fn a_finished_run_can_be_exported() {
    let mut terminal = quick(&[]);
    terminal.keys("s");
    terminal.wait_for("pruning done");
    terminal.wait_for("● done");
    terminal.keys("E");
    terminal.wait_for("directory");
    terminal.keys(&format!("{DOWN}{DOWN}{DOWN}{DOWN}\x15slim"));
    terminal.wait_for(" slim ");
    terminal.keys("\r");
    terminal.wait_for("export done");
    let out = terminal.home().join("slim");
    let record = run_json(&out);
    assert_eq!(record["layers"].as_array().unwrap().len(), 12);
    // After the export, quitting needs no confirmation.
    terminal.keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    let mut eval = Command::new(PROGRAM);
    eval.arg("eval").arg(&out).arg("--text").arg(terminal.home().join("eval.txt")).arg("--json");
    let told: Value = serde_json::from_slice(&eval.output().unwrap().stdout).unwrap();
    assert_eq!(told["perplexity"], record["perplexity"]["after"]);
}

#[test]
fn a_layer_is_pruned_with_its_edited_ratio() {
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
    // A retry is saved but not active; the test activates it.
    terminal.keys(&format!("g{UP}r"));
    terminal.wait_for("Retry layer 0");
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
        .map(|event| &event["event"]["layer_done"])
        .filter(|done| done["record"]["index"] == 0)
        .map(|done| {
            let attempt = &done["attempt"];
            (attempt["number"].as_u64().unwrap(), attempt["method"]["ratio"].as_f64().unwrap())
        })
        .collect();
    assert_eq!(ratios, [(0, 0.5), (1, 0.25)]);
    // The recording can be replayed.
    let file = terminal.home().join("events.jsonl");
    let mut replay = Setup::new(&["replay", file.to_str().unwrap(), "--speed", "max"]).size(120, 40).start();
    replay.wait_for("●○");
    quit(&mut replay);
}

#[test]
fn activating_an_attempt_makes_later_layers_stale_until_they_are_run_again() {
    let mut terminal = quick(&[]);
    terminal.keys("s");
    terminal.wait_for("pruning done");
    terminal.keys("g\r");
    terminal.wait_for("attempt 0, ratio 0.0781");
    terminal.keys("r");
    terminal.wait_for("Retry layer 0");
    terminal.keys("\x150.5\r");
    terminal.wait_for("saved but not active");
    terminal.wait_for("attempt 0, one of 2");
    // The retry leads to the list; Enter activates the attempt under the cursor, which is the newest.
    terminal.keys("\r");
    terminal.wait_for("attempt 1 is active; 11 later layers are stale");
    terminal.wait_for("◌ 11 stale");
    // The choice can be undone and redone.
    terminal.keys("u");
    terminal.wait_for("Undone: the active attempt of layer 0");
    terminal.wait_until("nothing stale", |screen| !row(screen, 1).contains("stale"));
    terminal.keys("U");
    terminal.wait_for("◌ 11 stale");
    terminal.keys("R");
    terminal.wait_until("the run", |screen| row(screen, 0).contains("● pruning done"));
    terminal.keys("1");
    terminal.wait_until("all done", |screen| done(screen) == 12);
    // Layer 0 was not solved again; every other layer has an active second attempt.
    terminal.screen(|screen| {
        assert!(!row(screen, 1).contains("stale"));
        assert!(row(screen, 4).contains("0.5000"), "{}", row(screen, 4));
        assert_eq!(screen.contents().matches("○●").count(), 12);
    });
    quit(&mut terminal);
}

#[test]
fn edits_are_undone_one_by_one() {
    let mut terminal = quick(&[]);
    let ratio = |text: &'static str| move |screen: &vt100::Screen| row(screen, 4).contains(text);
    terminal.keys("g");
    terminal.wait_until("the planned ratio", ratio("0.0781"));
    terminal.keys("+++");
    terminal.wait_until("three steps up", ratio("0.1081"));
    terminal.keys("L");
    terminal.wait_until("the lock", ratio("⊠"));
    terminal.keys("u");
    terminal.wait_until("no lock", |screen| !row(screen, 4).contains("⊠"));
    // Consecutive steps of one ratio are a single edit.
    terminal.keys("u");
    terminal.wait_until("the planned ratio", ratio("0.0781"));
    terminal.keys("u");
    terminal.wait_for("nothing to undo");
    terminal.keys("U\x12");
    terminal.wait_until("both done again", |screen| {
        let row = row(screen, 4);
        row.contains("0.1081") && row.contains("⊠")
    });
    quit(&mut terminal);
}

#[test]
fn resizing_during_a_run_keeps_the_view() {
    let mut terminal = quick(&[]);
    // Step mode keeps the run from advancing.
    terminal.keys("ts");
    terminal.wait_for("paused");
    terminal.keys("1]]3");
    let is_whole = |columns: u16, rows: u16| {
        move |screen: &vt100::Screen| {
            let footer = row(screen, rows - 1);
            let edge = |y: u16| screen.cell(y, columns - 1).map_or("", |cell| cell.contents()).to_string();
            footer.contains("Space resume") && (edge(2), edge(rows - 3)) == ("╮".into(), "│".into())
        }
    };
    for (columns, rows) in [(120, 40), (80, 24), (200, 60), (80, 24)] {
        terminal.resize(columns, rows);
        terminal.wait_until("the Schedule screen", is_whole(columns, rows));
        terminal.wait_for("2 Layer 2");
        terminal.wait_for("╭ Layer 2 ");
    }
    terminal.resize(50, 12);
    terminal.wait_for("slimgpt needs 60×15, has 50×12");
    // Keys pressed meanwhile are handled with the next key at the latest.
    terminal.keys("]");
    terminal.resize(120, 40);
    terminal.wait_until("the Schedule screen", is_whole(120, 40));
    terminal.keys("]");
    terminal.wait_for("2 Layer 4");
    terminal.keys("6");
    let removals = |screen: &vt100::Screen| screen.contents().matches("removed").count();
    let before = terminal.screen(removals);
    terminal.keys("n");
    terminal.wait_until("another removal", |screen| removals(screen) > before);
    quit(&mut terminal);
}

#[test]
fn a_cancelled_run_resumes_where_it_ended() {
    let mut terminal = quick(&[]);
    // Step mode makes the position of the run known.
    terminal.keys("ts");
    terminal.wait_for("paused");
    // Step mode has opened the algorithm view.
    terminal.wait_for("8 Steps");
    terminal.keys("1");
    for _ in 0..200 {
        if terminal.screen(done) >= 2 {
            break;
        }
        terminal.keys("n");
        thread::sleep(Duration::from_millis(50));
    }
    terminal.keys("x");
    terminal.wait_for("Cancel the run?");
    terminal.keys("y");
    terminal.wait_for("pruning cancelled");
    let before = terminal.screen(done);
    assert!((2..12).contains(&before), "{before} layers are done");
    terminal.keys("t");
    terminal.wait_for("Step mode is off");
    terminal.keys("R");
    terminal.wait_until("the run", |screen| row(screen, 0).contains("● pruning done"));
    terminal.wait_until("all done", |screen| done(screen) == 12);
    // Finished work was not repeated.
    terminal.screen(|screen| assert!(!screen.contents().contains("○●")));
    quit(&mut terminal);
}

#[test]
fn a_cancelled_run_ends_soon_and_the_explorer_remains_open() {
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
fn keys_are_answered_at_once_while_the_engine_runs() {
    let mut terminal = endless();
    terminal.keys("s");
    terminal.wait_for("calibrating");
    // A key right after another waits for the next frame, so there are pauses between the keys.
    let apart = Duration::from_millis(70);
    let mut waits: Vec<Duration> = (0..12)
        .map(|_| {
            thread::sleep(apart);
            terminal.keys("?");
            let opened = terminal.wait_for("Prune all layers");
            thread::sleep(apart);
            terminal.keys("\x1b");
            let closed = terminal.wait_until("no help", |s| !s.contents().contains("Prune all layers"));
            opened.max(closed)
        })
        .collect();
    waits.sort();
    // Other tests run at the same time and keep both cores busy, so only the fastest answers count.
    assert!(waits[3] < Duration::from_millis(33), "a quarter took less, the rest more than {:?}", waits[3]);
    assert!(waits[6] < Duration::from_millis(150), "half of them took longer than {:?}", waits[6]);
    quit(&mut terminal);
}

#[test]
fn a_running_job_does_not_delay_a_signal() {
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
fn a_recording_is_played_to_its_end() {
    let mut terminal = Setup::new(&["replay", RECORDING, "--speed", "max"]).size(120, 40).start();
    terminal.wait_for("end of the recording");
    terminal.wait_for("● done");
    quit(&mut terminal);
}

#[test]
fn a_paused_recording_continues_step_by_step() {
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
fn a_file_that_is_not_a_recording_is_refused_before_the_screen_is_entered() {
    for (text, told) in [("", "is empty"), ("hello\n", "line 1: expected an event")] {
        let mut terminal =
            Setup::new(&["replay", "events.jsonl"]).file("events.jsonl", text).size(200, 30).start();
        assert_eq!(terminal.wait_for_exit(), 2);
        assert!(terminal.contents().contains(told), "{}", terminal.contents());
        assert!(!terminal.written().contains("\x1b[?1049h"));
    }
}

#[test]
fn a_broken_line_in_a_recording_is_reported_in_the_explorer() {
    let recorded = fs::read_to_string(RECORDING).unwrap();
    let mut lines: Vec<&str> = recorded.lines().take(40).collect();
    lines[20] = "{\"run\": 1}";
    let setup = Setup::new(&["replay", "events.jsonl", "--speed", "max"]).size(160, 40);
    let mut terminal = setup.file("events.jsonl", &lines.join("\n")).start();
    terminal.wait_for("line 21");
    quit(&mut terminal);
}

#[test]
fn a_model_may_have_the_name_of_a_command() {
    let setup = Setup::new(&["./prune"]).size(120, 40);
    let model = setup.directory("prune");
    for (name, bytes) in slimgpt::demo::FILES {
        fs::write(model.join(name), bytes).unwrap();
    }
    let mut terminal = setup.start();
    terminal.wait_for_model();
    quit(&mut terminal);
}
