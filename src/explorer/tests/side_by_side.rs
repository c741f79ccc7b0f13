//! Attempts side by side.

use super::{Script, script::layer_done};
use crate::{
    explorer::{Screen, screens::layer},
    protocol::{Attempt, Command, Event, Job, Method, job},
    prune::{StreamError, StreamErrors},
};

/// Layer 1 with four attempts, and the cursor on the first one.
fn four_attempts() -> Script {
    let mut script = Script::pruned(3);
    for number in 1..4 {
        let method = Method::of_run(&script.state.settings, 0.1 * number as f64);
        script.state.layer = 1;
        script.keys("2 r enter");
        let run = script.run();
        script.handle(run, layer_done(1, Attempt { number, above: vec![0], method }));
        script.handle(run, Event::JobDone);
    }
    script.state.focus[Screen::Layer as usize] = &layer::view::ATTEMPTS.panel;
    script.keys("home");
    script
}

fn marked(script: &Script) -> Vec<usize> {
    script.state.layers[1].marked().map(|result| result.attempt.number).collect()
}

fn titles(script: &Script) -> Vec<&'static str> {
    script.state.panels().iter().map(|panel| panel.title).collect()
}

#[test]
fn two_or_three_marked_attempts_are_shown_side_by_side() {
    let mut script = four_attempts();
    let alone = titles(&script);
    script.keys("m");
    assert_eq!((marked(&script), titles(&script)), (vec![0], alone.clone()), "one alone is not compared");
    script.keys("down down m");
    assert_eq!(marked(&script), [0, 2]);
    assert_eq!(
        titles(&script),
        [
            "Scores side by side",
            "Differences",
            "Removed units",
            "Error curves",
            "Error at the last layer",
            "Attempts"
        ]
    );
    script.keys("up m down down m");
    assert_eq!(marked(&script), [0, 1, 2]);
    assert!(script.notice().contains("3 attempts are marked"), "{}", script.notice());
    script.keys("f");
    assert_eq!(script.state.focused().title, "Scores side by side");
    script.keys("m");
    assert_eq!(script.state.focused().title, "Attempts", "marks are set in the list");
    script.keys("]");
    assert_eq!(titles(&script), alone, "each layer has marks of its own");
    script.keys("[ esc");
    assert_eq!((marked(&script), script.state.screen), (vec![], Screen::Layer), "Esc ends the comparison");
    script.keys("esc");
    assert_eq!(script.state.screen, Screen::Layers);
}

#[test]
fn a_single_attempt_cannot_be_marked() {
    let mut script = Script::pruned(2);
    script.keys("2 m");
    assert!(script.notice().contains("one attempt"), "{}", script.notice());
    script.keys("w");
    assert!(script.notice().contains("mark two or three attempts"), "{}", script.notice());
}

fn errors(error: f64) -> StreamErrors {
    let behind = StreamError { error, norm: 2.0, cosine: 0.1, error_rest: error, norm_rest: 1.0 };
    StreamErrors { attention: behind, mlp: behind }
}

#[test]
fn marked_attempts_are_passed_to_the_last_layer() {
    let mut script = four_attempts();
    script.keys("m down down down m w");
    let run = match script.command() {
        Command::Start { run, job: Job::CompareAttempts(job), .. } => {
            assert_eq!(*job, job::CompareAttempts { layer: 1, attempts: vec![0, 3], windows: 4 });
            *run
        }
        other => panic!("{other:?}"),
    };
    let compared = |attempt, behind, error| Event::AttemptCompared {
        layer: 1,
        attempt,
        windows: 3,
        behind,
        errors: errors(error),
    };
    let last = |script: &Script, attempt: usize| {
        let passed = script.state.layers[1].side_by_side.passed(attempt)?.last()?;
        Some(passed.mlp.relative())
    };
    script.handle(run, compared(0, 1, 0.2));
    assert_eq!(last(&script, 0), None);
    script.handle(run, compared(0, 2, 0.4));
    script.handle(run, compared(3, 1, 0.4));
    assert_eq!((last(&script, 0), last(&script, 3)), (Some(0.2), None));
    script.handle(run, compared(3, 2, 0.6));
    script.handle(run, Event::JobDone);
    assert_eq!(last(&script, 3), Some(0.3));
    let current =
        |script: &Script| script.state.layers[1].side_by_side.passed(3).unwrap().is_current(&script.state, 1);
    script.state.layers[1].chosen = Some(2);
    assert!(current(&script), "the active attempt of the layer itself does not matter");
    script.state.layers[2].chosen = None;
    assert!(!current(&script));
    let lines = script.state.commands.lines(None);
    assert_eq!(lines.last().unwrap(), "slimgpt errors SESSION --layer 1 --attempts 0,3 --windows 4");
}

#[test]
fn the_units_of_marked_attempts_are_copied() {
    let mut script = four_attempts();
    script.keys("m down m y");
    let text = script.effects.iter().find_map(|effect| match effect {
        crate::explorer::Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    let text = text.unwrap();
    assert!(text.starts_with("unit,score_0,removed_0,score_1,removed_1\n"), "{text}");
    assert!(text.contains("\n1,2,1,,1\n"), "unit 1 is removed first; attempt 1 has no scores\n{text}");
}

#[test]
fn a_retry_leads_to_the_list_of_attempts_which_tells_how_to_mark_and_activate() {
    let mut script = Script::pruned(2);
    script.keys("2");
    assert_ne!(script.state.focused().title, "Attempts");
    script.retry_layer_one(0.3);
    assert_eq!(script.state.focused().title, "Attempts");
    script.retry_layer_one(0.4);
    assert!(script.notice().contains("Enter in the list of attempts activates it"), "{}", script.notice());
    let mut script = four_attempts();
    script.keys("m down m");
    let labels: Vec<String> =
        crate::explorer::hints(&script.state).into_iter().map(|hint| hint.label).collect();
    assert!(labels.contains(&"activate".into()) && labels.contains(&"mark".into()), "{labels:?}");
}
