//! A new run over layers that are pruned: its cancellation, undo and redo.

use super::{
    Script,
    script::{layer_done, record},
};
use crate::{
    explorer::{Effect, Status},
    protocol::{Attempt, Command, Event, Job, Method, OnCancel, PerplexityRecord, job},
    prune::Part,
};

/// Three pruned layers with a measured perplexity, and a new run that has pruned layer 0.
fn begun_again() -> Script {
    let mut script = Script::pruned(3);
    script.keys("5 m enter");
    let run = script.run();
    script.handle(run, Event::PerplexityMeasured { record: perplexity(5.0) });
    script.handle(run, Event::JobDone);
    script.state.jobs.broken_off = false;
    script.keys("s y");
    let run = script.run();
    script.handle(run, script.run_started());
    script.handle(
        run,
        Event::PerplexityMeasured { record: PerplexityRecord { after: None, ..perplexity(5.0) } },
    );
    script.prune(run, 0, 1, vec![]);
    script
}

fn perplexity(after: f64) -> PerplexityRecord {
    let text = "a.txt".into();
    PerplexityRecord {
        text,
        seq_len: 128,
        tokens: 1280,
        bos: false,
        before: 4.0,
        after: Some(after),
        before_error: None,
        after_error: None,
        divergence: None,
        divergence_error: None,
    }
}

fn statuses(script: &Script) -> Vec<Status> {
    (0..3).map(|layer| script.state.status(layer)).collect()
}

/// The perplexity of the active attempts.
fn measured(script: &Script) -> Option<f64> {
    let compare = &script.state.compare;
    compare.shown().next().filter(|measured| !compare.stale(measured))?.record.after
}

#[test]
fn a_cancelled_new_run_leaves_the_state_as_it_was() {
    let mut script = begun_again();
    assert_eq!(statuses(&script), [Status::Done, Status::Stale, Status::Stale]);
    assert_eq!(measured(&script), None);
    script.keys("x y");
    let run = script.run();
    script.handle(run, Event::AttemptActivated { layer: 0, attempt: Some(0) });
    script.handle(run, Event::JobCancelled);
    assert_eq!(statuses(&script), [Status::Done; 3]);
    assert_eq!(script.state.layers[0].attempts.len(), 2, "the new attempt remains");
    assert_eq!(measured(&script), Some(5.0));
    assert!(script.state.previous_runs.is_empty() && !script.state.jobs.broken_off);
    assert_eq!(script.notice(), "Cancelled; the attempts from before the run are active again.");
    assert_eq!(script.state.history.depth(), (1, 0), "only the first run can be undone");
}

#[test]
fn a_put_back_attempt_does_not_change_the_plan() {
    let mut script = Script::pruned(3);
    script.state.schedule.put(0, 0.7.into());
    let planned = script.state.schedule.clone();
    script.keys("s");
    script.handle(2, script.run_started());
    script.prune(2, 0, 1, vec![]);
    script.handle(2, Event::AttemptActivated { layer: 0, attempt: Some(0) });
    script.handle(2, Event::JobCancelled);
    assert_eq!(script.state.schedule, planned);
}

#[test]
fn only_a_new_run_over_pruned_layers_puts_back_their_attempts() {
    let on_cancel = |script: &Script| match script.command() {
        Command::Start { job: Job::Run(job::Run { on_cancel, .. }), .. } => *on_cancel,
        other => panic!("{other:?}"),
    };
    let mut script = Script::opened(3);
    script.keys("s");
    assert_eq!(on_cancel(&script), OnCancel::KeepFinished, "nothing is active");
    script.prune(1, 0, 0, vec![]);
    script.handle(1, Event::JobCancelled);
    script.keys("R");
    assert_eq!(on_cancel(&script), OnCancel::KeepFinished, "the run is resumed");
    script.handle(2, Event::JobCancelled);
    script.keys("s y");
    assert_eq!(on_cancel(&script), OnCancel::PutBack);
}

#[test]
fn undo_and_redo_take_a_whole_run_back_and_forth() {
    let mut script = begun_again();
    let run = script.run();
    script.prune(run, 1, 1, vec![1]);
    script.prune(run, 2, 1, vec![1, 1]);
    script.handle(run, Event::PerplexityMeasured { record: perplexity(6.0) });
    script.handle(run, Event::JobDone);
    assert_eq!((statuses(&script), measured(&script)), (vec![Status::Done; 3], Some(6.0)));
    script.keys("u");
    let all =
        |number| Effect::Command(Command::Activate((0..3).map(|layer| (layer, Some(number))).collect()));
    assert_eq!(script.effects, [all(0)]);
    assert_eq!((statuses(&script), measured(&script)), (vec![Status::Done; 3], Some(5.0)));
    assert_eq!(script.notice(), "Undone: the run");
    script.keys("U");
    assert_eq!(script.effects, [all(1)]);
    assert_eq!((statuses(&script), measured(&script)), (vec![Status::Done; 3], Some(6.0)));
}

#[test]
fn the_first_run_can_be_undone_too() {
    let mut script = Script::pruned(3);
    script.keys("u");
    assert_eq!(statuses(&script), [Status::Waiting; 3]);
    script.keys("U");
    assert_eq!(statuses(&script), [Status::Done; 3]);
}

#[test]
fn an_attempt_equal_to_the_one_before_makes_nothing_stale() {
    let mut script = Script::pruned(3);
    script.keys("s y");
    let method = Method::of_run(&script.state.settings, script.state.schedule.ratios[0]);
    script.handle(2, Event::LayerStarted { layer: 0, attempt: 1, method: method.clone() });
    script.handle(2, Event::PartDone { layer: 0, part: Part::Attention, record: record(4) });
    script.handle(2, layer_done(0, Attempt { number: 0, above: vec![], method: method.clone() }));
    assert_eq!(statuses(&script), [Status::Done; 3]);
    assert_eq!(script.state.layers[0].attempts.len(), 1);
    script.handle(2, Event::JobDone);
    script.retry_layer_one(0.4);
    assert_eq!(script.state.layers[1].attempts.len(), 2);
    script.state.layer = 1;
    script.keys("2 r enter");
    let run = script.run();
    script.handle(run, Event::LayerStarted { layer: 1, attempt: 2, method: method.clone() });
    script.handle(run, layer_done(1, Attempt { number: 0, above: vec![0], method }));
    assert_eq!(script.notice(), "Layer 1: the result equals attempt 0, so no attempt was added.");
    let numbers: Vec<usize> =
        script.state.layers[1].attempts.iter().map(|known| known.attempt.number).collect();
    assert_eq!((numbers, script.state.screens.layer.attempt), (vec![0, 1], 0));
}

#[test]
fn choices_of_earlier_drafts_are_read() {
    let written = r#"{"what":"w","schedule":null,"choice":{"layer":1,"before":0,"after":null},"open":false}"#;
    let change: crate::explorer::Change = serde_json::from_str(written).unwrap();
    assert_eq!(change.choices.len(), 1);
    let none = r#"{"what":"w","schedule":null,"choice":null,"open":false}"#;
    let change: crate::explorer::Change = serde_json::from_str(none).unwrap();
    assert!(change.choices.is_empty());
}
