//! Text tables with aligned columns.

use unicode_width::UnicodeWidthStr;

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// A table with a heading; each column is as wide as its widest cell.
pub struct Columns {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl Columns {
    pub fn new<const N: usize>(heading: [(&str, Side); N]) -> Self {
        let mut columns = Self { sides: Vec::new(), rows: vec![Vec::new()] };
        for (name, side) in heading {
            columns.add(name, side);
        }
        columns
    }

    /// Adds a column; call it before the first row is added.
    pub fn add(&mut self, name: &str, side: Side) {
        self.sides.push(side);
        self.rows[0].push(name.into());
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }
}

impl std::fmt::Display for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = |row: &Vec<String>, column: usize| row.get(column).map_or(0, |cell| cell.width());
        let widest = |column| self.rows.iter().map(|row| width(row, column)).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.sides.len()).map(widest).collect();
        for row in &self.rows {
            let mut line = String::new();
            for ((text, side), width) in row.iter().zip(&self.sides).zip(&widths) {
                let gap = " ".repeat(width - text.width());
                line += &match side {
                    Side::Left => format!("{text}{gap}  "),
                    Side::Right => format!("{gap}{text}  "),
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The text with control characters replaced, because names on disk could otherwise control the terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_aligned_by_their_displayed_width() {
        let mut columns = Columns::new([("name", Side::Left), ("size", Side::Right)]);
        columns.row(["模型".into(), "1".into()]);
        columns.row(["a\u{1b}[31m".into(), "1000".into()]);
        assert_eq!(columns.to_string(), "name    size\n模型       1\na\u{fffd}[31m  1000\n");
    }
}
