//! Tests that a replay emits the recorded events in recorded time.
#![allow(clippy::unwrap_used)]

use std::{fs, io::Write, path::PathBuf};

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::protocol::JobKind;

/// A recording of `removals` removals, 0.25 s apart, with progress in between.
struct Tape {
    dir: TempDir,
}

impl Tape {
    fn new(lines: &[String]) -> Self {
        let tape = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(tape.path(), lines.concat()).unwrap();
        tape
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("events.jsonl")
    }

    fn play(&self, speed: f64) -> Player {
        Replay::open(&self.path()).unwrap().play(speed)
    }

    fn refusal(&self) -> String {
        Replay::open(&self.path()).unwrap_err().to_string()
    }
}

fn opened() -> String {
    let model = json!({ "name": "m", "family": "llama", "layers": 0, "parameters_before": 0,
        "parameters_after": 0, "config_sha256": "" });
    let shape = json!({ "hidden": 1, "head_dim": 1, "vocab": 1, "max_positions": 1, "parameters": 0,
        "bytes": 0, "layers": [] });
    line(json!({ "run": 0, "at": 0.0, "event": { "opened": { "model": model, "shape": shape } } }))
}

fn removed(step: usize) -> String {
    let at = 0.25 * step as f64;
    line(json!({ "run": 1, "at": at, "event": { "removed": { "layer": 0, "part": "mlp",
        "step": step, "units": [step], "error": 0.0 } } }))
}

fn progress() -> String {
    line(
        json!({ "run": 1, "at": 0.0, "event": { "progress": { "stage": "export", "done": 1, "total": 2 } } }),
    )
}

fn line(value: serde_json::Value) -> String {
    format!("{value}\n")
}

fn steps(removals: usize) -> Tape {
    let mut lines = vec![opened()];
    lines.extend((1..=removals).flat_map(|step| [progress(), removed(step)]));
    Tape::new(&lines)
}

/// The events received until none arrives for a while, excluding progress.
fn received(player: &mut Player) -> Vec<Event> {
    let mut events = Vec::new();
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_millis(150) {
        match player.events.try_recv() {
            Ok(stamped) => {
                quiet = Instant::now();
                if !matches!(stamped.event, Event::Progress { .. }) {
                    events.push(stamped.event);
                }
            }
            Err(mpsc::error::TryRecvError::Disconnected) => break,
            Err(mpsc::error::TryRecvError::Empty) => thread::sleep(Duration::from_millis(2)),
        }
    }
    events
}

#[test]
fn a_replay_emits_every_event_and_ends() {
    let mut player = steps(50).play(f64::INFINITY);
    assert_eq!(received(&mut player).len(), 51);
    player.join().unwrap();
}

#[test]
fn a_replay_takes_its_recorded_time() {
    for (speed, seconds) in [(1.0, 0.5), (10.0, 0.05)] {
        let began = Instant::now();
        let mut player = steps(2).play(speed);
        while player.events.blocking_recv().is_some() {}
        let took = began.elapsed().as_secs_f64();
        assert!((seconds..seconds + 0.3).contains(&took), "{took} s at speed {speed}");
    }
}

#[test]
fn an_event_of_another_job_does_not_restart_the_clock() {
    let cancelled = line(json!({ "run": 2, "at": 0.0, "event": "run_cancelled" }));
    let tape = Tape::new(&[opened(), removed(80), cancelled, removed(81)]);
    let began = Instant::now();
    let mut player = tape.play(40.0);
    while player.events.blocking_recv().is_some() {}
    let took = began.elapsed().as_secs_f64();
    assert!((0.5..0.9).contains(&took), "{took} s for 20.25 recorded ones at speed 40");
}

#[test]
fn a_paused_replay_emits_nothing_until_it_is_resumed() {
    let mut player = steps(4).play(1.0);
    player.commands.blocking_send(Command::control(0, Control::Pause)).unwrap();
    assert_eq!(received(&mut player).len(), 1, "only that the model was opened");
    player.commands.blocking_send(Command::ReplaySpeed(1000.0)).unwrap();
    assert!(received(&mut player).is_empty());
    player.commands.blocking_send(Command::control(0, Control::Resume)).unwrap();
    assert_eq!(received(&mut player).len(), 4);
}

#[test]
fn a_step_plays_up_to_the_next_removal() {
    let mut player = steps(9).play(0.1);
    player.commands.blocking_send(Command::control(0, Control::Pause)).unwrap();
    received(&mut player);
    for step in 1..=3 {
        player.commands.blocking_send(Command::control(0, Control::Step)).unwrap();
        let events = received(&mut player);
        assert!(matches!(events[..], [Event::UnitsRemoved { step: at, .. }] if at == step), "{events:?}");
    }
    player.commands.blocking_send(Command::control(0, Control::Cancel)).unwrap();
    assert_eq!(received(&mut player).len(), 6, "the rest at once");
}

#[test]
fn a_replay_ends_when_its_channels_are_closed() {
    let Player { commands, events, thread } = steps(4).play(0.01);
    drop((commands, events));
    thread.join().unwrap().unwrap();
}

#[test]
fn a_bad_line_is_named() {
    let tape = Tape::new(&[opened(), removed(1), "{\"run\": 1, \"at\": 0.3}\n".into(), removed(2)]);
    let mut player = tape.play(f64::INFINITY);
    assert_eq!(received(&mut player).len(), 2);
    let error = player.join().unwrap_err().to_string();
    assert!(error.contains("events.jsonl, line 3: expected an event"), "{error}");
}

#[test]
fn an_incomplete_last_line_gives_a_warning() {
    let tape = Tape::new(&[opened(), removed(1)]);
    let mut file = fs::OpenOptions::new().append(true).open(tape.path()).unwrap();
    file.write_all(&removed(2).as_bytes()[..40]).unwrap();
    let mut player = tape.play(f64::INFINITY);
    let events = received(&mut player);
    assert!(
        matches!(&events[2], Event::Warning { message } if message.contains("line 3: the event is incomplete"))
    );
    player.join().unwrap();

    // The line ends in the middle of a character.
    let warning = line(json!({ "run": 1, "at": 0.5, "event": { "warning": { "message": "…" } } }));
    let end = warning.find('…').unwrap() + 1;
    let tape = Tape::new(&[opened(), removed(1)]);
    let mut file = fs::OpenOptions::new().append(true).open(tape.path()).unwrap();
    file.write_all(&warning.as_bytes()[..end]).unwrap();
    let mut player = tape.play(f64::INFINITY);
    let events = received(&mut player);
    assert!(
        matches!(&events[2], Event::Warning { message } if message.contains("line 3: the event is incomplete"))
    );
    player.join().unwrap();
}

#[test]
fn a_recording_states_its_format_and_a_newer_one_is_refused() {
    let header = |format: u64| line(json!({ "slimgpt_recording": format }));
    let mut player = Tape::new(&[header(2), opened(), removed(1)]).play(f64::INFINITY);
    assert_eq!(received(&mut player).len(), 2);
    player.join().unwrap();
    let refusal = Tape::new(&[header(3), opened()]).refusal();
    assert!(refusal.contains("expected format 2 or older, found 3"), "{refusal}");
}

#[test]
fn the_start_of_a_job_is_derived_if_the_recording_lacks_it() {
    let text = |run: u64| {
        line(json!({ "run": run, "at": 0.0, "event": { "piece": { "side": "dense", "text": "a" } } }))
    };
    let done = line(json!({ "run": 1, "at": 0.0, "event": "job_done" }));
    let start = line(json!({ "run": 3, "at": 0.0, "event": { "job_started": { "kind": "generate" } } }));
    let tape = [opened(), text(1), text(1), done, text(2), start, text(3)];
    let mut player = Tape::new(&tape).play(f64::INFINITY);
    let starts = |event: &Event| *event == Event::JobStarted { kind: JobKind::Generate };
    let starts: Vec<bool> = received(&mut player).iter().map(starts).collect();
    assert_eq!(starts, [false, true, false, false, false, true, false, true, false]);
}

#[test]
fn a_file_that_is_not_a_recording_is_refused() {
    assert!(Tape::new(&[]).refusal().contains("is empty"));
    assert!(Tape::new(&["hello\n".into()]).refusal().contains("line 1: expected an event"));
    assert!(Tape::new(&[removed(1)]).refusal().contains("expected the event \"model_opened\""));
    let missing = Replay::open(Path::new("no such file")).unwrap_err().to_string();
    assert!(missing.starts_with("recording no such file: cannot be read"), "{missing}");
}

/// The news received until none arrives for a while, excluding progress.
fn told(lecture: &mut Lecture) -> Vec<ReplayNews> {
    let mut all = Vec::new();
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_millis(150) {
        match lecture.news.try_recv() {
            Ok(ReplayNews::Event { stamped, .. }) if is_progress(&stamped) => {}
            Ok(news) => {
                quiet = Instant::now();
                all.push(news);
            }
            Err(mpsc::error::TryRecvError::Disconnected) => break,
            Err(mpsc::error::TryRecvError::Empty) => thread::sleep(Duration::from_millis(2)),
        }
    }
    all
}

fn places(news: &[ReplayNews]) -> Vec<usize> {
    let place = |news: &ReplayNews| match news {
        ReplayNews::Event { place, .. } => Some(*place),
        _ => None,
    };
    news.iter().filter_map(place).collect()
}

#[test]
fn a_lecture_goes_back_and_on_even_behind_its_end() {
    let seek = |lecture: &Lecture, seek| lecture.commands.blocking_send(Command::ReplaySeek(seek)).unwrap();
    let tape = steps(6);
    let mut lecture = Replay::open(&tape.path()).unwrap().lecture(f64::INFINITY);
    let first = told(&mut lecture);
    assert!(matches!(&first[1], ReplayNews::Index(index) if index.events == 7), "{first:?}");
    // The job of the removals begins with its own event, which has no place.
    assert_eq!(places(&first), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(first.last(), Some(&ReplayNews::Ended));
    seek(&lecture, Seek::Events(-3));
    let back = told(&mut lecture);
    let [ReplayNews::Rebuilt { place: 4, events }] = &back[..] else { panic!("{back:?}") };
    assert_eq!(events.len(), 4);
    seek(&lecture, Seek::Events(2));
    assert_eq!(places(&told(&mut lecture)), [5, 6]);
    seek(&lecture, Seek::Place(0));
    assert!(matches!(&told(&mut lecture)[..], [ReplayNews::Rebuilt { place: 1, .. }]));
    lecture.commands.blocking_send(Command::control(0, Control::Step)).unwrap();
    assert_eq!(places(&told(&mut lecture)), [2], "it pauses after a removal");
    lecture.commands.blocking_send(Command::control(0, Control::Resume)).unwrap();
    assert_eq!(told(&mut lecture).last(), Some(&ReplayNews::Ended));
    lecture.join().unwrap();
}

#[test]
fn a_lecture_skips_phases_without_results() {
    let tape = Tape::new(&[opened(), removed(4 * 3600), progress(), removed(4 * 3601)]);
    let began = Instant::now();
    let mut lecture = Replay::open(&tape.path()).unwrap().lecture(1.0);
    while !matches!(lecture.news.blocking_recv(), None | Some(ReplayNews::Ended)) {}
    let took = began.elapsed().as_secs_f64();
    assert!((1.5..2.8).contains(&took), "{took} s for an hour");
}
