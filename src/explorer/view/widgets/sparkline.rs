//! A curve in one row: one vertical bar per cell.

use crate::explorer::view::Glyphs;

/// A bar per value, on a scale from 0 to `highest`. If there are more values than columns, a cell shows the
/// largest of its values. A missing value is a blank.
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

/// The height in eighths. It is at least 1, so every value is visible.
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
    fn every_value_has_a_cell_if_there_is_room() {
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
