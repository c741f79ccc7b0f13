//! Tests of the screens on sample runs.

mod charts;
mod content;
mod figures;
mod planning;
mod readings;
mod side_by_side;

use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, layout::Rect};

use super::{canvas::draw, sample};
use crate::{
    explorer::{
        Cursor, Entry, Level, Origin, Phase, Pointed, Screen, State, Status, Zoom,
        screens::{
            layer,
            layers::{self, Column, Order},
            schedule,
        },
        view::{Depth, Glyphs, Hits, Theme},
    },
    protocol::Event,
    prune::Part,
};

fn drawn_with(state: &State, width: u16, height: u16, theme: &Theme) -> (Buffer, Hits) {
    let mut hits = Hits::default();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, (frame.area(), state.zoom), state, theme, &mut hits)).unwrap();
    (terminal.backend().buffer().clone(), hits)
}

fn drawn(state: &State, width: u16, height: u16) -> (Buffer, Hits) {
    drawn_with(state, width, height, &Theme::default())
}

/// The whole window as text: header, tabs, screen, dialogs and footer.
pub(in crate::explorer) fn window_text(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| drop(crate::explorer::view::draw(frame, state, &Theme::default()))).unwrap();
    text(terminal.backend().buffer())
}

/// The screen as text.
pub(in crate::explorer) fn screen_text(state: &State, width: u16, height: u16) -> String {
    text(&drawn(state, width, height).0)
}

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area().top()..buffer.area().bottom() {
        for x in buffer.area().left()..buffer.area().right() {
            text.push_str(buffer[(x, y)].symbol());
        }
        text.push('\n');
    }
    text
}

fn at(screen: Screen, mut state: State) -> State {
    state.screen = screen;
    state
}

fn shown(state: &State) -> String {
    text(&drawn(state, 80, 21).0)
}

#[test]
fn every_screen_draws_every_run_at_every_size() {
    let samples = [
        sample::unopened(),
        sample::opened(sample::SMALL),
        sample::half_done(),
        sample::single(),
        sample::large(),
        sample::broken(),
        sample::opened(sample::Size { layers: 200, heads: 3, channels: 5 }),
    ];
    let sizes = [
        (1, 1),
        (3, 2),
        (8, 3),
        (20, 8),
        (40, 10),
        (79, 20),
        (80, 21),
        (81, 22),
        (100, 30),
        (110, 34),
        (130, 24),
        (156, 36),
        (200, 57),
        (500, 100),
        (80, 100),
        (500, 12),
    ];
    let themes = [Theme::default(), Theme::default().resolved(Depth::None, Glyphs::Ascii)];
    for sample in samples {
        for screen in Screen::ALL {
            for (at, (width, height)) in sizes.into_iter().enumerate() {
                let mut state = sample.clone();
                state.screen = screen;
                for panel in screen.panels() {
                    state.focus[screen as usize] = *panel;
                    state.screens.layer.part =
                        if state.screens.layer.part == Part::Mlp { Part::Attention } else { Part::Mlp };
                    drawn_with(&state, width, height, &themes[at % 2]);
                    state.zoom = Zoom::Panel;
                    drawn_with(&state, width, height, &themes[at % 2]);
                }
            }
        }
    }
}

#[test]
fn a_zoomed_panel_fills_the_screen() {
    for screen in Screen::ALL {
        let mut state = at(screen, sample::half_done());
        state.zoom = Zoom::Panel;
        for &panel in screen.panels() {
            state.focus[screen as usize] = panel;
            if !state.panels().contains(&panel) {
                continue;
            }
            for (width, height) in [(80, 21), (120, 37), (200, 57)] {
                let (_, hits) = drawn(&state, width, height);
                let area = hits.area_of(Pointed::Panel(panel)).unwrap();
                assert_eq!(area.width, width, "{panel:?}");
                assert!(area.height >= height - 4, "{panel:?}: {area}");
            }
        }
    }
}

#[test]
fn every_layer_of_a_run_can_be_shown() {
    for sample in [sample::half_done(), sample::broken()] {
        for layer in 0..=sample.layers.len() {
            for part in [Part::Attention, Part::Mlp] {
                for screen in Screen::ALL {
                    let mut state = at(screen, sample.clone());
                    (state.layer, state.screens.layer.part, state.screens.layer.attempt) =
                        (layer, part, layer);
                    drawn(&state, 80, 21);
                    drawn(&state, 200, 57);
                }
            }
        }
    }
}

#[test]
fn nothing_is_drawn_outside_the_area() {
    let inside = Rect::new(7, 5, 80, 21);
    for screen in Screen::ALL {
        let state = at(screen, sample::half_done());
        let mut hits = Hits::default();
        let mut terminal = Terminal::new(TestBackend::new(100, 40)).unwrap();
        terminal
            .draw(|frame| draw(frame, (inside, state.zoom), &state, &Theme::default(), &mut hits))
            .unwrap();
        let buffer = terminal.backend().buffer();
        for y in 0..40 {
            for x in 0..100 {
                let blank = buffer[(x, y)].symbol() == " "
                    && buffer[(x, y)].style() == Buffer::empty(inside)[(7, 5)].style();
                assert!(inside.contains((x, y).into()) || blank, "{screen:?} at {x}, {y}");
                assert!(
                    inside.contains((x, y).into()) || hits.at(x, y) == Pointed::Nothing,
                    "{screen:?} at {x}, {y}"
                );
            }
        }
    }
}

#[test]
fn rows_and_curves_are_mouse_targets() {
    let state = sample::half_done();
    let (buffer, hits) = drawn(&state, 80, 21);
    let mut layers = Vec::new();
    let mut on_curve = 0;
    for y in 0..21 {
        match hits.at(5, y) {
            Pointed::Layer(layer) => layers.push(layer),
            Pointed::Nothing | Pointed::Panel(_) | Pointed::Ratio { .. } | Pointed::Head { .. } => {}
            other => panic!("{other:?}"),
        }
        on_curve += usize::from(matches!(hits.at(40, y), Pointed::Ratio { .. }));
    }
    assert!(layers.len() >= 6 && layers.contains(&state.layer), "{layers:?}\n{}", text(&buffer));
    assert!(on_curve >= 3, "{}", text(&buffer));
}

#[test]
fn headings_of_the_table_are_mouse_targets_that_sort() {
    let mut state = at(Screen::Layers, sample::half_done());
    state.zoom = Zoom::Panel;
    for (column, key) in Column::ALL.into_iter().enumerate().filter(|(_, key)| key.is_default()) {
        let (buffer, hits) = drawn(&state, 200, 57);
        let head = Pointed::Head { panel: &layers::TABLE, column };
        let area = hits.area_of(head).unwrap_or_else(|| panic!("{key:?}\n{}", text(&buffer)));
        let written: String = (area.left()..area.right()).map(|x| buffer[(x, area.y)].symbol()).collect();
        assert!(written.contains(key.head(&state)), "{key:?}: {written}");
        let pointed = hits.at(area.x, area.y);
        assert_eq!(pointed, head);
        for _ in 0..2 {
            Screen::Layers.slice().click(&mut state, pointed);
            assert_eq!(state.screens.layers.order.by, key);
            let (buffer, _) = drawn(&state, 200, 57);
            let heads: String = (0..200).map(|x| buffer[(x, area.y)].symbol()).collect();
            let order = state.screens.layers.order;
            let (is_default, arrow) = (order == Order::default(), if order.descending { "▼" } else { "▲" });
            assert!(is_default || heads.contains(arrow), "{key:?}: {heads}");
        }
    }
}

#[test]
fn a_filter_shows_the_number_of_matches() {
    let mut state = sample::half_done();
    state.screens.layers.filter = "stale".into();
    let stale = (0..12).filter(|&layer| state.status(layer) == Status::Stale).count();
    let text = shown(&state);
    assert!(text.contains(&format!("filter \"stale\", {stale} of 12")), "{text}");
}

#[test]
fn ascii_screens_contain_only_ascii() {
    let theme = Theme::default().resolved(Depth::None, Glyphs::Ascii);
    for screen in [Screen::Layers, Screen::Layer, Screen::Schedule] {
        let state = at(screen, sample::opened(sample::SMALL));
        let text = text(&drawn_with(&state, 80, 21, &theme).0);
        let strange: Vec<char> = text.chars().filter(|c| !c.is_ascii() && !"–‖²·−Δ".contains(*c)).collect();
        assert!(strange.is_empty(), "{strange:?} in\n{text}");
    }
}

#[test]
fn the_largest_model_is_drawn_in_less_than_five_milliseconds() {
    let mut state = sample::large();
    let theme = Theme::default();
    assert!(state.layers[state.layer].recorded(Part::Mlp).is_some(), "the Steps screen has contents");
    for screen in Screen::ALL {
        (state.screen, state.hover) = (screen, None);
        let mut terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
        // The fastest frame, because other tests run at the same time.
        let mut frame_time = |state: &State| {
            let (begun, mut hits) = (std::time::Instant::now(), Hits::default());
            terminal.draw(|frame| draw(frame, (frame.area(), state.zoom), state, &theme, &mut hits)).unwrap();
            begun.elapsed()
        };
        let fastest = (0..20).map(|_| frame_time(&state)).min().unwrap();
        // Readings of large charts are part of the frame.
        state.hover = drawn(&state, 200, 60)
            .1
            .charts()
            .last()
            .and_then(|chart| drawn(&state, 200, 60).1.reading_at(chart.x, chart.y));
        let fastest = fastest.max((0..20).map(|_| frame_time(&state)).min().unwrap());
        println!("{screen:?}: {fastest:?}");
        assert!(fastest.as_millis() < 5 || cfg!(debug_assertions), "{screen:?} takes {fastest:?}");
    }
}

#[test]
fn points_of_the_curve_are_in_the_same_rows_in_ascii() {
    let mut state = at(Screen::Layers, sample::half_done());
    state.focus[Screen::Layers as usize] = &schedule::RATIO;
    let ascii = Theme::default().resolved(Depth::None, Glyphs::Ascii);
    let [(curve, _), (plain, _)] = [&Theme::default(), &ascii].map(|theme| drawn_with(&state, 80, 21, theme));
    let mut points = 0;
    // Skip the numbers of the axis, which have no points.
    for (x, y) in (9..80).flat_map(|x| (10..19).map(move |y| (x, y))) {
        if curve[(x, y)].symbol() == "●" {
            assert_eq!(plain[(x, y)].symbol(), "*", "{x}, {y} in\n{}", text(&plain));
            points += 1;
        }
    }
    assert!(points >= 2, "{}", text(&curve));
}

#[test]
fn the_table_keeps_its_rows_when_a_run_begins_and_a_perplexity_is_measured() {
    let rows = |state: &State| {
        let (_, hits) = drawn(state, 80, 21);
        (0..21).filter(|&y| matches!(hits.at(5, y), Pointed::Layer(_))).count()
    };
    let mut state = sample::opened(sample::SMALL);
    let before = rows(&state);
    sample::at_work(&mut state, 0);
    assert_eq!(rows(&state), before, "{}", shown(&state));
    state.compare = sample::half_done().compare;
    assert_eq!(rows(&state), before, "{}", shown(&state));
    state.jobs.queue.clear();
    assert_eq!(rows(&state), before, "{}", shown(&state));
}

#[test]
fn a_long_cause_of_a_failure_is_readable_in_full() {
    let mut state = sample::half_done();
    let words = "mlp: the Cholesky factorisation of 688 × 688 failed at pivot 401 with every damping up to 1.0; \
                 expected a positive pivot, found −3.1e-7; calibrate with more samples, or with other texts";
    state.layers[6].failed = Some(words.into());
    state.layer = 6;
    for screen in [Screen::Layers, Screen::Layer] {
        state.screen = screen;
        for (width, height) in [(80, 21), (120, 33)] {
            let text = text(&drawn(&state, width, height).0);
            let told = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains(words), "{screen:?} at {width}\n{text}");
        }
    }
    state.screen = Screen::Layers;
    for (width, height) in [(140, 33), (200, 57)] {
        let text = text(&drawn(&state, width, height).0);
        assert!(text.contains("with other texts"), "{text}");
    }
}

#[test]
fn numbers_and_texts_of_other_attempts_are_marked_as_stale() {
    let mut state = at(Screen::Compare, sample::half_done());
    assert!(!shown(&state).contains("stale"), "{}", shown(&state));
    state.compare.active = vec![Some(1)];
    assert_eq!(shown(&state).matches("◌ stale").count(), 2, "{}", shown(&state));
}

#[test]
fn a_perplexity_is_awaited_only_while_a_job_will_measure_it() {
    let mut state = at(Screen::Compare, sample::half_done());
    let line = |state: &State| {
        let text = shown(state);
        text.lines().find(|line| line.contains("wikitext")).unwrap().to_string()
    };
    assert!(line(&state).contains(" … "));
    state.jobs.queue.clear();
    assert!(line(&state).contains(" – ") && !line(&state).contains(" … "), "{}", line(&state));
}

#[test]
fn compare_counts_active_attempts_and_layers_mark_the_rest_as_planned() {
    let mut state = at(Screen::Compare, sample::opened(sample::SMALL));
    assert!(shown(&state).contains("nothing is pruned yet"), "{}", shown(&state));
    sample::prune(&mut state, 5);
    assert!(shown(&state).contains("5 of 12 layers are pruned"), "{}", shown(&state));
    state.screen = Screen::Layers;
    assert!(shown(&state).contains("planned"), "{}", shown(&state));
    let mut state = sample::opened(sample::SMALL);
    sample::prune(&mut state, 12);
    assert!(!shown(&state).contains("planned"), "{}", shown(&state));
}

#[test]
fn boxes_beside_the_large_panel_fill_their_column_with_pictures() {
    let mut state = at(Screen::Layer, sample::half_done());
    for panel in Screen::Layer.panels() {
        state.focus[Screen::Layer as usize] = *panel;
        let (buffer, hits) = drawn(&state, 120, 33);
        let text = text(&buffer);
        let beside: Vec<Pointed> = (1..33).map(|y| hits.at(118, y)).collect();
        assert!(beside.iter().all(|pointed| matches!(pointed, Pointed::Panel(_))), "{panel:?}\n{text}");
        if *panel == &layer::view::SCORES.panel {
            let bars =
                text.lines().skip(1).filter(|line| line.chars().skip(75).any(|c| "▁▂▃▄▅▆▇█".contains(c)));
            assert!(bars.count() >= 2, "a histogram\n{text}");
            let map = text.lines().filter(|line| line.chars().skip(75).any(|c| c == '▀'));
            assert!(map.count() >= 4, "a heat map\n{text}");
        }
    }
}

#[test]
fn a_recording_hints_at_nothing_that_needs_an_engine() {
    let mut state = sample::opened(sample::SMALL);
    state.origin = Origin::Replay { file: "run.jsonl".into(), speed: 1.0 };
    for screen in Screen::ALL {
        state.screen = screen;
        for panel in screen.panels() {
            state.focus[screen as usize] = *panel;
            let text = shown(&state);
            let told = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for words in [" with s", "with c,", "w: ", "m: ", "(o)", "c continue"] {
                assert!(!told.contains(words), "{words} in {screen:?}\n{text}");
            }
        }
    }
}
