//! The command log.

use super::Script;
use crate::{
    explorer::{Dialog, Effect, screens::layer},
    protocol::{Attempt, Command, Event, Label, Method},
};

fn lines(script: &Script) -> Vec<String> {
    script.state.commands.lines(script.state.session_argument().as_deref())
}

#[test]
fn everything_that_changes_results_is_logged_as_a_command() {
    let mut script = Script::opened(3);
    script.handle(0, Event::SessionOpened { path: "/state/sessions/one".into() });
    script.keys("e");
    script.text("0.35");
    script.keys("enter s");
    let run = script.run();
    script.handle(run, script.run_started());
    for layer in 0..3 {
        script.prune(run, layer, 0, vec![0; layer]);
    }
    script.handle(run, Event::JobDone);
    script.retry_layer_one(0.5);
    script.keys("5 w");
    let run = script.run();
    script.handle(run, Event::JobDone);
    script.keys("2 c");
    let run = script.run();
    script.handle(run, Event::JobDone);
    let lines = lines(&script);
    assert!(
        lines[0].starts_with("printf '%s\\n' 0.35 ")
            && lines[0].contains("| slimgpt prune tiny --session one --no-export --calibration demo:stories"),
        "{lines:#?}"
    );
    assert!(lines[0].ends_with("--schedule /dev/stdin"), "{lines:#?}");
    assert!(lines[1].starts_with("slimgpt retry one --layer 1 --ratio 0."), "{lines:#?}");
    let last = &lines[lines.len() - 2..];
    assert_eq!(last[0], "slimgpt texts one --prompt 'One day' --max-tokens 96 --temperature 0 --seed 0");
    assert!(last[1].starts_with("slimgpt curve one --layer "), "{lines:#?}");
}

#[test]
fn the_log_is_shown_and_copied_as_a_script() {
    let mut script = Script::pruned(2);
    script.keys("@");
    assert!(matches!(script.state.dialogs.last(), Some(Dialog::Commands(_))));
    script.keys("enter");
    let [Effect::Copy(line)] = &script.effects[..] else { panic!("{:?}", script.effects) };
    assert!(line.starts_with("slimgpt prune tiny --session "), "{line}");
    script.keys("y");
    let [Effect::Copy(text)] = &script.effects[..] else { panic!("{:?}", script.effects) };
    assert!(
        text.starts_with("#!/bin/sh\n") && text.contains("slimgpt prune tiny --session \"$SESSION\""),
        "{text}"
    );
}

/// The commands and comments, without the settings of runs and retries.
fn short(script: &Script) -> Vec<String> {
    let short = |line: String| match line.find(" --calibration ").or(line.find(" --ratio ")) {
        Some(at) => format!("{} …", &line[..at]),
        None => line,
    };
    lines(script).into_iter().map(short).collect()
}

/// Solves all layers in a new run, with attempts of this number.
fn run_again(script: &mut Script, number: usize) {
    script.keys("1 s y");
    let run = script.run();
    script.handle(run, script.run_started());
    for layer in 0..script.state.layers.len() {
        script.prune(run, layer, number, vec![number; layer]);
    }
    script.handle(run, Event::JobDone);
}

#[test]
fn a_second_run_prunes_in_the_same_session_and_attempts_have_the_numbers_of_the_script() {
    let mut script = Script::pruned(2);
    script.retry_layer_one(0.5);
    run_again(&mut script, 2);
    // A cancelled run leaves attempt 3 at layer 0, which the script lacks.
    script.keys("1 s y");
    let run = script.run();
    script.handle(run, script.run_started());
    script.prune(run, 0, 3, vec![]);
    script.handle(run, Event::AttemptActivated { layer: 0, attempt: Some(2) });
    script.handle(run, Event::JobCancelled);
    run_again(&mut script, 4);
    script.keys("u");
    assert_eq!(script.effects, [Effect::Command(Command::Activate(vec![(0, Some(2)), (1, Some(2))]))]);
    script.keys("U");
    script.state.layer = 0;
    script.keys("2");
    script.state.screens.layer.attempt = 2;
    assert_eq!(script.state.layers[0].attempts[2].attempt.number, 3);
    script.state.focus[crate::explorer::Screen::Layer as usize] = &layer::view::ATTEMPTS.panel;
    script.keys("enter");
    assert_eq!(
        short(&script),
        [
            "slimgpt prune tiny --session SESSION --no-export …",
            "slimgpt retry SESSION --layer 1 …",
            "slimgpt prune tiny --session SESSION --no-export --again all …",
            "# Cancelled: slimgpt prune tiny --session SESSION --no-export --again all …",
            "slimgpt prune tiny --session SESSION --no-export --again all …",
            // The explorer's attempts 2 and 4.
            "slimgpt choose SESSION --layer 0 --attempt 1",
            "slimgpt choose SESSION --layer 1 --attempt 2",
            "slimgpt choose SESSION --layer 0 --attempt 2",
            "slimgpt choose SESSION --layer 1 --attempt 3",
            "# Layer 0: attempt 3 was activated; it is from a cancelled run, so no command makes it.",
        ]
    );
}

#[test]
fn a_cancelled_first_run_is_finished_by_the_script() {
    let mut script = Script::opened(2);
    script.keys("s");
    script.handle(1, script.run_started());
    script.prune(1, 0, 0, vec![]);
    script.handle(1, Event::JobCancelled);
    script.keys("R");
    let run = script.run();
    script.prune(run, 1, 0, vec![0]);
    script.handle(run, Event::JobDone);
    let method = Method::of_run(&script.state.settings, 0.7);
    script.state.layer = 1;
    script.keys("2 r");
    script.text("0.7");
    script.keys("enter");
    let run = script.run();
    script.handle(run, super::script::layer_done(1, Attempt { number: 1, above: vec![0], method }));
    script.handle(run, Event::JobDone);
    script.keys("enter");
    assert_eq!(
        short(&script),
        [
            "slimgpt prune tiny --session SESSION --no-export …",
            "# The run above was cancelled; the command finishes it.",
            "slimgpt prune tiny --session SESSION --no-export --again rest …",
            "slimgpt retry SESSION --layer 1 …",
            "slimgpt choose SESSION --layer 1 --attempt 1",
        ]
    );
}

#[test]
fn a_measurement_is_logged_with_its_seed_and_divergence_and_a_name_as_a_comment() {
    let mut script = Script::pruned(2);
    let evaluation = &mut script.state.compare.evaluation;
    (evaluation.windows, evaluation.seed, evaluation.divergence) = (Some(6), 3, true);
    script.keys("5 m enter");
    let run = script.run();
    script.handle(run, Event::JobFailed { message: "no such text".into(), advice: None });
    script.keys("5 m enter");
    let label = Label { name: "baseline".into(), note: "two\nlines".into() };
    crate::explorer::command_log::note(&mut script.state, &Command::Label(label));
    let measured =
        "slimgpt perplexity SESSION --text demo:held-out --seq-len 128 --windows 6 --eval-kl --eval-seed 3";
    assert_eq!(
        lines(&script)[1..],
        [
            format!("# Failed: {measured}"),
            measured.into(),
            "# The session was named \"baseline\", with the note \"two lines\".".into(),
        ]
    );
}
