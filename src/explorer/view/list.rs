//! Rows of lists that are longer than their area.

use ratatui::layout::Rect;

/// The index of the first entry to show. It puts the entry at the cursor near the middle.
pub fn first_in_sight(at: usize, count: usize, rows: usize) -> usize {
    at.saturating_sub(rows / 2).min(count.saturating_sub(rows))
}

/// The rows of an area.
pub fn rows(area: Rect) -> impl Iterator<Item = Rect> {
    (area.top()..area.bottom()).map(move |y| Rect { y, height: 1, ..area })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_at_the_cursor_is_always_visible() {
        for count in 1..30 {
            for rows in 1..12 {
                for at in 0..count {
                    let first = first_in_sight(at, count, rows);
                    assert!((first..first + rows).contains(&at), "{at} of {count} in {rows}");
                    assert!(first == 0 || first + rows <= count);
                }
            }
        }
    }
}
