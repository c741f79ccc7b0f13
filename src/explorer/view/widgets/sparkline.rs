//! A curve in one row: an upright bar a cell.

use crate::explorer::view::Glyphs;

/// The values from 0 to `highest`, one a cell, or as many to a cell as it takes to get into so many columns: then the
/// largest of them counts. Where there is no value, there is a blank.
pub fn sparkline(values: &[Option<f64>], highest: f64, columns: usize, glyphs: Glyphs) -> String {
    let cells = values.len().min(columns);
    let cell = |at: usize| {
        let (from, end) = (at * values.len() / cells, (at + 1) * values.len() / cells);
        let largest = values[from..end].iter().flatten().copied().fold(f64::NAN, f64::max);
        match largest {
            value if value.is_nan() => " ",
            value => glyphs.column(eighths(value / highest)),
        }
    };
    (0..cells).map(cell).collect()
}

/// From 1, since what is there shows.
fn eighths(share: f64) -> usize {
    if share.is_nan() { 1 } else { ((share * 8.0).round()).clamp(1.0, 8.0) as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[f64], columns: usize) -> String {
        let values: Vec<Option<f64>> = values.iter().map(|&value| Some(value)).collect();
        sparkline(&values, 8.0, columns, Glyphs::Unicode)
    }

    #[test]
    fn every_value_has_a_cell_where_there_is_room() {
        assert_eq!(drawn(&[0.0, 4.0, 8.0], 9), "▁▄█");
        assert_eq!(sparkline(&[Some(1.0), None, Some(1.0)], 1.0, 3, Glyphs::Unicode), "█ █");
        assert_eq!(drawn(&[], 9), "");
        assert_eq!(drawn(&[1.0], 0), "");
    }

    #[test]
    fn a_cell_of_many_values_shows_the_largest() {
        assert_eq!(drawn(&[1.0, 8.0, 2.0, 1.0], 2), "█▂");
        assert_eq!(drawn(&[f64::NAN, f64::INFINITY, -1.0], 3), " █▁");
    }
}
