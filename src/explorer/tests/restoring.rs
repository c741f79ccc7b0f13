//! Reopened sessions: attempts, numbers and the undo history are restored.

use serde_json::{Value, json};

use super::{
    Script,
    script::{self, record},
};
use crate::{
    explorer::{Effect, Origin, Status},
    protocol::{
        Attempt, CalibrationRecord, Command, Draft, Event, HessianStats, LayerRecord, Method, MomentPicture,
        PerplexityRecord, Restored, RestoredAttempt, RestoredLayer, RestoredPerplexity, Statistics,
    },
    prune::{LayerRatio, Part},
};

pub const PATH: &str = "/state/sessions/tiny-one";

fn statistics(units: usize) -> Statistics {
    let stats = HessianStats {
        trace: 1.0,
        diag_min: 0.0,
        diag_mean: 0.1,
        diag_max: 0.2,
        dead: 1,
        condition: 100.0,
        damping_used: 0.01,
    };
    Statistics { stats, picture: MomentPicture::default(), scores: vec![1.0; units], energy: Some(2.0) }
}

fn attempt(script: &Script, layer: usize, number: usize, above: Vec<usize>) -> RestoredAttempt {
    let method = Method::of_run(&script.state.settings, script.state.schedule.ratios[layer]);
    let record = LayerRecord {
        index: layer,
        ratio: method.ratio,
        attention: record(4),
        mlp: record(10),
        output_error: Some(0.01),
    };
    let attempt = Attempt { number, above, method };
    RestoredAttempt { attempt, record, stream_errors: None, attention: Some(statistics(4)), mlp: None }
}

/// A perplexity of the dense model, or of the active attempts of `restored`.
fn perplexity(after: Option<f64>) -> RestoredPerplexity {
    let record = PerplexityRecord {
        text: "eval.txt".into(),
        seq_len: 64,
        tokens: 640,
        bos: false,
        before: 9.0,
        after,
        before_error: None,
        after_error: None,
        divergence: None,
        divergence_error: None,
    };
    RestoredPerplexity { of: after.map(|_| vec![Some(2), Some(0), None]), record }
}

/// Three layers: the first with attempts 0 and 2, the second with one, the third without.
pub fn restored(script: &Script) -> Restored {
    let layers = vec![
        RestoredLayer {
            active: Some(2),
            attempts: vec![attempt(script, 0, 0, vec![]), attempt(script, 0, 2, vec![])],
        },
        RestoredLayer { active: Some(0), attempts: vec![attempt(script, 1, 0, vec![2])] },
        RestoredLayer::default(),
    ];
    Restored {
        search: None,
        path: PATH.into(),
        settings: Box::new(script.state.settings.clone()),
        ratios: script.state.schedule.ratios.clone(),
        layers,
        calibration: Some(CalibrationRecord {
            files: vec!["demo:stories".into()],
            samples: 8,
            seq_len: 16,
            seed: 3,
            tokens: 128,
            ..CalibrationRecord::default()
        }),
        perplexities: vec![perplexity(None), perplexity(Some(12.0))],
        seconds: 0.0,
        unfinished: Some(1),
        frontend: Value::Null,
    }
}

pub fn reopened(change: impl FnOnce(&Script, &mut Restored)) -> Script {
    let mut script = Script::opened(3);
    let mut session = restored(&script);
    change(&script, &mut session);
    script.handle(0, Event::SessionRestored { session: Box::new(session) });
    script
}

fn logged(script: &Script) -> Vec<String> {
    script.state.listed_log().map(|entry| entry.text.clone()).collect()
}

/// The draft that the last message saved.
fn kept(script: &Script) -> Option<Draft> {
    script.effects.iter().find_map(|effect| match effect {
        Effect::Command(Command::SaveDraft { draft }) => Some((**draft).clone()),
        _ => None,
    })
}

#[test]
fn a_session_restores_attempts_numbers_and_statistics() {
    let script = reopened(|_, _| {});
    let state = &script.state;
    let numbers: Vec<usize> = state.layers[0].attempts.iter().map(|result| result.attempt.number).collect();
    assert_eq!((numbers, state.layers[0].chosen), (vec![0, 2], Some(2)));
    let seen = state.layers[0].attempts[1].seen(Part::Attention).unwrap();
    assert_eq!((seen.order.len(), seen.energy), (4, Some(2.0)));
    let status: Vec<Status> = (0..3).map(|layer| state.status(layer)).collect();
    assert_eq!(status, [Status::Done, Status::Done, Status::Waiting]);
    assert_eq!(state.calibration.as_ref().unwrap().seed, 3);
    assert_eq!(state.compare.shown().count(), 1, "the newest for a text");
    assert_eq!(state.compare.shown().next().unwrap().record.after, Some(12.0));
    assert!(!state.compare.stale(state.compare.shown().next().unwrap()));
    assert_eq!(state.sessions.open.as_deref(), Some(PATH.as_ref()));
    assert_eq!(
        logged(&script).last().unwrap(),
        "Session tiny-one opened: 3 layers, 3 attempts, 1 left to prune"
    );
    assert_eq!(script.notice(), "Session tiny-one is open; layer 2 is left to prune, R resumes");
    assert!(script.effects.is_empty(), "nothing changes");
}

#[test]
fn the_attempt_under_the_cursor_is_activated_by_number_even_if_numbers_are_missing() {
    let mut script = reopened(|_, _| {});
    script.keys("2 enter");
    assert_eq!(script.state.screens.layer.attempt, 1, "the cursor is at the active one");
    script.keys("up enter");
    assert!(script.effects.contains(&Effect::Command(Command::activate(0, Some(0)))));
    assert_eq!(script.state.status(1), Status::Stale, "it depends on attempt 2");
}

#[test]
fn an_unreadable_attempt_is_not_active() {
    let script = reopened(|_, session| session.layers[0].active = Some(1));
    assert_eq!(script.state.layers[0].chosen, None);
    assert_eq!((script.state.status(0), script.state.status(1)), (Status::Waiting, Status::Stale));
}

#[test]
fn a_recording_of_a_reopened_session_shows_its_attempts() {
    let mut script = Script::unopened(Origin::Replay { file: "run.jsonl".into(), speed: 1.0 });
    script.handle(0, script::opened(3));
    let session = Box::new(restored(&script));
    script.handle(0, Event::SessionRestored { session });
    script.handle(0, Event::SessionOpened { path: PATH.into() });
    assert_eq!(script.state.status(1), Status::Done);
    assert!(script.effects.is_empty() && script.notice().is_empty());
}

#[test]
fn the_draft_is_saved_once_a_session_is_open() {
    let mut script = Script::opened(3);
    script.keys("3 up");
    assert!(kept(&script).is_none());
    script.handle(0, Event::SessionOpened { path: PATH.into() });
    let draft = kept(&script).unwrap();
    assert_eq!(draft.ratios, script.state.schedule.ratios);
    script.handle(0, Event::SessionOpened { path: PATH.into() });
    assert!(script.effects.is_empty(), "nothing has changed since");
    script.keys("up");
    assert_ne!(kept(&script).unwrap().ratios, draft.ratios);
    script.keys("right 4 3");
    assert!(script.effects.is_empty());
    script.keys("o");
    script.field("damping");
    script.retype("0.05");
    script.keys("enter");
    assert_eq!(kept(&script).unwrap().settings.solver.damping, 0.05);
    assert!(logged(&script).iter().any(|line| line.contains("session tiny-one (/state/sessions/tiny-one)")));
}

#[test]
fn edits_can_be_undone_after_the_session_is_reopened() {
    let mut before = reopened(|_, _| {});
    let planned = before.state.schedule.clone();
    before.keys("3 L e");
    before.retype("0.5");
    before.keys("enter");
    let edited = before.state.schedule.clone();
    before.keys("u");
    let draft = kept(&before).unwrap();
    let text = serde_json::to_string(&draft.frontend).unwrap();
    let mut after = reopened(|_, session| {
        session.ratios = draft.ratios.clone();
        session.frontend = serde_json::from_str(&text).unwrap();
    });
    assert_eq!(after.state.schedule.locked, edited.locked);
    after.keys("U");
    assert_eq!(after.state.schedule, edited);
    after.keys("u u");
    assert_eq!(after.state.schedule, planned);
    after.keys("u");
    assert_eq!(after.notice(), "nothing to undo");
}

#[test]
fn a_choice_is_undone_only_if_its_attempt_still_exists() {
    let mut before = reopened(|_, _| {});
    before.keys("2 enter up enter");
    let draft = kept(&before).unwrap();
    let frontend = draft.frontend.clone();
    let mut after = reopened(|_, session| {
        session.frontend = frontend.clone();
        session.layers[0].active = Some(0);
    });
    after.keys("u");
    assert!(after.effects.contains(&Effect::Command(Command::activate(0, Some(2)))));
    let mut damaged = reopened(|_, session| {
        session.frontend = frontend;
        session.layers[0].attempts.truncate(1);
        session.layers[0].active = Some(0);
    });
    damaged.keys("u");
    assert_eq!(damaged.notice(), "nothing to undo");
}

#[test]
fn an_unreadable_draft_is_reported_and_the_session_still_opens() {
    for frontend in [json!({"version": 99}), json!({"version": 1, "schedule": 7}), json!("?")] {
        let script = reopened(|_, session| session.frontend = frontend.clone());
        assert!(logged(&script).iter().any(|line| line.contains("cannot be read")), "{frontend}");
        assert_eq!(script.state.history.depth(), (0, 0));
        assert_eq!(script.state.layers[0].chosen, Some(2));
    }
}

#[test]
fn the_ratios_of_the_session_take_precedence_over_those_of_the_draft() {
    let mut before = reopened(|_, _| {});
    before.keys("3 up");
    let frontend = kept(&before).unwrap().frontend;
    let script = reopened(|_, session| {
        session.frontend = frontend;
        session.ratios = [0.1, 0.2, 0.3].map(LayerRatio::both).to_vec();
    });
    assert_eq!(script.state.schedule.ratios, [0.1, 0.2, 0.3]);
    let script = reopened(|_, session| session.ratios = vec![0.5.into()]);
    assert_eq!(script.state.schedule.ratios.len(), 3);
    assert!(logged(&script).iter().any(|line| line.contains("plan of 1 ratios does not fit")));
}

#[test]
fn a_stale_perplexity_is_stale_after_a_restart() {
    let after = reopened(|_, session| session.layers[0].active = Some(0));
    assert!(after.state.compare.stale(after.state.compare.shown().next().unwrap()));
}
