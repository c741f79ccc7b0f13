//! Sorting, filtering and choosing columns.

use super::*;
use crate::explorer::view::sample;

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
