//! Tests of the charts of the Errors and Schedule screens.

use super::*;
use crate::{explorer::screens::errors, protocol::TriedRatios, prune::LayerRatio, words::Notation};

/// Rows of the window as text.
fn lines(state: &State, width: u16, height: u16) -> Vec<String> {
    text(&drawn(state, width, height).0).lines().map(str::to_string).collect()
}

/// The columns of the layer numbers below each chart that has them.
fn axes(lines: &[String], columns: usize) -> Vec<Vec<usize>> {
    let is_axis = |line: &&String| {
        let start: String = line.chars().take(columns).filter(|c| !"│ ".contains(*c)).collect();
        start.starts_with("0") && start.len() > 8 && start.chars().all(|c| c.is_ascii_digit())
    };
    let digits = |line: &String| {
        line.chars().take(columns).enumerate().filter(|(_, c)| c.is_ascii_digit()).map(|(x, _)| x).collect()
    };
    lines.iter().filter(is_axis).map(digits).collect()
}

#[test]
fn charts_above_each_other_have_their_layers_in_the_same_columns() {
    for (width, height) in [(80, 33), (100, 40), (120, 36), (200, 57)] {
        let state = at(Screen::Errors, sample::half_done());
        let lines = lines(&state, width, height);
        let bars = if width < 110 { 0 } else { (width * 2 / 5).clamp(44, 64) };
        let axes = axes(&lines, usize::from(width - bars));
        assert_eq!(axes.len(), 2, "{}", lines.join("\n"));
        assert_eq!(axes[0], axes[1], "{}", lines.join("\n"));
    }
}

#[test]
fn the_jump_of_the_denominator_is_told_and_drawn() {
    let mut state = at(Screen::Errors, sample::opened(sample::SMALL));
    sample::prune(&mut state, 12);
    let text = lines(&state, 100, 33).join("\n");
    assert!(text.contains("E‖h‖² rises 23× at layer 8: relative errors fall there"), "{text}");
    state.screens.errors.measure = errors::measure::Measure::Absolute;
    let text = lines(&state, 100, 33).join("\n");
    assert!(!text.contains("rises") && text.contains("absolute"), "{text}");
}

#[test]
fn v_shows_four_measures_of_the_same_streams() {
    let mut state = at(Screen::Errors, sample::opened(sample::SMALL));
    sample::prune(&mut state, 12);
    state.layer = 9;
    let key = crate::explorer::Key::named("v").unwrap();
    let streams = state.layers[9].active().unwrap().stream_errors.unwrap().mlp;
    let wanted = [streams.relative(), streams.error, streams.cosine, streams.relative_rest()];
    for value in wanted {
        let text = lines(&state, 120, 33).join("\n");
        assert!(text.contains(&crate::words::error(value)), "{value}\n{text}");
        crate::explorer::update(&mut state, crate::explorer::Msg::Key(key));
    }
    let text = lines(&state, 120, 33).join("\n");
    assert!(text.contains(&crate::words::error(wanted[0])), "{text}");
}

#[test]
fn a_part_that_loses_nothing_is_a_zero() {
    let mut state = at(Screen::Errors, sample::opened(sample::SMALL));
    sample::prune(&mut state, 12);
    for layer in [2, 5] {
        state.layers[layer].attempts[0].record.attention.relative_error = 0.0;
    }
    let lines = lines(&state, 100, 33);
    let zero = lines.iter().rposition(|line| line.trim_start_matches(['│', ' ']).starts_with("0│"));
    let row = zero.map(|at| &lines[at]).unwrap_or_else(|| panic!("{}", lines.join("\n")));
    assert_eq!(row.matches('•').count(), 2, "{}", lines.join("\n"));
}

#[test]
fn the_sentence_and_the_bars_name_the_parts_that_add_most() {
    let mut state = at(Screen::Errors, sample::opened(sample::SMALL));
    sample::prune(&mut state, 12);
    state.focus[Screen::Errors as usize] = &errors::ADDED;
    let text = lines(&state, 80, 21).join("\n");
    assert!(text.contains("of the output error"), "{text}");
    let (_, bars) = errors::added::added(&state);
    let whole: f64 = bars.iter().map(|one| one.amount).sum();
    let last = state.layers[11].active().unwrap().stream_errors.unwrap().mlp.error;
    assert!((whole / last - 1.0).abs() < 1e-12, "the bars add up to the output error");
}

/// Columns of the bars in the lowest row of the Schedule's curve, as runs of (first, length).
fn runs(state: &State, width: u16, height: u16) -> Vec<(usize, usize)> {
    let lines = lines(state, width, height);
    let lowest = lines.iter().rev().find(|line| line.contains('█')).cloned().unwrap_or_default();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (x, _) in lowest.chars().enumerate().filter(|(_, c)| *c == '█') {
        match runs.last_mut() {
            Some((first, length)) if *first + *length == x => *length += 1,
            Some(_) | None => runs.push((x, 1)),
        }
    }
    runs
}

#[test]
fn bars_are_equally_wide_with_equal_gaps_or_steps() {
    for layers in [5, 12, 30, 80] {
        let size = sample::Size { layers, heads: 8, channels: 688 };
        let mut state = at(Screen::Schedule, sample::opened(size));
        state.schedule.ratios = vec![LayerRatio::both(0.3); layers];
        for (width, height) in [(80, 21), (120, 36), (200, 57), (260, 57)] {
            let runs = runs(&state, width, height);
            if runs.is_empty() {
                let all = lines(&state, width, height).join("\n");
                assert!(all.contains(['⠉', '⠒', '⣀', '⠤']), "steps\n{all}");
                continue;
            }
            assert_eq!(runs.len(), layers, "{layers} layers at {width}: {runs:?}");
            let (first, wide) = runs[0];
            assert_eq!(wide % 2, 1, "a middle");
            let pitch = runs[1].0 - first;
            assert!(pitch > wide, "a gap");
            for (layer, run) in runs.iter().enumerate() {
                assert_eq!(*run, (first + layer * pitch, wide), "{layers} layers at {width}: {runs:?}");
            }
        }
    }
}

#[test]
fn signs_of_layers_are_in_the_middle_of_their_bars() {
    let mut state = at(Screen::Schedule, sample::opened(sample::SMALL));
    state.schedule.ratios = vec![LayerRatio::both(0.3); 12];
    sample::prune(&mut state, 12);
    let (buffer, _) = drawn(&state, 120, 36);
    let runs = runs(&state, 120, 36);
    let signs = (0..36).map(|y| {
        (0..80).filter(|&x| buffer[(x, y)].symbol() == "●").map(usize::from).collect::<Vec<usize>>()
    });
    let signs = signs.max_by_key(Vec::len).unwrap();
    let middles: Vec<usize> = runs.iter().map(|(first, wide)| first + wide / 2).collect();
    assert!(signs.len() >= 11 && signs.iter().all(|x| middles.contains(x)), "{signs:?} {middles:?}");
}

#[test]
fn the_curve_beside_the_bars_is_that_of_the_edited_part() {
    let mut state = at(Screen::Schedule, sample::half_done());
    state.layer = 3;
    let side = |state: &State| {
        let lines = lines(state, 160, 57);
        let from = lines.iter().position(|line| line.contains("Error versus ratio")).unwrap();
        let side = |line: &String| line.chars().skip(108).collect::<String>();
        lines[from..].iter().map(side).collect::<Vec<_>>().join("\n")
    };
    assert!(side(&state).contains("attention") && side(&state).contains("mlp"));
    state.screens.schedule.edited = Some(Part::Attention);
    assert!(side(&state).contains("attention") && !side(&state).contains("mlp"), "{}", side(&state));
}

#[test]
fn changes_are_listed_with_the_next_one_to_undo() {
    let mut state = at(Screen::Schedule, sample::opened(sample::SMALL));
    for key in ["up", "right", "up", "a", "up"] {
        let key = crate::explorer::Key::named(key).unwrap();
        crate::explorer::update(&mut state, crate::explorer::Msg::Key(key));
    }
    state.focus[Screen::Schedule as usize] = &schedule::HISTORY;
    for (width, height) in [(80, 21), (120, 36), (200, 57)] {
        let text = lines(&state, width, height).join("\n");
        for words in ["3 to undo", "u  the heads of layer 1", "the ratio of layer 1", "the ratio of layer 0"]
        {
            assert!(text.contains(words), "{words}\n{text}");
        }
    }
}

#[test]
fn candidates_of_a_search_are_drawn_with_the_one_at_the_cursor() {
    let mut state = at(Screen::Schedule, sample::opened(sample::SMALL));
    state.focus[Screen::Schedule as usize] = &schedule::CANDIDATES;
    for (at, divergence) in [0.5548, 0.5599, 0.4645, 0.5267].into_iter().enumerate() {
        let ratios = vec![LayerRatio::new(0.1 * at as f64, 0.2); sample::SMALL.layers];
        let (name, divergence) = (format!("candidate {at}"), Some(divergence));
        let tried = TriedRatios { name, ratios, removed: 10, loss: None, divergence, guard: None };
        state.search.tried(tried, at == 2);
    }
    state.screens.schedule.candidate = 1;
    for (width, height) in [(80, 21), (120, 36), (200, 57)] {
        let text = lines(&state, width, height).join("\n");
        for words in ["candidate 3", "KL 0.5267", "attention 0.300"] {
            assert!(text.contains(words), "{words}\n{text}");
        }
    }
    let text = lines(&state, 200, 57).join("\n");
    for at in 0..4 {
        assert!(text.contains(&format!("candidate {at}")), "{text}");
    }
    assert!(text.contains("x: mean ratio of attention"), "{text}");
}

#[test]
fn one_key_shows_relative_errors_in_per_cent_everywhere() {
    for screen in [Screen::Layers, Screen::Layer, Screen::Errors, Screen::Log] {
        let mut state = at(screen, sample::half_done());
        let scientific = lines(&state, 160, 40).join("\n");
        crate::explorer::update(
            &mut state,
            crate::explorer::Msg::Key(crate::explorer::Key::named("%").unwrap()),
        );
        assert_eq!(state.interface.notation, Notation::PerCent);
        state.notice = None;
        let per_cent = lines(&state, 160, 40).join("\n");
        if screen != Screen::Log {
            assert!(per_cent.matches(" %").count() > scientific.matches(" %").count() + 2, "{per_cent}");
        }
    }
}
