//! Tests of what the screens show of a run.

use super::*;
use crate::{
    explorer::{
        screens::{errors::cost_of_tracking, map::Grid},
        view::{load, stage, widgets::Spacing},
    },
    protocol::{PerplexityRecord, Stage},
};
use ratatui::style::Modifier;

#[test]
fn the_table_shows_every_state_by_mark_and_word() {
    let mut state = sample::half_done();
    state.layer = 5;
    let text = shown(&state);
    for words in ["● done", "◌ stale", "✗ failed", "◐ pruning"] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    let wide = super::text(&drawn(&state, 200, 57).0);
    assert!(wide.contains("○ waiting"), "{wide}");
}

#[test]
fn a_failed_layer_shows_its_cause() {
    let mut state = sample::half_done();
    for (screen, layer) in [(Screen::Layers, 0), (Screen::Layer, 6), (Screen::Schedule, 6)] {
        (state.screen, state.layer) = (screen, layer);
        let text = shown(&state);
        assert!(text.contains("NaN") || text.contains("second moment"), "{screen:?}\n{text}");
    }
}

#[test]
fn a_removed_head_is_marked_with_a_cross_and_its_position() {
    let mut state = at(Screen::Layer, sample::half_done());
    sample::attempt(&mut state, 3, 0.5);
    state.layers[3].chosen = Some(2);
    let text = shown(&state);
    let crosses = text.lines().filter(|line| line.contains("│× ")).count();
    assert_eq!(crosses, state.layers[3].active().unwrap().record.attention.removed.len(), "{text}");
    for place in ["1st", "2nd", "3rd"] {
        assert!(text.contains(place), "{place} in\n{text}");
    }
}

#[test]
fn sorted_channels_show_the_cut() {
    let mut state = at(Screen::Layer, sample::half_done());
    state.screens.layer.part = Part::Mlp;
    let text = shown(&state);
    let gone = state.layers[3].active().unwrap().record.mlp.removed.len();
    assert!(text.contains(&format!("cut at {gone}")) && text.contains('×'), "{text}");
}

#[test]
fn raised_damping_and_dead_inputs_are_pointed_out() {
    let mut state = at(Screen::Layer, sample::half_done());
    state.focus[Screen::Layer as usize] = &layer::view::HESSIAN.panel;
    let text = shown(&state);
    assert!(text.contains("! 0.1, not 0.01") && text.contains("3 of 688"), "{text}");
}

#[test]
fn a_part_solved_again_in_f64_says_so() {
    let mut state = at(Screen::Layer, sample::half_done());
    state.focus[Screen::Layer as usize] = &layer::view::HESSIAN.panel;
    assert!(!shown(&state).contains("f64, not f32"));
    let layer = state.layer;
    state.layers[layer].reported.push(Event::PrecisionRaised {
        layer,
        part: state.screens.layer.part,
        reason: "a pivot is negative".into(),
    });
    assert!(shown(&state).contains("f64, not f32"), "{}", shown(&state));
    state.screens.layer.part = Part::Mlp;
    assert!(!shown(&state).contains("f64, not f32"), "the other part was solved in f32");
}

#[test]
fn the_error_curve_shows_the_cost_of_the_next_step() {
    let mut state = at(Screen::Layer, sample::half_done());
    state.focus[Screen::Layer as usize] = &layer::view::ERROR_CURVE.panel;
    assert!(shown(&state).contains("next head"), "{}", shown(&state));
    state.screens.layer.part = Part::Mlp;
    assert!(shown(&state).contains("next 1 %"), "{}", shown(&state));
    state.layer = 4;
    assert!(shown(&state).contains("c continues past the cut"), "{}", shown(&state));
}

#[test]
fn attempts_are_listed_with_the_active_one_marked() {
    let mut state = at(Screen::Layer, sample::half_done());
    state.focus[Screen::Layer as usize] = &layer::view::ATTEMPTS.panel;
    state.screens.layer.attempt = 1;
    let text = shown(&state);
    assert!(text.contains("attempt 0 active → attempt 1") && text.contains("both keep"), "{text}");
    assert!(text.contains("0.3000"), "{text}");
}

#[test]
fn the_schedule_shows_ratios_mean_and_units_to_remove() {
    let mut state = at(Screen::Schedule, sample::half_done());
    state.layer = 9;
    let text = shown(&state);
    for words in ["by hand", "0.1200", "locked", "mean", "channels", "⊠"] {
        assert!(text.contains(words) || words == "by hand", "{words} in\n{text}");
    }
}

#[test]
fn untracked_errors_are_shown_with_instructions_to_track_them() {
    let mut state = at(Screen::Errors, sample::opened(sample::SMALL));
    let told =
        |state: &State| shown(state).replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told(&state).contains("track errors in the settings (o)"), "{}", shown(&state));
    // 128 windows of 512 tokens with 64 numbers of 4 bytes.
    let cost = |state: &State| cost_of_tracking(state).unwrap();
    assert!(cost(&state).ends_with(" up to 16.0 MiB of memory"), "{}", cost(&state));
    assert!(told(&state).contains(&cost(&state)), "{}", told(&state));
    sample::prune(&mut state, 12);
    for layer in &mut state.layers {
        (layer.attempts[0].record.output_error, layer.attempts[0].stream_errors) = (None, None);
    }
    assert!(told(&state).contains("e measures them without solving again"), "{}", shown(&state));
    assert!(told(&state).contains(&cost(&state)), "{}", told(&state));
    state = at(Screen::Errors, sample::half_done());
    let text = shown(&state);
    assert!(text.contains("run 1") && text.contains("now"), "{text}");
}

#[test]
fn texts_and_perplexities_are_side_by_side() {
    let text = shown(&at(Screen::Compare, sample::half_done()));
    for words in ["8.594", "9.312", "+8.4 %", "no BOS", "33.7 tokens/s", "demo:held-out", "One day"] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
}

#[test]
fn the_log_follows_the_newest_until_the_cursor_is_moved() {
    let mut state = at(Screen::Log, sample::half_done());
    assert!(shown(&state).contains("✗ error") && shown(&state).contains("following"), "{}", shown(&state));
    state.screens.log.cursor = Some(0);
    let text = shown(&state);
    assert!(text.contains("stories is open") && !text.contains("✗ error"), "{text}");
    let long = state.listed_log().count() - 2;
    state.screens.log.cursor = Some(long);
    assert!(shown(&state).contains("however wide"), "{}", shown(&state));
}

#[test]
fn a_cut_line_of_the_log_is_shown_in_full_below() {
    let mut state = at(Screen::Log, sample::half_done());
    let words =
        "The second moment of layer 6 holds a value that is not a number: use fewer samples or more damping.";
    let entry = Entry { at: 3.0, level: Level::Error, layer: Some(6), text: words.into() };
    state.log.push(entry);
    let told = |state: &State| {
        let text = shown(state).replace('│', " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words)
    };
    assert!(told(&state), "the newest\n{}", shown(&state));
    state.log.push(Entry { at: 4.0, level: Level::Info, layer: None, text: "short".into() });
    assert!(!told(&state));
    state.screens.log.cursor = Some(state.listed_log().count() - 2);
    assert!(told(&state), "the one under the cursor\n{}", shown(&state));
}

#[test]
fn compare_names_perplexity_once_before_it_is_measured() {
    let mut state = sample::opened(sample::SMALL);
    state.size = (80, 24);
    let text = shown(&at(Screen::Compare, state));
    let rows = text.lines().filter(|row| row.trim_start_matches(['│', ' ']).starts_with("perplexity"));
    assert_eq!(rows.count(), 1, "{text}");
}

#[test]
fn an_empty_panel_says_what_it_waits_for_and_how_far_that_is() {
    let mut state = sample::unopened();
    state.opening = Some((Stage::LoadModel, 40, 100));
    for screen in Screen::ALL {
        let state = at(screen, state.clone());
        let text = shown(&state);
        assert!(text.contains("40\u{a0}of\u{a0}100\u{a0}blocks"), "{screen:?}: {text}");
    }
    let mut state = sample::half_done();
    let waiting = (0..state.layers.len()).find(|&layer| state.status(layer) == Status::Waiting).unwrap();
    state.layer = waiting;
    let (stage, _) = stage::now(&state, state.job().unwrap());
    let (stage, count) = stage.rsplit_once(", ").unwrap();
    for screen in [Screen::Layer, Screen::Map] {
        let text = shown(&at(screen, state.clone()));
        assert!(text.contains(stage) && text.contains(&count.replace(' ', "\u{a0}")), "{screen:?}: {text}");
    }
}

#[test]
fn the_error_curve_is_drawn_up_to_the_cut_without_being_asked_for() {
    let mut state = sample::half_done();
    state.layers.iter_mut().for_each(|layer| layer.curves.clear());
    let done = (0..state.layers.len()).find(|&layer| state.status(layer) == Status::Done).unwrap();
    state.layer = done;
    let curve = state.layers[done].curve(state.screens.layer.part).unwrap();
    let record = state.layers[done].active().unwrap().record(state.screens.layer.part);
    let last = curve.points.last().unwrap();
    assert_eq!(last.removed, record.removed.len());
    assert!((last.relative_error / record.relative_error - 1.0).abs() < 1e-9);
    let text = text(&drawn(&at(Screen::Layer, state), 200, 57).0);
    assert!(text.contains("c continues past the cut"), "{text}");
}

#[test]
fn the_algorithm_view_shows_every_sub_step_with_its_formula_and_numbers() {
    let mut state = at(Screen::Steps, sample::half_done());
    let told = |state: &State| {
        let text = shown(state).replace('│', " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (phase, words) in [
        (Phase::Score, "8 heads left of 8. Lowest score 1.00e-2 (head 0), next 2.00e-2 (head 1)"),
        (
            Phase::Choose,
            "Head 0 leaves: its score 1.00e-2 is the lowest. The next one, head 1, would cost 2.0 times",
        ),
        (Phase::Factor, "Removing head 0 costs 1.00e-2"),
        (
            Phase::Compensate,
            "‖ΔW_A‖ = 0.4000, 10.0 % of ‖W_A‖ = 4.000. Head 7 changes most, by 5.0 % of its size.",
        ),
        (
            Phase::DownDate,
            "Σ P_jj of the columns that stay: 12.50 → 11.00 (−12.0 %). 1 of 7 removed; next: head 1",
        ),
    ] {
        state.screens.steps.cursor = Some(Cursor { layer: 3, part: Part::Attention, step: 0, phase });
        let told = told(&state);
        assert!(told.contains(words), "{words} in\n{}", shown(&state));
        assert!(told.contains(&format!("‹{}›", phase.name())), "{told}");
    }
}

#[test]
fn a_removed_unit_has_a_sign_in_the_map_before_and_after_it_leaves() {
    let mut state = at(Screen::Steps, sample::half_done());
    let ascii = Theme::default().resolved(Depth::None, Glyphs::Ascii);
    for (phase, sign) in [(Phase::Choose, "▼"), (Phase::DownDate, "×")] {
        state.screens.steps.cursor = Some(Cursor { layer: 3, part: Part::Attention, step: 0, phase });
        let map = shown(&state)
            .lines()
            .skip(4)
            .map(|line| line.chars().take(24).collect())
            .collect::<Vec<String>>();
        assert_eq!(map.iter().filter(|line| line.contains(sign)).count(), 2, "{map:?}");
        let plain = text(&drawn_with(&state, 80, 21, &ascii).0);
        let sign = if phase == Phase::Choose { "|  v " } else { "|  x " };
        assert!(plain.contains(sign), "{plain}");
    }
}

#[test]
fn the_three_rules_are_side_by_side_and_say_where_they_part() {
    let mut state = at(Screen::Steps, sample::half_done());
    state.screens.steps.rules = true;
    let text = text(&drawn(&state, 120, 37).0);
    for words in ["exact", "grouped", "diagonal", "They part here: exact removes head 0", "(+100.0 %)"] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
}

#[test]
fn the_map_shows_every_layer_with_a_sign_on_removed_units_and_reads_the_cell_under_the_cursor() {
    let mut state = at(Screen::Map, sample::half_done());
    let plain = Theme::default().resolved(Depth::None, Glyphs::Ascii);
    let removed = state.layers[3].active().unwrap().record.attention.removed.clone();
    for (theme, sign) in [(&Theme::default(), "×"), (&plain, "x")] {
        let text = text(&drawn_with(&state, 80, 21, theme).0);
        let line = text.lines().find(|line| line.contains("│  3 ") || line.contains("|  3 ")).unwrap();
        let heads: String = line.chars().take(40).collect();
        assert_eq!(heads.matches(sign).count(), removed.len(), "{text}");
    }
    state.screens.map.unit = removed[0];
    assert!(shown(&state).contains("removed 1st of"), "{}", shown(&state));
    state.screens.map.part = Part::Mlp;
    assert!(shown(&state).contains("mean score"), "{}", shown(&state));
}

#[test]
fn axes_of_errors_are_logarithmic_or_linear() {
    let mut state = sample::half_done();
    let labels = |state: &State| text(&drawn(&at(Screen::Errors, state.clone()), 120, 37).0);
    let logarithmic = labels(&state);
    state.interface.errors = Spacing::Linear;
    let linear = labels(&state);
    assert_ne!(logarithmic, linear);
    assert!(linear.lines().any(|line| line.contains("│0.0")), "{linear}");
}

#[test]
fn the_error_curve_is_read_by_keys_and_clicks() {
    let mut state = at(Screen::Layer, sample::half_done());
    state.focus[Screen::Layer as usize] = &layer::view::ERROR_CURVE.panel;
    let (_, hits) = drawn(&state, 200, 57);
    let on_curve = (0..57).flat_map(|y| (0..200).map(move |x| (x, y)));
    let place = on_curve
        .map(|(x, y)| hits.at(x, y))
        .find(|at| matches!(at, Pointed::RatioAxis(ratio) if *ratio > 0.3));
    let Pointed::RatioAxis(ratio) = place.unwrap() else { panic!() };
    Screen::Layer.slice().click(&mut state, Pointed::RatioAxis(ratio));
    let units = state.layers[state.layer].curve(state.screens.layer.part).unwrap().units;
    let read = state.screens.layer.reading.unwrap();
    assert_eq!(read, (ratio * units as f64).round() as usize);
    assert!(shown(&state).contains("here: "), "{}", shown(&state));
    Screen::Layer.slice().go(&mut state, crate::explorer::movement::Move::Aside(-1));
    assert_eq!(state.screens.layer.reading, Some(read - (units / 100).max(1)));
}

#[test]
fn the_map_fills_a_wide_screen_and_shows_the_layer_as_bars_below() {
    let mut state = at(Screen::Map, sample::half_done());
    for (width, height) in [(80, 21), (120, 37), (160, 45), (200, 57), (300, 90)] {
        state.size = (width, height);
        let (_, hits) = drawn(&state, width, height);
        let rows = |x: u16| (0..height).filter(|&y| matches!(hits.at(x, y), Pointed::Unit { .. })).count();
        let last = (0..width).rev().find(|&x| rows(x) > 0).unwrap();
        assert!(width - last <= 8, "{} empty columns of {width}", width - last);
        let empty = usize::from(height) - 8 - rows(last).min(usize::from(height) - 8);
        assert!(height < 45 || empty <= 8, "{empty} empty rows of {height}");
    }
    state.size = (200, 57);
    let shown = text(&drawn(&state, 200, 57).0);
    assert!(shown.contains("Layer 3: channels"), "{shown}");
}

#[test]
fn a_paused_run_to_come_tells_the_stage_in_work_on_the_algorithm_view() {
    let mut state = at(Screen::Steps, sample::half_done());
    (state.layer, state.follow, state.jobs.pace) = (9, true, crate::protocol::Pace::Stepwise);
    let told = shown(&state);
    assert!(told.contains("The first step appears once a part") && told.contains("layer 7"), "{told}");
}

#[test]
fn with_few_colours_maps_are_drawn_in_shades() {
    let (themes, _) = load(&[]);
    let sixteen = themes.into_iter().find(|theme| theme.name == "sixteen").unwrap();
    for theme in [Theme::default().resolved(Depth::Ansi16, Glyphs::Unicode), sixteen] {
        let shades = |state: &State, panel: &str| {
            let panel = state.screen.panels().iter().find(|known| known.title == panel).unwrap();
            let mut state = State { zoom: Zoom::Panel, size: (120, 37), ..state.clone() };
            state.focus[state.screen as usize] = panel;
            let text = text(&drawn_with(&state, 120, 37, &theme).0);
            let kinds = ['░', '▒', '▓'].into_iter().filter(|shade| text.contains(*shade)).count();
            assert!(kinds >= 2 && !text.contains('▀'), "{}: {:?}\n{text}", theme.name, panel);
        };
        for part in [Part::Attention, Part::Mlp] {
            let mut state = sample::half_done();
            state.screens.layer.part = part;
            let cursor = Cursor { layer: 3, part, step: 0, phase: Phase::Compensate };
            state.screens.steps.cursor = Some(cursor);
            let map = if part == Part::Attention { "Attention map" } else { "Channel map" };
            shades(&at(Screen::Map, state.clone()), map);
            shades(&at(Screen::Layer, state.clone()), "Correlation");
            for panel in ["P = G_λ⁻¹", "W"] {
                shades(&at(Screen::Steps, state.clone()), panel);
            }
        }
    }
}

#[test]
fn shades_of_the_map_also_show_the_removed_share() {
    let theme = Theme::default().resolved(Depth::Ansi16, Glyphs::Unicode);
    for (size, columns) in [((80, 21), 1), ((200, 57), 2)] {
        let mut state = at(Screen::Map, sample::half_done());
        state.layers[3].chosen = Some(1);
        state.size = size;
        let (buffer, hits) = drawn_with(&state, size.0, size.1, &theme);
        let removed = state.layers[3].active().unwrap().record.mlp.removed.clone();
        let grid = Grid::of(&state, Part::Mlp);
        assert_eq!(grid.wide, columns, "{grid:?}");
        let mut seen = [0, 0];
        for cell in 0..grid.cells {
            let units = grid.units_of(cell);
            let gone = removed.iter().filter(|unit| units.contains(unit)).count();
            if gone == units.len() {
                continue;
            }
            // The bars of the layer below the map have the same targets, so the place comes from the first row.
            let target = Pointed::Unit { part: Part::Mlp, layer: 3, unit: units.start };
            let all = (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y)));
            let (x, y) = all.into_iter().find(|&(x, y)| hits.at(x, y) == target).unwrap();
            let shown = if columns == 1 {
                let is_marked = buffer[(x, y)].modifier.contains(Modifier::UNDERLINED);
                assert_eq!(is_marked, gone * 4 >= units.len(), "cell {cell}: {gone} of {}", units.len());
                is_marked
            } else {
                let last = buffer[(x + grid.wide as u16 - 1, y)].symbol();
                assert!("░▒▓█".contains(buffer[(x, y)].symbol()), "cell {cell} has a shade");
                let rows = (y..size.1).take_while(|&y| hits.at(x, y) == target).count() as u16;
                let foot = buffer[(x + grid.wide as u16 - 1, y + rows - 1)].symbol();
                let is_marked = last != buffer[(x, y)].symbol() || foot != buffer[(x, y)].symbol();
                assert_eq!(is_marked && "▁▂▃▄▅▆▇█".contains(foot), gone > 0, "cell {cell}: {foot}");
                gone > 0
            };
            seen[usize::from(shown)] += 1;
        }
        assert!(seen[1] > 0 && (columns > 1 || seen[0] > 0), "{seen:?}");
    }
}

#[test]
fn perplexities_have_their_standard_error() {
    let mut state = at(Screen::Compare, sample::half_done());
    let row = |state: &State, name: &str| {
        let text = text(&drawn(state, 120, 37).0);
        text.lines().find(|line| line.contains(name)).unwrap().to_string()
    };
    assert!(!row(&state, "demo:held-out").contains('±'));
    let of = |name: &str| state.compare.shown().find(|one| one.record.text == name).unwrap().record.clone();
    let (pruned, dense) = (of("demo:held-out"), of("wikitext-2/模型.txt"));
    state.compare.add(PerplexityRecord { before_error: Some(0.31), after_error: Some(0.0421), ..pruned });
    let told = row(&state, "demo:held-out");
    assert!(told.contains("± 0.042") && !told.contains("0.31"), "the newest perplexity: {told}");
    state.compare.add(PerplexityRecord { text: "dense.txt".into(), before_error: Some(0.91), ..dense });
    assert!(row(&state, "dense.txt").contains("± 0.91"), "{}", row(&state, "dense.txt"));
}
