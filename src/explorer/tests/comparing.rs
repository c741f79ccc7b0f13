//! Sessions compared with the open one.

use std::path::PathBuf;

use super::{Script, restoring::reopened};
use crate::{
    explorer::{Effect, Msg, NoticeKind, Origin, Pointed, Quantity, Screen, screens::compare},
    protocol::{
        AttemptSummary, Command, Event, LayerSummary, MeasuredToken, ModelRecord, PartSummary,
        PerplexityRecord, SessionContent, SessionStatus, SessionSummary, Side, TokenPrediction,
    },
};

fn path(name: &str) -> PathBuf {
    PathBuf::from("/state/sessions").join(name)
}

/// Two active layers, the second with unpruned attention; the perplexity of the pruned model is `after`.
pub fn content(after: f64) -> SessionContent {
    let part = |kept: usize, error: f64| PartSummary { units: 10, unit: None, kept, relative_error: error };
    let layer = |number: usize, attention: PartSummary| LayerSummary {
        attempts: 1,
        active: Some(AttemptSummary {
            number,
            ratio: 0.25.into(),
            attention,
            mlp: part(8, 0.25),
            output_error: None,
        }),
        stale: false,
    };
    SessionContent {
        created: 0,
        changed: 0,
        label: Default::default(),
        model: ModelRecord {
            name: "tiny, small".into(),
            family: "llama".into(),
            layers: 2,
            parameters_before: 1000,
            parameters_after: 800,
            config_sha256: String::new(),
            quantised: Vec::new(),
        },
        settings: "schedule = \"log\"\nby_parameters = false".parse().unwrap(),
        calibration: None,
        ratio: Some(0.25.into()),
        layers: vec![layer(0, part(5, 0.5)), layer(1, part(10, 0.0))],
        guard: None,
        perplexity: Some(PerplexityRecord {
            text: "eval.txt".into(),
            seq_len: 64,
            tokens: 640,
            bos: false,
            before: 9.0,
            after: Some(after),
            before_error: None,
            after_error: None,
            divergence: None,
            divergence_error: None,
        }),
        seconds: 12.5,
        output: None,
    }
}

pub fn summary(name: &str, after: f64) -> SessionSummary {
    let content = Some(content(after));
    SessionSummary {
        path: path(name),
        name: name.into(),
        bytes: 1,
        status: SessionStatus::Finished,
        killed: false,
        content,
    }
}

fn damaged(name: &str) -> SessionSummary {
    let status = SessionStatus::Damaged { why: "session.json is truncated".into() };
    SessionSummary { status, content: None, ..summary(name, 0.0) }
}

/// A list of eight: the open session, six others, and a damaged one.
fn listed() -> Script {
    let mut script = reopened(|_, _| {});
    script.keys("S");
    let names = ["tiny-one", "two", "three", "four", "five", "six", "seven"];
    let mut sessions: Vec<_> =
        names.into_iter().zip(9..).map(|(name, at)| summary(name, at.into())).collect();
    sessions.push(damaged("bad"));
    script.send(Msg::Sessions { now: 0, sessions: Ok(sessions) });
    script
}

fn places(script: &Script) -> Vec<(usize, String)> {
    script.state.compared_sessions().map(|compared| (compared.place, compared.name.clone())).collect()
}

#[test]
fn marking_a_session_compares_it_and_marking_it_again_removes_it() {
    let mut script = listed();
    script.keys("down m");
    assert_eq!(script.effects, [Effect::ReadSession(path("two"))]);
    assert_eq!(script.notice(), "Session two is compared as b (screen 5)");
    script.keys("down m");
    assert_eq!(places(&script), [(1, "two".into()), (2, "three".into())]);
    script.keys("up m");
    assert!(script.effects.is_empty());
    assert_eq!(places(&script), [(2, "three".into())], "the other one keeps its letter");
    script.keys("down down m");
    assert_eq!(places(&script), [(1, "four".into()), (2, "three".into())], "the free letter is used again");
}

#[test]
fn sessions_that_cannot_be_compared_are_refused_with_the_reason() {
    let mut script = listed();
    script.keys("m");
    assert!(script.effects.is_empty() && script.notice().contains("always compared"));
    script.keys("end m");
    assert_eq!(script.notice(), "session bad cannot be read: session.json is truncated");
    script.keys("home down m down m down m down m down m");
    assert_eq!(places(&script).len(), 5);
    script.keys("down m");
    assert!(script.effects.is_empty() && script.notice().contains("5 sessions are already compared"));
}

#[test]
fn compared_sessions_are_reread_with_the_screen_and_unreadable_ones_are_removed() {
    let mut script = listed();
    script.keys("down m down m esc 5");
    let read = |name| Effect::ReadSession(path(name));
    assert_eq!(script.effects, [read("two"), read("three"), Effect::ListSessions]);
    script.send(Msg::SessionRead(summary("two", 20.0)));
    let after = |script: &Script| script.state.compared()[1].perplexity.as_ref().and_then(|of| of.after);
    assert_eq!(after(&script), Some(20.0));
    script.send(Msg::SessionRead(damaged("three")));
    let notice = script.state.notice.clone().unwrap();
    assert_eq!(notice.kind, NoticeKind::Failed);
    assert_eq!(
        notice.text,
        "session three cannot be read: session.json is truncated; it is no longer compared"
    );
    assert_eq!(places(&script), [(1, "two".into())]);
    script.send(Msg::SessionRead(summary("seven", 1.0)));
    assert_eq!(places(&script).len(), 1, "a session removed meanwhile is not compared again");
    script.keys("S");
    script.send(Msg::Sessions { now: 1, sessions: Ok(vec![summary("two", 30.0)]) });
    assert_eq!(after(&script), Some(30.0), "the list also provides the newest content");
    script.send(Msg::SessionDeleted { path: path("two"), result: Ok(()) });
    assert!(!script.state.compares_sessions());
}

#[test]
fn the_panels_of_other_sessions_are_shown_only_while_some_are_compared() {
    let mut script = listed();
    script.keys("esc 5");
    assert_eq!(script.state.focused(), &compare::TEXTS);
    script.keys("f f f");
    assert_eq!(script.state.focused(), &compare::TEXTS);
    script.keys("S down m esc");
    assert_eq!(script.state.focused(), &compare::SESSIONS);
    script.keys("f");
    assert_eq!(script.state.focused(), &compare::CURVES);
    script.keys("f");
    assert_eq!(script.state.focused(), &compare::TEXTS);
    script.keys("F S down m esc");
    assert_eq!(script.state.focused(), &compare::TEXTS);
}

#[test]
fn left_and_right_change_the_quantity_and_up_and_down_the_session() {
    let mut script = listed();
    script.keys("down m down m esc 5 right");
    assert_eq!(script.state.screens.compare.quantity, Quantity::MlpError);
    script.keys("right right");
    assert_eq!(script.state.screens.compare.quantity, Quantity::Heads);
    script.keys("left f left");
    assert_eq!(script.state.screens.compare.quantity, Quantity::MlpError);
    script.keys("down down down");
    assert_eq!(script.state.screens.compare.row, 2);
    script.keys("]");
    assert_eq!(script.state.layer, 1);
    script.click(Pointed::Row { panel: &compare::SESSIONS, row: 1 });
    assert_eq!((script.state.screens.compare.row, script.state.focused()), (1, &compare::SESSIONS));
    script.keys("f f down");
    assert_eq!(script.state.screens.compare.row, 1, "texts scroll independently");
}

#[test]
fn means_count_only_parts_that_were_pruned() {
    let mut script = listed();
    script.keys("down m esc 5");
    let compared = &script.state.compared()[1];
    assert_eq!(compared.values(Quantity::AttentionError), [Some(0.5), None]);
    assert_eq!(compared.mean(Quantity::AttentionError), Some(0.5));
    assert_eq!(compared.mean(Quantity::MlpError), Some(0.25));
    assert_eq!(compared.mean(Quantity::OutputError), None);
    assert_eq!(compared.ratio, Some(0.25.into()));
}

#[test]
fn the_open_session_is_compared_with_the_evaluation_of_the_others() {
    let mut script = listed();
    script.keys("down m esc 5");
    let measured = script.state.compare.shown().next().unwrap().record.clone();
    script.state.compare.add(PerplexityRecord { text: "another".into(), ..measured });
    let open = &script.state.compared()[0];
    assert!(open.is_open());
    assert_eq!(open.evaluation(), Some(("eval.txt", 64, false)));
}

#[test]
fn sessions_and_their_layers_are_copied_as_csv() {
    let mut script = listed();
    script.keys("down m esc 5 y");
    let [Effect::Copy(text)] = &script.effects[..] else { panic!("{:?}", script.effects) };
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[1].starts_with("tiny-one,true,tiny,"), "{text}");
    assert!(
        lines[2].starts_with("two,false,\"tiny, small\",log,0.25,0.25,1000,800,eval.txt,64,9,10,0.5,0.25,,")
    );
    script.keys("f y");
    let [Effect::Copy(text)] = &script.effects[..] else { panic!("{:?}", script.effects) };
    assert!(text.ends_with("two,0,0.25,0.25,0.5,0.25,\ntwo,1,0.25,0.25,,0.25,\n"), "{text}");
}

#[test]
fn opening_a_compared_session_lists_it_only_in_the_first_row() {
    let mut script = listed();
    script.keys("down m down m esc 5");
    script.state.sessions.open = Some(path("two"));
    let names: Vec<String> = script.state.compared().into_iter().map(|of| of.name).collect();
    assert_eq!(names, ["two", "three"]);
}

#[test]
fn a_recording_can_be_compared_with_sessions() {
    let mut script = Script::unopened(Origin::Replay { file: "run.jsonl".into(), speed: 1.0 });
    script.handle(0, super::script::opened(2));
    script.keys("S");
    script.send(Msg::Sessions { now: 0, sessions: Ok(vec![summary("two", 10.0)]) });
    script.keys("m esc 5");
    assert_eq!(script.state.screen, Screen::Compare);
    let names: Vec<String> = script.state.compared().into_iter().map(|of| of.name).collect();
    assert_eq!(names, ["this recording", "two"]);
}

#[test]
fn the_sessions_of_the_model_form_a_front_and_one_can_be_opened() {
    let mut script = Script::opened(2);
    let point = |name: &str, parameters: u64, after: f64| {
        let mut session = summary(name, after);
        let content = session.content.as_mut().unwrap();
        content.model.parameters_after = parameters;
        session
    };
    let mut otherwise = point("otherwise", 100, 1.0);
    otherwise.content.as_mut().unwrap().perplexity.as_mut().unwrap().tokens = 7;
    let mut unmeasured = point("unmeasured", 100, 1.0);
    unmeasured.content.as_mut().unwrap().perplexity = None;
    let sessions = vec![
        point("beaten", 900, 12.0),
        point("small", 700, 11.0),
        point("equal", 700, 11.0),
        point("large", 950, 10.0),
        otherwise,
        unmeasured,
    ];
    script.send(Msg::Sessions { now: 0, sessions: Ok(sessions) });
    let pareto = compare::pareto(&script.state);
    let names: Vec<(&str, bool)> =
        pareto.points.iter().map(|point| (point.session.name.as_str(), point.front)).collect();
    assert_eq!(names, [("small", true), ("equal", true), ("beaten", false), ("large", true)]);
    assert_eq!((pareto.unmeasured, pareto.otherwise), (1, 1));
    script.keys("5");
    assert!(script.effects.contains(&Effect::ListSessions), "the list is read when the screen is shown");
    script.state.focus(Screen::Compare, &compare::PARETO);
    script.keys("down down down right enter");
    assert!(script.state.screens.compare.pareto.bytes);
    assert_eq!(*script.command(), Command::Reopen { session: path("large") });
}

/// Events of two texts with these tokens.
fn written(script: &mut Script, dense: &[&str], pruned: &[&str]) {
    script.keys("5 w");
    let run = script.run();
    for (side, texts) in [(Side::Dense, dense), (Side::Pruned, pruned)] {
        script.handle(run, Event::GeneratedText { side, text: texts.concat() });
        let prediction = TokenPrediction { loss: 1.0, likeliest: Vec::new() };
        let token = |text: &&str| MeasuredToken {
            text: text.to_string(),
            dense: prediction.clone(),
            pruned: prediction.clone(),
        };
        let tokens = texts.iter().map(token).collect();
        script.handle(run, Event::TokensMeasured { side, tokens });
    }
    script.handle(run, Event::JobDone);
}

#[test]
fn keys_move_among_the_tokens_and_turn_to_earlier_texts() {
    let mut script = Script::opened(2);
    written(&mut script, &["a", "b", "c"], &["a", "b", "x", "y"]);
    let token = |script: &Script| {
        let token = script.state.screens.compare.token;
        (token.side, token.at)
    };
    assert_eq!(token(&script), (Side::Dense, 0));
    script.keys("D");
    assert_eq!(token(&script), (Side::Dense, 2), "the first token that differs");
    script.keys("right");
    assert_eq!(token(&script), (Side::Dense, 2), "the last token");
    script.keys("left left left left");
    assert_eq!(token(&script), (Side::Dense, 0));
    script.keys("a right right right right");
    assert_eq!(token(&script), (Side::Pruned, 3), "the other text has four tokens");
    written(&mut script, &["q"], &["q"]);
    script.keys("D");
    assert_eq!(script.notice(), "the texts are equal, or not complete yet");
    let shown = |script: &Script| script.state.compare.pair().pruned.text.clone();
    assert_eq!(shown(&script), "q");
    script.keys(",");
    assert_eq!(shown(&script), "abxy");
    script.keys("a D");
    assert_eq!(token(&script), (Side::Dense, 2), "the keys follow the shown texts");
    script.keys(".");
    assert_eq!(shown(&script), "q");
}
