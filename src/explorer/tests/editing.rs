//! Edits of the schedule, undo and redo.

use super::Script;
use crate::{
    config::Span,
    explorer::{Locked, Status, screens::schedule},
    protocol::{Command, Control, Event, Job, LossPoint, SearchRecord, SensitivityCurve, TriedRatios, job},
    prune::{AttentionUnit, LayerRatio, Part, Schedule},
};

fn ratio(script: &Script, layer: usize) -> f64 {
    script.state.schedule.ratios[layer].one().unwrap()
}

#[test]
fn a_nudge_moves_one_ratio_and_the_parameters_follow_at_once() {
    let mut script = Script::opened(4);
    let before = (ratio(&script, 1), script.state.parameters_planned());
    script.keys("3 right up up up up up pageup pageup");
    assert!((ratio(&script, 1) - before.0 - 0.15).abs() < 1e-6);
    assert!(script.state.parameters_planned() < before.1);
    assert_eq!(script.state.schedule.name(), "by hand");
    script.keys("u");
    assert!((ratio(&script, 1) - before.0 - 0.05).abs() < 1e-6, "nudges with one key in a row are one edit");
    script.keys("u");
    assert_eq!(ratio(&script, 1), before.0, "another key begins another edit");
    assert_eq!(script.state.schedule.name(), "log");
    script.keys("ctrl-r ctrl-r");
    assert!((ratio(&script, 1) - before.0 - 0.15).abs() < 1e-6);
}

#[test]
fn choosing_a_part_edits_heads_and_channels_separately() {
    let mut script = Script::opened(2);
    let before = ratio(&script, 0);
    script.keys("3 a K");
    let apart = script.state.schedule.ratios[0];
    assert!(apart.attention == 0.25 && apart.mlp == before, "a key removes one of the four heads: {apart}");
    script.keys("a J");
    let apart = script.state.schedule.ratios[0];
    assert!(apart.attention == 0.25 && (apart.mlp - before + 0.05).abs() < 1e-6);
    script.keys("a K");
    assert!((script.state.schedule.ratios[0].mlp - before).abs() < 1e-6, "both parts again");
    script.keys("e");
    script.retype("0.1/0.3");
    script.keys("enter");
    assert_eq!(script.state.schedule.ratios[0], LayerRatio::new(0.1, 0.3));
    let share = script.state.schedule.attention_share;
    let mean = (share * 0.1 + (1.0 - share) * 0.3 + ratio(&script, 1)) / 2.0;
    assert!((script.state.schedule.mean() - mean).abs() < 1e-12, "means are weighted by parameters");
}

#[test]
fn a_typed_ratio_names_the_unit_of_its_layer() {
    let mut script = Script::opened(2);
    script.keys("3 e");
    script.retype("0.5:query-head/0.2");
    script.keys("enter");
    let heads = LayerRatio::new(0.5, 0.2).in_units(Some(AttentionUnit::QueryHead));
    assert_eq!(script.state.schedule.ratios[0], heads);
    // One of two query heads in each of 4 groups, of 30 parameters; 2 of 10 channels.
    let goal = script.state.goal(0);
    assert_eq!((goal.attention, goal.mlp, goal.parameters), (4, 2, 4 * 30 + 2 * 10));
    assert_eq!(
        [0, 1].map(|layer| script.state.planned_unit(layer)),
        [AttentionUnit::QueryHead, AttentionUnit::KvGroup]
    );
    script.keys("a a a K");
    assert_eq!(script.state.schedule.ratios[0].unit, heads.unit, "a key keeps the unit");
    script.keys("e");
    script.retype("0.5:head");
    script.keys("enter");
    assert!(script.form_error().unwrap().contains("0.1:kv-group/0.3 or 0.1:query-head/0.3"));
}

#[test]
fn ratios_of_a_search_are_planned_and_can_be_undone() {
    let mut script = Script::opened(2);
    let before = script.state.schedule.clone();
    script.keys("3 A");
    let run = match script.command() {
        Command::Start { run, job: Job::Search(job::Search { settings }), .. } => {
            assert_eq!((&settings.ratios.schedule, settings.span()), (&Schedule::Auto, before.span));
            *run
        }
        other => panic!("{other:?}"),
    };
    let points = vec![LossPoint { removed: 2, rise: 0.1 }];
    let curve = SensitivityCurve { layer: 0, part: Part::Mlp, unit: None, units: 4, per_unit: 3, points };
    script.handle(run, Event::SensitivityMeasured { curve: curve.clone() });
    let ratios = vec![LayerRatio::new(0.5, 0.25), 0.75.into()];
    let tried = TriedRatios {
        name: "log".into(),
        ratios: ratios.clone(),
        removed: 12,
        loss: Some(2.0),
        divergence: Some(0.4),
        guard: None,
    };
    script.handle(run, Event::RatiosTried { tried: tried.clone(), best: true });
    assert_eq!(script.state.schedule, before, "nothing is planned until the search has ended");
    let (curves, tried) = (vec![curve], vec![tried]);
    let record =
        SearchRecord { share: 0.2, budget: 10, windows: 1, dense_loss: Some(1.0), curves, tried, best: 0 };
    script.handle(run, Event::RatiosFound { record: Box::new(record) });
    script.handle(run, Event::JobDone);
    assert_eq!(script.state.schedule.ratios, ratios);
    assert_eq!(script.state.schedule.name(), "auto");
    script.keys("s");
    let Command::Start { job: Job::Run(job::Run { ratios: planned, settings, .. }), .. } = script.command()
    else {
        panic!()
    };
    assert_eq!((planned, &settings.ratios.schedule), (&ratios, &Schedule::Auto));
    script.keys("u");
    assert_eq!(script.state.schedule.ratios, before.ratios);
}

fn tried(name: &str, ratios: &[f64], (divergence, guard): (Option<f64>, Option<f64>)) -> TriedRatios {
    let ratios = ratios.iter().map(|&attention| LayerRatio::new(attention, 0.25)).collect();
    TriedRatios { name: name.into(), ratios, removed: 12, loss: divergence, divergence, guard }
}

#[test]
fn a_candidate_of_a_search_can_be_planned_and_taken_back() {
    let mut script = Script::opened(2);
    let before = script.state.schedule.clone();
    script.keys("3 f f");
    assert_eq!(*script.state.focused(), schedule::CANDIDATES);
    script.keys("enter");
    assert!(script.refusal().contains("no candidate was pruned yet"), "{}", script.refusal());
    script.state.search.tried(tried("costs", &[0.5, 0.5], (Some(0.4), None)), true);
    script.state.search.tried(tried("log", &[0.75, 0.0], (Some(0.6), None)), false);
    script.state.search.tried(tried("linear", &[0.0, 0.0], (None, None)), false);
    script.state.search.tried(tried("less attention", &[0.25, 0.0], (Some(0.3), None)), true);
    let found = schedule::candidates::of(&script.state);
    let listed: Vec<_> =
        found.pruned.iter().map(|one| (one.tried.name.as_str(), one.across, one.best)).collect();
    let expected = [("less attention", 0.125, true), ("costs", 0.5, false), ("log", 0.375, false)];
    assert_eq!((listed, found.unpruned), (expected.to_vec(), 1));
    script.keys("L down enter");
    let ratios = &script.state.schedule.ratios;
    assert_eq!(ratios[0], before.ratios[0], "layer 0 is locked");
    assert_eq!(ratios[1], LayerRatio::new(0.5, 0.25));
    script.keys("u");
    assert_eq!(script.state.schedule.ratios, before.ratios);
}

#[test]
fn with_a_guard_the_front_holds_candidates_that_no_other_beats_on_both_texts() {
    let mut script = Script::opened(2);
    for (name, texts) in [("a", (0.3, 0.9)), ("b", (0.4, 0.5)), ("c", (0.5, 0.6)), ("d", (0.6, 0.4))] {
        script.state.search.tried(tried(name, &[0.5, 0.5], (Some(texts.0), Some(texts.1))), false);
    }
    let found = schedule::candidates::of(&script.state);
    let front: Vec<_> =
        found.pruned.iter().filter(|one| one.front).map(|one| one.tried.name.as_str()).collect();
    assert_eq!((front, found.guarded), (vec!["a", "b", "d"], true));
}

#[test]
fn the_settings_form_keeps_settings_that_it_does_not_show() {
    let mut script = Script::opened(2);
    let settings = &mut script.state.settings;
    (settings.objective.stream_weight, settings.ratios.search_samples, settings.ratios.search_trials) =
        (0.25, 3, 5);
    settings.ratios.by_parameters = true;
    let before = script.state.settings.clone();
    script.keys("o enter");
    assert_eq!(script.state.settings, before);
}

#[test]
fn ratios_stay_from_zero_to_below_one() {
    let mut script = Script::opened(2);
    script.keys("3");
    for _ in 0..40 {
        script.keys("pagedown");
    }
    assert_eq!(ratio(&script, 0), 0.0);
    for _ in 0..40 {
        script.keys("K");
    }
    assert_eq!(ratio(&script, 0), 0.99);
    script.keys("e");
    script.retype("0.995");
    script.keys("enter");
    assert_eq!(ratio(&script, 0), 0.995, "a typed ratio is not limited");
}

#[test]
fn a_typed_ratio_is_checked_in_the_form() {
    let mut script = Script::opened(2);
    script.keys("3 e");
    script.retype("1.5");
    script.keys("enter");
    assert!(script.form_error().unwrap().contains("1.5"), "{:?}", script.form_error());
    script.retype("many");
    script.keys("enter");
    assert!(script.form_error().unwrap().contains("\"many\""));
    script.retype("0.3");
    script.keys("enter");
    assert_eq!(ratio(&script, 0), 0.3);
    assert!(script.state.dialogs.is_empty());
}

#[test]
fn presets_change_only_unlocked_layers() {
    let mut script = Script::opened(4);
    script.keys("3 e");
    script.retype("0.5");
    script.keys("enter L");
    assert_eq!(script.state.schedule.locked(0), Locked::Yes);
    script.keys("P P");
    assert_eq!(script.state.schedule.preset, Some(Schedule::Linear));
    assert_eq!(ratio(&script, 0), 0.5);
    script.keys("L P");
    assert_eq!(script.state.schedule.preset, Some(Schedule::Uniform));
    assert!((0..4).all(|layer| (ratio(&script, layer) - 0.2).abs() < 1e-12));
}

#[test]
fn a_mean_or_two_ends_determine_the_shape() {
    let mut script = Script::opened(4);
    script.keys("3 d");
    script.field("schedule");
    script.keys("right");
    assert_eq!(script.form_text("schedule"), "linear");
    script.field("given by");
    script.keys("right");
    script.field("first");
    script.retype("0.1");
    script.field("last");
    script.retype("0.4");
    script.keys("enter");
    let expected = [0.1, 0.2, 0.3, 0.4];
    assert!((0..4).all(|layer| (ratio(&script, layer) - expected[layer]).abs() < 1e-12));
    assert_eq!(script.state.schedule.span, Span::Ends { first: 0.1, last: 0.4 });
}

#[test]
fn renormalising_scales_unlocked_ratios_to_the_mean() {
    let mut script = Script::opened(4);
    script.keys("3 e");
    script.retype("0.6");
    script.keys("enter L N");
    script.retype("0.3");
    script.keys("enter");
    assert!((script.state.schedule.mean() - 0.3).abs() < 1e-9);
    assert_eq!(ratio(&script, 0), 0.6);
    script.keys("N");
    script.retype("0.1");
    script.keys("enter");
    assert!(script.form_error().unwrap().contains("unlock"), "{:?}", script.form_error());
}

#[test]
fn renormalising_keeps_each_ratio_below_one() {
    let mut script = Script::opened(3);
    script.state.schedule.ratios = [0.1, 0.2, 0.9].map(LayerRatio::both).to_vec();
    script.state.schedule.renormalise(0.6).unwrap();
    let ratios = &script.state.schedule.ratios;
    assert!((script.state.schedule.mean() - 0.6).abs() < 1e-9, "{ratios:?}");
    assert_eq!(ratios[2], 0.99);
    assert!((ratios[1].mlp / ratios[0].mlp - 2.0).abs() < 1e-9, "the others keep their proportions");
    script.state.schedule.ratios = vec![LayerRatio::ZERO; 3];
    script.state.schedule.renormalise(0.3).unwrap();
    assert!(script.state.schedule.ratios.iter().all(|ratio| (ratio.mlp - 0.3).abs() < 1e-9));
}

#[test]
fn an_edit_during_a_run_replans_the_remaining_layers() {
    let mut script = Script::opened(3);
    script.keys("s");
    script.handle(1, script.run_started());
    script.prune(1, 0, 0, vec![]);
    script.keys("3 end up");
    assert_eq!(*script.command(), Command::control(1, Control::Replan(script.state.schedule.ratios.clone())));
    script.handle(1, Event::JobCancelled);
    script.keys("up");
    assert!(script.effects.is_empty(), "no command is needed when nothing runs");
}

#[test]
fn a_pruned_layer_is_stale_once_its_planned_ratio_changes() {
    let mut script = Script::pruned(3);
    script.keys("3 home right up");
    assert_eq!(script.state.status(1), Status::Done, "the ratio differs, and the counts do not");
    script.keys("K K");
    assert_eq!(script.state.status(1), Status::Stale);
    assert_eq!(
        script.state.status(2),
        Status::Done,
        "it depends on the attempts above, not on their planned ratios"
    );
    script.keys("u");
    assert_eq!(script.state.status(1), Status::Done);
}

#[test]
fn a_key_moves_one_head_and_an_edit_ends_when_the_part_or_the_key_changes() {
    let mut script = Script::opened(3);
    let heads = |script: &Script| script.state.goal(0).attention;
    let before = heads(&script);
    script.keys("3 a up");
    assert_eq!(heads(&script), before + 1);
    script.keys("up");
    assert_eq!(heads(&script), before + 2);
    script.keys("down");
    assert_eq!(heads(&script), before + 1);
    script.keys("u");
    assert_eq!(heads(&script), before + 2, "down is an edit of its own");
    script.keys("u");
    assert_eq!(heads(&script), before);
    // The part changes, and the key does not.
    script.keys("up a up a a up");
    let (undo, _) = script.state.history.depth();
    assert_eq!(undo, 3);
    let listed: Vec<String> = script.state.history.listed().map(|(what, _)| what.clone()).collect();
    assert_eq!(listed[..2], ["the heads of layer 0", "the channels of layer 0"]);
}

#[test]
fn undo_without_history_is_reported() {
    let mut script = Script::opened(2);
    script.keys("u");
    assert_eq!(script.notice(), "nothing to undo");
}

#[test]
fn a_run_has_the_name_of_its_curve_unless_it_was_edited() {
    let mut script = Script::opened(4);
    assert_eq!(script.state.settings_of_run().ratios.schedule, Schedule::Log);
    assert_eq!(script.state.settings_of_run().ratios.ratio, Some(0.2));
    script.keys("3 up");
    let settings = script.state.settings_of_run();
    assert_eq!(settings.ratios.schedule, Schedule::Custom(script.state.schedule.ratios.clone()));
    assert_eq!(settings.ratios.ratio, None);
}

#[test]
fn a_typed_ratio_and_a_nudge_are_undone_one_by_one() {
    let mut script = Script::opened(2);
    let before = ratio(&script, 0);
    script.keys("3 e");
    script.retype("0.33");
    script.keys("enter + u");
    assert_eq!(ratio(&script, 0), 0.33);
    script.keys("u");
    assert_eq!(ratio(&script, 0), before);
}
