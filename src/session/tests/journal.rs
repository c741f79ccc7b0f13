//! Tests of the log of events and of the draft.

use serde_json::json;

use super::*;
use crate::protocol::{Draft, Event, Stage, Stamped};

fn warning(at: f64) -> Stamped {
    Stamped { run: 1, at, event: Event::Warning { message: "careful".into() } }
}

fn lines(session: &Session) -> Vec<String> {
    let text = fs::read_to_string(session.path().join("events.jsonl")).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(Into::into).collect()
}

#[test]
fn an_event_is_in_the_log_at_once_and_progress_is_left_out() {
    let (_dir, session) = session();
    let mut journal = session.journal().unwrap();
    journal.append(&warning(0.5)).unwrap();
    let progress = Event::Progress { stage: Stage::Export, done: 1, total: 2 };
    journal.append(&Stamped { run: 1, at: 0.6, event: progress }).unwrap();
    journal.append(&warning(0.7)).unwrap();
    let lines = lines(&session);
    assert_eq!(lines[0], r#"{"slimgpt_recording":2}"#);
    let read: Vec<Stamped> = lines[1..].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, [warning(0.5), warning(0.7)]);
}

#[test]
fn an_incomplete_last_line_is_removed_before_the_next_event() {
    let (_dir, session) = session();
    let path = session.path().join("events.jsonl");
    let whole = serde_json::to_string(&warning(0.5)).unwrap() + "\n";
    // The incomplete line may be longer than one read.
    for cut_off in ["", "{", &"x".repeat(200_000)] {
        fs::write(&path, whole.repeat(2) + cut_off).unwrap();
        session.journal().unwrap().append(&warning(1.5)).unwrap();
        let lines = lines(&session);
        assert_eq!(lines.len(), 3, "{} bytes cut off", cut_off.len());
        assert_eq!(serde_json::from_str::<Stamped>(&lines[2]).unwrap(), warning(1.5));
    }
    fs::write(&path, "an incomplete line").unwrap();
    session.journal().unwrap();
    assert!(lines(&session).is_empty());
}

fn draft() -> Draft {
    Draft {
        settings: Box::new(settings()),
        ratios: vec![0.1.into(), (0.2 + 0.1).into()],
        frontend: json!({"undo": [1, null, "x"]}),
    }
}

#[test]
fn the_last_saved_draft_is_read() {
    let (_dir, session) = session();
    assert_eq!(session.draft().unwrap(), None);
    let file = session.draft_file();
    file.save(&Draft { ratios: Vec::new(), ..draft() }).unwrap();
    file.save(&draft()).unwrap();
    assert_eq!(session.draft().unwrap(), Some(draft()));
}

#[test]
fn a_session_opens_despite_a_damaged_draft() {
    let (_dir, session) = session();
    session.draft_file().save(&draft()).unwrap();
    flip(&session.path().join("draft.json"), 200, 0);
    let error = session.draft().unwrap_err().to_string();
    assert!(
        error.contains("draft.json: it is damaged") && error.contains("no result of a run is lost"),
        "{error}"
    );
    let path = session.path().to_owned();
    drop(session);
    Session::open(&path).unwrap();
}
