//! Tests of the charts of the Errors and Schedule screens.

use super::*;
use crate::{
    explorer::{
        AttemptResult, Job, JobKind, JobStatus, Key, Msg,
        screens::{
            errors,
            map::{Known, Quantity},
            schedule::predict::prediction,
        },
        update,
        view::{Role, widgets::Spacing},
    },
    protocol::{LayerPart, LayerRecord, Stamped, TriedRatios},
    prune::LayerRatio,
    words::Notation,
};

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

/// The columns with dots of lines in the colour of a role.
fn dotted_columns(state: &State, role: Role) -> usize {
    let (buffer, _) = drawn(state, 100, 33);
    let colour = Theme::default().style(role).fg;
    let is_line = |x: u16, y: u16| {
        let symbol = buffer[(x, y)].symbol().chars().next();
        symbol.is_some_and(|c| ('\u{2801}'..='\u{28ff}').contains(&c)) && buffer[(x, y)].style().fg == colour
    };
    (0..100).filter(|&x| (0..33).any(|y| is_line(x, y))).count()
}

#[test]
fn the_denominator_is_a_faint_dotted_line_with_its_name() {
    let mut state = at(Screen::Errors, sample::half_done());
    state.previous_runs.clear();
    let named = |state: &State| lines(state, 100, 33).iter().filter(|line| line.contains("E‖h‖²")).count();
    let dotted = dotted_columns(&state, Role::Faint);
    // One row is the reading at the selected layer.
    assert_eq!(named(&state), 2, "{}", lines(&state, 100, 33).join("\n"));
    state.screens.errors.measure = errors::measure::Measure::Absolute;
    assert_eq!(named(&state), 0, "an absolute error has no denominator");
    let without = dotted_columns(&state, Role::Faint);
    assert!(dotted > without + 5, "{dotted} and {without} columns");
}

#[test]
fn a_pass_with_a_dense_part_is_a_second_curve_with_its_difference() {
    let mut state = at(Screen::Errors, sample::opened(sample::SMALL));
    sample::prune(&mut state, 12);
    let before = dotted_columns(&state, Role::Planned);
    assert!(!lines(&state, 100, 33).join("\n").contains("what if"));
    state.jobs.queue.push_back(Job { status: JobStatus::Working, ..Job::new(1, JobKind::CompareStreams) });
    let dense = LayerPart { layer: 4, part: Part::Mlp };
    for layer in 4..12 {
        let mut errors = state.layers[layer].active().unwrap().stream_errors.unwrap();
        errors.mlp.error /= 2.0;
        let event = Event::OutputErrorMeasured { layer, attempt: Some(0), dense_part: Some(dense), errors };
        update(&mut state, Msg::Engine(Stamped { run: 1, at: 1.0 + layer as f64, event }));
    }
    let now = state.layers[11].active().unwrap().stream_errors.unwrap().mlp.relative();
    let [then, now] = [now / 2.0, now].map(crate::words::error);
    let words = format!("mlp of layer 4 dense: {then} at layer 11, −50.0 % from {now}");
    let text = lines(&state, 100, 33).join("\n");
    assert!(text.contains(&words), "{words}\n{text}");
    assert!(text.contains("what if"), "the name at the end of the curve\n{text}");
    // Layers 4 to 11 of 12 are more than half of the chart.
    let after = dotted_columns(&state, Role::Planned);
    assert!(after > before + 20, "{before} and {after} columns");
    // Where the bars fill the screen, they tell it for the part at the cursor.
    state.focus[Screen::Errors as usize] = &errors::ADDED;
    (state.layer, state.screens.errors.part) = (4, Part::Mlp);
    let text = lines(&state, 80, 21).join("\n");
    assert!(text.contains(&words), "{words}\n{text}");
    state.layer = 5;
    let text = lines(&state, 80, 21).join("\n");
    assert!(!text.contains("of layer 4 dense"), "{text}");
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
    for screen in [Screen::Layers, Screen::Layer, Screen::Errors, Screen::Log, Screen::Map, Screen::Schedule]
    {
        let mut state = at(screen, sample::half_done());
        state.size = (160, 40);
        state.screens.map.quantity = Quantity::Cost;
        // The log has the line of a layer that is done, which the engine tells.
        let AttemptResult { attempt, record, .. } = state.layers[5].attempts[0].clone();
        let record = LayerRecord { index: 7, ..record };
        let done = [record.attention.relative_error, record.mlp.relative_error];
        let event = Event::LayerDone { record, attempt };
        update(&mut state, Msg::Engine(Stamped { run: 3, at: 75.0, event }));
        (state.layer, state.notice) = (3, None);
        let (unit, cost) = Known::of(&state, 3, Part::Attention).unwrap().removals().next().unwrap();
        state.screens.map.unit = unit;
        let prediction = prediction(&state).unwrap();
        let shown_in = |notation: Notation| match screen {
            Screen::Log => {
                let [attention, mlp] = done.map(|error| notation.relative(error));
                vec![format!("relative errors {attention} and {mlp}")]
            }
            Screen::Map => vec![format!("cost {} of E‖y‖²", notation.relative(cost))],
            Screen::Schedule => {
                [prediction.planned, prediction.active].map(|sum| notation.relative(sum)).into()
            }
            Screen::Layers | Screen::Layer => {
                let record = &state.layers[3].active().unwrap().record;
                vec![notation.relative(record.attention.relative_error)]
            }
            Screen::Errors => {
                let streams = state.layers[3].active().unwrap().stream_errors.unwrap();
                vec![notation.relative(streams.mlp.relative())]
            }
            Screen::Compare | Screen::Steps => Vec::new(),
        };
        let [scientific, per_cent] = [Notation::Scientific, Notation::PerCent].map(shown_in);
        let before = lines(&state, 160, 40).join("\n");
        update(&mut state, Msg::Key(Key::named("%").unwrap()));
        assert_eq!(state.interface.notation, Notation::PerCent);
        state.notice = None;
        let after = lines(&state, 160, 40).join("\n");
        for (scientific, per_cent) in scientific.iter().zip(&per_cent) {
            assert!(before.contains(scientific), "{screen:?}: {scientific}\n{before}");
            assert!(after.contains(per_cent), "{screen:?}: {per_cent}\n{after}");
            assert!(!after.contains(scientific), "{screen:?}: {scientific}\n{after}");
        }
        if screen != Screen::Log {
            assert!(after.matches(" %").count() > before.matches(" %").count() + 1, "{screen:?}\n{after}");
        }
    }
}

#[test]
fn a_key_switches_the_axes_of_errors_between_log_and_linear() {
    let mut state = at(Screen::Errors, sample::half_done());
    let key = |state: &mut State| {
        crate::explorer::update(state, Msg::Key(Key::named("~").unwrap()));
    };
    let log = lines(&state, 120, 40);
    key(&mut state);
    assert_eq!(state.interface.errors, Spacing::Linear);
    let linear = lines(&state, 120, 40);
    assert_ne!(linear, log, "the points move");
    key(&mut state);
    assert_eq!(state.interface.errors, Spacing::Log);
    assert_eq!(lines(&state, 120, 40), log);
}
