//! Columns of a table. If there is no room for all, the least important ones are dropped.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{fit, width, write};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// A column before layout.
#[derive(Clone, Debug)]
pub struct Column<K> {
    pub key: K,
    pub head: &'static str,
    pub width: u16,
    pub side: Side,
    /// The highest rank is dropped first; rank 0 never.
    pub rank: u8,
}

/// A column after layout.
#[derive(Clone, Debug)]
pub struct Place<K> {
    pub key: K,
    pub head: &'static str,
    /// Offset from the left edge of the table.
    pub x: u16,
    pub width: u16,
    pub side: Side,
}

/// Lays out columns side by side, with two blanks between them if there is room, otherwise one.
pub fn lay_out<K: Copy>(mut columns: Vec<Column<K>>, room: u16) -> Vec<Place<K>> {
    let taken = |columns: &[Column<K>], gap: u16| {
        columns.iter().map(|c| c.width + gap).sum::<u16>().saturating_sub(gap)
    };
    while taken(&columns, 1) > room {
        let Some(at) = columns
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, c)| c.rank > 0)
            .max_by_key(|(_, c)| c.rank)
            .map(|(at, _)| at)
        else {
            break;
        };
        columns.remove(at);
    }
    let gap = if taken(&columns, 2) <= room { 2 } else { 1 };
    let mut x = 0;
    let place = |column: Column<K>| {
        let place = Place { key: column.key, head: column.head, x, width: column.width, side: column.side };
        x += column.width + gap;
        place
    };
    columns.into_iter().map(place).collect()
}

impl<K> Place<K> {
    /// Writes one cell of the column into a row of the table.
    pub fn write(&self, buffer: &mut Buffer, row: Rect, text: &str, style: Style) {
        let text = fit(text, self.width);
        let blank = match self.side {
            Side::Left => 0,
            Side::Right => self.width.saturating_sub(width(&text)),
        };
        write(buffer, row, row.x + self.x + blank, row.y, &text, style);
    }

    /// The area of the cell in a row of the table.
    pub fn area(&self, row: Rect) -> Rect {
        Rect { x: row.x + self.x, width: self.width, ..row }.intersection(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_important_columns_are_dropped_first() {
        let column = |key, width, rank| Column { key, head: "", width, side: Side::Left, rank };
        let columns = || vec![column('a', 4, 0), column('b', 4, 2), column('c', 4, 1)];
        let keys =
            |room| lay_out(columns(), room).iter().map(|place| (place.key, place.x)).collect::<Vec<_>>();
        assert_eq!(keys(16), [('a', 0), ('b', 6), ('c', 12)]);
        assert_eq!(keys(15), [('a', 0), ('b', 5), ('c', 10)]);
        assert_eq!(keys(13), [('a', 0), ('c', 6)]);
        assert_eq!(keys(2), [('a', 0)]);
    }
}
