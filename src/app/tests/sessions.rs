//! Sessions: opened again, listed, deleted; what is planned is kept in them.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{
    Script,
    script::{self, record},
};
use crate::{
    app::{Effect, Msg, Origin, Overlay, Pointed, Press, Screen, Status},
    config::Part,
    protocol::{
        Attempt, CalibrationRecord, Command, Desk, Event, HessianStats, LayerRecord, Method, MomentPicture,
        PerplexityRecord, Restored, RestoredAttempt, RestoredLayer, SessionSummary, Standing, Statistics,
    },
};

const PATH: &str = "/state/sessions/tiny-one";

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
    Statistics { stats, picture: MomentPicture::default(), scores: vec![1.0; units], energy: 2.0 }
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
    RestoredAttempt { attempt, record, attention: Some(statistics(4)), mlp: None }
}

fn perplexity(after: Option<f64>) -> PerplexityRecord {
    PerplexityRecord { text: "eval.txt".into(), seq_len: 64, tokens: 640, bos: false, before: 9.0, after }
}

/// Three layers: the first with attempts 0 and 2, the second with one, the third without.
fn restored(script: &Script) -> Restored {
    let layers = vec![
        RestoredLayer {
            in_force: Some(2),
            attempts: vec![attempt(script, 0, 0, vec![]), attempt(script, 0, 2, vec![])],
        },
        RestoredLayer { in_force: Some(0), attempts: vec![attempt(script, 1, 0, vec![2])] },
        RestoredLayer::default(),
    ];
    Restored {
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
        }),
        perplexities: vec![perplexity(None), perplexity(Some(12.0))],
        unfinished: Some(1),
        face: Value::Null,
    }
}

fn reopened(change: impl FnOnce(&Script, &mut Restored)) -> Script {
    let mut script = Script::opened(3);
    let mut session = restored(&script);
    change(&script, &mut session);
    script.hear(0, Event::Restored { session: Box::new(session) });
    script
}

fn logged(script: &Script) -> Vec<String> {
    script.state.log.shown().map(|entry| entry.text.clone()).collect()
}

/// The desk that the last message had kept.
fn kept(script: &Script) -> Option<Desk> {
    script.effects.iter().find_map(|effect| match effect {
        Effect::Command(Command::Keep { desk }) => Some((**desk).clone()),
        _ => None,
    })
}

#[test]
fn a_session_brings_its_attempts_its_numbers_and_what_was_seen() {
    let script = reopened(|_, _| {});
    let state = &script.state;
    let numbers: Vec<usize> = state.layers[0].attempts.iter().map(|result| result.attempt.number).collect();
    assert_eq!((numbers, state.layers[0].chosen), (vec![0, 2], Some(2)));
    let seen = state.layers[0].attempts[1].seen(Part::Attention).unwrap();
    assert_eq!((seen.order.len(), seen.energy), (4, 2.0));
    let standing: Vec<Status> = (0..3).map(|layer| state.status(layer)).collect();
    assert_eq!(standing, [Status::Done, Status::Done, Status::Waiting]);
    assert_eq!(state.calibration.as_ref().unwrap().seed, 3);
    assert_eq!(state.compare.measured.len(), 1, "the newest of a text");
    assert_eq!(state.compare.measured[0].record.after, Some(12.0));
    assert!(!state.compare.stale(&state.compare.measured[0]));
    assert_eq!(state.session.as_deref(), Some(PATH.as_ref()));
    assert_eq!(
        logged(&script).last().unwrap(),
        "Session tiny-one opened: 3 layers, 3 attempts, 1 left to prune"
    );
    assert_eq!(script.notice(), "Session tiny-one is open; layer 2 is left to prune, R goes on");
    assert!(script.effects.is_empty(), "it is kept as it is");
}

#[test]
fn an_attempt_under_the_cursor_is_chosen_by_its_number_whatever_is_missing() {
    let mut script = reopened(|_, _| {});
    script.keys("2 enter");
    assert_eq!(script.state.attempt, 1, "the cursor is at the one in force");
    script.keys("up enter");
    assert!(script.effects.contains(&Effect::Command(Command::Choose { layer: 0, attempt: Some(0) })));
    assert_eq!(script.state.status(1), Status::Stale, "it rests on attempt 2");
}

#[test]
fn an_attempt_that_cannot_be_used_is_not_in_force() {
    let script = reopened(|_, session| session.layers[0].in_force = Some(1));
    assert_eq!(script.state.layers[0].chosen, None);
    assert_eq!((script.state.status(0), script.state.status(1)), (Status::Waiting, Status::Stale));
}

#[test]
fn a_recording_of_a_reopened_session_shows_its_attempts() {
    let mut script = Script::unopened(Origin::Replay { file: "run.jsonl".into(), speed: 1.0 });
    script.hear(0, script::opened(3));
    let session = Box::new(restored(&script));
    script.hear(0, Event::Restored { session });
    script.hear(0, Event::Session { path: PATH.into() });
    assert_eq!(script.state.status(1), Status::Done);
    assert!(script.effects.is_empty() && script.notice().is_empty());
}

#[test]
fn what_is_planned_is_kept_once_there_is_a_session() {
    let mut script = Script::opened(3);
    script.keys("3 up");
    assert!(kept(&script).is_none());
    script.hear(0, Event::Session { path: PATH.into() });
    let desk = kept(&script).unwrap();
    assert_eq!(desk.ratios, script.state.schedule.ratios);
    script.hear(0, Event::Session { path: PATH.into() });
    assert!(script.effects.is_empty(), "nothing has changed since");
    script.keys("up");
    assert_ne!(kept(&script).unwrap().ratios, desk.ratios);
    script.keys("right 4 3");
    assert!(script.effects.is_empty());
    script.keys("o");
    script.field("damping");
    script.retype("0.05");
    script.keys("enter");
    assert_eq!(kept(&script).unwrap().settings.damping, 0.05);
    assert!(logged(&script).iter().any(|line| line.contains("session tiny-one (/state/sessions/tiny-one)")));
}

#[test]
fn edits_are_taken_back_after_the_session_was_opened_again() {
    let mut before = reopened(|_, _| {});
    let planned = before.state.schedule.clone();
    before.keys("3 L e");
    before.retype("0.5");
    before.keys("enter");
    let edited = before.state.schedule.clone();
    before.keys("u");
    let desk = kept(&before).unwrap();
    let text = serde_json::to_string(&desk.face).unwrap();
    let mut after = reopened(|_, session| {
        session.ratios = desk.ratios.clone();
        session.face = serde_json::from_str(&text).unwrap();
    });
    assert_eq!(after.state.schedule.locked, edited.locked);
    after.keys("U");
    assert_eq!(after.state.schedule, edited);
    after.keys("u u");
    assert_eq!(after.state.schedule, planned);
    after.keys("u");
    assert_eq!(after.notice(), "nothing to take back");
}

#[test]
fn a_choice_is_taken_back_only_where_its_attempt_is_still_there() {
    let mut before = reopened(|_, _| {});
    before.keys("2 enter up enter");
    let desk = kept(&before).unwrap();
    let face = desk.face.clone();
    let mut after = reopened(|_, session| {
        session.face = face.clone();
        session.layers[0].in_force = Some(0);
    });
    after.keys("u");
    assert!(after.effects.contains(&Effect::Command(Command::Choose { layer: 0, attempt: Some(2) })));
    let mut damaged = reopened(|_, session| {
        session.face = face;
        session.layers[0].attempts.truncate(1);
        session.layers[0].in_force = Some(0);
    });
    damaged.keys("u");
    assert_eq!(damaged.notice(), "nothing to take back");
}

#[test]
fn what_was_planned_and_cannot_be_read_is_told_and_hinders_nothing() {
    for face in [json!({"version": 99}), json!({"version": 1, "schedule": 7}), json!("?")] {
        let script = reopened(|_, session| session.face = face.clone());
        assert!(logged(&script).iter().any(|line| line.contains("cannot be read")), "{face}");
        assert_eq!(script.state.history.depth(), (0, 0));
        assert_eq!(script.state.layers[0].chosen, Some(2));
    }
}

#[test]
fn the_session_s_ratios_win_over_those_that_the_explorer_had_kept() {
    let mut before = reopened(|_, _| {});
    before.keys("3 up");
    let face = kept(&before).unwrap().face;
    let script = reopened(|_, session| {
        session.face = face;
        session.ratios = vec![0.1, 0.2, 0.3];
    });
    assert_eq!(script.state.schedule.ratios, [0.1, 0.2, 0.3]);
    let script = reopened(|_, session| session.ratios = vec![0.5]);
    assert_eq!(script.state.schedule.ratios.len(), 3);
    assert!(logged(&script).iter().any(|line| line.contains("plans 1 ratios")));
}

#[test]
fn a_perplexity_stays_stale_over_a_restart() {
    let mut before = reopened(|_, _| {});
    before.keys("2 enter up enter");
    assert!(before.state.compare.stale(&before.state.compare.measured[0]));
    let face = kept(&before).unwrap().face;
    let after = reopened(|_, session| {
        session.face = face;
        session.layers[0].in_force = Some(0);
    });
    assert!(after.state.compare.stale(&after.state.compare.measured[0]));
}

pub fn summary(name: &str, standing: Standing) -> SessionSummary {
    let path = PathBuf::from("/state/sessions").join(name);
    SessionSummary { path, name: name.into(), bytes: 4096, standing, content: None }
}

/// An explorer in the session that is open, with a list of five.
fn listed() -> Script {
    let mut script = reopened(|_, _| {});
    script.keys("S");
    assert_eq!(script.effects, [Effect::ListSessions]);
    script.send(Msg::Sessions { now: 0, sessions: Ok(some()) });
    script
}

fn some() -> Vec<SessionSummary> {
    vec![
        summary("tiny-one", Standing::InUse { pid: Some(1) }),
        summary("tiny-two", Standing::Unfinished { left: 2 }),
        summary("tiny-three", Standing::Finished),
        summary("tiny-four", Standing::InUse { pid: Some(1234) }),
        summary("tiny-five", Standing::Damaged { why: "session.json is cut off".into() }),
    ]
}

fn path(name: &str) -> PathBuf {
    PathBuf::from("/state/sessions").join(name)
}

#[test]
fn a_session_of_the_list_is_opened_in_place_of_the_one_that_is_open() {
    let mut script = listed();
    script.keys("down enter");
    assert_eq!(*script.command(), Command::Reopen { session: path("tiny-two") });
    assert!(script.state.overlays.is_empty());
    script.keys("s");
    assert!(script.effects.is_empty() && script.notice().contains("a session is being opened"));
    script.keys("3 up");
    assert!(script.effects.is_empty(), "what is edited meanwhile would belong nowhere");
    script.state.compare.write_on(crate::protocol::Side::Pruned, "old");
    script.hear(0, script::opened(5));
    assert_eq!((script.state.layers.len(), script.state.session.as_ref()), (5, None));
    assert!(script.state.compare.pruned.text.is_empty() && script.state.calibration.is_none());
    let mut session = restored(&script);
    session.path = path("tiny-two");
    script.hear(0, Event::Restored { session: Box::new(session) });
    assert!(script.effects.is_empty() && script.state.unready().is_none());
    assert_eq!(script.state.session, Some(path("tiny-two")));
}

#[test]
fn a_session_can_be_opened_and_gone_on_with_at_once() {
    let mut script = listed();
    script.keys("down r");
    assert_eq!(*script.command(), Command::Reopen { session: path("tiny-two") });
    script.hear(0, script::opened(3));
    let mut session = restored(&script);
    session.path = path("tiny-two");
    script.hear(0, Event::Restored { session: Box::new(session) });
    assert!(matches!(script.command(), Command::Run { from: 2, .. }));
}

#[test]
fn a_session_that_is_refused_leaves_all_as_it_was() {
    let mut script = listed();
    script.keys("down r");
    script.hear(0, Event::Warning { message: "the model has changed".into() });
    assert_eq!(script.notice(), "the model has changed");
    assert_eq!(script.state.session.as_deref(), Some(PATH.as_ref()));
    script.keys("R");
    assert!(matches!(script.command(), Command::Run { from: 2, .. }));
}

#[test]
fn what_cannot_be_opened_is_refused_with_what_to_do() {
    let mut script = listed();
    script.keys("end enter");
    assert!(script.effects.is_empty() && script.notice().contains("session.json is cut off"));
    script.keys("up enter");
    assert!(script.effects.is_empty() && script.notice().contains("process 1234 works on session tiny-four"));
    script.keys("home enter");
    assert!(script.effects.is_empty() && script.notice().contains("is the one that is open"));
    let mut busy = reopened(|_, _| {});
    busy.keys("R S");
    busy.send(Msg::Sessions { now: 0, sessions: Ok(some()) });
    busy.keys("down enter");
    assert!(busy.effects.is_empty() && busy.notice().contains("cancel it (x)"));
    assert!(matches!(busy.state.overlays.last(), Some(Overlay::Sessions { .. })));
}

#[test]
fn work_in_no_session_is_asked_about_before_another_is_opened() {
    let mut script = Script::pruned(3);
    script.keys("S");
    script.send(Msg::Sessions { now: 0, sessions: Ok(some()) });
    script.keys("down enter");
    assert!(script.effects.is_empty());
    script.keys("y");
    assert_eq!(*script.command(), Command::Reopen { session: path("tiny-two") });
}

#[test]
fn a_session_is_deleted_after_a_yes_and_never_the_one_that_is_open() {
    let mut script = listed();
    script.keys("d");
    assert!(script.notice().contains("is open here"));
    script.keys("end up d");
    assert!(script.notice().contains("process 1234"));
    script.keys("down d");
    let Some(Overlay::Ask(ask)) = script.state.overlays.last() else { panic!() };
    assert!(ask.question.contains("tiny-five") && ask.detail.contains("4.0 KiB"), "{ask:?}");
    script.keys("n");
    assert!(script.effects.is_empty());
    script.keys("d y");
    assert_eq!(script.effects, [Effect::DeleteSession(path("tiny-five"))]);
    script.send(Msg::SessionDeleted { path: path("tiny-five"), result: Ok(()) });
    assert_eq!(script.effects, [Effect::ListSessions]);
    assert_eq!(script.notice(), "Session tiny-five is deleted");
    let mut left = some();
    left.pop();
    script.send(Msg::Sessions { now: 1, sessions: Ok(left) });
    assert_eq!(script.state.overlays, [Overlay::Sessions { at: 3 }], "the cursor stays in the list");
    script.send(Msg::SessionDeleted { path: path("tiny-two"), result: Err("no".into()) });
    assert_eq!(script.notice(), "no");
}

#[test]
fn the_cursor_stays_at_its_session_when_the_list_changes() {
    let mut script = listed();
    script.keys("down down");
    let mut changed = some();
    changed.swap(0, 2);
    script.send(Msg::Sessions { now: 1, sessions: Ok(changed) });
    assert_eq!(script.state.overlays, [Overlay::Sessions { at: 0 }]);
    script.send(Msg::Sessions { now: 1, sessions: Err("not readable".into()) });
    script.keys("down enter r d y");
    assert!(script.effects.is_empty());
}

#[test]
fn the_mouse_selects_a_session_and_the_wheel_moves_among_them() {
    let mut script = listed();
    script.click(Pointed::OverlayLine(2));
    assert_eq!(script.state.overlays, [Overlay::Sessions { at: 2 }]);
    script.point(Press::WheelUp, Pointed::Nothing);
    assert_eq!(script.state.overlays, [Overlay::Sessions { at: 1 }]);
    script.click(Pointed::OverlayLine(1));
    assert_eq!(*script.command(), Command::Reopen { session: path("tiny-two") });
    let mut script = listed();
    script.click(Pointed::OutsideOverlay);
    assert!(script.state.overlays.is_empty());
}

#[test]
fn the_path_of_a_session_can_be_copied() {
    let mut script = listed();
    script.keys("down y");
    assert_eq!(script.effects, [Effect::Copy("/state/sessions/tiny-two".into())]);
}

#[test]
fn every_screen_opens_the_list_and_the_palette_finds_it() {
    let mut script = Script::opened(3);
    for screen in Screen::ALL {
        script.state.screen = screen;
        script.keys("S");
        assert_eq!(script.effects, [Effect::ListSessions]);
        script.keys("esc");
    }
    script.keys(":");
    script.text("sessions");
    script.keys("enter");
    assert_eq!(script.state.overlays, [Overlay::Sessions { at: 0 }]);
}

#[test]
fn a_recording_shows_the_list_but_opens_nothing() {
    let mut script = Script::unopened(Origin::Replay { file: "run.jsonl".into(), speed: 1.0 });
    script.hear(0, script::opened(3));
    script.keys("S");
    script.send(Msg::Sessions { now: 0, sessions: Ok(some()) });
    script.keys("down enter");
    assert!(script.effects.is_empty());
    assert!(script.notice().contains("slimgpt --session tiny-two opens the session"));
}

#[test]
fn with_a_session_nothing_is_lost_by_quitting() {
    let mut script = reopened(|_, _| {});
    script.keys("R q");
    let Some(Overlay::Ask(ask)) = script.state.overlays.last() else { panic!() };
    assert!(ask.detail.contains("Finished layers are kept in session tiny-one."), "{}", ask.detail);
    assert!(
        ask.detail.contains("slimgpt --session tiny-one opens it again, slimgpt resume tiny-one goes on")
    );
    assert!(!ask.detail.contains("lost"));
    script.keys("n");
    let run = script.run();
    script.hear(run, Event::JobDone);
    script.keys("q");
    assert_eq!(script.effects, [Effect::Quit]);
}

#[test]
fn a_session_elsewhere_is_named_as_a_shell_takes_it() {
    let script = Script::opened(3);
    let said = |path: &str| crate::app::session_argument(&script.state, path.as_ref());
    assert_eq!(said("/state/sessions/tiny-one"), "tiny-one");
    assert_eq!(said("/elsewhere/tiny"), "/elsewhere/tiny");
    assert_eq!(said("/state/sessions/it's mine"), r"'it'\''s mine'");
}
