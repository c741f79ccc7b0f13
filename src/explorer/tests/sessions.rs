//! The list of sessions: inspecting, opening, deleting; and quitting with a session open.

use std::path::PathBuf;

use super::{
    Script,
    restoring::{PATH, reopened, restored},
    script,
};
use crate::{
    explorer::{Dialog, Effect, Msg, Origin, Pointed, Press, Screen, Sessions, State},
    protocol::{
        Command, Event, Job, Label, ModelRecord, SessionContent, SessionStatus, SessionSummary, Side,
        Stamped, job,
    },
};

fn summary(name: &str, status: SessionStatus) -> SessionSummary {
    let path = PathBuf::from("/state/sessions").join(name);
    SessionSummary { path, name: name.into(), bytes: 4096, status, killed: false, content: None }
}

/// An explorer with an open session and a list of five.
fn listed() -> Script {
    let mut script = reopened(|_, _| {});
    script.keys("S");
    assert_eq!(script.effects, [Effect::ListSessions]);
    script.send(Msg::Sessions { now: 0, sessions: Ok(some()) });
    script
}

/// The list, at any depth in the stack of dialogs.
fn list(state: &State) -> &Sessions {
    let list = state
        .dialogs
        .iter()
        .find_map(|dialog| if let Dialog::Sessions(list) = dialog { Some(list) } else { None });
    list.expect("the list is open")
}

fn some() -> Vec<SessionSummary> {
    vec![
        summary("tiny-one", SessionStatus::InUse { pid: Some(1) }),
        summary("tiny-two", SessionStatus::Unfinished { left: 2 }),
        summary("tiny-three", SessionStatus::Finished),
        summary("tiny-four", SessionStatus::InUse { pid: Some(1234) }),
        summary("tiny-five", SessionStatus::Damaged { why: "session.json is truncated".into() }),
    ]
}

fn path(name: &str) -> PathBuf {
    PathBuf::from("/state/sessions").join(name)
}

#[test]
fn a_session_of_the_list_replaces_the_open_one() {
    let mut script = listed();
    script.keys("down enter");
    assert_eq!(*script.command(), Command::Reopen { session: path("tiny-two") });
    assert!(script.state.dialogs.is_empty());
    script.keys("s");
    assert!(script.effects.is_empty() && script.notice().contains("a session is being opened"));
    script.keys("3 up");
    assert!(script.effects.is_empty(), "an edit made meanwhile would belong to no session");
    script.state.compare.write_on(Side::Pruned, "old");
    script.handle(0, script::opened(5));
    assert_eq!((script.state.layers.len(), script.state.sessions.open.as_ref()), (5, None));
    assert!(script.state.compare.newest.pruned.text.is_empty() && script.state.calibration.is_none());
    let mut session = restored(&script);
    session.path = path("tiny-two");
    script.handle(0, Event::SessionRestored { session: Box::new(session) });
    assert!(script.effects.is_empty() && script.state.unready().is_none());
    assert_eq!(script.state.sessions.open, Some(path("tiny-two")));
}

#[test]
fn a_session_can_be_opened_and_resumed_at_once() {
    let mut script = listed();
    script.keys("down r");
    assert_eq!(*script.command(), Command::Reopen { session: path("tiny-two") });
    script.handle(0, script::opened(3));
    let mut session = restored(&script);
    session.path = path("tiny-two");
    script.handle(0, Event::SessionRestored { session: Box::new(session) });
    assert!(matches!(script.command(), Command::Start { job: Job::Run(job::Run { from: 2, .. }), .. }));
}

#[test]
fn a_refused_session_changes_nothing() {
    let mut script = listed();
    script.keys("down r");
    script.handle(0, Event::Warning { message: "the model has changed".into() });
    assert_eq!(script.notice(), "the model has changed");
    assert_eq!(script.state.sessions.open.as_deref(), Some(PATH.as_ref()));
    script.keys("R");
    assert!(matches!(script.command(), Command::Start { job: Job::Run(job::Run { from: 2, .. }), .. }));
}

#[test]
fn a_session_that_cannot_be_opened_is_refused_with_advice() {
    let mut script = listed();
    script.keys("end enter");
    assert!(script.effects.is_empty() && script.notice().contains("session.json is truncated"));
    script.keys("up enter");
    assert!(
        script.effects.is_empty() && script.notice().contains("process 1234 is working on session tiny-four")
    );
    script.keys("home enter");
    assert!(script.effects.is_empty() && script.notice().contains("is already open"));
    let mut busy = reopened(|_, _| {});
    busy.keys("R S");
    busy.send(Msg::Sessions { now: 0, sessions: Ok(some()) });
    busy.keys("down enter");
    assert!(busy.effects.is_empty() && busy.notice().contains("cancel it (x)"));
    assert!(matches!(busy.state.dialogs.last(), Some(Dialog::Sessions(_))));
}

#[test]
fn opening_a_session_needs_confirmation_if_unsaved_work_would_be_lost() {
    let mut script = Script::pruned(3);
    script.keys("S");
    script.send(Msg::Sessions { now: 0, sessions: Ok(some()) });
    script.keys("down enter");
    assert!(script.effects.is_empty());
    script.keys("y");
    assert_eq!(*script.command(), Command::Reopen { session: path("tiny-two") });
}

#[test]
fn a_session_is_deleted_after_a_yes_unless_it_is_open() {
    let mut script = listed();
    script.keys("d");
    assert!(script.notice().contains("is open here"));
    script.keys("end up d");
    assert!(script.notice().contains("process 1234"));
    script.keys("down d");
    let Some(Dialog::Confirm(ask)) = script.state.dialogs.last() else { panic!() };
    assert!(ask.question.contains("tiny-five") && ask.detail.contains("4.0 KiB"), "{ask:?}");
    script.keys("n");
    assert!(script.effects.is_empty());
    script.keys("d y");
    assert_eq!(script.effects, [Effect::DeleteSession(path("tiny-five"))]);
    script.send(Msg::SessionDeleted { path: path("tiny-five"), result: Ok(()) });
    assert_eq!(script.effects, [Effect::ListSessions]);
    assert_eq!(script.notice(), "Session tiny-five was deleted");
    let mut left = some();
    left.pop();
    script.send(Msg::Sessions { now: 1, sessions: Ok(left) });
    assert_eq!(
        script.state.dialogs,
        [Dialog::Sessions(Sessions { at: 3, ..Sessions::default() })],
        "the cursor stays in the list"
    );
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
    assert_eq!(script.state.dialogs, [Dialog::Sessions(Sessions { at: 0, ..Sessions::default() })]);
    script.send(Msg::Sessions { now: 1, sessions: Err("not readable".into()) });
    script.keys("down enter r d y");
    assert!(script.effects.is_empty());
}

#[test]
fn the_mouse_selects_a_session_and_the_wheel_moves_among_them() {
    let mut script = listed();
    script.click(Pointed::DialogLine(2));
    assert_eq!(script.state.dialogs, [Dialog::Sessions(Sessions { at: 2, ..Sessions::default() })]);
    script.point(Press::WheelUp, Pointed::Nothing);
    assert_eq!(script.state.dialogs, [Dialog::Sessions(Sessions { at: 1, ..Sessions::default() })]);
    script.click(Pointed::DialogLine(1));
    assert_eq!(*script.command(), Command::Reopen { session: path("tiny-two") });
    let mut script = listed();
    script.click(Pointed::OutsideDialog);
    assert!(script.state.dialogs.is_empty());
}

#[test]
fn a_filter_lists_sessions_by_name_and_status_and_esc_clears_it_first() {
    let mut script = listed();
    script.keys("down down /");
    script.text("TINY-F");
    let names = |script: &Script| -> Vec<String> {
        list(&script.state).listed(&script.state).iter().map(|session| session.name.clone()).collect()
    };
    assert_eq!(names(&script), ["tiny-four", "tiny-five"]);
    script.keys("enter down d");
    let Some(Dialog::Confirm(ask)) = script.state.dialogs.last() else { panic!() };
    assert!(ask.question.contains("tiny-five"));
    script.keys("n / ctrl-u");
    script.text("left");
    script.keys("enter");
    assert_eq!(names(&script), ["tiny-two"]);
    script.keys("esc");
    assert_eq!((names(&script).len(), script.state.dialogs.len()), (5, 1));
    script.keys("/ x esc");
    assert_eq!(names(&script).len(), 5);
    script.keys("esc");
    assert!(script.state.dialogs.is_empty());
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
    assert_eq!(script.state.dialogs, [Dialog::Sessions(Sessions { at: 0, ..Sessions::default() })]);
}

#[test]
fn a_recording_shows_the_list_but_opens_nothing() {
    let mut script = Script::unopened(Origin::Replay { file: "run.jsonl".into(), speed: 1.0 });
    script.handle(0, script::opened(3));
    script.keys("S");
    script.send(Msg::Sessions { now: 0, sessions: Ok(some()) });
    script.keys("down enter");
    assert!(script.effects.is_empty());
    assert!(script.notice().contains("slimgpt --session tiny-two opens the session"));
}

#[test]
fn quitting_with_a_session_loses_nothing() {
    let mut script = reopened(|_, _| {});
    script.keys("R q");
    let Some(Dialog::Confirm(ask)) = script.state.dialogs.last() else { panic!() };
    assert!(ask.detail.contains("Finished layers are kept in session tiny-one."), "{}", ask.detail);
    assert!(ask.detail.contains("slimgpt --session tiny-one reopens it, slimgpt resume tiny-one resumes"));
    assert!(!ask.detail.contains("lost"));
    script.keys("n");
    let run = script.run();
    script.handle(run, Event::JobDone);
    script.keys("q");
    assert_eq!(script.effects, [Effect::Quit]);
}

#[test]
fn a_session_in_another_directory_is_quoted_for_the_shell() {
    let script = Script::opened(3);
    let said = |path: &str| crate::explorer::session_argument(&script.state, path.as_ref());
    assert_eq!(said("/state/sessions/tiny-one"), "tiny-one");
    assert_eq!(said("/elsewhere/tiny"), "/elsewhere/tiny");
    assert_eq!(said("/state/sessions/it's mine"), r"'it'\''s mine'");
}

#[test]
fn a_run_that_was_killed_is_offered_once_at_the_next_start() {
    let mut script = Script::unopened(Origin::Live { model: "tiny".into() });
    script.state.sessions.offers = true;
    script.handle(0, script::opened(3));
    assert_eq!(script.effects, [Effect::ListSessions]);
    let killed = |name: &str, status, killed| {
        let content = super::comparing::content(5.0);
        let model = ModelRecord { config_sha256: String::new(), ..content.model };
        let content = Some(SessionContent { model, ..content });
        SessionSummary { killed, content, ..summary(name, status) }
    };
    let sessions = vec![
        killed("tiny-quit", SessionStatus::Unfinished { left: 2 }, false),
        killed("tiny-used", SessionStatus::InUse { pid: None }, true),
        killed("tiny-killed", SessionStatus::Unfinished { left: 2 }, true),
    ];
    script.send(Msg::Sessions { now: 60, sessions: Ok(sessions.clone()) });
    assert_eq!(script.effects, [Effect::SettleSession(path("tiny-killed"))]);
    let Some(Dialog::Confirm(confirm)) = script.state.dialogs.last() else { panic!("a question is open") };
    assert_eq!(confirm.question, "Go on with the run of session tiny-killed?");
    assert!(
        confirm.detail.starts_with("It was broken off 1 min ago; 2 layers are left to prune."),
        "{}",
        confirm.detail
    );
    script.keys("n");
    script.send(Msg::Sessions { now: 60, sessions: Ok(sessions.clone()) });
    assert!(script.state.dialogs.is_empty(), "it is offered once");
    script.state.sessions.offers = true;
    script.send(Msg::Sessions { now: 60, sessions: Ok(sessions) });
    script.keys("y");
    assert_eq!(*script.command(), Command::Reopen { session: path("tiny-killed") });
}

#[test]
fn the_clock_of_the_log_continues_over_jobs_and_resumes() {
    let mut script = reopened(|_, session| session.seconds = 100.0);
    let at = |script: &Script| script.state.log.entries().last().unwrap().at;
    script.keys("R");
    let run = script.run();
    script.send(Msg::Engine(Stamped { run, at: 2.0, event: Event::Warning { message: "a".into() } }));
    assert_eq!(at(&script), 102.0);
    script.send(Msg::Engine(Stamped { run, at: 7.0, event: Event::JobCancelled }));
    script.keys("R");
    let run = script.run();
    script.send(Msg::Engine(Stamped { run, at: 1.0, event: Event::Warning { message: "b".into() } }));
    assert_eq!(at(&script), 108.0);
}

#[test]
fn a_session_is_given_a_name_and_a_note() {
    let mut script = listed();
    let content = Some(super::comparing::content(5.0));
    let named = SessionSummary { content, ..summary("tiny-three", SessionStatus::Finished) };
    script.send(Msg::Sessions { now: 0, sessions: Ok(vec![named]) });
    script.keys("e");
    script.retype("baseline");
    script.field("note");
    script.text("before the search");
    script.keys("enter");
    let label = Label { name: "baseline".into(), note: "before the search".into() };
    assert_eq!(script.effects, [Effect::LabelSession { path: path("tiny-three"), label: label.clone() }]);
    let session = list(&script.state).listed(&script.state)[0].clone();
    assert_eq!(crate::words::session_title(&session), "baseline");
    let mut script = listed();
    let open = SessionSummary {
        path: PATH.into(),
        content: Some(super::comparing::content(5.0)),
        ..summary("tiny-one", SessionStatus::InUse { pid: None })
    };
    script.send(Msg::Sessions { now: 0, sessions: Ok(vec![open]) });
    script.keys("e");
    script.retype("baseline");
    script.field("note");
    script.text("before the search");
    script.keys("enter");
    assert_eq!(*script.command(), Command::Label(label), "the engine writes to the open session");
}
