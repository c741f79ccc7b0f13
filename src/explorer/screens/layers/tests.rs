//! Sorting, filtering and choosing columns.

use super::*;
use crate::explorer::{
    Key, Msg, update,
    view::{sample, screen_tests::window_text},
};

fn listed(filter: &str) -> Result<Vec<usize>, String> {
    let mut state = sample::half_done();
    state.screens.layers.filter = filter.into();
    state.filtered_layers()
}

#[test]
fn a_filter_compares_columns_and_selects_ranges_and_states() {
    let state = sample::half_done();
    let all = state.layers.len();
    assert_eq!(listed(""), Ok((0..all).collect()));
    assert_eq!(listed("2..4"), Ok(vec![2, 3, 4]));
    assert_eq!(listed("10.."), Ok((10..all).collect()));
    assert_eq!(listed("..1"), Ok(vec![0, 1]));
    assert_eq!(listed("3"), Ok(vec![3]));
    let error = |index: usize| Column::MlpError.value(&state, index);
    let middle = error(2).unwrap();
    let above: Vec<usize> =
        (0..all).filter(|&index| error(index).is_some_and(|error| error > middle)).collect();
    assert!(!above.is_empty());
    assert_eq!(listed(&format!("mlp>{middle}")), Ok(above.clone()));
    let both: Vec<usize> = above.into_iter().filter(|index| (3..=4).contains(index)).collect();
    assert_eq!(listed(&format!("mlp>{middle} 3..4")), Ok(both), "all words hold");
    assert_eq!(
        listed("done").unwrap(),
        (0..all).filter(|&index| state.status(index).name() == "done").collect::<Vec<_>>()
    );
}

#[test]
fn a_filter_that_cannot_be_read_says_why_and_lists_nothing() {
    assert!(
        listed("colour>1").unwrap_err().contains("no column is called \"colour\"; the columns are layer,")
    );
    assert!(listed("mlp>high").unwrap_err().contains("\"high\" is not a number"));
    let mut state = sample::half_done();
    state.screens.layers.filter = "mlp>high".into();
    assert!(state.listed_layers().is_empty());
}

#[test]
fn rows_are_sorted_by_any_column_with_missing_numbers_last() {
    for by in Column::ALL {
        for descending in [false, true] {
            let mut state = sample::half_done();
            state.screens.layers.order = Order { by, descending };
            let layers = state.listed_layers();
            assert_eq!(layers.len(), state.layers.len());
            let values: Vec<Option<f64>> = layers.iter().map(|&index| by.value(&state, index)).collect();
            let known: Vec<f64> = values.iter().map_while(|value| *value).collect();
            assert!(values[known.len()..].iter().all(Option::is_none), "{by:?}");
            let sorted = |pair: &[f64]| if descending { pair[0] >= pair[1] } else { pair[0] <= pair[1] };
            assert!(known.windows(2).all(sorted), "{by:?} {descending}");
        }
    }
}

#[test]
fn a_click_on_a_heading_sorts_and_another_one_reverses() {
    let mut state = sample::half_done();
    let column = Column::ALL.iter().position(|column| *column == Column::MlpError).unwrap();
    let at = Pointed::Head { panel: &TABLE, column };
    Layers.click(&mut state, at);
    assert_eq!(state.screens.layers.order, Order { by: Column::MlpError, descending: false });
    Layers.click(&mut state, at);
    assert!(state.screens.layers.order.descending);
    let first = state.listed_layers()[0];
    state.layer = first;
    Layers.go(&mut state, Move::Line(1));
    assert_eq!(state.layer, state.listed_layers()[1], "keys follow the order of the table");
}

fn keys(state: &mut State, keys: &str) {
    for key in keys.split(' ') {
        update(state, Msg::Key(Key::named(key).unwrap()));
    }
}

/// The table as drawn at 200 columns: its headings and its rows, each from the number of the layer on.
fn table(state: &State) -> (String, Vec<String>) {
    let state = &State { zoom: Zoom::Panel, ..state.clone() };
    let shown = window_text(state, 200, 60);
    let mut lines = shown
        .lines()
        .map(str::to_string)
        .skip_while(|line| !(line.contains("layer") && line.contains("attempts")));
    let heads = lines.next().expect("the headings are drawn");
    let rows = lines.take(state.layers.len());
    let number = |row: String| row.trim_start_matches(|c: char| !c.is_ascii_digit()).to_string();
    (heads, rows.map(number).collect())
}

fn numbers(rows: &[String]) -> Vec<usize> {
    rows.iter().map(|row| row.split(' ').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn keys_sort_the_rows_by_the_next_column_and_reverse_them() {
    let mut state = sample::half_done();
    assert_eq!(numbers(&table(&state).1), (0..12).collect::<Vec<_>>());
    // State, then ratio. Layer 9 has a smaller ratio than its neighbours.
    keys(&mut state, ", ,");
    assert_eq!(state.screens.layers.order, Order { by: Column::Ratio, descending: false });
    let ratio = |layer: usize| state.schedule.ratios[layer].mean();
    let mut sorted: Vec<usize> = (0..12).collect();
    sorted.sort_by(|&a, &b| ratio(a).total_cmp(&ratio(b)));
    assert_ne!(sorted, (0..12).collect::<Vec<_>>());
    assert_eq!(numbers(&table(&state).1), sorted);
    keys(&mut state, ".");
    sorted.reverse();
    assert_eq!(numbers(&table(&state).1), sorted);
    keys(&mut state, ".");
    sorted.reverse();
    assert_eq!(numbers(&table(&state).1), sorted);
}

#[test]
fn chosen_columns_are_drawn_with_their_numbers() {
    const CHOSEN: [&str; 4] = ["change", "seconds", "damping", "condition"];
    let mut state = sample::half_done();
    let heads = table(&state).0;
    assert!(CHOSEN.iter().all(|name| !heads.contains(name)), "{heads}");
    // The first field is the second column. The bar is not needed.
    let first = Column::ALL.iter().position(|column| *column == Column::Change).unwrap() - 1;
    keys(&mut state, "C");
    (0..first).for_each(|_| keys(&mut state, "down"));
    keys(&mut state, "space down space down space down space enter");
    assert!(state.dialogs.is_empty());
    let (heads, rows) = table(&state);
    let places: Vec<Option<usize>> = CHOSEN.iter().map(|name| heads.find(name)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{heads}");
    // 5.176e-3 over 6.75e-3; 20 + 5 · 0.259 seconds.
    for words in ["0.77×", "21.3", "0.1", "4.2e6"] {
        assert!(rows[3].split_whitespace().any(|word| word == words), "{words} in {}", rows[3]);
    }
    assert!(rows[2].contains("0.86×") && rows[2].contains("21.4"), "{}", rows[2]);
    assert!(!rows[11].contains('×'), "layer 11 is not pruned: {}", rows[11]);
}
