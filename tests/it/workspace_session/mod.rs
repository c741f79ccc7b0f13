//! The workspace with a session: a second process continues the work of the first.

mod attempts;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::frontend::{
    Frontend, finished, forget_times, headless, is_end, room_for, settings, small_text, without_times,
};
use slimgpt::application::{
    engine::{self, Choose, Error, LayerTries, ModelChoice, PruneRun, Resume, Retry, SessionPlace},
    protocol::{Command, Control, Draft, Event, Method, MethodChange, Pace, Restored, RunRecord},
};
use slimgpt::{
    config::{Settings, Solver, SolverChanges, Tracking},
    failure::Kind,
    prune::{GroupSize, Part},
};

fn new_session(dir: &Path) -> (PathBuf, SessionPlace) {
    let path = dir.join("session");
    (path.clone(), SessionPlace::New(path))
}

/// A small run that tracks errors and measures perplexity.
fn measured(dir: &Path) -> Settings {
    let mut settings = settings();
    (settings.evaluation.text, settings.evaluation.track_errors) = (Some(small_text(dir)), true.into());
    settings
}

fn reopen(path: &Path) -> (Frontend, Restored) {
    let mut frontend = Frontend::open_in(&settings(), SessionPlace::Open(path.into()));
    let told = frontend.until(|event| matches!(event, Event::SessionOpened { .. }));
    let restored = told.all(|event| match event {
        Event::SessionRestored { session } => Some((**session).clone()),
        _ => None,
    });
    (frontend, restored.into_iter().next().unwrap())
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

/// A command-line run with a session.
fn pruned(settings: Settings, dir: &Path) -> (PathBuf, PathBuf, RunRecord) {
    let (session, place) = new_session(dir);
    let out = dir.join("out");
    let job = PruneRun {
        model: ModelChoice::Demo,
        settings,
        out: Some(out.clone()),
        force: false,
        session: place,
        dense_from: None,
    };
    let record = finished(engine::start(1, move |control| engine::prune(job, control))).unwrap();
    (session, out, record)
}

/// Solves a layer with another ratio and activates the attempt.
fn retried(session: &Path, layer: usize, ratio: f64) -> LayerTries {
    let change = MethodChange { ratio: Some(ratio.into()), ..Default::default() };
    let job = Retry { session: session.into(), model: None, layer, changes: vec![change], choose: true };
    finished(engine::start(1, move |control| engine::retry(job, control))).unwrap()
}

fn chosen(session: &Path, layer: usize, attempt: Option<usize>) -> LayerTries {
    let job = Choose { session: session.into(), model: None, layer, attempt };
    finished(engine::start(1, move |control| engine::choose(job, control))).unwrap()
}

fn resume(session: &Path, out: Option<PathBuf>) -> Result<engine::Resumed, Error> {
    let job = Resume { session: session.into(), model: None, out, force: false };
    finished(engine::start(1, move |control| engine::resume(job, control)))
}

#[test]
fn a_session_does_not_affect_the_output() {
    let dir = tempfile::tempdir().unwrap();
    let settings = measured(dir.path());
    headless(&settings, &dir.path().join("plain"));
    let (_, place) = new_session(dir.path());
    let out = dir.path().join("kept");
    let job = PruneRun {
        model: ModelChoice::Demo,
        settings,
        out: Some(out.clone()),
        force: false,
        session: place,
        dense_from: None,
    };
    let told = finished(engine::start(1, move |control| engine::prune(job, control))).unwrap();
    assert_same_output(&dir.path().join("plain"), &out);
    let mut told = serde_json::to_value(told).unwrap();
    forget_times(&mut told);
    assert_eq!(told, without_times(&out));
}

#[test]
fn an_interrupted_run_continues_in_another_process_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let settings = measured(dir.path());
    let whole = headless(&settings, &dir.path().join("whole"));
    let (path, place) = new_session(dir.path());
    let mut frontend = Frontend::open_in(&settings, place);
    frontend.begin(0, &settings, Pace::Free);
    // Stops in the middle of a layer whose attention is done.
    frontend.until(|event| matches!(event, Event::PartDone { layer: 3, part: Part::Attention, .. }));
    drop(frontend);

    let resumed = resume(&path, Some(dir.path().join("resumed"))).unwrap();
    assert!(resumed.record.layers == whole.layers, "the records differ");
    assert_same_output(&dir.path().join("whole"), &dir.path().join("resumed"));
    let again = resume(&path, Some(dir.path().join("resumed"))).unwrap();
    assert!(again.was_finished);
}

#[test]
fn finished_layers_are_not_solved_again() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let (path, place) = new_session(dir.path());
    let mut frontend = Frontend::open_in(&settings, place);
    frontend.begin(0, &settings, Pace::Stepwise);
    let mut first = frontend.until(|event| *event == Event::Paused);
    while !first.0.iter().any(|event| matches!(event, Event::PartDone { layer: 2, .. })) {
        frontend.send(Command::control(1, Control::Resume));
        frontend.until(|event| *event == Event::Resumed);
        first.extend(frontend.until(|event| *event == Event::Paused || is_end(event)));
    }
    drop(frontend);

    let (mut frontend, restored) = reopen(&path);
    assert_eq!(restored.unfinished, Some(restored.layers.len() - 2));
    let done: Vec<bool> = restored.layers.iter().map(|layer| layer.active == Some(0)).collect();
    assert!(done[..2].iter().all(|&done| done) && !done[2..].contains(&true));
    let told = frontend.run(2, &settings);
    let solved = told.all(|event| match event {
        Event::UnitsRemoved { layer: 2, part, .. } => Some(*part),
        _ => None,
    });
    assert!(
        !solved.is_empty() && solved.iter().all(|part| *part == Part::Mlp),
        "the attention was solved again"
    );
}

#[test]
fn attempts_choices_and_plans_are_restored_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let settings = measured(dir.path());
    let (path, place) = new_session(dir.path());
    let mut frontend = Frontend::open_in(&settings, place);
    let first = frontend.run(0, &settings).record();
    let tried = frontend
        .retry(4, Method { ratio: 0.6.into(), parts: vec![Part::Mlp], ..Method::of_run(&settings, 0.6) });
    frontend.choose(4, Some(1));
    let mut ratios = frontend.ratios(&settings);
    ratios[4] = 0.6.into();
    let face_keeps = serde_json::json!({ "version": 1, "note": "kept" });
    let draft =
        Draft { settings: Box::new(settings.clone()), ratios: ratios.clone(), frontend: face_keeps.clone() };
    frontend.send(Command::SaveDraft { draft: Box::new(draft) });
    // Commands run in order, so the next one is confirmed after the draft was saved.
    frontend.choose(4, Some(1));
    drop(frontend);

    let (mut frontend, restored) = reopen(&path);
    assert_eq!((&restored.ratios, &restored.frontend), (&ratios, &face_keeps));
    assert_eq!(restored.layers[4].active, Some(1));
    let attempts = &restored.layers[4].attempts;
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0].record, first.layers[4]);
    assert_eq!(attempts[1].record, tried.layers()[0].0);
    assert!(attempts[0].attention.is_some() && attempts[1].mlp.is_some());
    assert_eq!(attempts[1].attention, attempts[0].attention, "the attention and its statistics were copied");
    assert!(restored.perplexities.iter().any(|known| Some(&known.record) == first.perplexity.as_ref()));
    // After activating the first attempt, everything is as before.
    frontend.choose(4, Some(0));
    let again = frontend.run(5, &settings).record();
    assert!(again.layers == first.layers, "the records differ");
}

#[test]
fn a_retry_in_a_new_process_uses_the_streams_of_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let (path, place) = new_session(dir.path());
    let mut frontend = Frontend::open_in(&settings, place);
    let first = frontend.run(0, &settings).record();
    frontend.close().unwrap();

    let (mut frontend, _) = reopen(&path);
    let told = frontend.retry(9, Method::of_run(&settings, first.layers[9].ratio));
    assert_eq!(frontend.approaching, 0, "the windows passed the layers above again");
    assert_eq!(told.layers()[0].0, first.layers[9]);
}

#[test]
fn another_ratio_of_the_last_layer_is_solved_without_a_pass() {
    // An output error needs a pass with the new weights.
    let mut settings = settings();
    settings.evaluation.track_errors = Tracking::Off;
    let mut frontend = Frontend::open(&settings);
    frontend.run(0, &settings).record();
    let mlp = |ratio| Method { parts: vec![Part::Mlp], ..Method::of_run(&settings, ratio) };
    frontend.retry(6, mlp(0.5));
    frontend.calibrating = 0;
    let other = frontend.retry(6, mlp(0.2)).layers()[0].0.clone();
    assert_eq!(frontend.calibrating, 0, "the windows passed a layer again");
    // Without the cached moments, the result is the same.
    let mut another = Frontend::open(&settings);
    another.run(0, &settings).record();
    assert_eq!(another.retry(6, mlp(0.2)).layers()[0].0, other);
}

#[test]
fn streams_that_exceed_the_memory_budget_are_read_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    // Room for the streams of about one layer.
    settings.machine.memory_budget = room_for(1.5, &settings);
    let (_, place) = new_session(dir.path());
    let mut frontend = Frontend::open_in(&settings, place);
    let first = frontend.run(0, &settings).record();
    for layer in [9, 2, 6] {
        let told = frontend.retry(layer, Method::of_run(&settings, first.layers[layer].ratio));
        assert_eq!(told.layers()[0].0, first.layers[layer]);
    }
    assert_eq!(frontend.approaching, 0);
}

#[test]
fn command_line_retry_and_choose_make_later_layers_stale_and_resume_runs_them() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let (session, place) = new_session(dir.path());
    let out = dir.path().join("out");
    let job = PruneRun {
        model: ModelChoice::Demo,
        settings,
        out: Some(out),
        force: false,
        session: place,
        dense_from: None,
    };
    let first = finished(engine::start(1, move |control| engine::prune(job, control))).unwrap();
    let change = MethodChange { ratio: Some(0.5.into()), ..Default::default() };
    let job = Retry { session: session.clone(), model: None, layer: 7, changes: vec![change], choose: false };
    let tries = finished(engine::start(1, move |control| engine::retry(job, control))).unwrap();
    assert_eq!(tries.tries.len(), 2);
    assert!(tries.tries[0].active && tries.stale_below.is_empty());

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
fn a_session_with_a_changed_calibration_text_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.txt");
    fs::write(&text, slimgpt::demo::HELD_OUT).unwrap();
    let calibration = vec![slimgpt::calibration::TextSource::File(text.clone())];
    let mut settings = settings();
    settings.calibration.texts = calibration;
    let (path, place) = new_session(dir.path());
    let mut frontend = Frontend::open_in(&settings, place);
    frontend.run(0, &settings).record();
    frontend.close().unwrap();
    fs::write(&text, slimgpt::demo::HELD_OUT.replace("the", "The")).unwrap();
    let error = resume(&path, None).err().unwrap();
    assert!(error.to_string().contains("text.txt has changed"), "{error}");
    assert_eq!(error.kind(), Kind::Input);
    // A deleted text is harmless, because the windows are in the session.
    fs::remove_file(&text).unwrap();
    assert!(resume(&path, None).unwrap().was_finished);
}

#[test]
fn another_session_can_be_opened_in_place_and_a_failure_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let (path, place) = new_session(dir.path());
    let mut frontend = Frontend::open_in(&settings, place);
    frontend.run(0, &settings).record();
    frontend.close().unwrap();
    let mut frontend = Frontend::open(&settings);
    frontend.send(Command::Reopen { session: dir.path().join("none") });
    frontend.until(|event| matches!(event, Event::Warning { .. }));
    frontend.send(Command::Reopen { session: path });
    let told = frontend.until(|event| matches!(event, Event::SessionOpened { .. }));
    assert!(told.0.iter().any(|event| matches!(event, Event::ModelOpened { .. })));
    let told = frontend.run(11, &settings);
    assert_eq!(told.layers()[0].1.number, 0, "it equals the attempt in the session");
}
