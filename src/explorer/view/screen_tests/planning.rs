//! Tests of the predicted errors and of the locked budget.

use super::*;
use crate::explorer::{
    Key, Msg, Pointer, Press,
    screens::schedule::predict::{Basis, prediction},
    update,
};

fn pruned() -> State {
    let mut state = at(Screen::Schedule, sample::opened(sample::SMALL));
    state.schedule.ratios = vec![0.25.into(); 12];
    sample::prune(&mut state, 12);
    state
}

fn press(state: &mut State, keys: &str) {
    for key in keys.split_whitespace() {
        update(state, Msg::Key(Key::named(key).unwrap()));
    }
}

#[test]
fn the_plan_of_the_active_attempts_predicts_their_errors() {
    let state = pruned();
    let predicted = prediction(&state).unwrap();
    assert_eq!(predicted.basis, Basis::Stream);
    assert!((predicted.planned / predicted.active - 1.0).abs() < 1e-9 && !predicted.extrapolated);
    let wanted: f64 = (0..12)
        .flat_map(|layer| [(layer, Part::Attention), (layer, Part::Mlp)])
        .map(|(layer, part)| {
            let active = state.layers[layer].active().unwrap();
            let norm = active.stream_errors.unwrap().behind(part).norm_rest;
            active.record(part).relative_error * active.energy(part).unwrap() / norm
        })
        .sum();
    assert!((predicted.planned / wanted - 1.0).abs() < 1e-9, "{} {wanted}", predicted.planned);
}

#[test]
fn the_strip_follows_an_edit_at_once() {
    let mut state = pruned();
    for (width, height) in [(80, 21), (120, 36), (200, 57)] {
        let text = text(&drawn(&state, width, height).0);
        assert!(text.contains("predicted") && text.contains("as pruned"), "{text}");
    }
    let before = prediction(&state).unwrap().planned;
    press(&mut state, "K K");
    let after = prediction(&state).unwrap();
    assert!(after.planned > before && after.extrapolated, "the count is beyond the path");
    let text = text(&drawn(&state, 120, 36).0);
    assert!(text.contains("about"), "{text}");
}

/// A pruned state whose layers have rather different marginal costs.
fn uneven() -> State {
    let mut state = pruned();
    for (layer, known) in state.layers.iter_mut().enumerate() {
        let factor = 1.4f64.powi(layer as i32);
        let result = &mut known.attempts[0];
        for record in [&mut result.record.attention, &mut result.record.mlp] {
            record.step_errors.iter_mut().for_each(|error| *error *= factor);
            record.relative_error *= factor;
        }
    }
    state
}

fn removed(state: &State) -> u64 {
    (0..state.layers.len()).map(|layer| state.goal(layer).parameters).sum()
}

/// Layers other than `edited` whose ratio differs.
fn moved(state: &State, before: &[crate::prune::LayerRatio], edited: usize) -> Vec<usize> {
    (0..before.len())
        .filter(|&layer| layer != edited && state.schedule.ratios[layer] != before[layer])
        .collect()
}

#[test]
fn a_locked_budget_starts_from_the_present_plan_and_takes_only_what_the_layer_gains() {
    let mut state = uneven();
    press(&mut state, "B");
    let (budget, before) = (state.parameters_planned(), state.schedule.ratios.clone());
    let channel = state.layers[0].shape.per_channel;
    press(&mut state, "home K");
    assert!(state.parameters_planned().abs_diff(budget) <= channel, "{}", state.parameters_planned());
    assert!(state.schedule.ratios[0].mlp > before[0].mlp, "the edited layer is as set");
    let others = moved(&state, &before, 0);
    assert!(!others.is_empty() && others.len() < 8, "only as many layers as needed: {others:?}");
    assert!(others.iter().all(|&layer| state.schedule.ratios[layer].mlp < before[layer].mlp));
    assert!(others.contains(&11), "the last parameter costs most in layer 11: {others:?}");
    assert!(state.notice.as_ref().unwrap().text.starts_with("Budget kept: "), "{:?}", state.notice);
    // Another way to give the same parameters back costs more.
    let planned = prediction(&state).unwrap().planned;
    let gone = removed(&state);
    let mut other = state.clone();
    other.screens.schedule.budget = None;
    for &layer in &others {
        other.schedule.ratios[layer] = before[layer];
    }
    other.schedule.ratios[1] = 0.0.into();
    for step in 0..200 {
        other.schedule.ratios[2] = (before[2].mlp * (1.0 - f64::from(step) / 200.0)).into();
        if removed(&other) <= gone {
            break;
        }
    }
    assert!(prediction(&other).unwrap().planned > planned, "{planned}");
}

#[test]
fn the_key_back_gives_the_plan_back() {
    for part in ["", "a", "a a"] {
        let mut state = uneven();
        press(&mut state, &format!("{part} B home right right"));
        let before = state.schedule.ratios.clone();
        press(&mut state, "up up up K down down down J");
        assert_eq!(state.schedule.ratios, before, "part {part:?}");
        press(&mut state, "up right up");
        let (budget, channel) = (state.parameters_planned(), state.layers[0].shape.per_channel);
        assert!(removed(&state).abs_diff(removed(&uneven())) <= channel, "{budget}");
    }
}

#[test]
fn a_layer_at_its_limit_or_locked_stays_and_a_sentence_says_when_nothing_can_give() {
    let mut state = uneven();
    press(&mut state, "B");
    state.schedule.ratios[11] = 0.0.into();
    state.schedule.locked[10] = true;
    press(&mut state, "B B");
    let before = state.schedule.ratios.clone();
    press(&mut state, "home K K K");
    assert_eq!(state.schedule.ratios[11], before[11], "it loses nothing already");
    assert_eq!(state.schedule.ratios[10], before[10], "it is locked");
    for layer in 1..12 {
        state.schedule.locked[layer] = true;
    }
    let before = state.schedule.ratios.clone();
    press(&mut state, "K");
    assert_eq!(state.schedule.ratios, before);
    assert!(
        state.notice.as_ref().unwrap().text.contains("no other layer can be balanced"),
        "{:?}",
        state.notice
    );
    state.schedule.locked.fill(false);
    for layer in 1..12 {
        state.schedule.ratios[layer] = 0.0.into();
    }
    press(&mut state, "B B K");
    assert!(state.notice.as_ref().unwrap().text.contains("cannot get"), "{:?}", state.notice);
}

#[test]
fn balancing_moves_all_layers_to_equal_marginal_costs_and_is_one_edit() {
    let mut state = uneven();
    let (before, gone) = (state.schedule.ratios.clone(), removed(&state));
    let cost = prediction(&state).unwrap().planned;
    press(&mut state, "b");
    let channel = state.layers[0].shape.per_channel;
    assert!(removed(&state).abs_diff(gone) <= channel);
    // Where the cheapest points are just before a head leaves, too.
    for ratio in [0.1, 0.2, 0.3, 0.37, 0.45] {
        let mut other = uneven();
        other.schedule.ratios.fill(ratio.into());
        let gone = removed(&other);
        press(&mut other, "b");
        assert!(removed(&other).abs_diff(gone) <= channel, "{ratio}: {} {gone}", removed(&other));
    }
    assert!(prediction(&state).unwrap().planned < cost);
    assert!(state.schedule.ratios[0].mlp > before[0].mlp && state.schedule.ratios[11].mlp < before[11].mlp);
    press(&mut state, "u");
    assert_eq!(state.schedule.ratios, before);
}

#[test]
fn a_budget_needs_known_errors() {
    let mut state = at(Screen::Schedule, sample::opened(sample::SMALL));
    press(&mut state, "B");
    assert_eq!(state.screens.schedule.budget, None);
    assert!(state.notice.unwrap().text.contains("prune first"));
}

#[test]
fn a_budget_locked_after_an_attempt_was_activated_is_that_before_it() {
    let mut state = uneven();
    let (before, budget) = (state.schedule.ratios.clone(), state.parameters_planned());
    let mut other = state.layers[3].attempts[0].clone();
    (other.attempt.number, other.attempt.method.ratio) = (1, 0.5.into());
    state.layers[3].attempts.push(other);
    crate::explorer::edit::choose(&mut state, 3, 1);
    let notice = |state: &State| state.notice.as_ref().unwrap().text.clone();
    assert!(notice(&state).ends_with("; B on the Schedule screen balances the others"), "{}", notice(&state));
    assert!(state.parameters_planned() < budget);
    press(&mut state, "B");
    let channel = state.layers[0].shape.per_channel;
    assert!(state.parameters_planned().abs_diff(budget) <= channel, "{}", state.parameters_planned());
    assert_eq!(
        state.schedule.ratios[3],
        crate::prune::LayerRatio::from(0.5),
        "the layer keeps the attempt's ratio"
    );
    let others = moved(&state, &before, 3);
    assert!(!others.is_empty() && others.iter().all(|&at| state.schedule.ratios[at].mlp < before[at].mlp));
    assert!(notice(&state).contains("as before the attempt of layer 3"), "{}", notice(&state));
    press(&mut state, "u");
    assert_eq!(moved(&state, &before, 3), Vec::<usize>::new(), "one edit");
    press(&mut state, "u B B");
    assert_eq!(state.schedule.ratios, before, "without such a change, the present number is locked");
}

#[test]
fn a_drag_under_a_locked_budget_keeps_the_number_of_parameters() {
    let mut state = uneven();
    press(&mut state, "B");
    let (budget, before) = (state.parameters_planned(), state.schedule.ratios.clone());
    let point = |state: &mut State, press: Press, ratio: f64| {
        let at = Pointed::Ratio { layer: 2, ratio };
        update(state, Msg::Pointer(Pointer { press, at }));
    };
    point(&mut state, Press::Click, 0.26);
    for ratio in [0.28, 0.3, 0.27] {
        point(&mut state, Press::Drag, ratio);
        let off = state.parameters_planned().abs_diff(budget);
        assert!(off <= state.layers[0].shape.per_channel, "{off} parameters at {ratio}");
        assert!((state.schedule.ratios[2].mlp - ratio).abs() < 1e-9, "the edited layer is as set");
        assert!(!moved(&state, &before, 2).is_empty(), "others are lowered");
    }
    update(&mut state, Msg::Pointer(Pointer { press: Press::Release, at: Pointed::Nothing }));
    press(&mut state, "u");
    assert_eq!(state.schedule.ratios, before, "the drag is one edit");
}
