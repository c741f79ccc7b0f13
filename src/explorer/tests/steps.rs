//! The algorithm view: sub-steps forward and back, live, recorded and recorded afterwards.

use super::{
    Script,
    pictures::picture,
    script::{hessian, removed},
};
use crate::{
    explorer::{Cursor, Effect, Origin, Phase, Screen},
    protocol::{Command, Control, Event, Job, Method, PartRecord, job},
    prune::Part,
};

fn pictured(layer: usize, step: usize) -> Event {
    Event::StepPictured { layer, part: Part::Attention, step, picture: Box::new(picture(4, step)) }
}

/// A run in step mode that has halted after its first removal.
fn halted() -> Script {
    let mut script = Script::opened(2);
    script.keys("t s");
    script.handle(1, script.run_started());
    let method = Method::of_run(&script.state.settings, 0.5);
    script.handle(1, Event::LayerStarted { layer: 0, attempt: 0, method });
    script.handle(1, hessian(0, Part::Attention, 4));
    script.handle(1, removed(0, Part::Attention, 0, vec![0]));
    script.handle(1, pictured(0, 0));
    script.handle(1, Event::Paused);
    script
}

fn cursor(script: &Script) -> (usize, Phase) {
    let Cursor { step, phase, .. } = script.state.screens.steps.cursor.unwrap();
    (step, phase)
}

#[test]
fn step_mode_opens_the_algorithm_view_and_n_goes_through_the_sub_steps() {
    let mut script = halted();
    assert_eq!(script.state.screen, Screen::Steps);
    let mut seen = vec![cursor(&script)];
    for _ in 0..4 {
        script.keys("n");
        assert!(script.effects.is_empty(), "the engine waits");
        seen.push(cursor(&script));
    }
    assert_eq!(seen, Phase::ALL.map(|phase| (0, phase)));
    script.keys("n");
    assert_eq!(*script.command(), Command::control(1, Control::Step), "the engine makes the next step");
    script.handle(1, Event::Resumed);
    script.handle(1, removed(0, Part::Attention, 1, vec![1]));
    script.handle(1, pictured(0, 1));
    assert_eq!(cursor(&script), (1, Phase::Score));
}

#[test]
fn recorded_steps_are_walked_back_and_forth_even_after_the_layer_is_done() {
    let mut script = halted();
    script.handle(1, pictured(0, 1));
    script.handle(1, Event::JobCancelled);
    script.keys("N");
    assert_eq!(cursor(&script), (0, Phase::DownDate));
    script.keys("N N [");
    assert_eq!(cursor(&script), (0, Phase::Score));
    script.keys("[");
    assert!(script.notice().contains("first"), "{}", script.notice());
    script.keys("] right");
    assert_eq!(cursor(&script), (1, Phase::Choose));
    script.keys("home");
    assert_eq!(cursor(&script), (0, Phase::Score));
    script.keys("end ]");
    assert_eq!(cursor(&script), (1, Phase::Score));
    assert!(script.notice().contains("last step"), "{}", script.notice());
    script.keys("esc");
    assert_eq!(script.state.screen, Screen::Layer);
}

#[test]
fn enter_records_the_steps_of_a_part_that_was_solved_without_them() {
    let mut script = Script::pruned(2);
    let before = script.state.layers.clone();
    script.keys("2 home V");
    (script.state.layer, script.state.screens.layer.part) = (1, Part::Attention);
    script.keys("enter");
    let Command::Start { run, job: Job::RecordSteps(job::RecordSteps { layer, part, .. }), .. } =
        *script.command()
    else {
        panic!("{:?}", script.effects)
    };
    assert_eq!((layer, part), (1, Part::Attention));
    for step in 0..3 {
        script.handle(run, pictured(1, step));
    }
    script.handle(run, Event::JobDone);
    assert_eq!(script.state.layers[1].attempts, before[1].attempts);
    script.keys("n");
    assert_eq!(cursor(&script), (0, Phase::Choose), "the walk begins at the first step");
}

#[test]
fn a_part_of_an_unpruned_layer_above_which_layers_are_missing_is_not_recorded() {
    let mut script = Script::opened(3);
    script.keys("2");
    script.state.layer = 2;
    script.keys("V enter");
    assert!(script.effects.is_empty() && script.notice().contains("layer 0 comes first"));
}

#[test]
fn a_new_solve_replaces_the_steps_of_the_earlier_attempt() {
    let mut script = halted();
    script.handle(1, pictured(0, 1));
    script.handle(1, pictured(0, 0));
    let recorded = script.state.layers[0].recorded(Part::Attention).unwrap();
    assert_eq!(recorded.numbers().collect::<Vec<_>>(), [0]);
}

#[test]
fn in_a_recording_n_plays_on_to_the_next_removal() {
    let mut script = halted();
    script.state.origin = Origin::Replay { file: "run.jsonl".into(), speed: 1.0 };
    script.keys("end n n n n");
    assert!(script.effects.is_empty());
    script.keys("n");
    assert_eq!(script.effects, [Effect::Command(Command::control(1, Control::Step))]);
}

#[test]
fn pictures_of_distant_layers_are_dropped_when_there_are_too_many() {
    let mut script = Script::pruned(14);
    script.keys("2 V");
    for layer in 0..14 {
        for step in 0..100 {
            let picture = Box::new(picture(4, step.min(3)));
            let event = Event::StepPictured { layer, part: Part::Attention, step, picture };
            script.handle(0, event);
        }
    }
    let recorded = |layer: usize| !script.state.layers[layer].recorded.is_empty();
    assert_eq!((0..14).filter(|&layer| recorded(layer)).count(), 10);
    assert!(recorded(13) && !recorded(0));
}

#[test]
fn a_layer_opens_at_the_part_from_which_units_were_removed_unless_another_is_chosen() {
    let mut script = Script::pruned(2);
    let untouched = PartRecord::untouched(4, 1);
    script.state.layers[0].attempts[0].record.attention = untouched;
    script.keys("1 home");
    script.state.screens.layer.part = Part::Attention;
    script.keys("enter");
    assert_eq!(script.state.screens.layer.part, Part::Mlp);
    script.keys("a 3 2 V");
    assert_eq!(script.state.screens.layer.part, Part::Attention, "the choice of the user");
    script.keys("1 down enter up");
    script.state.screens.layer.part = Part::Attention;
    script.keys("V");
    assert_eq!(script.state.screens.layer.part, Part::Attention, "still the choice for layer 0");
}
