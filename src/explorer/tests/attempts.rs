//! Attempts: retries, activation, staleness.

use super::{Script, script::layer_done};
use crate::{
    explorer::{Dialog, Effect, Screen, Status, screens::layer},
    protocol::{Attempt, Command, Control, Event, Job, Method, PerplexityRecord, Side, Stage, job},
};

#[test]
fn a_retry_is_saved_but_not_active() {
    let mut script = Script::pruned(3);
    script.keys("2 [ [ ] r");
    assert_eq!(script.state.layer, 1);
    script.field("ratio");
    script.retype("0.4");
    script.keys("enter");
    let Command::Start { run, job: Job::Retry(job::Retry { layer: 1, method, .. }), .. } =
        script.command().clone()
    else {
        panic!()
    };
    assert_eq!(method.ratio, 0.4);
    script.handle(run, Event::Progress { stage: Stage::ReplayLayers { layer: 1 }, done: 1, total: 2 });
    script.handle(run, Event::LayerStarted { layer: 1, attempt: 1, method: method.clone() });
    script.handle(run, layer_done(1, Attempt { number: 1, above: vec![0], method }));
    script.handle(run, Event::JobDone);
    assert_eq!(script.state.layers[1].attempts.len(), 2);
    assert_eq!(script.state.layers[1].chosen, Some(0), "the earlier attempt stays active");
    assert_eq!(script.state.screens.layer.attempt, 1, "the cursor is on the new one");
    assert_eq!(script.state.status(2), Status::Done);
}

/// The ratios of the retries that a command starts.
fn retried(script: &Script) -> Vec<f64> {
    let ratio = |effect: &Effect| match effect {
        Effect::Command(Command::Start { job: Job::Retry(job::Retry { layer: 1, method }), .. }) => {
            method.ratio.attention
        }
        other => panic!("{other:?}"),
    };
    script.effects.iter().map(ratio).collect()
}

#[test]
fn several_ratios_make_several_attempts_which_are_listed_and_cancelled_together() {
    for (typed, ratios) in [
        ("0.15, 0.25, 0.35", vec![0.15, 0.25, 0.35]),
        ("0.15,0.25", vec![0.15, 0.25]),
        ("0,15", vec![0.15]),
        ("0,15; 0,25", vec![0.15, 0.25]),
        ("0.1 / 0.3 0.2", vec![0.1, 0.2]),
    ] {
        let mut script = Script::pruned(3);
        script.keys("2 [ [ ] r");
        script.field("ratio");
        script.retype(typed);
        script.keys("enter");
        assert_eq!(retried(&script), ratios, "{typed}");
        let waiting: Vec<f64> =
            script.state.waiting_retries(1).map(|method| method.ratio.attention).collect();
        assert_eq!(waiting, ratios);
    }
    let mut script = Script::pruned(3);
    script.keys("2 [ [ ] r");
    script.field("ratio");
    script.retype("0.15, 0.25, 0.35");
    script.keys("enter");
    assert_eq!(script.notice(), "Layer 1: 3 attempts are made one after another");
    let method = Method::of_run(&script.state.settings, 0.15);
    script.handle(2, Event::LayerStarted { layer: 1, attempt: 1, method: method.clone() });
    assert_eq!(script.state.waiting_retries(1).count(), 2);
    script.handle(2, layer_done(1, Attempt { number: 1, above: vec![0], method: method.clone() }));
    script.handle(2, Event::JobDone);
    script.handle(3, Event::LayerStarted { layer: 1, attempt: 2, method });
    assert_eq!(script.state.waiting_retries(1).count(), 1);
    script.keys("x");
    let cancel = |run| Effect::Command(Command::control(run, Control::Cancel));
    assert_eq!(script.effects, [cancel(4), cancel(3)]);
    script.handle(4, Event::JobCancelled);
    script.handle(3, Event::JobCancelled);
    assert!(script.state.job().is_none() && script.state.waiting_retries(1).count() == 0);
}

#[test]
fn several_ratios_for_the_plan_are_refused_as_typed_and_lead_to_the_retry() {
    let mut script = Script::pruned(3);
    script.keys("1 e");
    script.retype("0.15, 0.25, 0.35");
    script.keys("enter");
    let why = script.form_error().unwrap();
    assert!(why.contains("found \"0.15, 0.25, 0.35\""), "{why}");
    assert!(why.ends_with("r makes one attempt for each of several ratios"), "{why}");
    script.retype("nothing");
    script.keys("enter");
    let why = script.form_error().unwrap();
    assert!(why.contains("found \"nothing\"") && !why.contains("several"), "{why}");
}

#[test]
fn activating_an_attempt_makes_later_layers_stale_and_can_be_undone() {
    let mut script = Script::pruned(3);
    script.retry_layer_one(0.4);
    script.state.focus[Screen::Layer as usize] = &layer::view::ATTEMPTS.panel;
    script.keys("enter");
    assert_eq!(script.effects, [Effect::Command(Command::activate(1, Some(1)))]);
    assert_eq!(script.state.status(1), Status::Done, "the planned ratio is that of the attempt");
    assert_eq!(script.state.status(2), Status::Stale);
    assert_eq!(script.state.first_to_run(), Some(2));
    assert!(script.notice().contains("1 later layer is stale"), "{}", script.notice());
    script.keys("u");
    assert_eq!(script.effects, [Effect::Command(Command::activate(1, Some(0)))]);
    assert_eq!(script.state.status(2), Status::Done);
    script.keys("U");
    assert_eq!(script.state.layers[1].chosen, Some(1));
}

#[test]
fn a_layer_cannot_be_retried_before_earlier_ones_are_pruned() {
    let mut script = Script::opened(3);
    script.state.layer = 2;
    script.keys("r");
    assert!(script.refusal().contains("layer 0 comes first"));
}

#[test]
fn activating_a_first_attempt_can_be_undone() {
    let mut script = Script::pruned(2);
    script.state.layers[1].chosen = None;
    script.state.layer = 1;
    script.state.focus[Screen::Layer as usize] = &layer::view::ATTEMPTS.panel;
    script.keys("2 enter u");
    assert_eq!(script.effects, [Effect::Command(Command::activate(1, None))]);
    assert_eq!(script.state.layers[1].chosen, None);
}

#[test]
fn activating_the_previous_attempt_restores_its_results() {
    let mut script = Script::pruned(3);
    script.state.schedule.put(1, 0.123_456_789_012.into());
    script.state.layers[1].attempts[0].attempt.method.ratio = 0.123_456_789_012.into();
    script.retry_layer_one(0.4);
    script.state.focus[Screen::Layer as usize] = &layer::view::ATTEMPTS.panel;
    script.keys("enter up enter");
    assert_eq!(script.state.layers[1].chosen, Some(0));
    assert!((0..3).all(|layer| script.state.status(layer) == Status::Done));
    assert!(!script.notice().contains("stale"), "{}", script.notice());
}

#[test]
fn measurements_of_other_attempts_are_stale() {
    let mut script = Script::pruned(2);
    script.keys("5 m enter");
    let run = script.run();
    let record = PerplexityRecord {
        text: "a.txt".into(),
        seq_len: 128,
        tokens: 1280,
        bos: false,
        before: 4.0,
        after: Some(5.0),
        before_error: None,
        after_error: None,
        divergence: None,
        divergence_error: None,
    };
    script.handle(run, Event::PerplexityMeasured { record });
    script.handle(run, Event::JobDone);
    script.keys("w");
    let run = script.run();
    script.handle(run, Event::GeneratedText { side: Side::Pruned, text: " is".into() });
    script.handle(run, Event::JobDone);
    let stale = |script: &Script| {
        let compare = &script.state.compare;
        (compare.stale(compare.shown().next().unwrap()), compare.text_stale())
    };
    assert_eq!(stale(&script), (false, false));
    script.retry_layer_one(0.4);
    assert_eq!(stale(&script), (false, false), "nothing else is active yet");
    script.state.focus[Screen::Layer as usize] = &layer::view::ATTEMPTS.panel;
    script.keys("enter");
    assert_eq!(stale(&script), (true, true));
    script.keys("u");
    assert_eq!(stale(&script), (false, false));
}

#[test]
fn active_parameters_count_pruned_layers_and_not_the_plan() {
    let mut script = Script::opened(3);
    assert_eq!(script.state.parameters_active(), 4000);
    script.keys("s");
    script.prune(1, 0, 0, vec![]);
    assert_eq!(script.state.parameters_active(), 4000 - 110);
    assert!(script.state.parameters_after() < script.state.parameters_active());
    script.handle(1, Event::JobCancelled);
    script.state.settings.objective.attention_unit = crate::prune::AttentionUnitChoice::QueryHead;
    assert_eq!(script.state.parameters_active(), 4000 - 110, "settings of the next run change nothing");
}

#[test]
fn activating_an_attempt_after_an_export_counts_as_unsaved() {
    let mut script = Script::pruned(2);
    script.retry_layer_one(0.4);
    script.handle(0, Event::ExportWritten { path: "slim".into(), bytes: 10 });
    script.state.focus[Screen::Layer as usize] = &layer::view::ATTEMPTS.panel;
    script.keys("enter q");
    assert!(matches!(&script.state.dialogs[..], [Dialog::Confirm(_)]));
}

#[test]
fn an_activated_attempt_keeps_a_locked_budget() {
    let mut script = Script::pruned(4);
    script.retry_layer_one(0.6);
    script.keys("3 B");
    let budget = script.state.parameters_planned();
    let before = script.state.schedule.clone();
    script.state.focus[Screen::Layer as usize] = &layer::view::ATTEMPTS.panel;
    script.keys("2 enter");
    assert_eq!(script.state.schedule.ratios[1], 0.6);
    let off = script.state.parameters_planned().abs_diff(budget);
    assert!(off <= 110, "{off}: at most one unit of each part");
    assert_ne!(script.state.schedule.ratios, before.ratios);
    let moved = (0..4).filter(|&layer| script.state.schedule.ratios[layer] != before.ratios[layer]).count();
    assert!(moved > 1 || script.notice().contains("the budget is not kept"), "{}", script.notice());
    script.keys("u");
    assert_eq!(
        (script.state.schedule.ratios.clone(), script.state.layers[1].chosen),
        (before.ratios, Some(0))
    );
}
