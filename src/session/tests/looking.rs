//! Tests of session summaries.

use super::*;
use crate::protocol::{Label, Seconds, SessionStatus};

fn run_state(from: usize, finished: bool) -> Option<RunState> {
    let seconds = Seconds { total: 12.5, ..Seconds::default() };
    Some(RunState { from, ratios: vec![0.25.into(); 3], setup: 0, seconds, finished, target: None })
}

/// Three layers, each with an active attempt that is not stale.
fn done() -> State {
    let layers = (0..3).map(|layer| {
        let above = vec![0; layer];
        LayerEntry { active: Some(0), attempts: vec![attempt(0, &above, 0.25)] }
    });
    State { layers: layers.collect(), run_state: run_state(0, true), ..state() }
}

fn seen(state: State) -> crate::protocol::SessionSummary {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    drop(Session::create(&path, state).unwrap());
    summary(&path)
}

#[test]
fn a_session_whose_run_ended_is_finished() {
    let summary = seen(done());
    assert_eq!((summary.status, summary.name.as_str()), (SessionStatus::Finished, "run"));
    let content = summary.content.unwrap();
    assert_eq!((content.seconds, content.model.parameters_after, content.layers.len()), (12.5, 800, 3));
    let active = content.layers[2].active.as_ref().unwrap();
    assert_eq!((active.number, active.ratio, active.mlp.kept), (0, 0.25.into(), 6));
    assert_eq!(content.settings, settings());
    assert!(summary.bytes > 1000);
}

#[test]
fn layers_without_a_valid_attempt_count_as_left() {
    let mut missing = done();
    missing.layers[2] = LayerEntry::default();
    missing.run_state = run_state(0, false);
    assert_eq!(seen(missing.clone()).status, SessionStatus::Unfinished { left: 1 });
    missing.layers[1].active = None;
    assert_eq!(seen(missing).status, SessionStatus::Unfinished { left: 2 });
    // Another active attempt of the first layer makes the later layers stale.
    let mut stale = done();
    stale.layers[0].attempts.push(attempt(1, &[], 0.25));
    stale.layers[0].active = Some(1);
    assert_eq!(seen(stale.clone()).status, SessionStatus::Unfinished { left: 2 });
    let marks = seen(stale).content.unwrap().layers.iter().map(|layer| layer.stale).collect::<Vec<_>>();
    assert_eq!(marks, [false, true, true]);
    // A run solves the layers from the first stale one to the last.
    let mut moved = done();
    moved.run_state.as_mut().unwrap().ratios[1] = 0.5.into();
    assert_eq!(seen(moved).status, SessionStatus::Unfinished { left: 2 });
    let measuring = State { run_state: run_state(0, false), ..done() };
    assert_eq!(seen(measuring).status, SessionStatus::Unfinished { left: 0 });
}

#[test]
fn the_perplexity_is_the_newest_with_the_active_attempts() {
    let active = vec![Some(0); 3];
    let mut state = done();
    state.perplexities = vec![
        measured(Some(active.clone()), 5.0),
        measured(Some(active.clone()), 6.0),
        measured(Some(vec![Some(0), Some(0), None]), 7.0),
        measured(None, 8.0),
        Measured {
            evaluation: Evaluation { text: Some(TextSource::DemoStories), ..Evaluation::default() },
            ..measured(Some(active), 9.0)
        },
    ];
    let content = seen(state.clone()).content.unwrap();
    assert_eq!(content.perplexity.unwrap().after, Some(6.0));
    state.layers[1].active = None;
    assert_eq!(seen(state).content.unwrap().perplexity, None);
}

#[test]
fn an_export_is_listed_once_it_is_complete() {
    let output = |written| {
        Some(Output {
            path: "/out".into(),
            partial: None,
            run_json_sha256: None,
            bytes: None,
            of: Vec::new(),
            forms: Vec::new(),
            written,
        })
    };
    let path = |written| seen(State { output: output(written), ..done() }).content.unwrap().output;
    assert_eq!((path(false), path(true)), (None, Some("/out".into())));
}

#[test]
fn a_session_without_a_run_has_a_summary() {
    let summary = seen(State { setups: Vec::new(), ..state() });
    let content = summary.content.unwrap();
    assert_eq!(summary.status, SessionStatus::Finished);
    assert!(content.calibration.is_none() && content.layers.iter().all(|layer| layer.active.is_none()));
}

#[test]
fn a_label_is_read_back_by_the_list_and_survives_another_opening() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("run");
    drop(Session::create(&path, done()).unwrap());
    let listed = || list(root.path()).unwrap().remove(0).content.unwrap().label;
    assert!(listed().is_empty());
    let first = Label { name: "baseline".into(), note: "before the search".into() };
    label(&path, first.clone()).unwrap();
    assert_eq!(listed(), first);
    let (mut session, _) = Session::open(&path).unwrap();
    session.change(|state| state.run_state = run_state(1, false)).unwrap();
    assert_eq!(listed(), first, "another change keeps it");
    let second = Label { name: "seed 1".into(), note: String::new() };
    session.change(|state| state.label = second.clone()).unwrap();
    assert_eq!(listed(), second, "that of an open session");
    assert!(label(&path, first).is_err(), "the session is in use");
    drop(session);
    assert_eq!(listed(), second);
}
