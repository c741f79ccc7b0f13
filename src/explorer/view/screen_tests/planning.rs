//! Tests of the predicted errors and of the locked budget.

use super::*;
use crate::explorer::{
    Key, Msg,
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

#[test]
fn a_locked_budget_is_kept_at_equal_marginal_cost() {
    let mut state = pruned();
    press(&mut state, "B");
    let budget = state.parameters_planned();
    let before = state.schedule.ratios.clone();
    state.schedule.locked[5] = true;
    press(&mut state, "home K K K K");
    let off = state.parameters_planned().abs_diff(budget) as f64 / budget as f64;
    assert!(off < 0.01, "{off}");
    assert!(state.schedule.ratios[0].mlp > before[0].mlp + 0.15, "the edited layer is as set");
    assert_eq!(state.schedule.ratios[5], before[5], "a locked layer stays");
    let free = |ratios: &[crate::prune::LayerRatio]| {
        (1..12).filter(|&layer| layer != 5).map(|layer| ratios[layer].mlp).sum::<f64>()
    };
    assert!(free(&state.schedule.ratios) < free(&before), "the others are lower");
    let planned = prediction(&state).unwrap().planned;
    // Any other shift of parameters between two free layers costs more.
    for (up, down) in [(1, 2), (3, 8), (10, 4)] {
        let mut other = state.clone();
        other.screens.schedule.budget = None;
        let by = 0.06;
        other.schedule.ratios[up] = other.schedule.ratios[up].map(|ratio| ratio + by);
        other.schedule.ratios[down] = other.schedule.ratios[down].map(|ratio| (ratio - by).max(0.0));
        if other.parameters_planned() > state.parameters_planned() {
            continue;
        }
        assert!(prediction(&other).unwrap().planned > planned * 0.999, "{up} {down}");
    }
    press(&mut state, "u");
    assert_eq!(state.schedule.ratios, before, "one edit");
    press(&mut state, "B");
    assert_eq!(state.screens.schedule.budget, None);
}

#[test]
fn a_budget_needs_known_errors() {
    let mut state = at(Screen::Schedule, sample::opened(sample::SMALL));
    press(&mut state, "B");
    assert_eq!(state.screens.schedule.budget, None);
    assert!(state.notice.unwrap().text.contains("prune first"));
}
