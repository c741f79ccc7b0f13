//! The command log.

use super::Script;
use crate::{
    explorer::{Dialog, Effect},
    protocol::Event,
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
