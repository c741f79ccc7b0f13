//! Every chart has a reading under the mouse, which is drawn in the lower border of its panel.

use super::*;
use crate::{
    explorer::{Msg, Panel, State, screens::steps, tests::comparing::summary, update},
    protocol::{LossPoint, SensitivityCurve},
    words::measure,
};

/// What the reading at a cell adds to the window: the part of the one row in which it differs.
fn reading_at(state: &State, (width, height): (u16, u16), (x, y): (u16, u16)) -> Option<String> {
    let (plain, hits) = drawn(state, width, height);
    let mut state = state.clone();
    update(&mut state, Msg::Hover(hits.reading_at(x, y)));
    assert!(state.hover.is_some(), "no chart at {x}, {y}");
    let (read, _) = drawn(&state, width, height);
    let differs = |&(x, y): &(u16, u16)| plain[(x, y)].symbol() != read[(x, y)].symbol();
    let cells: Vec<(u16, u16)> =
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).filter(differs).collect();
    let (&(first, row), &(last, end)) = (cells.first()?, cells.last()?);
    assert_eq!(row, end, "a reading changes one row:\n{}", text(&read));
    Some((first..=last).map(|x| read[(x, row)].symbol()).collect::<String>().trim().to_string())
}

/// The reading in the middle of every chart of a window. Charts may have no value there, so their other cells are tried too.
fn readings(state: &State, size: (u16, u16)) -> Vec<Option<String>> {
    let (_, hits) = drawn(state, size.0, size.1);
    let of = |area: Rect| {
        let row = area.y + area.height / 2;
        let middle = area.x + area.width / 2;
        let rows = std::iter::once(row).chain(area.top()..area.bottom());
        let mut cells = rows.map(|y| (middle, y)).chain((area.left()..area.right()).map(|x| (x, row)));
        cells.find_map(|cell| reading_at(state, size, cell))
    };
    hits.charts().map(of).collect()
}

fn focused(mut state: State, screen: Screen, panel: &'static Panel) -> State {
    state.screen = screen;
    state.zoom = Zoom::Panel;
    state.focus[screen as usize] = panel;
    state
}

/// All sessions of the open model as points.
fn with_points() -> State {
    let mut state = sample::half_done();
    let hash = state.model.as_ref().unwrap().record.config_sha256.clone();
    let session = |name: &str, after: f64| {
        let mut session = summary(name, after);
        session.content.as_mut().unwrap().model.config_sha256 = hash.clone();
        session
    };
    let sessions = vec![session("one", 12.5), session("two", 10.25)];
    update(&mut state, Msg::Sessions { now: 0, sessions: Ok(sessions) });
    state
}

#[test]
fn every_chart_has_a_reading_under_the_mouse() {
    let solved = |part: Part| {
        let mut state = sample::half_done();
        (state.layer, state.screens.layer.part) = (3, part);
        state
    };
    let mut states = Vec::new();
    for part in [Part::Attention, Part::Mlp] {
        for panel in [
            &layer::view::SCORES.panel,
            &layer::view::HESSIAN.panel,
            &layer::view::CORRELATION.panel,
            &layer::view::BATCHES.panel,
        ] {
            states.push(focused(solved(part), Screen::Layer, panel));
        }
        states.push(focused(solved(part), Screen::Steps, &steps::CHOICE));
    }
    let mut marked = sample::opened(sample::SMALL);
    sample::prune(&mut marked, 12);
    marked.layer = 3;
    for ratio in [0.15, 0.5] {
        sample::attempt(&mut marked, 3, ratio);
    }
    marked.layers[3].side_by_side.marked = vec![0, 1, 2];
    for part in [Part::Attention, Part::Mlp] {
        marked.screens.layer.part = part;
        states.push(at(Screen::Layer, marked.clone()));
    }
    let mut large = sample::large();
    states.push(focused(large.clone(), Screen::Layer, &layer::view::ERROR_CURVE.panel));
    states.push(focused(large.clone(), Screen::Layer, &layer::view::SCORES.panel));
    states.push(focused(large.clone(), Screen::Steps, &steps::CHOICE));
    large.search.curves = vec![SensitivityCurve {
        layer: 40,
        part: Part::Mlp,
        unit: None,
        units: sample::LARGE.channels,
        per_unit: 3,
        points: vec![LossPoint { removed: sample::LARGE.channels, rise: 0.5 }],
    }];
    states.push(at(Screen::Schedule, large));
    states.push(focused(solved(Part::Mlp), Screen::Schedule, &schedule::RATIO));
    states.push(at(Screen::Errors, sample::half_done()));
    states.push(at(Screen::Map, solved(Part::Mlp)));
    states.push(focused(with_points(), Screen::Compare, &crate::explorer::screens::compare::PARETO));
    for state in states {
        let read = readings(&state, (200, 57));
        let what = format!("{:?} of {:?}", state.focused(), state.screen);
        assert!(!read.is_empty(), "no chart on {what}");
        for text in read {
            let text = text.unwrap_or_else(|| panic!("a chart on {what} has no reading"));
            assert!(crate::explorer::view::figures::has_figure(&text), "{what}: {text}");
        }
    }
}

#[test]
fn the_reading_of_a_head_is_its_score_and_its_place() {
    let mut state = focused(sample::half_done(), Screen::Layer, &layer::view::SCORES.panel);
    (state.layer, state.screens.layer.part) = (3, Part::Attention);
    let size = (120, 36);
    let chart = drawn(&state, size.0, size.1).1.charts().next().unwrap();
    let view = state.layers[3].view(Part::Attention).unwrap();
    let scores = view.seen.unwrap().scores.clone();
    assert_eq!(chart.height, 8, "one line per head");
    for (unit, score) in scores.into_iter().enumerate() {
        let read = reading_at(&state, size, (chart.x + 1, chart.y + unit as u16)).unwrap();
        assert!(read.starts_with(&format!("{} ", measure(f64::from(score)))), "{read}");
        assert_eq!(read.contains("removed"), view.removed.contains(&unit), "{read}");
    }
}

#[test]
fn a_reading_ends_beside_the_chart_and_without_the_mouse() {
    let mut state = focused(sample::half_done(), Screen::Layer, &layer::view::SCORES.panel);
    (state.layer, state.screens.layer.part) = (3, Part::Attention);
    let (plain, hits) = drawn(&state, 120, 36);
    let chart = hits.charts().next().unwrap();
    assert_eq!(hits.reading_at(0, 0), None);
    update(&mut state, Msg::Hover(hits.reading_at(chart.x, chart.y)));
    assert_ne!(drawn(&state, 120, 36).0, plain);
    state.interface.mouse = false;
    assert_eq!(drawn(&state, 120, 36).0, plain, "the mouse is off");
    state.interface.mouse = true;
    update(&mut state, Msg::Hover(None));
    assert_eq!(drawn(&state, 120, 36).0, plain);
}
