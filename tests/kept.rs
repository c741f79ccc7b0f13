//! The workbench with a session: what one process has done, another finds.
#![allow(clippy::unwrap_used)]

mod face;

use std::{
    fs,
    path::{Path, PathBuf},
};

use face::{Face, finished, forget_times, headless, is_end, settings, small_text, without_times};
use slimgpt::{
    config::{Part, Settings},
    engine::{self, Choose, Error, ModelChoice, PruneRun, Resume, Retry, SessionPlace},
    protocol::{Command, Desk, Event, Method, Pace, Restored},
};

fn new_session(dir: &Path) -> (PathBuf, SessionPlace) {
    let path = dir.join("session");
    (path.clone(), SessionPlace::New(path))
}

/// A small run that tracks errors and measures perplexity.
fn measured(dir: &Path) -> Settings {
    Settings { eval: Some(small_text(dir)), track_errors: true, ..settings() }
}

fn reopen(path: &Path) -> (Face, Restored) {
    let mut face = Face::open_in(&settings(), SessionPlace::Open(path.into()));
    let told = face.until(|event| matches!(event, Event::Session { .. }));
    let restored = told.all(|event| match event {
        Event::Restored { session } => Some((**session).clone()),
        _ => None,
    });
    (face, restored.into_iter().next().unwrap())
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .filter(|(name, _)| name != "run.json")
        .collect();
    files.sort();
    files
}

fn assert_same_output(one: &Path, other: &Path) {
    assert!(files(one) == files(other), "the files differ");
    assert_eq!(without_times(one), without_times(other));
}

fn resume(session: &Path, out: Option<PathBuf>) -> Result<engine::Resumed, Error> {
    let job = Resume { session: session.into(), model: None, out, force: false };
    finished(engine::start(1, move |control| engine::resume(job, control)))
}

#[test]
fn a_run_with_a_session_writes_what_one_without_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let settings = measured(dir.path());
    headless(&settings, &dir.path().join("plain"));
    let (_, place) = new_session(dir.path());
    let out = dir.path().join("kept");
    let job = PruneRun { model: ModelChoice::Demo, settings, out: out.clone(), force: false, session: place };
    let told = finished(engine::start(1, move |control| engine::prune(job, control))).unwrap();
    assert_same_output(&dir.path().join("plain"), &out);
    let mut told = serde_json::to_value(told).unwrap();
    forget_times(&mut told);
    assert_eq!(told, without_times(&out));
}

#[test]
fn a_run_that_was_broken_off_goes_on_in_another_process_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let settings = measured(dir.path());
    let whole = headless(&settings, &dir.path().join("whole"));
    let (path, place) = new_session(dir.path());
    let mut face = Face::open_in(&settings, place);
    face.begin(0, &settings, Pace::Free);
    // In the middle of a layer, whose attention is through.
    face.until(|event| matches!(event, Event::PartDone { layer: 3, part: Part::Attention, .. }));
    drop(face);

    let resumed = resume(&path, Some(dir.path().join("resumed"))).unwrap();
    assert!(resumed.record.layers == whole.layers, "the records differ");
    assert_same_output(&dir.path().join("whole"), &dir.path().join("resumed"));
    let again = resume(&path, Some(dir.path().join("resumed"))).unwrap();
    assert!(again.was_finished);
}

#[test]
fn what_was_through_is_not_solved_again() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let (path, place) = new_session(dir.path());
    let mut face = Face::open_in(&settings, place);
    face.begin(0, &settings, Pace::Stepwise);
    let mut first = face.until(|event| *event == Event::Paused);
    while !first.0.iter().any(|event| matches!(event, Event::PartDone { layer: 2, .. })) {
        face.send(Command::Resume { run: 1 });
        face.until(|event| *event == Event::Resumed);
        first.extend(face.until(|event| *event == Event::Paused || is_end(event)));
    }
    drop(face);

    let (mut face, restored) = reopen(&path);
    assert_eq!(restored.unfinished, Some(restored.layers.len() - 2));
    let done: Vec<bool> = restored.layers.iter().map(|layer| layer.in_force == Some(0)).collect();
    assert!(done[..2].iter().all(|&done| done) && !done[2..].contains(&true));
    let told = face.run(2, &settings);
    let solved = told.all(|event| match event {
        Event::Removed { layer: 2, part, .. } => Some(*part),
        _ => None,
    });
    assert!(
        !solved.is_empty() && solved.iter().all(|part| *part == Part::Mlp),
        "the attention was solved again"
    );
}

#[test]
fn attempts_choices_and_plans_are_there_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let settings = measured(dir.path());
    let (path, place) = new_session(dir.path());
    let mut face = Face::open_in(&settings, place);
    let first = face.run(0, &settings).record();
    let tried =
        face.retry(4, Method { ratio: 0.6, parts: vec![Part::Mlp], ..Method::of_run(&settings, 0.6) });
    face.choose(4, Some(1));
    let mut ratios = face.ratios(&settings);
    ratios[4] = 0.6;
    let face_keeps = serde_json::json!({ "version": 1, "note": "kept" });
    let desk =
        Desk { settings: Box::new(settings.clone()), ratios: ratios.clone(), face: face_keeps.clone() };
    face.send(Command::Keep { desk: Box::new(desk) });
    // Obeyed in order: what follows is told after it was kept.
    face.choose(4, Some(1));
    drop(face);

    let (mut face, restored) = reopen(&path);
    assert_eq!((&restored.ratios, &restored.face), (&ratios, &face_keeps));
    assert_eq!(restored.layers[4].in_force, Some(1));
    let attempts = &restored.layers[4].attempts;
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0].record, first.layers[4]);
    assert_eq!(attempts[1].record, tried.layers()[0].0);
    assert!(attempts[0].attention.is_some() && attempts[1].mlp.is_some());
    assert_eq!(attempts[1].attention, attempts[0].attention, "it was taken over with what was seen of it");
    assert!(restored.perplexities.iter().any(|known| Some(&known.record) == first.perplexity.as_ref()));
    // Back to the first attempt, everything is as it was.
    face.choose(4, Some(0));
    let again = face.run(5, &settings).record();
    assert!(again.layers == first.layers, "the records differ");
}

#[test]
fn a_retry_in_a_new_process_finds_the_streams_of_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let (path, place) = new_session(dir.path());
    let mut face = Face::open_in(&settings, place);
    let first = face.run(0, &settings).record();
    face.close().unwrap();

    let (mut face, _) = reopen(&path);
    let told = face.retry(9, Method::of_run(&settings, first.layers[9].ratio));
    assert_eq!(face.approaching, 0, "the layers above were passed again");
    assert_eq!(told.layers()[0].0, first.layers[9]);
}

#[test]
fn another_ratio_of_the_layer_worked_on_last_is_solved_at_once() {
    let settings = settings();
    let mut face = Face::open(&settings);
    face.run(0, &settings).record();
    let mlp = |ratio| Method { parts: vec![Part::Mlp], ..Method::of_run(&settings, ratio) };
    face.retry(6, mlp(0.5));
    face.calibrating = 0;
    let other = face.retry(6, mlp(0.2)).layers()[0].0.clone();
    assert_eq!(face.calibrating, 0, "windows were passed once more");
    // Had it not been measured before, the result would be the same.
    let mut another = Face::open(&settings);
    another.run(0, &settings).record();
    assert_eq!(another.retry(6, mlp(0.2)).layers()[0].0, other);
}

#[test]
fn streams_that_memory_has_no_room_for_are_found_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    // Room for the streams of about one layer.
    settings.machine.memory_budget = "1500K".parse().unwrap();
    let (_, place) = new_session(dir.path());
    let mut face = Face::open_in(&settings, place);
    let first = face.run(0, &settings).record();
    for layer in [9, 2, 6] {
        let told = face.retry(layer, Method::of_run(&settings, first.layers[layer].ratio));
        assert_eq!(told.layers()[0].0, first.layers[layer]);
    }
    assert_eq!(face.approaching, 0);
}

#[test]
fn retry_and_choose_without_a_screen_make_layers_below_stale_and_resume_runs_them() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let (session, place) = new_session(dir.path());
    let out = dir.path().join("out");
    let job = PruneRun { model: ModelChoice::Demo, settings, out, force: false, session: place };
    let first = finished(engine::start(1, move |control| engine::prune(job, control))).unwrap();
    let change = engine::MethodChange { ratio: Some(0.5), ..Default::default() };
    let job = Retry { session: session.clone(), model: None, layer: 7, change, choose: false };
    let tries = finished(engine::start(1, move |control| engine::retry(job, control))).unwrap();
    assert_eq!(tries.tries.len(), 2);
    assert!(tries.tries[0].in_force && tries.stale_below.is_empty());

    let job = Choose { session: session.clone(), model: None, layer: 7, attempt: Some(1) };
    let tries = finished(engine::start(1, move |control| engine::choose(job, control))).unwrap();
    assert_eq!(tries.stale_below, [8, 9, 10, 11]);
    let resumed = resume(&session, Some(dir.path().join("other"))).unwrap();
    assert!(!resumed.was_finished);
    assert_eq!(resumed.record.layers[..7], first.layers[..7]);
    assert_eq!(resumed.record.layers[7], tries.tries[1].record);
    assert_ne!(resumed.record.layers[8], first.layers[8]);
}

#[test]
fn a_session_whose_calibration_text_has_changed_is_refused_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.txt");
    fs::write(&text, slimgpt::demo::HELD_OUT).unwrap();
    let calibration = vec![slimgpt::config::TextSource::File(text.clone())];
    let settings = Settings { calibration, ..settings() };
    let (path, place) = new_session(dir.path());
    let mut face = Face::open_in(&settings, place);
    face.run(0, &settings).record();
    face.close().unwrap();
    fs::write(&text, slimgpt::demo::HELD_OUT.replace("the", "The")).unwrap();
    let error = resume(&path, None).err().unwrap();
    assert!(error.to_string().contains("text.txt has changed"), "{error}");
    assert_eq!(error.exit_code(), 2);
    // One that is gone is no hindrance: the windows are in the session.
    fs::remove_file(&text).unwrap();
    assert!(resume(&path, None).unwrap().was_finished);
}

#[test]
fn another_session_can_be_opened_in_place_and_one_that_cannot_leaves_all_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let (path, place) = new_session(dir.path());
    let mut face = Face::open_in(&settings, place);
    face.run(0, &settings).record();
    face.close().unwrap();
    let mut face = Face::open(&settings);
    face.send(Command::Reopen { session: dir.path().join("none") });
    face.until(|event| matches!(event, Event::Warning { .. }));
    face.send(Command::Reopen { session: path });
    let told = face.until(|event| matches!(event, Event::Session { .. }));
    assert!(told.0.iter().any(|event| matches!(event, Event::Opened { .. })));
    let told = face.run(11, &settings);
    assert_eq!(told.layers()[0].1.number, 1);
}
