//! Tests of attempts side by side.

use super::*;

/// Layer 3 with three marked attempts of different ratios.
fn marked(mut state: State, ratios: &[f64]) -> State {
    state.screen = Screen::Layer;
    state.layer = 3;
    for &ratio in ratios {
        sample::attempt(&mut state, 3, ratio);
    }
    let numbers: Vec<usize> = state.layers[3].attempts.iter().map(|result| result.attempt.number).collect();
    state.layers[3].side_by_side.marked = numbers.into_iter().rev().take(3).rev().collect();
    state
}

fn pruned() -> State {
    let mut state = sample::opened(sample::SMALL);
    sample::prune(&mut state, 12);
    state
}

#[test]
fn attempts_side_by_side_are_drawn_at_every_size() {
    let mut several = marked(pruned(), &[0.15, 0.5]);
    let mut without_scores = several.clone();
    without_scores.layers[3].attempts[1].attention = None;
    without_scores.layers[3].attempts[1].mlp = None;
    let mut none = without_scores.clone();
    for result in &mut none.layers[3].attempts {
        (result.attention, result.mlp) = (None, None);
    }
    let mut other_units = several.clone();
    other_units.layers[3].attempts[2].record.attention.units = 4;
    several.layers[3].attempts[0].record.mlp.removed.clear();
    let sizes = [(20, 6), (60, 12), (80, 21), (100, 30), (120, 36), (200, 57), (400, 90)];
    let themes = [Theme::default(), Theme::default().resolved(Depth::None, Glyphs::Ascii)];
    for state in [several, without_scores, none, other_units] {
        for part in [Part::Attention, Part::Mlp] {
            for (at, (width, height)) in sizes.into_iter().enumerate() {
                let mut state = state.clone();
                state.screens.layer.part = part;
                for panel in state.panels() {
                    state.focus[Screen::Layer as usize] = panel;
                    state.zoom = Zoom::Screen;
                    drawn_with(&state, width, height, &themes[at % 2]);
                    state.zoom = Zoom::Panel;
                    drawn_with(&state, width, height, &themes[at % 2]);
                }
            }
        }
    }
}

#[test]
fn the_removed_sets_of_three_attempts_add_up_to_all_units() {
    let mut state = marked(pruned(), &[0.15, 0.5]);
    state.screens.layer.part = Part::Mlp;
    state.focus[Screen::Layer as usize] =
        state.panels().iter().find(|panel| panel.title == "Removed units").unwrap();
    state.zoom = Zoom::Panel;
    let text = text(&drawn(&state, 80, 21).0);
    let names = ["all three", "A and B", "A and C", "B and C", "only A", "only B", "only C", "kept by all"];
    let count = |line: &str| {
        let line = line.trim_start_matches('│').trim_start();
        let rest = names.iter().find_map(|name| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.replace(',', "").parse::<usize>().ok()
    };
    let counts: Vec<usize> = text.lines().filter_map(count).collect();
    assert!(counts.len() >= 3, "{text}");
    assert_eq!(counts.iter().sum::<usize>(), state.layers[3].attempts[0].record.mlp.units, "{text}");
}

#[test]
fn the_removed_sets_of_two_attempts_are_both_only_one_and_kept_by_both() {
    let mut state = marked(pruned(), &[0.5]);
    // Each attempt removes a unit that the other one keeps.
    let sets = [vec![1, 2, 3, 10], vec![2, 3, 4, 5, 6]];
    for (result, removed) in state.layers[3].attempts.iter_mut().zip(sets) {
        result.record.mlp.removed = removed;
    }
    state.screens.layer.part = Part::Mlp;
    state.focus[Screen::Layer as usize] =
        state.panels().iter().find(|panel| panel.title == "Removed units").unwrap();
    state.zoom = Zoom::Panel;
    let text = text(&drawn(&state, 80, 21).0);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    for row in ["both 2", "only A 2", "only B 3", "kept by both 681"] {
        let words: Vec<&str> = row.split_whitespace().collect();
        let is_row = |line: &Vec<&str>| {
            let line: Vec<&str> = line.iter().map(|word| word.trim_start_matches('│')).collect();
            line.iter().filter(|word| !word.is_empty()).take(words.len()).eq(&words)
        };
        assert!(rows.iter().any(is_row), "{row}\n{text}");
    }
    assert!(text.contains("2 of 7 channels are removed by both, 29 %"), "{text}");
}

#[test]
fn an_attempt_without_scores_is_named() {
    let mut state = marked(pruned(), &[0.15, 0.5]);
    state.layers[3].attempts[1].mlp = None;
    state.screens.layer.part = Part::Mlp;
    let text = text(&drawn(&state, 120, 36).0);
    assert!(text.contains("B: no scores"), "{text}");
}

#[test]
fn the_differences_of_three_attempts_fit_beside_other_panels() {
    let state = marked(pruned(), &[0.15, 0.5]);
    let text = text(&drawn(&state, 120, 36).0);
    for figure in ["B − A", "C − A", "E‖Δy‖²", "output error", "+0.3", "damping"] {
        assert!(text.contains(figure), "{figure}\n{text}");
    }
}

#[test]
fn the_error_at_the_last_layer_is_awaited_with_its_stage() {
    let mut state = marked(pruned(), &[0.15, 0.5]);
    state.focus[Screen::Layer as usize] =
        state.panels().iter().find(|panel| panel.title == "Error at the last layer").unwrap();
    let text_of = |state: &State| {
        let text = text(&drawn(state, 80, 21).0);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(text_of(&state).contains("w passes a few windows"), "{}", text_of(&state));
    let mut job = crate::explorer::Job::new(9, crate::explorer::JobKind::CompareAttempts);
    job.stage = Some((crate::protocol::Stage::CompareAttempts { layer: 3, attempt: 1 }, 12, 108));
    state.jobs.queue.clear();
    state.jobs.queue.push_back(job);
    state.zoom = Zoom::Panel;
    let text = text_of(&state).replace('│', "");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("attempt 1 to the last layer, 12 of 108 window passes"), "{text}");
}

#[test]
fn three_large_attempts_are_drawn_in_less_than_five_milliseconds() {
    let mut state = marked(sample::large(), &[0.15, 0.5, 0.3]);
    state.layers[3].work = None;
    assert!(state.layers[3].is_side_by_side());
    for part in [Part::Attention, Part::Mlp] {
        state.screens.layer.part = part;
        let frame = || {
            let begun = std::time::Instant::now();
            drawn(&state, 200, 60);
            begun.elapsed()
        };
        let fastest = (0..20).map(|_| frame()).min().unwrap();
        assert!(fastest.as_millis() < 5 || cfg!(debug_assertions), "{part}: {fastest:?}");
    }
}
